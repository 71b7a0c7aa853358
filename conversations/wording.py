"""Make an answer fit its medium: the marks that it can show, one bubble, no leftovers of markdown. Pure."""

import re
from typing import Literal

Markup = Literal["plain", "whatsapp"]

LAYERS = 8  # marks inside marks; models seldom write more than two

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n`]*$", re.M)
_RULE = re.compile(r"^[ \t]*(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|={3,}[ \t]*)$", re.M)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}(?:[ \t]+|$)(.*?)[ \t]*#*[ \t]*$", re.M)
_QUOTE = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+", re.M)
_IMAGE = re.compile(r"!\[([^\[\]\n]*)\]\(\s*<?([^()\s<>]+)>?[^()\n]*\)")
_LINK = re.compile(r"\[([^\[\]\n]+)\]\(\s*<?([^()\s<>]+)>?[^()\n]*\)")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]+)>")
_BREAK = re.compile(r"<br\s*/?>", re.I)
_TAG = re.compile(
    r"</?(?:b|strong|i|em|u|p|div|span|ul|ol|li|h[1-6]|code|pre|sup|sub|a)(?:\s[^<>\n]*)?/?>", re.I
)
_BULLET = re.compile(r"^([ \t]*)[*+•][ \t]+", re.M)
_BOTH = re.compile(r"\*\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*\*")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*|(?<!\w)__(?=\S)([^_\n]+?)(?<=\S)__(?!\w)")
_SINGLE = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_UNDER = re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])")
_STRUCK = re.compile(r"~~(?=\S)([^~\n]+?)(?<=\S)~~")
_CODE = re.compile(r"`+([^`\n]+)`+")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|>~])")
_TABLE_LINE = re.compile(r"^[ \t]*\|.*\|[ \t]*$")
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_STARS = re.compile(r"\*{2,}|~{2,}|`{2,}")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\ufeff]")
_SENTENCE = re.compile(r"[.!?…][\"”»')*_]*(?=\s|$)")

_NUMBER = re.compile(r"(?:^|\n)[ \t]*\d{1,3}\.$")


def fit(text: str, *, markup: Markup, limit: int) -> str:
    """The text as one bubble of at most `limit` characters, with no marks that the medium does not show.

    Numbers of lists stay. What is too long ends at a sentence. Never empty unless nothing visible is said.
    """
    before, after = "", text.replace("\r\n", "\n").replace("\r", "\n")
    for _ in range(LAYERS):
        if after == before:
            break
        before, after = after, _tidy(_without_markdown(after, markup=markup))
    return _cut(after, limit)


def _without_markdown(text: str, *, markup: Markup) -> str:
    text = _INVISIBLE.sub("", _FENCE.sub("", text))
    text = _tables(_RULE.sub("", text))
    text = _TAG.sub("", _BREAK.sub("\n", text))
    text = _LINK.sub(_linked, _IMAGE.sub(_linked, _AUTOLINK.sub(r"\1", text)))
    text = _BULLET.sub(r"\1- ", _QUOTE.sub("", text))
    text = _HEADING.sub(_heading, text)
    return _ESCAPE.sub(r"\1", _emphasis(text, markup=markup))


def _heading(found: re.Match[str]) -> str:
    words = found[1].replace("*", "").replace("__", "").strip("# \t")
    return f"**{words}**" if words else ""


def _linked(found: re.Match[str]) -> str:
    """`words: address`, or the address alone when the words say nothing else."""
    words, address = found[1].strip(), found[2].removeprefix("mailto:").removeprefix("tel:")
    return address if not words or words in address else f"{words}: {address}"


def _emphasis(text: str, *, markup: Markup) -> str:
    """Bold with one star each side in WhatsApp; nothing but the words elsewhere."""
    bold = r"*\1*" if markup == "whatsapp" else r"\1"
    text = _BOLD.sub(lambda m: bold.replace(r"\1", m[1] or m[2]), _BOTH.sub(r"**\1**", text))
    text = _CODE.sub(r"\1", _STRUCK.sub(r"~\1~" if markup == "whatsapp" else r"\1", text))
    if markup == "plain":
        text = _UNDER.sub(r"\1", _SINGLE.sub(r"\1", text))
    return _STARS.sub("", text)


def _tables(text: str) -> str:
    """A table's rows as lines: the first cell, then the others with the names of their columns."""
    lines, out, head = text.split("\n"), list[str](), list[str]()
    for number, line in enumerate(lines):
        if not _TABLE_LINE.match(line):
            head = []
            out.append(line)
        elif _TABLE_RULE.match(line):
            continue
        elif number + 1 < len(lines) and _TABLE_RULE.match(lines[number + 1]) and not head:
            head = _cells(line)
        else:
            out.append(_row(_cells(line), head))
    return "\n".join(out)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _row(cells: list[str], head: list[str]) -> str:
    if len(cells) == 2 or not head:
        return "- " + ": ".join(cell for cell in cells if cell)
    named = [f"{name} {cell}".strip() for name, cell in zip(head[1:], cells[1:], strict=False) if cell]
    return f"- {cells[0]}: {', '.join(named)}" if named else f"- {cells[0]}"


def _tidy(text: str) -> str:
    """No trailing spaces, at most one empty line."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def _cut(text: str, limit: int) -> str:
    """Up to the last whole sentence or line that fits; inside a word only when there is no other way."""
    if len(text) <= limit:
        return text
    room = text[: max(1, limit - 1)]
    ends = [
        m.end() for m in _SENTENCE.finditer(text) if m.end() <= limit and not _NUMBER.search(text[: m.end()])
    ]
    line = room.rfind("\n")
    best = max([*ends, line if line > 0 else 0], default=0)
    if best > limit // 3:
        return _balanced(text[:best].rstrip())
    word = room.rfind(" ")
    return _balanced((room[:word] if word > limit // 3 else room).rstrip()) + "…"


def _balanced(text: str) -> str:
    """A star whose partner was cut off would stand there for itself."""
    start = text.rfind("\n") + 1
    last = text[start:]
    return text if last.count("*") % 2 == 0 else text[:start] + last[::-1].replace("*", "", 1)[::-1]
