"""Files of customers: what a spreadsheet wrote, what each column is, what each row says. No database."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.safety import fold
from conversations import customer_fields, customer_identities
from conversations.customer_fields import Sheet
from tenants import spreadsheets

MOST_BYTES = 5 * 2**20
MOST_ROWS = 10_000
MOST_COLUMNS = 60
MOST_LABELS = 20
NUMBER, LABELS, CONSENT, SOURCE = "number", "labels", "consent", "source"
BESIDE: tuple[tuple[str, Any], ...] = (
    (NUMBER, gettext_lazy("Number")),
    (LABELS, gettext_lazy("Labels")),
    (CONSENT, gettext_lazy("Agreed to messages: yes or no")),
    (SOURCE, gettext_lazy("How they agreed")),
)
# What people call such columns, folded; what this product writes in four languages is among them.
_HEADINGS = {
    "name": "name|full name|customer|client|nome|nome completo|cliente|nombre|nombre completo|nom"
    "|nom complet",
    "email": "email|e-mail|e-mail address|mail|correo|correo electronico|courriel|endereco de e-mail",
    "language": "language|idioma|lingua|langue",
    "note": "note|notes|nota|notas|observacao|observacoes|observacion|observaciones|remarque|remarques",
    "is_minor": "a child|child|minor|crianca|menor|menor de idade|nino|un nino|enfant|un enfant|mineur",
    NUMBER: "number|phone|phone number|telephone|mobile|cell|whatsapp|numero|telefone|celular|fone"
    "|numero de telefone|telefono|movil|numero de telefono|portable|numero de telephone",
    LABELS: "labels|label|tags|tag|etiquetas|etiqueta|etiquettes|etiquette|marcadores|rotulos",
    CONSENT: "agreed to messages|consent|consentimento|consentimiento|consentement|opt-in|opt in|optin",
    SOURCE: "how they agreed|consent source|origem do consentimento|origen del consentimiento",
}


class Unreadable(ValueError):
    """This file is no table of customers; the words say why."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file's heading and its rows, each as wide as the heading and with its line in the file."""

    heading: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(slots=True)
class Row:
    """What one row says of a customer, and what is wrong with it; a row with errors is not taken at all."""

    line: int
    values: dict[str, str] = field(default_factory=dict)  # by the field's name in addresses
    number: str = ""
    labels: list[str] = field(default_factory=list)
    consent: bool | None = None
    source: str = ""
    errors: list[str] = field(default_factory=list)

    @property
    def email(self) -> str:
        return self.values.get(customer_fields.EMAIL, "")


# -- the file


def read(content: bytes) -> Table:
    """The table in a CSV file; raises Unreadable.

    Commas, semicolons or tabs; UTF-8, UTF-16, or what Excel wrote before.
    """
    if not content.strip():
        raise Unreadable(_("The file is empty."))
    if len(content) > MOST_BYTES:
        raise Unreadable(_("The file is larger than 5 MB."))
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        found = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error:
        raise Unreadable(_("This is no CSV file: save it as CSV in your spreadsheet.")) from None
    return _table(found)


def _table(found: list[tuple[int, list[str]]]) -> Table:
    if len(found) < 2:
        raise Unreadable(_("There is no row below the names of the columns."))
    if len(found) - 1 > MOST_ROWS:
        raise Unreadable(_("There are more than 10,000 rows: split the file."))
    heading = tuple(cell.strip()[:80] for cell in found[0][1])
    if len(heading) > MOST_COLUMNS:
        raise Unreadable(_("There are more than 60 columns."))
    width = len(heading)
    return Table(heading, tuple((line, _cells(row, width)) for line, row in found[1:]))


def _cells(row: Sequence[str], width: int) -> tuple[str, ...]:
    cells = [spreadsheets.plain(cell.replace("\x00", "").strip()) for cell in row[:width]]
    return (*cells, *("",) * (width - len(cells)))


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") or b"\x00" in content[:1000]:
        raise Unreadable(_("This is no CSV file: save it as CSV in your spreadsheet."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _delimiter(text: str) -> str:
    """The one that stands most often in the first line."""
    first = text.lstrip("\r\n").partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


# -- the columns


def targets(sheet: Sheet) -> list[tuple[str, Any]]:
    """What a column can be, with its name for a person."""
    usual = [(one.of, one.label) for one in sheet.fields if one not in sheet.own]
    return [*usual, *BESIDE, *((one.of, one.label) for one in sheet.own)]


def guessed(heading: Sequence[str], sheet: Sheet) -> list[str]:
    """What each column is by its name; each target once, "" for what nobody knows."""
    names: dict[str, str] = {}
    for target, words in _HEADINGS.items():
        names |= dict.fromkeys(words.split("|"), target)
    names |= {fold(str(label)): target for target, label in targets(sheet)}
    found: list[str] = []
    for cell in heading:
        target = names.get(fold(cell).strip(), "")
        found.append(target if target not in found else "")
    return found


# -- the rows


def checked(line: int, cells: Sequence[str], columns: Sequence[str], sheet: Sheet) -> Row:
    """One row, as it would be kept."""
    row = Row(line)
    for target, cell in zip(columns, cells, strict=False):
        if target and cell:
            _take(row, target, cell, sheet)
    if not row.errors and not (row.number or row.email or row.values.get(customer_fields.NAME)):
        row.errors.append(_("It has no name, no number and no e-mail address."))
    return row


def _take(row: Row, target: str, cell: str, sheet: Sheet) -> None:
    try:
        if target in _BESIDE:
            return _BESIDE[target](row, cell)
        one = sheet.get(target)
        text = _language(cell) if target == customer_fields.LANGUAGE else cell
        if one is not None and (value := customer_fields.checked(one, text)):
            row.values[target] = value
    except ValueError as error:
        row.errors.append(f"{_label(target, sheet)}: {error}")


def _language(cell: str) -> str:
    """A language without its country: pt-BR is pt here."""
    return cell[:2] if cell[2:3] in ("-", "_") else cell


def _label(target: str, sheet: Sheet) -> str:
    return str(dict(targets(sheet)).get(target, target))


def _number(row: Row, cell: str) -> None:
    """The first one, where a cell holds several."""
    row.number = customer_identities.digits(cell.replace(";", ",").partition(",")[0])
    if not row.number:
        raise ValueError(_("Write it with the country's code, such as +55 11 99999-0000."))


def _labels(row: Row, cell: str) -> None:
    names = [" ".join(name.split()) for name in cell.replace(";", ",").split(",")]
    row.labels = list(dict.fromkeys(name for name in names if name))
    if len(row.labels) > MOST_LABELS or any(len(name) > 40 for name in row.labels):
        raise ValueError(_("At most 20 labels, each of at most 40 characters, with commas between them."))


def _consent(row: Row, cell: str) -> None:
    row.consent = customer_fields.agreed(cell)


def _source(row: Row, cell: str) -> None:
    row.source = cell[:80]


_BESIDE: Mapping[str, Any] = {NUMBER: _number, LABELS: _labels, CONSENT: _consent, SOURCE: _source}
