"""The arguments of a tool: the strict schema that a model is told, and what it gave, checked. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from pydantic import BaseModel, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from agents.tools import Tool

# What vendors hold a model to. The rest (lengths, patterns, bounds) is checked here, and told in words.
KEPT = ("type", "enum", "const", "description")
LONGEST = 20_000  # characters of arguments as JSON


class BadArguments(ValueError):
    """They do not fit; the message is for the model, and names fields, never their values."""


def schema_of(tool: Tool) -> tuple[dict[str, Any], bool]:
    """The schema of a tool's arguments, and whether it is in the strict subset."""
    if isinstance(tool.arguments, Mapping):
        return dict(tool.arguments), False
    schema = tool.arguments.model_json_schema()
    return _strict(schema, schema.get("$defs", {})), True


def _strict(schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Without references; every field required, and one that may be missing may be null instead."""
    if reference := schema.get("$ref"):
        return _strict({**known[reference.rpartition("/")[2]], **_words(schema)}, known)
    kept = {key: schema[key] for key in KEPT if key in schema}
    if options := schema.get("anyOf"):
        kept["anyOf"] = [_strict(one, known) for one in options]
    if "items" in schema:
        kept["items"] = _strict(schema["items"], known)
    if schema.get("type") == "object":
        needed = schema.get("required", ())
        fields = {name: _strict(one, known) for name, one in schema.get("properties", {}).items()}
        kept["properties"] = {n: one if n in needed else _or_null(one) for n, one in fields.items()}
        kept["required"], kept["additionalProperties"] = list(fields), False
    return kept


def _words(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": schema["description"]} if "description" in schema else {}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    options = schema.get("anyOf") or [{key: one for key, one in schema.items() if key != "description"}]
    if any(one.get("type") == "null" for one in options):
        return schema
    return {**_words(schema), "anyOf": [*options, {"type": "null"}]}


def read(tool: Tool, given: Mapping[str, Any] | None) -> Any:
    """What the tool's `run` takes; raises BadArguments."""
    if given is None:
        raise BadArguments("The arguments are no JSON object.")
    if len(json.dumps(given, default=str)) > LONGEST:
        raise BadArguments("The arguments are too long.")
    if isinstance(tool.arguments, Mapping):
        return _read_by_schema(tool.arguments, given)
    return _read_by_model(tool.arguments, given)


def _read_by_model(model: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    """A field that may be missing comes as null from a strict model."""
    fields = model.model_fields
    named = {
        name: value
        for name, value in given.items()
        if not (value is None and name in fields and not fields[name].is_required())
    }
    try:
        return model.model_validate(named)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:5]
        told = (f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in found)
        raise BadArguments("; ".join(told)) from None


def _read_by_schema(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        # An empty registry: a reference to another server is never followed.
        wrong = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(given))
    except (SchemaError, Unresolvable, RecursionError) as error:
        raise BadArguments(f"The tool's own schema cannot be used ({type(error).__name__}).") from None
    if wrong is not None:
        where = ".".join(map(str, wrong.absolute_path)) or "arguments"
        raise BadArguments(f"{where}: does not fit ({wrong.validator})")
    return dict(given)


def plain(value: Any) -> dict[str, Any]:
    """Checked arguments as JSON."""
    found: dict[str, Any] = value.model_dump(mode="json") if isinstance(value, BaseModel) else dict(value)
    return found


def canonical(value: Any) -> str:
    """Checked arguments as one text, the same for the same arguments."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
