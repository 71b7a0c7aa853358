"""The tools of a business's MCP server: those that the owner chose, as they were when the owner looked.

What the server says of itself is kept when its list is read, shown to the owner, and quoted to the model as
the server's words. A server that says something else tomorrow changes nothing until its list is read again.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from agents import own_arguments, own_results, tool_templates
from agents.models import OwnTool
from agents.own_definitions import McpDefinition, Offered
from agents.own_secrets import Secrets
from agents.tools import Context, Outcome, Tool, ToolFailed
from providers import mcp
from providers.addresses import names_host
from providers.errors import ProviderRejected

MOST_SCHEMA = 8000  # characters of one tool's arguments
SAID = (
    gettext_noop("It took too long to answer."),
    gettext_noop("The server cannot be reached."),
    gettext_noop("The server refused the key."),
    gettext_noop("What answers at this address is no MCP server."),
)


def tools(own: OwnTool, definition: McpDefinition) -> list[Tool]:
    """Those that are offered, each under the server's name and its own."""
    found: list[Tool] = []
    for offered in definition.tools:
        if offered.use != "off":
            taken = [tool.name for tool in found]
            name = own_arguments.named(f"{own.name}_{offered.name}"[:60], taken=taken)
            found.append(_tool(own, definition, offered, name=name))
    return found


def _tool(own: OwnTool, definition: McpDefinition, offered: Offered, *, name: str) -> Tool:
    acts = offered.use == "act"
    return Tool(
        name=name,
        title=f"{own.title}: {offered.name}",
        when=f"{own.when}\nThe server describes it, in its own words: {json.dumps(offered.description)}",
        arguments=offered.arguments,
        run=partial(run, definition, offered),
        rehearse=partial(rehearse, definition, offered),
        reveals=definition.reveals,
        needs_verified=own.needs_verified,
        needs_confirmation=acts and (offered.confirm or own.needs_confirmation),
        repeatable=not acts,
        claims=frozenset([offered.claim] if acts and offered.claim else []),
    )


def run(definition: McpDefinition, offered: Offered, arguments: Any, context: Context, key: str) -> Outcome:
    """Call it. Raises ToolFailed when the server says that it failed, ProviderError, ProviderRejected."""
    values = own_arguments.values_of(arguments)
    given = mcp.call(server_of(definition), offered.name, values, key=key, acts=offered.use == "act")
    if given.failed:
        raise ToolFailed("The other system says that it could not be done.")
    return Outcome(own_results.clipped(given.result))


def rehearse(
    definition: McpDefinition, offered: Offered, arguments: Any, context: Context, key: str
) -> Outcome:
    """The owner's example; a look-up for real where the owner allows it."""
    if definition.rehearsal.real and offered.use == "look":
        return run(definition, offered, arguments, context, key)
    return Outcome(own_results.example_of(definition.rehearsal.example) or {"done": True})


def server_of(definition: McpDefinition) -> mcp.Server:
    """Where it is, with its key."""
    secrets = Secrets([definition.sign_in.secret])
    pairs = definition.sign_in.headers()
    return mcp.Server(
        url=definition.url,
        headers=[(pair.name, _header(pair.value, secrets)) for pair in pairs],
        allow_private=names_host(definition.url, settings.TOOL_PRIVATE_HOSTS),
    )


def _header(value: str, secrets: Secrets) -> str:
    return tool_templates.filled(value, {}, secrets)


def read_again(definition: McpDefinition) -> list[Offered]:
    """What the server offers now; what the owner chose of it stays chosen, unless its arguments changed."""
    before = {offered.name: offered for offered in definition.tools}
    return [_offered(offer, before.get(offer.name)) for offer in mcp.offers(server_of(definition))]


def _offered(offer: mcp.Offer, before: Offered | None) -> Offered:
    now = Offered(
        name=offer.name[:128],
        description=own_results.clean(offer.description)[: mcp.MOST_DESCRIPTION],
        arguments=strict(offer.schema),
    )
    if before is None or before.arguments != now.arguments or before.description != now.description:
        return now
    return before


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object that takes nothing else; raises ProviderRejected when it leads elsewhere."""
    found = {name: value for name, value in schema.items() if name != "$schema"}
    if len(json.dumps(found, default=str)) > MOST_SCHEMA or any(_leads_away(ref) for ref in _refs(found)):
        raise ProviderRejected("What answers at this address is no MCP server.")
    found["type"] = "object"
    found.setdefault("properties", {})
    found["additionalProperties"] = False
    return found


def _refs(value: Any) -> Sequence[str]:
    """Every reference in a schema."""
    if isinstance(value, Mapping):
        own = [str(value[name]) for name in ("$ref", "$dynamicRef", "$id") if name in value]
        return [*own, *(ref for inner in value.values() for ref in _refs(inner))]
    if isinstance(value, list):
        return [ref for inner in value for ref in _refs(inner)]
    return []


def _leads_away(ref: str) -> bool:
    return not ref.startswith("#")
