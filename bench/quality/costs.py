"""What embedding costs, counted in calls: a question asked again, and a document that hardly changed."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from bench.quality import reading

NEAR: dict[str, Callable[[str], str]] = {
    "again": lambda text: text,
    "in capitals": str.upper,
    "without punctuation": lambda text: text.strip("¿?¡!. "),
    "with more spaces and marks": lambda text: f"  {'  '.join(text.split())} ?!",
}
SECTIONS = 8


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Texts that are embedded within the block, by kind: "question" and "passage"."""
    from providers.embedding import LocalEmbedder

    calls: Counter[str] = Counter()
    with ExitStack() as stack:
        for name, kind in (
            ("embed_question", "question"),
            ("embed_questions", "question"),
            ("embed_passages", "passage"),
        ):
            if (method := getattr(LocalEmbedder, name, None)) is not None:
                stack.enter_context(mock.patch.object(LocalEmbedder, name, _counting(method, kind, calls)))
        yield calls


def _counting(method: Any, kind: str, calls: Counter[str]) -> Any:
    def call(self: Any, given: str | Sequence[str]) -> Any:
        calls[kind] += 1 if isinstance(given, str) else len(given)
        return method(self, given)

    return call


def questions(texts: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Embedding calls when each (question, language) is asked once, again, and nearly the same."""
    from django.core.cache import cache

    from knowledge import retrieval

    cache.clear()
    found = {"questions": len(texts)}
    with counted() as calls:
        for name, changed in ({"first": NEAR["again"]} | NEAR).items():
            before = calls["question"]
            for text, language in texts:
                retrieval.search(question=changed(text), language=language)
            found[name] = calls["question"] - before
    return found


def documents() -> dict[str, int]:
    """Passages embedded when a document is read, changed in a section, read under another name, put back."""
    found = {}
    with counted() as calls:
        for name, title, changed in (
            ("first", "handbook.md", -1),
            ("one section changed", "handbook.md", 4),
            ("the same under another name", "copy.md", 4),
            ("as it was at first", "handbook.md", -1),
        ):
            before = calls["passage"]
            document = reading.read(title, _handbook(changed).encode())
            found[name] = calls["passage"] - before
    return {"passages": document.chunk_count, **found}


def _handbook(changed: int) -> str:
    sections = (
        f"## Shelf {n}\n\n{10 * n + (n == changed)} boxes of {3 * n} bolts, counted in week {n}."
        for n in range(1, SECTIONS + 1)
    )
    return "# Store room\n\n" + "\n\n".join(sections)
