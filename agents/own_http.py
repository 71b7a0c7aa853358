"""A tool that calls an HTTP endpoint of the business's choice."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.translation import gettext_noop

from agents import json_paths, own_arguments, own_results, proofs, tool_templates
from agents.models import OwnTool
from agents.own_definitions import HttpDefinition, Pair
from agents.own_secrets import Secrets, asked
from agents.tool_templates import Absent
from agents.tools import Context, Outcome, Reveals, Tool, ToolFailed
from providers import http_tools
from providers.errors import ProviderRejected

FORM = "application/x-www-form-urlencoded"
UNKNOWN_CUSTOMER = "It is not known yet who this customer is."
# What the provider says, for the translators.
SAID = (
    gettext_noop("It asks to come back later (%(status)s)."),
    gettext_noop("It did not answer in time."),
    gettext_noop("It leads on to another address. Enter that one."),
    gettext_noop("It leads on to another host, which is not among those allowed."),
    gettext_noop("It redirects from https to http."),
    gettext_noop("It redirects in circles."),
    gettext_noop("It redirects to what is no web address."),
    gettext_noop("Nobody could be reached there."),
    gettext_noop("The answer is no JSON."),
    gettext_noop("The answer is too large."),
    gettext_noop("The connection failed."),
    gettext_noop("There is nothing of that kind there."),
    gettext_noop("This is no web address, or a header that cannot be sent."),
)


def tools(own: OwnTool, definition: HttpDefinition) -> list[Tool]:
    """The one tool that it is."""
    is_private = definition.reveals is Reveals.CUSTOMER or asks_for_own(definition)
    return [
        Tool(
            name=own.name,
            title=own.title,
            when=own.when,
            arguments=own_arguments.model_of(definition.arguments),
            run=partial(run, definition),
            rehearse=partial(rehearse, definition),
            reveals=definition.reveals,
            needs_verified=own.needs_verified or is_private,
            needs_confirmation=own.needs_confirmation and definition.acts,
            repeatable=not definition.acts or definition.repeatable,
            claims=frozenset([definition.claim] if definition.claim else []),
        )
    ]


def asks_for_own(definition: HttpDefinition) -> bool:
    """Whether the customer's proved phone or e-mail goes along."""
    return bool(tool_templates.names([definition.url, *definition.texts()]) & set(tool_templates.OWN))


def run(definition: HttpDefinition, arguments: Any, context: Context, key: str) -> Outcome:
    """Ask for real. Raises ToolFailed, ProviderError, ProviderRejected."""
    secrets = Secrets(asked(definition.model_dump(mode="json")))
    values = own_arguments.values_of(arguments) | own_values(definition, context)
    call = request(definition, values, secrets, key=key)
    answer = http_tools.ask(call, private_hosts=settings.TOOL_PRIVATE_HOSTS, also_hosts=definition.hosts)
    return outcome(definition, answer, context)


def rehearse(definition: HttpDefinition, arguments: Any, context: Context, key: str) -> Outcome:
    """The owner's example; a look-up for real where the owner allows it, for the customer who is none."""
    if definition.rehearsal.real and not definition.acts:
        return run(definition, arguments, as_example(definition.rehearsal.customer, context), key)
    usual: dict[str, Any] = {"done": True} if definition.acts else {"found": True}
    return Outcome(own_results.example_of(definition.rehearsal.example) or usual)


def as_example(customer: str, context: Context) -> Context:
    """The same talk with the customer whom the owner typed for rehearsals, and with nobody else's proofs."""
    typed = customer.strip()
    phone = "".join(letter for letter in typed if letter.isdigit()) if "@" not in typed else ""
    emails = frozenset({typed.lower()} if "@" in typed else ())
    return replace(context, phones=frozenset({phone} if phone else ()), emails=emails)


def own_values(definition: HttpDefinition, context: Context) -> dict[str, Any]:
    """The proved phone and e-mail, as far as the call asks for them; raises ToolFailed."""
    wanted = tool_templates.names([definition.url, *definition.texts()])
    known = {
        "customer.phone": max(context.phones, default=""),
        "customer.email": min(context.emails, default=""),
    }
    found = {name: value for name, value in known.items() if name in wanted}
    if not all(found.values()):
        raise ToolFailed(UNKNOWN_CUSTOMER)
    return found


def request(
    definition: HttpDefinition, values: Mapping[str, Any], secrets: Secrets, *, key: str
) -> http_tools.Call:
    """What is sent; raises ToolFailed for a value that cannot stand where it belongs."""
    headers = _filled([*definition.headers, *definition.sign_in.headers()], values, secrets)
    if definition.sign_in.how == "basic":
        signed = base64.b64encode(secrets(definition.sign_in.secret).encode()).decode()
        headers.append(("Authorization", f"Basic {signed}"))
    body, kind = _body(definition, values, secrets)
    if kind:
        headers.append(("Content-Type", kind))
    if definition.acts and key:
        headers.append(("Idempotency-Key", key))
    return http_tools.Call(
        method=definition.method,
        url=tool_templates.in_url(definition.url, values),
        query=_filled([*definition.query, *definition.sign_in.query()], values, secrets),
        headers=headers,
        body=body,
    )


def _filled(pairs: list[Pair], values: Mapping[str, Any], secrets: Secrets) -> list[tuple[str, str]]:
    """Name and value of each; one whose argument was not given is left out."""
    found = []
    for pair in pairs:
        try:
            found.append((pair.name, tool_templates.filled(pair.value, values, secrets)))
        except Absent:
            continue
    return found


def _body(definition: HttpDefinition, values: Mapping[str, Any], secrets: Secrets) -> tuple[bytes, str]:
    """The body with its type; nothing for a call that has none."""
    if not definition.body:
        return b"", ""
    if definition.body_as == "form":
        return urlencode(_filled(definition.body, values, secrets)).encode(), FORM
    whole: dict[str, Any] = {}
    for pair in definition.body:
        try:
            _put(whole, pair.name, tool_templates.typed(pair.value, values, secrets))
        except Absent:
            continue
    return json.dumps(whole, default=tool_templates.written).encode(), "application/json"


def _put(whole: dict[str, Any], name: str, value: Any) -> None:
    """A name with dots is a value inside: "customer.name"."""
    *outer, last = name.split(".")
    place = whole
    for step in outer:
        if not isinstance(place.get(step), dict):
            place[step] = {}
        place = place[step]
    place[last] = value


def outcome(definition: HttpDefinition, answer: http_tools.Answer, context: Context) -> Outcome:
    """What of the answer the assistant may see, and whether it was done. Raises ProviderError."""
    if (problem := http_tools.refusal(answer, acts=definition.acts)) is not None:
        if isinstance(problem, http_tools.Missing) and not definition.acts:
            return Outcome({"found": False})
        raise problem
    data = _data(definition, answer)
    if definition.reveals is Reveals.CUSTOMER and definition.owner_path:
        data = _theirs(definition, data, context)
        if data is None:
            return Outcome({"found": False})
    done = _is_done(definition, data)
    picked = {pick.name: json_paths.pick(data, pick.path) for pick in definition.picks}
    shown = {name: value for name, value in picked.items() if value not in (None, "", [])}
    usual = {"done": done} if definition.acts else {} if shown else {"found": not definition.picks}
    return Outcome(own_results.clipped({**usual, **shown}), done=done)


def _data(definition: HttpDefinition, answer: http_tools.Answer) -> Any:
    """The answer as JSON; what acts may answer in words as long as nothing is to be read in it."""
    needed = definition.picks or definition.done_path or definition.owner_path
    if not needed:
        return None
    try:
        return answer.json
    except ProviderRejected:
        if definition.acts and not definition.done_path:
            return None
        raise


def _is_done(definition: HttpDefinition, data: Any) -> bool:
    """Whether the other system says that it worked; where nothing was said of how it says so, it did."""
    if not definition.done_path:
        return True
    value = json_paths.pick(data, definition.done_path)
    if not definition.done_value:
        return bool(value)
    return tool_templates.written(value).strip().casefold() == definition.done_value.strip().casefold()


def _theirs(definition: HttpDefinition, data: Any, context: Context) -> Any:
    """The answer with what is this customer's own; None when nothing is."""

    def is_own(entry: Any, path: str) -> bool:
        return proofs.is_theirs(
            json_paths.pick(entry, path), by=definition.owner_by, phones=context.phones,
            emails=context.emails, region=definition.region,
        )  # fmt: skip

    place = json_paths.entries(definition.owner_path)
    if place is None:
        return data if is_own(data, definition.owner_path) else None
    rows = json_paths.pick(data, place[0])
    kept = [row for row in (rows if isinstance(rows, list) else []) if is_own(row, place[1])]
    return json_paths.with_only(data, place[0], kept) if kept else None
