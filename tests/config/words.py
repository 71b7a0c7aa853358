"""Find the words that people read, in templates and in Python: marked for translation, and not."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from babel.messages.extract import extract_python
from django.utils.translation import template as templates

ROOT = Path(__file__).resolve().parents[2]
APPS = ("agents", "billing", "config", "conversations", "knowledge", "tenants")
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "gettext": None, "gettext_lazy": None, "gettext_noop": None, "_": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2), "pgettext": None, "npgettext": (2, 3),
}  # fmt: skip
# Attributes that are read out or shown.
READ_ATTRIBUTES = {
    "aria-label",
    "aria-description",
    "title",
    "placeholder",
    "alt",
    "aria-roledescription",
    "label",
}
CODE = {"script", "style", "code", "kbd", "pre", "svg", "samp"}
# Names, and what is the same in every language.
SAME = re.compile(
    r"Frontdesk|WhatsApp|WAHA|Meta|Claude|Anthropic|OpenAI|Google|Baserow|n8n|CSV|PDF|DOCX|XLSX|API|JSON|YAML|HTTPS?|MCP|"
    r"URL|GET|POST|PUT|PATCH|DELETE|Português|English|Español|Français|Esc|Enter|Ctrl|Alt|Shift|Tab|OK|px|ms|ID|"
    r"Marina|3EB0|UTC|SLA|Webhook|QR|IBAN|AI|vs|https?://\S*|\b[a-z0-9.]+@[a-z.]+\b"
)
LETTERS = re.compile(r"[^\W\d_]{2,}")
TAG = re.compile(r"{%-?\s*(\w+).*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
UNSEEN = re.compile(r"{%\s*comment\s*.*?%}.*?{%\s*endcomment\s*%}", re.DOTALL)
# What goes into an attribute of the layout: classes, and parts for scripts.
ATTRIBUTES = re.compile(
    r"{%\s*block\s+\w*(?:class|attributes|data|width)\w*\s*%}.*?{%\s*endblock[^%]*%}", re.DOTALL
)
TRANSLATED = re.compile(r"{%\s*blocktrans(?:late)?\b.*?%}.*?{%\s*endblocktrans(?:late)?\s*%}", re.DOTALL)


NAMES = {"shop"}  # what one might call a table


def _classes(attrs: list[tuple[str, str | None]]) -> list[str]:
    return (dict(attrs).get("class") or "").split()


class _Words(HTMLParser):
    """Words between tags and in attributes that are read, with the line each stands in.

    What a field for figures, ids and the like shows as an example is no word.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.inside: list[str] = []
        self.found: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            example = key == "placeholder" and (value in NAMES or "num" in _classes(attrs))
            if value and not example and (key in READ_ATTRIBUTES or key.startswith("data-say")):
                self._take(value)
            if tag == "input" and key == "value" and ("type", "submit") in attrs and value:
                self._take(value)
        if tag in CODE:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            del self.inside[self.inside.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self._take(data)

    def _take(self, text: str) -> None:
        if LETTERS.search(SAME.sub(" ", text)):
            self.found.append((self.getpos()[0], " ".join(text.split())[:80]))


def _blanked(match: re.Match[str]) -> str:
    """As long and with as many lines, so that positions stay."""
    return re.sub(r"[^\n]", " ", match[0])


def bare_words(html: str) -> list[tuple[int, str]]:
    """Words of a template that no translation reaches: (line, words). Pure."""
    for pattern in (UNSEEN, TRANSLATED, ATTRIBUTES, TAG):
        html = pattern.sub(_blanked, html)
    reader = _Words()
    reader.feed(html)
    return reader.found


def sources() -> Iterator[Path]:
    """Python files of the product; without migrations, whose words are those of the models."""
    for app in APPS:
        yield from (path for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts)


@cache
def marked() -> dict[str | tuple[str, str], str]:
    """Every string that is marked for translation, with a file in which it stands."""
    found: dict[str | tuple[str, str], str] = {}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        calls = templates.templatize(path.read_text(), origin=str(path))
        found |= {message: path.relative_to(ROOT).as_posix() for message in _called(calls)}
    for path in sources():
        found |= {message: path.relative_to(ROOT).as_posix() for message in _messages(path.read_bytes())}
    return found


LITERAL = r"""[uU]?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
CALL = re.compile(rf"\b(n?p?gettext|_)\(\s*{LITERAL}(?:\s*,\s*{LITERAL})?(?:\s*,\s*{LITERAL})?")


def _called(templatized: str) -> Iterator[str | tuple[str, str]]:
    """The strings of a template, as Django rewrites it for tools that read calls."""
    for function, *literals in CALL.findall(templatized):
        parts = [ast.literal_eval(one) for one in literals if one]
        parts = parts[1:] if "p" in function else parts
        yield (parts[0], parts[1]) if function.startswith("n") else parts[0]


def _messages(python: bytes) -> Iterator[str | tuple[str, str]]:
    for _line, function, message, _comments in extract_python(BytesIO(python), list(KEYWORDS), [], {}):
        parts = (message,) if isinstance(message, str) else tuple(message or ())
        if function in ("pgettext", "npgettext"):
            parts = parts[1:]
        if function in ("ngettext", "ngettext_lazy", "npgettext") and len(parts) >= 2 and all(parts[:2]):
            yield str(parts[0]), str(parts[1])
        elif parts and parts[0]:
            yield str(parts[0])


# Keyword arguments whose value people read, and calls whose first words they read.
READ_KEYWORDS = {
    "label", "help_text", "verbose_name", "verbose_name_plural", "empty_label", "placeholder",
    "short_description", "error_message",
}  # fmt: skip
NOTICES = {"success", "error", "info", "warning"}


def bare_strings(path: Path) -> list[tuple[int, str]]:
    """Literals of a Python file that people would read untranslated: (line, words)."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            found += _literals(_read_by_people(node))
        if isinstance(node, ast.ClassDef) and any("Choices" in ast.unparse(base) for base in node.bases):
            found += _literals(_labels(node))
    return found


def _read_by_people(call: ast.Call) -> Iterator[ast.expr]:
    name = ast.unparse(call.func).rsplit(".", 1)[-1]
    owner = ast.unparse(call.func).rpartition(".")[0]
    for keyword in call.keywords:
        if keyword.arg in READ_KEYWORDS:
            yield keyword.value
    if name == "ValidationError" and call.args:
        yield call.args[0]
    if name == "add_error" and len(call.args) > 1:
        yield call.args[1]
    if name in NOTICES and owner == "messages" and len(call.args) > 1:
        yield call.args[1]


def _labels(choices: ast.ClassDef) -> Iterator[ast.expr]:
    """The second part of each member: what people see of it."""
    for line in choices.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Tuple) and len(line.value.elts) == 2:
            yield line.value.elts[1]


def _literals(values: Iterable[ast.expr]) -> list[tuple[int, str]]:
    said = []
    for value in values:
        text = value.value if isinstance(value, ast.Constant) else _of_f_string(value)
        if isinstance(text, str) and LETTERS.search(SAME.sub(" ", text)):
            said.append((value.lineno, text[:80]))
    return said


def _of_f_string(value: ast.expr) -> str:
    if not isinstance(value, ast.JoinedStr):
        return ""
    return " ".join(str(part.value) for part in value.values if isinstance(part, ast.Constant))
