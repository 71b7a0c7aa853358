"""How well the product finds, answers and refuses: `python -m bench.quality [SET.jsonl ...]`.

Without arguments it asks the project's own sets (bench/questions) about its demo businesses. A set from
elsewhere is asked about the documents of --documents; without, each distinct gold passage is a document. Each
time a throw-away business reads them. A set whose lines have an intent measures the router
(bench/quality/intents.py). Prints JSON to standard output, and a table for a person beside it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import measure, scratch
from bench.quality import asking, costs, figures, intent_sets, intents, reading, sets, table

OWN = Path(__file__).resolve().parents[1] / "questions"
OWN_INTENTS = OWN.with_name("intents")
COUNTED = 40  # questions that are asked again to count calls
SHORT = 6  # every so many of a set's questions, in the short form


def main() -> int:
    """Ask the sets, print the figures; 2 when a set cannot be read."""
    options = _options()
    paths = options.sets or [*sorted(OWN.glob("*.jsonl")), *sorted(OWN_INTENTS.glob("*.jsonl"))]
    labelled = [path for path in paths if intent_sets.is_one(path)]
    try:
        asked = [sets.read(path) for path in paths if path not in labelled]
        wanted = [intent_sets.read(path) for path in labelled]
    except sets.BadSet as problem:
        print(problem, file=sys.stderr)
        return 2
    if options.documents and not options.documents.is_dir():
        print(f"{options.documents}: there is no such folder", file=sys.stderr)
        return 2
    result: dict[str, Any] = {"machine": measure.machine()}
    if wanted:
        result["intents"] = intents.run(wanted, train=options.train)
        _print(intents.lines(result["intents"]))
    if asked:
        with scratch.product("quality", cache=True), scratch.embedder():
            result |= run(asked, documents=options.documents, short=options.short, misses=options.misses)
        _print(table.lines(result))
    measure.print_json(result)
    return 0


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path, metavar="SET.jsonl", help="question sets")
    parser.add_argument("--documents", type=Path, metavar="FOLDER", help="what the business has read")
    parser.add_argument("--train", type=Path, metavar="SET.jsonl", help="labelled intents to learn from")
    parser.add_argument("--short", action="store_true", help="a part of each set, for a quick look")
    parser.add_argument("--misses", action="store_true", help="tell each question that went wrong")
    return parser.parse_args()


def run(
    asked: Sequence[sets.Set], *, documents: Path | None = None, short: bool = False, misses: bool = False
) -> dict[str, Any]:
    """The figures of all sets; the product stands, and embeds."""
    from django.db import connection

    result: dict[str, Any] = {"machine": measure.machine(), "sets": {}}
    taught = _Taught(documents)
    for one in asked:
        name = one.name if one.name not in result["sets"] else f"{one.name}-{len(result['sets'])}"
        answered = asking.Answered()
        for business, questions in _parts(one, documents):
            measure.progress(f"{name} {business}".strip())
            connection.set_tenant(taught.business(one, business))
            asking.ask(questions[::SHORT] if short else questions, answered)
        result["sets"][name] = _told(answered, documents=_words(one, documents), misses=misses)
    result["calls"] = _calls(asked[0])
    connection.set_schema_to_public()
    return result


def _parts(one: sets.Set, documents: Path | None) -> Iterator[tuple[str, Sequence[sets.Question]]]:
    """A set's questions by the demo business that they are asked of; "" for any other documents."""
    names = _businesses(one) if documents is None else []
    if not names:
        yield "", one.questions
    for name in names:
        yield name, [question for question in one.questions if question.business == name]


def _businesses(one: sets.Set) -> list[str]:
    """The demo businesses that a set asks, when each of its questions names one."""
    names = sorted({question.business for question in one.questions})
    return names if all(map(reading.home, names)) else []


def _words(one: sets.Set, documents: Path | None) -> str:
    return str(documents or ", ".join(_businesses(one)) or "the gold passages")


class _Taught:
    """The businesses of this run; those of the same documents are one."""

    def __init__(self, documents: Path | None) -> None:
        self._documents, self._known = documents, {}

    def business(self, one: sets.Set, business: str) -> Any:
        """The tenant that has read what these questions are about."""
        folder = self._documents or (reading.home(business) if business else None)
        key = str(folder or id(one))
        if key not in self._known:
            self._known[key] = self._new(one, folder)
        return self._known[key]

    def _new(self, one: sets.Set, folder: Path | None) -> Any:
        from django_tenants.utils import schema_context

        from tenants.models import Tenant

        language = folder.name if folder and folder.name in reading.LANGUAGES else _language(one)
        schema = reading.business(f"quality-{len(self._known)}", language=language)
        with schema_context(schema):
            reading.read_folder(folder) if folder else reading.read_texts(one.texts())
        return Tenant.objects.get(schema_name=schema)


def _language(one: sets.Set) -> str:
    """What most questions are in."""
    spoken = [question.language for question in one.questions]
    return max(one.languages, key=spoken.count)


def _told(answered: asking.Answered, *, documents: str, misses: bool) -> dict[str, Any]:
    ways = {name: figures.told(outcomes) for name, outcomes in answered.outcomes.items()}
    answerable = sum(bool(one.question.golds) for one in answered.outcomes["product"])
    told = {
        "documents": documents,
        "passages": answered.passages,
        "golds_in_no_passage": answered.unknown,
        "pieces": answered.pieces,
        "questions": {
            "answerable": answerable,
            "unanswerable": len(answered.outcomes["product"]) - answerable,
        },
        "ways": ways,
        "beside": figures.beside(ways),
        "citations": {"quoted": answered.quoted, "invented": len(answered.invented)},
    }
    return told | ({"invented": answered.invented, "missed": answered.missed} if misses else {})


def _calls(one: sets.Set) -> dict[str, Any]:
    """Embedding calls of questions and of documents, in the business that was asked last."""
    asked = [(question.text, question.language) for question in one.questions[:COUNTED]]
    return {"questions": costs.questions(asked), "documents": costs.documents()}


if __name__ == "__main__":
    sys.exit(main())
