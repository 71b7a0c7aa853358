"""Try a tool before a customer does: what is sent, what comes back, what of it the assistant would see."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from pydantic import ValidationError

from agents import json_paths, own_arguments, own_http, own_mcp, own_records
from agents.own_definitions import Definition, HttpDefinition, McpDefinition, RecordsDefinition
from agents.own_secrets import Secrets, asked
from agents.tools import Context, ToolFailed
from providers import http_tools
from providers.errors import ProviderError

MOST_SHOWN = 3000  # characters of an answer
ROWS_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Tried:
    """What a test met; everything in it may be shown: secrets are masked."""

    sent: Sequence[str] = ()
    status: int = 0
    ms: int = 0
    answer: str = ""
    places: Sequence[tuple[str, Any]] = ()
    seen: str = ""
    words: str = ""
    problem: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def tried(definition: Definition, *, now: datetime, really: bool = False) -> Tried:
    """Try it with the examples that its arguments have. What acts is sent only `really`."""
    context = Context(
        conversation_id=None, contact_id=None, turn_id=None, agent_version_id=0, language="en", now=now,
        test=True,
    )  # fmt: skip
    context = own_http.as_example(definition.rehearsal.customer, context)
    try:
        if isinstance(definition, HttpDefinition):
            return _http(definition, context, really=really)
        if isinstance(definition, RecordsDefinition):
            return _records(definition, context)
        return _mcp(definition)
    except ToolFailed as error:
        return Tried(problem=_(str(error)))
    except ProviderError as error:
        return Tried(problem=_(str(error)))


def _http(definition: HttpDefinition, context: Context, *, really: bool) -> Tried:
    secrets = Secrets(asked(definition.model_dump(mode="json")))
    try:
        given = own_arguments.model_of(definition.arguments).model_validate(_examples(definition))
    except ValidationError as error:
        wrong = ", ".join(sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]}))
        return Tried(problem=_("Give an example that fits for: %(names)s") % {"names": wrong})
    values = own_arguments.values_of(given) | own_http.own_values(definition, context)
    call = own_http.request(definition, values, secrets, key="test")
    shown = Tried(sent=_sent(call, secrets))
    if definition.acts and not really:
        return replace(shown, words=_("This is what would be sent. Nothing was sent."))
    try:
        answer = http_tools.ask(
            call, private_hosts=settings.TOOL_PRIVATE_HOSTS, also_hosts=definition.hosts
        )  # fmt: skip
    except ProviderError as error:
        return replace(shown, problem=_(str(error)))
    return _answered(definition, answer, context, secrets, shown)


def _answered(
    definition: HttpDefinition, answer: http_tools.Answer, context: Context, secrets: Secrets, shown: Tried
) -> Tried:
    text, data = _text(answer)
    shown = replace(
        shown,
        status=answer.status,
        ms=answer.milliseconds,
        answer=secrets.hidden(text),
        places=[(path, secrets.hidden(str(value))[:80]) for path, value in json_paths.places(data)],
    )
    try:
        outcome = own_http.outcome(definition, answer, context)
    except ProviderError as error:
        return replace(shown, problem=_(str(error)))
    return replace(shown, seen=secrets.hidden(_pretty(outcome.result)))


def _examples(definition: HttpDefinition) -> dict[str, Any]:
    """The example of each argument, in its kind."""
    found: dict[str, Any] = {}
    for argument in definition.arguments:
        if argument.example:
            yes = argument.example.casefold() in ("1", "true", "yes", "sim", "sí", "si", "oui")
            found[argument.name] = yes if argument.kind == "yes_no" else argument.example
        elif argument.kind == "choice":
            found[argument.name] = argument.choices[0]
    return found


def _sent(call: http_tools.Call, secrets: Secrets) -> list[str]:
    """The request as lines, without any secret."""
    lines = [f"{call.method} {call.address()}", *(f"{name}: {value}" for name, value in call.headers)]
    whole = [*lines, "", call.body.decode("utf-8", "replace")] if call.body else lines
    return [secrets.hidden(line) for line in whole]


def _text(answer: http_tools.Answer) -> tuple[str, Any]:
    """The answer as text, and as JSON where it is some."""
    try:
        data = answer.json
    except ProviderError:
        return answer.content[:MOST_SHOWN].decode("utf-8", "replace"), None
    return _pretty(data), data


def _pretty(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2, default=str)[:MOST_SHOWN]


def _records(definition: RecordsDefinition, context: Context) -> Tried:
    columns = own_records.columns_of(definition)
    count, first = 0, dict[str, str]()
    for row in own_records.rows(definition, {}):
        first = first or {name: row.get(name, "") for name in definition.shown}
        count += 1
        if count >= ROWS_COUNTED:
            break
    missing = [column.name for column in definition.columns if column.name not in columns]
    if missing and count:
        problem = _("There is no column “%(name)s” any more.") % {"name": missing[0]}
        return Tried(problem=problem, facts={"columns": columns})
    words = _("It works. At least %(count)s rows were read; the columns are %(columns)s.")
    if count < ROWS_COUNTED:
        words = _("It works. There are %(count)s rows; the columns are %(columns)s.")
    told = words % {"count": count, "columns": ", ".join(columns[:20])}
    return Tried(words=told, seen=_pretty(first) if first else "", facts={"columns": columns})


def _mcp(definition: McpDefinition) -> Tried:
    found = own_mcp.read_again(definition)
    words = _("It works. The server has %(count)s tools.") % {"count": len(found)}
    return Tried(words=words, facts={"tools": found})
