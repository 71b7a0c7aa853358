"""The tools that a business made in forms, as the assistant is offered them."""

import json
from collections.abc import Iterable
from functools import lru_cache

from pydantic import ValidationError

from agents import own_http, own_mcp, own_records
from agents.models import OwnTool
from agents.own_definitions import KINDS, Definition, HttpDefinition, RecordsDefinition
from agents.tools import Tool


def tools() -> Iterable[Tool]:
    """All that may be used now; one that is not finished is none."""
    for own in OwnTool.objects.filter(enabled=True).order_by("name"):
        yield from built(own)


def built(own: OwnTool) -> list[Tool]:
    """The tools that a row stands for: one, or as many as are chosen of an MCP server."""
    definition = definition_of(own)
    if definition is None:
        return []
    if isinstance(definition, HttpDefinition):
        return own_http.tools(own, definition)
    if isinstance(definition, RecordsDefinition):
        return own_records.tools(own, definition)
    return own_mcp.tools(own, definition)


def definition_of(own: OwnTool) -> Definition | None:
    """What the row says, or None when it says nothing that works."""
    return _parsed(own.kind, json.dumps(own.definition, sort_keys=True))


@lru_cache(maxsize=512)
def _parsed(kind: str, written: str) -> Definition | None:
    try:
        return KINDS[kind].model_validate_json(written)
    except ValidationError:
        return None
