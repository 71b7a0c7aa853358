"""A tool that looks something up in rows: an uploaded table, Baserow, Google Sheets, a list of JSON objects.

The business says which columns may be searched and which may be shown. Where a row belongs to a customer,
only those are found whose phone or e-mail is proved to be theirs; no argument can widen that.
"""

import re
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from agents import json_paths, own_arguments, own_http, own_results, proofs
from agents.models import OwnTool, RecordRow, RecordTable
from agents.own_definitions import Argument, Column, HttpDefinition, RecordsDefinition
from agents.own_secrets import Secrets
from agents.tools import Context, Outcome, Reveals, Tool, ToolFailed
from providers import baserow, google_account, google_sheets, http_tools
from providers.addresses import names_host
from providers.errors import ProviderError, ProviderRejected

MOST_ROWS = 5000
MOST_BYTES = 2 * 2**20  # of a list at a URL
SECONDS = 10.0
SHORTEST_PART = 3  # letters: less would list the table
Wanted = Sequence[tuple[Column, str]]  # what is to stand in which column
SAID = (
    gettext_noop("At this place of the answer there is no list."),
    gettext_noop("Google cannot be reached."),
    gettext_noop("It took too long to read the rows."),
    gettext_noop("The Google Sheets API is not switched on in the project of this key."),
    gettext_noop("The spreadsheet has no sheet of that name."),
    gettext_noop("There is too much in this sheet."),
    gettext_noop("There is no uploaded table of this name any more."),
    gettext_noop("This is no link to a Google spreadsheet."),
)


def tools(own: OwnTool, definition: RecordsDefinition) -> list[Tool]:
    """The one look-up that it is; none while nothing was chosen of its columns."""
    if not definition.shown:
        return []
    is_private = definition.reveals is Reveals.CUSTOMER
    return [
        Tool(
            name=own.name,
            title=own.title,
            when=own.when,
            arguments=own_arguments.model_of(arguments(definition)),
            run=partial(run, definition),
            rehearse=partial(rehearse, definition),
            reveals=definition.reveals,
            needs_verified=own.needs_verified or is_private,
        )
    ]


def arguments(definition: RecordsDefinition) -> list[Argument]:
    """One for each column that may be searched, named after it."""
    return [
        Argument(name=name, about=f"{column.name} ({_how(column)})", required=column.required)
        for name, column in argument_columns(definition).items()
    ]


def argument_columns(definition: RecordsDefinition) -> dict[str, Column]:
    """The columns that may be searched, by the name of their argument."""
    found: dict[str, Column] = {}
    for column in definition.searched:
        found[own_arguments.named(column.name, taken=list(found))] = column
    return found


def _how(column: Column) -> str:
    return "exactly" if column.search == "same" else f"a part of it, at least {SHORTEST_PART} letters"


def run(definition: RecordsDefinition, arguments: Any, context: Context, key: str) -> Outcome:
    """Look. Raises ToolFailed, ProviderError, ProviderRejected."""
    columns = argument_columns(definition)
    wanted = [(columns[name], str(value)) for name, value in own_arguments.values_of(arguments).items()]
    _refuse_vague(definition, wanted, context)
    found: list[dict[str, str]] = []
    for row in _on_time(rows(definition, _same(wanted))):
        if _fits(row, wanted) and _is_theirs(definition, row, context):
            found.append({name: row[name] for name in definition.shown if row.get(name)})
        if len(found) > definition.most:
            break
    result: dict[str, Any] = {"found": min(len(found), definition.most), "rows": found[: definition.most]}
    if len(found) > definition.most:
        result["more"] = True
    return Outcome(own_results.clipped(result))


def rehearse(definition: RecordsDefinition, arguments: Any, context: Context, key: str) -> Outcome:
    """The owner's example; the rows themselves where the owner allows it, for the customer who is none."""
    if definition.rehearsal.real:
        example = own_http.as_example(definition.rehearsal.customer, context)
        return run(definition, arguments, example, key)
    example_row = own_results.example_of(definition.rehearsal.example)
    return Outcome({"found": 1, "rows": [example_row]} if example_row else {"found": 0, "rows": []})


def _refuse_vague(definition: RecordsDefinition, wanted: Wanted, context: Context) -> None:
    """Something must be asked for, and a customer's own needs a proof."""
    if definition.reveals is Reveals.CUSTOMER and not (context.phones or context.emails):
        raise ToolFailed(own_http.UNKNOWN_CUSTOMER)
    if not wanted and not definition.owner_column:
        raise ToolFailed("Give at least one of the values to search for.")
    for column, value in wanted:
        if len(folded(value)) < (SHORTEST_PART if column.search == "part" else 1):
            raise ToolFailed("A value to search for is too short.")


def _same(wanted: Wanted) -> dict[str, str]:
    return {column.name: value for column, value in wanted if column.search == "same"}


def _fits(row: Mapping[str, str], wanted: Wanted) -> bool:
    """Whether the row has all that was asked for, whatever accents and capitals."""
    for column, value in wanted:
        cell, asked = folded(row.get(column.name, "")), folded(value)
        if not (cell == asked if column.search == "same" else asked in cell):
            return False
    return True


def _is_theirs(definition: RecordsDefinition, row: Mapping[str, str], context: Context) -> bool:
    if not definition.owner_column:
        return True
    return proofs.is_theirs(
        row.get(definition.owner_column, ""), by=definition.owner_by, phones=context.phones,
        emails=context.emails, region=definition.region,
    )  # fmt: skip


def folded(text: str) -> str:
    """For comparing: no accents, no capitals, one space between words."""
    plain = unicodedata.normalize("NFKD", text)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"\s+", " ", letters).strip().casefold()


# -- where rows come from


def rows(definition: RecordsDefinition, same: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The rows as texts by column. `same` is what Baserow may look for itself; others give all they have."""
    sources = {"table": _uploaded, "sheets": _sheet, "http": _listed}
    if definition.store == "baserow":
        yield from _baserow(definition, same)
        return
    for row in sources[definition.store](definition):
        yield {str(name): text_of(value) for name, value in row.items()}


def columns_of(definition: RecordsDefinition) -> list[str]:
    """The names of the columns that are there. Raises ProviderError."""
    if definition.store == "baserow":
        return _baserow_client(definition).fields(definition.table)
    if definition.store == "table":
        known = RecordTable.objects.filter(name=definition.table).values_list("columns", flat=True).first()
        return list(known or ())
    names: dict[str, None] = {}
    for number, row in enumerate(_on_time(rows(definition, {}))):
        names |= dict.fromkeys(row)
        if number >= 50:
            break
    return list(names)


def _on_time(found: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    ends = time.monotonic() + SECONDS
    for number, row in enumerate(found):
        if number >= MOST_ROWS:
            return
        if time.monotonic() > ends:
            raise ProviderError("It took too long to read the rows.")
        yield row


def _uploaded(definition: RecordsDefinition) -> Iterator[Mapping[str, Any]]:
    found = RecordRow.objects.filter(table__name=definition.table).order_by("pk")
    values = list(found.values_list("values", flat=True)[:MOST_ROWS])
    if not values:
        raise ProviderRejected("There is no uploaded table of this name any more.")
    yield from values


def _baserow_client(definition: RecordsDefinition) -> baserow.Baserow:
    secrets = Secrets([definition.secret])
    url = definition.address or baserow.API
    return baserow.client(
        base_url=url,
        token=secrets(definition.secret),
        allow_private=names_host(url, settings.TOOL_PRIVATE_HOSTS),
    )


def _baserow(definition: RecordsDefinition, same: Mapping[str, str]) -> Iterator[dict[str, str]]:
    client = _baserow_client(definition)
    for row in client.rows(definition.table, most=MOST_ROWS, equal=same):
        yield {str(name): text_of(value) for name, value in row.items() if name not in ("id", "order")}


def _sheet(definition: RecordsDefinition) -> Iterator[Mapping[str, Any]]:
    key = google_account.account(Secrets([definition.secret])(definition.secret))
    private = names_host(key.token_uri, settings.TOOL_PRIVATE_HOSTS)
    client = google_sheets.client(key=key, url=settings.GOOGLE_SHEETS_URL, allow_private=private)
    sheet = definition.table or next(iter(client.names(definition.address)), "")
    found = client.rows(definition.address, sheet)
    head = [name.strip() for name in found[0]] if found else []
    for cells in found[1:]:
        yield {name: cell for name, cell in zip(head, cells, strict=False) if name}


def _listed(definition: RecordsDefinition) -> Iterator[Mapping[str, Any]]:
    asked = HttpDefinition(url=definition.address, sign_in=definition.sign_in)
    call = own_http.request(asked, {}, Secrets([definition.sign_in.secret]), key="")
    answer = http_tools.ask(call, private_hosts=settings.TOOL_PRIVATE_HOSTS, most_bytes=MOST_BYTES)
    if (problem := http_tools.refusal(answer, acts=False)) is not None:
        raise problem
    found = json_paths.pick(answer.json, definition.list_path)
    if not isinstance(found, list):
        raise ProviderRejected("At this place of the answer there is no list.")
    yield from (_flat(row) for row in found if isinstance(row, dict))


def _flat(row: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Objects inside as columns of their own: "customer.phone"."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def text_of(value: Any) -> str:
    """A cell as a person would read it: of Baserow's links and choices the words."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        named = (value.get(name) for name in ("value", "visible_name", "name"))
        return next((text_of(inner) for inner in named if inner not in (None, "")), "")
    if isinstance(value, list):
        return ", ".join(text for text in map(text_of, value) if text)
    return str(value)
