"""What the places of lines on a page tell: headings, paragraphs, the rows of tables.

The model-free reader gives a PDF's lines one by one, each with its box. Bigger letters are headings, lines
close together are one paragraph, pieces beside each other are cells of a row. Runs in the conversion child.
"""

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

BIGGER = 1.12  # times the height of the running text
GUESSED_BIGGER = 1.4  # the same, where the height itself is a guess
GUESSED_BIGGEST = 1.65
LONGEST_HEADING = 120
PARAGRAPH_PITCH = 1.4  # times the usual distance of two lines
BULLET = re.compile(r"^\s*([•▪◦●‣*–—-]|\d{1,2}[.)])\s")


@dataclass(slots=True)
class Line:
    """One line of a page; top grows upwards, as in a PDF.

    `times` says how often the running text's height it has, where letters were recognised and not written.
    """

    page: int
    left: float
    top: float
    right: float
    bottom: float
    text: str
    times: float = 0.0

    @property
    def height(self) -> float:
        return max(self.top - self.bottom, 0.1)


@dataclass(slots=True)
class Block:
    """A heading (level 1 and deeper), or a text (level 0), and the lines that it is made of."""

    level: int
    page: int
    text: str
    lines: list[Line] = field(default_factory=list, repr=False)
    spans: list[tuple[int, int]] = field(default_factory=list, repr=False)  # of each line within the text
    cells: list[Line] = field(default_factory=list, repr=False)  # of a row of a table

    @property
    def is_row(self) -> bool:
        return bool(self.cells)

    @property
    def source(self) -> list[Line]:
        """The lines as they stood on the page."""
        return self.cells or self.lines

    @property
    def last(self) -> Line | None:
        return None if self.is_row else self.lines[-1]


class Habits:
    """What is usual in a document: letters' height, distance of lines, what is repeated. It learns."""

    def __init__(self) -> None:
        self._letters: Counter[float] = Counter()
        self._heights: set[float] = set()
        self._steps: list[float] = []
        self._seen: dict[str, set[int]] = {}
        self._pages: set[int] = set()

    def learn(self, lines: Sequence[Line]) -> None:
        """Take these lines of pages that are new into account."""
        for line in lines:
            self._pages.add(line.page)
            self._seen.setdefault(_numberless(line), set()).add(line.page)
            if not line.times:
                self._letters[round(line.height, 1)] += len(line.text)
                if _may_be_heading(line):
                    self._heights.add(round(line.height, 1))
        self._steps += [
            one.top - other.top
            for one, other in pairwise(lines)
            if one.page == other.page and one.top > other.top and abs(one.left - other.left) < 2
        ]

    def is_repeated(self, line: Line) -> bool:
        """Whether it stands on most pages, but for its numbers: a running head or a page number."""
        return len(self._pages) >= 3 and len(self._seen.get(_numberless(line), ())) * 2 > len(self._pages)

    @property
    def pitch(self) -> float:
        """The distance from one line to the next within a paragraph."""
        return statistics.median_low(self._steps) if self._steps else 0.0

    @property
    def body(self) -> float:
        """The height of most letters."""
        return self._letters.most_common(1)[0][0] if self._letters else 0.0

    def levels(self) -> dict[float, int]:
        """The heights of headings with their levels, biggest first, at most four."""
        bigger = sorted((h for h in self._heights if h >= BIGGER * self.body), reverse=True)[:4]
        return {height: level for level, height in enumerate(bigger, start=1)}


def document_of(name: str, blocks: Sequence[Block], sizes: Mapping[int, tuple[float, float]]) -> Any:
    """The blocks as a document of docling's, each line with its place; `sizes`: width and height by page."""
    from docling_core.types.doc.base import Size
    from docling_core.types.doc.document import DoclingDocument
    from docling_core.types.doc.labels import DocItemLabel

    made = DoclingDocument(name=name)
    for page, (width, height) in sizes.items():
        made.add_page(page_no=page, size=Size(width=width, height=height))
    for block in blocks:
        first, *others = _places(block)
        if block.level:
            item = made.add_heading(block.text, level=block.level, prov=first)
        else:
            item = made.add_text(DocItemLabel.TEXT, block.text, prov=first)
        item.prov.extend(others)
    return made


def _places(block: Block) -> list[Any]:
    from docling_core.types.doc.base import BoundingBox, CoordOrigin
    from docling_core.types.doc.document import ProvenanceItem

    up = CoordOrigin.BOTTOMLEFT

    return [
        ProvenanceItem(
            page_no=line.page,
            bbox=BoundingBox(l=line.left, t=line.top, r=line.right, b=line.bottom, coord_origin=up),
            charspan=span,
        )
        for line, span in zip(block.lines, block.spans, strict=True)
    ]


def blocks(lines: Sequence[Line], habits: Habits | None = None) -> list[Block]:
    """Headings and texts, in the order of the file; without `habits` the lines are a whole document."""
    if habits is None:
        habits = Habits()
        habits.learn(lines)
    found: list[Block] = []
    rows: list[list[Line]] = []
    body, levels, pitch = habits.body, habits.levels(), habits.pitch
    for row in _rows(line for line in lines if not habits.is_repeated(line)):
        if len(row) > 1:
            rows.append(row)
            continue
        found += _table(rows)
        rows = []
        _add(found, row[0], level=_level(row[0], body, levels), pitch=pitch)
    return found + _table(rows)


def lines_of(document: Any) -> dict[int, list[Line]]:
    """The lines that the model-free reader found, by page."""
    found: dict[int, list[Line]] = {}
    for item in document.texts:
        if item.prov and item.text.strip():
            place = item.prov[0]
            box = place.bbox.to_bottom_left_origin(document.pages[place.page_no].size.height)
            line = Line(place.page_no, box.l, box.t, box.r, box.b, " ".join(item.text.split()))
            found.setdefault(place.page_no, []).append(line)
    return found


def _numberless(line: Line) -> str:
    height = line.top / 10 if line.times else line.top  # a scan never lies quite straight
    return re.sub(r"\d+", "0", line.text) + f"@{height:.0f}"


def _may_be_heading(line: Line) -> bool:
    return len(line.text) <= LONGEST_HEADING and line.text[-1] not in ".;,"


def _level(line: Line, body: float, levels: dict[float, int]) -> int:
    """The level of a heading, 0 of anything else."""
    if not _may_be_heading(line):
        return 0
    if line.times:
        return 0 if line.times < GUESSED_BIGGER else 1 if line.times >= GUESSED_BIGGEST else 2
    return levels.get(round(line.height, 1), len(levels)) if line.height >= BIGGER * body else 0


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
    if last is None or last.last is None or last.level != level or not _goes_on(last, line, pitch):
        found.append(Block(level, line.page, line.text, [line], [(0, len(line.text))]))
        return
    if last.text.endswith("-") and line.text[0].islower():
        last.text = last.text[:-1]
        last.spans[-1] = (last.spans[-1][0], len(last.text))
    else:
        last.text += " "
    last.spans.append((len(last.text), len(last.text) + len(line.text)))
    last.text += line.text
    last.lines.append(line)


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
        return [_row_block(" | ".join(cell.text for cell in row), row) for row in rows]
    first = _row_block(_told(rest[0], head), [*head, *rest[0]])
    return [first, *(_row_block(_told(row, head), row) for row in rest[1:])]


def _row_block(text: str, cells: Sequence[Line]) -> Block:
    """A row of a table; its words stand in another order than its cells, so they share one place a page."""
    pages = {cell.page: [other for other in cells if other.page == cell.page] for cell in cells}
    lines = [_around(those) for those in pages.values()]
    return Block(0, lines[-1].page, text, lines, [(0, len(text))] * len(lines), list(cells))


def _around(cells: Sequence[Line]) -> Line:
    left, right = min(cell.left for cell in cells), max(cell.right for cell in cells)
    top, bottom = max(cell.top for cell in cells), min(cell.bottom for cell in cells)
    return Line(cells[0].page, left, top, right, bottom, " ".join(cell.text for cell in cells))


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
