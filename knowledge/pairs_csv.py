"""Questions and answers from a CSV file, as spreadsheets write it: whatever separator, encoding and order.

A line that cannot be read is told with its number and what stands in it; the others are read all the same.
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from knowledge.pairs import MOST, Row

MOST_BYTES = 2 * 2**20
MOST_WRONG = 150  # lines that a person can still mend one by one
SEPARATORS = (";", ",", "\t", "|")
LOOKED_AT = 30  # lines, to find the separator
LONGEST_CELL = 40  # lines that one cell may have
QUESTIONS = {
    "pergunta", "perguntas", "duvida", "duvidas", "question", "questions", "q", "pregunta", "preguntas",
}  # fmt: skip
ANSWERS = {
    "resposta", "respostas", "answer", "answers", "a", "respuesta", "respuestas", "reponse", "reponses",
}  # fmt: skip


class Unreadable(Exception):
    """There are no questions and answers in the file; the words say why."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file, each with the number of its line, and the columns that were not used."""

    rows: list[Row]
    unused: list[str]


@dataclass(frozen=True, slots=True)
class _Record:
    line: int
    cells: list[str]
    is_broken: bool = False


def read(content: bytes) -> Sheet:
    """Raises Unreadable when nothing in it can be a pair."""
    if len(content) > MOST_BYTES:
        raise Unreadable(_("The file is too large: at most 2 MB."))
    records, separator = _all(re.split(r"\r\n|\r|\n", _decoded(content).replace("\x00", "")))
    if not records:
        raise Unreadable(_("There is nothing in the file."))
    return _sheet(records, separator)


def _all(lines: Sequence[str]) -> tuple[list[_Record], str]:
    start, separator = _separator(lines)
    found, broken = list[_Record](), 0
    for record in _records(lines, separator, start):
        broken += record.is_broken
        if any(map(str.strip, record.cells)):
            found.append(record)
        if len(found) > MOST + 1:
            raise Unreadable(_("There are too many lines: at most %(most)s in one file.") % {"most": MOST})
        if broken > MOST_WRONG:
            raise Unreadable(_("Most of the file cannot be read. Save it anew as CSV."))
    return found, separator


def _sheet(records: Sequence[_Record], separator: str) -> Sheet:
    head = records[0].cells
    columns = _columns(head)
    body = records[1:] if columns else records
    used = columns or (0, 1)
    if not columns and not any(len(record.cells) > 1 for record in body):
        raise Unreadable(
            _("There is only one column. Two are needed, the question and the answer, with ; or , between.")
        )
    unused = [name for place, name in enumerate(head) if columns and place not in used and name.strip()]
    width = len(head) if columns else 2
    return Sheet([_row(record, used, width, separator) for record in body], unused)


def _row(record: _Record, used: tuple[int, int], width: int, separator: str) -> Row:
    if record.is_broken:
        words = _("A quotation mark is opened here and not closed.")
        return Row(record.line, record.cells[0], "", words)
    cells = record.cells + [""] * (max(used) + 1 - len(record.cells))
    question, answer = (cells[place] for place in used)
    if any(map(str.strip, cells[width:])):
        words = _("There are more columns in this line than in the others: see that the answer is whole.")
        return Row(record.line, question, separator.join([answer, *cells[width:]]), words)
    return Row(record.line, question, answer)


def _columns(head: Sequence[str]) -> tuple[int, int] | None:
    """Where the question and the answer stand, when the first line names them."""
    names = [_plain(cell) for cell in head]
    question = next((place for place, name in enumerate(names) if name in QUESTIONS), None)
    answer = next((place for place, name in enumerate(names) if name in ANSWERS), None)
    return None if question is None or answer is None else (question, answer)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def _decoded(content: bytes) -> str:
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16" if wide else "utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _separator(lines: Sequence[str]) -> tuple[int, str]:
    """The first line that counts, and what stands between two cells."""
    if lines and lines[0].strip().lower() in {f"sep={one}" for one in SEPARATORS}:
        return 1, lines[0].strip()[4]
    return 0, max(SEPARATORS, key=lambda one: _likeness(lines, one))


def _likeness(lines: Sequence[str], separator: str) -> tuple[bool, int, int]:
    """How much this looks like the separator: it names the columns, or most lines have two cells of it."""
    records = list(_records(lines[:LOOKED_AT], separator, 0))
    widths = Counter(len(record.cells) for record in records if len(record.cells) > 1)
    names = bool(records) and _columns(records[0].cells) is not None
    return names, widths[2], max(widths.values(), default=0)


def _records(lines: Sequence[str], separator: str, start: int) -> Iterator[_Record]:
    place = start
    while place < len(lines):
        end, cells = _cells(lines, separator, place)
        yield _Record(place + 1, [lines[place]] if cells is None else cells, cells is None)
        place = end


def _cells(lines: Sequence[str], separator: str, place: int) -> tuple[int, list[str] | None]:
    """The cells that begin on this line, and where the next begin; None when a quotation stays open."""
    for end in range(place + 1, min(place + 1 + LONGEST_CELL, len(lines) + 1)):
        text = [f"{line}\n" for line in lines[place : end - 1]] + [lines[end - 1]]
        try:
            rows = list(csv.reader(text, delimiter=separator, strict=True))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                continue
            return end, _leniently(text, separator)
        return end, rows[0] if rows else []
    return place + 1, None


def _leniently(text: Sequence[str], separator: str) -> list[str] | None:
    """As a spreadsheet reads a quotation mark in the middle of a cell."""
    try:
        return next(csv.reader(text, delimiter=separator), [])
    except csv.Error:
        return None
