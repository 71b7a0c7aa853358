"""The content of a web page cut at its headings into passages. No network, no Django."""

from collections.abc import Iterator
from typing import Any

from lxml.html import HtmlElement

from knowledge import layout

LONGEST = 800  # letters of a passage: about as many tokens as of one that is cut from a file
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset((
    "address", "article", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "ul", *_HEADINGS,
))  # fmt: skip
_DEEPEST = 200


def passages(content: HtmlElement) -> list[dict[str, Any]]:
    """[{"heading": [...], "text": ...}] in the order of the page; empty when there are no words."""
    outline = _Outline()
    outline.walk(content, 0)
    outline.close()
    return outline.found or outline.headings_only()


class _Outline:
    """Where we are on the page: the headings above, and the lines since the last of them."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._above: list[tuple[int, str]] = []
        self._lines: list[str] = []
        self._seen: list[str] = []  # headings

    def walk(self, element: HtmlElement, depth: int) -> None:
        """Every block under an element, and the text between its blocks."""
        if depth > _DEEPEST:
            return
        between, mark = element.text or "", "- " if element.tag == "li" else ""
        for child in element:
            if not isinstance(child.tag, str):
                between += child.tail or ""
            elif child.tag == "br":
                between += "\n" + (child.tail or "")
            elif child.tag in _BLOCKS or _has_blocks(child):
                self._say(between, mark)
                self._block(child, depth)
                between, mark = child.tail or "", ""
            else:
                between += _inline(child) + (child.tail or "")
        self._say(between, mark)

    def _block(self, element: HtmlElement, depth: int) -> None:
        if element.tag in _HEADINGS:
            self._head(_HEADINGS[element.tag], _plain(element.text_content()))
        elif element.tag == "table" and not _is_frame(element):
            self._lines.extend(_rows(element))
        else:
            self.walk(element, depth + 1)

    def _head(self, level: int, text: str) -> None:
        self.close()
        if text:
            self._above = [one for one in self._above if one[0] < level] + [(level, text[:200])]
            self._seen.append(text)

    def _say(self, text: str, mark: str) -> None:
        for line in text.split("\n"):
            if plain := _plain(line):
                self._lines.append(f"{mark}{plain}")

    def close(self) -> None:
        """What was said under the headings so far, as passages that are not too long."""
        heading = [text for _level, text in self._above]
        self.found += [{"heading": heading, "text": text} for text in _packed(self._lines)]
        self._lines = []

    def headings_only(self) -> list[dict[str, Any]]:
        return [{"heading": [], "text": text} for text in _packed(self._seen)]


def _packed(lines: list[str]) -> Iterator[str]:
    held = ""
    for line in lines:
        if held and len(held) + len(line) >= LONGEST:
            yield held
            held = ""
        held = f"{held}\n{line}" if held else line
    if held:
        yield held


def _has_blocks(element: HtmlElement) -> bool:
    return any(inside.tag in _BLOCKS for inside in element.iterdescendants())


def _inline(element: HtmlElement) -> str:
    """The words of what stands within a line; a price beside a name is a word of its own."""
    said = str(element.text_content())
    return f" {said} " if element.tag in ("span", "time", "label") else said


def _is_frame(table: HtmlElement) -> bool:
    """Whether it only arranges: tables or headings within it."""
    return any(inside.tag in _HEADINGS or inside.tag == "table" for inside in table.iterdescendants())


def _rows(table: HtmlElement) -> list[str]:
    rows = [row for row in map(_cells, table.iter("tr")) if any(row)]
    width = max((len(row) for row in rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    if len(rows) < 2 or next(table.iter("th"), None) is None:
        return [": ".join(cell for cell in row if cell) for row in rows]
    return layout.as_rows(rows[0], rows[1:]).splitlines()


def _cells(row: HtmlElement) -> list[str]:
    return [_plain(cell.text_content()) for cell in row if cell.tag in ("td", "th")]


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
