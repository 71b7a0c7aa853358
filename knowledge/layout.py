"""What the places of lines on a page tell: headings, paragraphs, the rows of tables.

The model-free reader gives a PDF's lines one by one, each with its box. Bigger letters are headings, lines
close together are one paragraph, pieces beside each other are cells of a row. Runs in the conversion child.
"""

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

BIGGER = 1.12  # times the height of the running text
LONGEST_HEADING = 120
PARAGRAPH_PITCH = 1.4  # times the usual distance of two lines
BULLET = re.compile(r"^\s*([•▪◦●‣*–—-]|\d{1,2}[.)])\s")


@dataclass(slots=True)
class Line:
    """One line of a page; top grows upwards, as in a PDF."""

    page: int
    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def height(self) -> float:
        return max(self.top - self.bottom, 0.1)


@dataclass(slots=True)
class Block:
    """A heading (level 1 and deeper), or a text (level 0)."""

    level: int
    page: int
    text: str
    last: Line | None = field(default=None, repr=False)


def structured(document: Any) -> Any:
    """The same document with headings, paragraphs and rows instead of loose lines."""
    from docling_core.types.doc.base import BoundingBox
    from docling_core.types.doc.document import DoclingDocument, ProvenanceItem
    from docling_core.types.doc.labels import DocItemLabel

    made = DoclingDocument(name=document.name)
    for block in blocks(list(_lines(document))):
        place = ProvenanceItem(page_no=block.page, bbox=BoundingBox(l=0, t=0, r=0, b=0), charspan=(0, 0))
        if block.level:
            made.add_heading(block.text, level=block.level, prov=place)
        else:
            made.add_text(DocItemLabel.TEXT, block.text, prov=place)
    return made


def blocks(lines: Sequence[Line]) -> list[Block]:
    """Headings and texts, in the order of the file."""
    lines = _without_repeats(lines)
    if not lines:
        return []
    body = _usual_height(lines)
    levels = {height: level for level, height in enumerate(_heading_heights(lines, body), start=1)}
    pitch = _usual_pitch(lines)
    found: list[Block] = []
    rows: list[list[Line]] = []
    for row in _rows(lines):
        if len(row) > 1:
            rows.append(row)
            continue
        found += _table(rows)
        rows = []
        _add(found, row[0], level=_level(row[0], body, levels), pitch=pitch)
    return found + _table(rows)


def _lines(document: Any) -> Iterator[Line]:
    for item in document.texts:
        if item.prov and item.text.strip():
            place = item.prov[0]
            height = document.pages[place.page_no].size.height
            box = place.bbox.to_bottom_left_origin(height)
            yield Line(place.page_no, box.l, box.t, box.r, box.b, " ".join(item.text.split()))


def _without_repeats(lines: Sequence[Line]) -> list[Line]:
    """Leave out what stands on most pages, but for its numbers: running heads and page numbers."""
    pages = len({line.page for line in lines})
    seen: dict[str, set[int]] = {}
    for line in lines:
        seen.setdefault(_numberless(line), set()).add(line.page)
    return [line for line in lines if pages < 3 or len(seen[_numberless(line)]) * 2 <= pages]


def _numberless(line: Line) -> str:
    return re.sub(r"\d+", "0", line.text) + f"@{line.top:.0f}"


def _usual_height(lines: Sequence[Line]) -> float:
    """The height of most letters."""
    letters: Counter[float] = Counter()
    for line in lines:
        letters[round(line.height, 1)] += len(line.text)
    return letters.most_common(1)[0][0]


def _heading_heights(lines: Sequence[Line], body: float) -> list[float]:
    """The heights of headings, biggest first, at most four."""
    heights = {round(line.height, 1) for line in lines if _is_heading(line, body)}
    return sorted(heights, reverse=True)[:4]


def _is_heading(line: Line, body: float) -> bool:
    return line.height >= BIGGER * body and len(line.text) <= LONGEST_HEADING and line.text[-1] not in ".;,"


def _level(line: Line, body: float, levels: dict[float, int]) -> int:
    return levels.get(round(line.height, 1), len(levels)) if _is_heading(line, body) else 0


def _usual_pitch(lines: Sequence[Line]) -> float:
    """The distance from one line to the next within a paragraph."""
    steps = [
        one.top - other.top
        for one, other in pairwise(lines)
        if one.page == other.page and one.top > other.top and abs(one.left - other.left) < 2
    ]
    return statistics.median_low(steps) if steps else 0.0


def _rows(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Lines that follow each other to the right at the same height, together."""
    row: list[Line] = []
    for line in lines:
        if row and _beside(row[-1], line):
            row.append(line)
            continue
        if row:
            yield row
        row = [line]
    if row:
        yield row


def _beside(one: Line, other: Line) -> bool:
    shared = min(one.top, other.top) - max(one.bottom, other.bottom)
    near = shared >= 0.6 * min(one.height, other.height)
    return one.page == other.page and near and other.left >= one.right - 1


def _add(found: list[Block], line: Line, *, level: int, pitch: float) -> None:
    """Go on with the paragraph, or with a heading of two lines, or begin a block."""
    last = found[-1] if found else None
    if last is not None and last.last is not None and last.level == level and _goes_on(last, line, pitch):
        hyphen = last.text.endswith("-") and line.text[0].islower()
        last.text = last.text[:-1] + line.text if hyphen else f"{last.text} {line.text}"
        last.last = line
        return
    found.append(Block(level, line.page, line.text, line))


def _goes_on(block: Block, line: Line, pitch: float) -> bool:
    last = block.last
    if last is None or BULLET.match(line.text):
        return False
    if last.page == line.page and last.top > line.top:
        factor = PARAGRAPH_PITCH * max(1.0, line.height * 2 / pitch if block.level and pitch else 1.0)
        return pitch > 0 and last.top - line.top <= factor * pitch
    # The next page or column goes on in the middle of a sentence.
    return (
        not block.level
        and block.text[-1] not in ".!?:;"
        and (line.text[0].islower() or line.text[0].isdigit())
    )


def _table(rows: Sequence[Sequence[Line]]) -> list[Block]:
    """One text a row; with the column's name before each cell when the first row names them."""
    if not rows:
        return []
    head, *rest = rows
    named = bool(rest) and len(head) >= 2 and not any(re.search(r"\d", cell.text) for cell in head)
    if not named or not any(re.search(r"\d", cell.text) for row in rest for cell in row):
        return [Block(0, row[0].page, " | ".join(cell.text for cell in row)) for row in rows]
    return [Block(0, row[0].page, _told(row, head)) for row in rest]


def _told(row: Sequence[Line], head: Sequence[Line]) -> str:
    """`Saturday. Reception: 8h to 13h; visits: 8h30 to 12h30`."""
    first, *others = row
    cells = [f"{_column(cell, head).text}: {cell.text}" for cell in others]
    return f"{first.text}. {'; '.join(cells)}" if cells else first.text


def _column(cell: Line, head: Sequence[Line]) -> Line:
    middle = (cell.left + cell.right) / 2
    return min(
        head, key=lambda name: min(abs(name.left - cell.left), abs((name.left + name.right) / 2 - middle))
    )


def as_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as text: a line a row, each value after its column's name; what is empty is left out."""
    named = any(name.strip() and not name.strip().isdigit() for name in columns)
    lines = [_row(columns if named else (), [" ".join(value.split()) for value in row]) for row in rows]
    return "\n".join(line for line in lines if line)


def _row(columns: Sequence[str], values: Sequence[str]) -> str:
    first, *others = values or [""]
    if not columns:
        return " | ".join(value for value in values if value)
    told = [
        f"{name}: {value}" if name else value
        for name, value in zip(columns[1:], others, strict=False)
        if value
    ]
    return ". ".join(part for part in (first, "; ".join(told)) if part)
