"""How well the search tells what the documents answer from what they do not: `python -m bench.support`.

Reads the demo business's documents and asks bench/questions.yaml, in four languages. Prints JSON: where the
answering passage stands, how well `support` separates (AUC), and what each threshold would keep and refuse.
The threshold in knowledge/retrieval.py comes from here; choose it anew for another embedding model.
"""

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from bench import measure, scratch
from bench.stack import free_port, wait_until
from config import embedded

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ROOT / "agents" / "demo" / "documents"
QUESTIONS = Path(__file__).with_name("questions.yaml")
FACTORS = (0.8, 0.9, 1.0, 1.1, 1.2)


@dataclass(frozen=True)
class Asked:
    """A question, where its answer came (1 is first, 0 nowhere), and the support that was found."""

    language: str
    question: str
    answered: bool
    place: int
    support: float


def main() -> None:
    """Read the documents, ask everything, print one JSON object."""
    with scratch.product("support"), _embedder() as url:
        from django.conf import settings
        from django_tenants.utils import schema_context

        settings.EMBEDDING_URL = url
        with schema_context(scratch.business("clinic")), mock.patch("tenants.live._send"):
            _read_documents()
            asked = list(_ask(yaml.safe_load(QUESTIONS.read_text())))
    measure.print_json(_told(asked))


@contextmanager
def _embedder() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "providers.embedding_server", "--port", str(port)],
        cwd=ROOT,
        preexec_fn=embedded.die_with_parent(signal.SIGKILL),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: urllib.request.urlopen(f"{url}/health", timeout=1),
            seconds=90,
            what="no embedder",
            every=0.2,
        )
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _read_documents() -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.utils import timezone

    from knowledge import documents, indexing

    for path in sorted(DOCUMENTS.iterdir()):
        measure.progress(f"reading {path.name}")
        file = SimpleUploadedFile(path.name, path.read_bytes())
        with mock.patch("knowledge.documents.enqueue"):
            document = documents.add(file=file, name=path.name, added_by=None, now=timezone.now())
        indexing.index.run(document_id=document.pk)


def _ask(questions: Mapping[str, Mapping[str, Any]]) -> Iterator[Asked]:
    for language, pairs in questions["answered"].items():
        for question, words in pairs.items():
            yield _asked(language, question, words=words)
    for language, texts in questions["unanswered"].items():
        for question in texts:
            yield _asked(language, question, words=None)


def _asked(language: str, question: str, *, words: str | None) -> Asked:
    from knowledge import retrieval

    found = retrieval.search(question=question, language=language, limit=10)
    texts = [" ".join([*passage.heading, passage.text]).lower() for passage in found.passages]
    place = next((n for n, text in enumerate(texts, start=1) if words and words.lower() in text), 0)
    return Asked(language, question, words is not None, place, found.support)


def _told(asked: Sequence[Asked]) -> dict[str, Any]:
    inside = [one for one in asked if one.answered]
    outside = [one for one in asked if not one.answered]
    return {
        "when": time.strftime("%Y-%m-%d", time.gmtime()),
        "questions": {"answered": len(inside), "unanswered": len(outside)},
        "answer_is_first": {language: _first(inside, language) for language in ("pt", "en", "es", "fr")},
        "answer_is_among_three": round(sum(0 < one.place <= 3 for one in inside) / len(inside), 3),
        "support_auc": _auc(inside, outside),
        "at_threshold_times": {
            str(factor): {
                "kept": round(sum(one.support >= factor for one in inside) / len(inside), 3),
                "refused": round(sum(one.support < factor for one in outside) / len(outside), 3),
            }
            for factor in FACTORS
        },
        "wrongly_refused": [one.question for one in inside if one.support < 1],
        "wrongly_answered": [one.question for one in outside if one.support >= 1],
    }


def _first(asked: Sequence[Asked], language: str) -> float:
    mine = [one for one in asked if one.language == language]
    return round(sum(one.place == 1 for one in mine) / len(mine), 3)


def _auc(inside: Sequence[Asked], outside: Sequence[Asked]) -> float:
    """The chance that an answerable question has more support than one that is not."""
    wins = sum((a.support > b.support) + 0.5 * (a.support == b.support) for a in inside for b in outside)
    return round(wins / (len(inside) * len(outside)), 3)


if __name__ == "__main__":
    main()
