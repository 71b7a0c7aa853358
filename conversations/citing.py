"""Which part of an answer rests on which passage: kept with the turn, shown beside the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from conversations.models import Message, Turn, TurnPassage
from providers import llm
from tenants import written
from tenants.written import slot

SIGNS = "€$£%"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an answer, and the passages that it rests on; none when the model named none."""

    text: str
    passages: tuple[TurnPassage, ...]


def keep(turn: Turn, completion: llm.Completion, body: str) -> None:
    """Write down what rests on what; in the caller's transaction."""
    if found := placed(completion, body):
        turn.citations = found
        _CITED(pk=turn.pk, citations=found)


_CITED = written.Change(lambda: Turn.objects.filter(pk=slot("pk")), "citations")


def placed(completion: llm.Completion, body: str) -> list[dict[str, Any]]:
    """The spans of an answer where they stand in the body that was made of it: `Turn.citations`.

    The medium's marks differ from the model's, so letters and digits are compared; a span of which they are
    not all there any more is left out.
    """
    shown, places = _letters(body)
    said, _ = _letters(completion.text)
    found: list[dict[str, Any]] = []
    after = 0
    for span in completion.spans:
        wanted, _ = _letters(completion.text[span.start : span.end])
        before = len(_letters(completion.text[: span.start])[0])
        at = _place(shown, said, wanted, before=before, after=after)
        if at is None:
            continue
        after = at + len(wanted)
        start, end = _with_marks(body, places[at], places[after - 1] + 1, least=_end_of(found))
        found.append({"start": start, "end": end, "passages": list(span.passages)})
    return found


def _letters(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text, and where each of them stands; amounts with their signs."""
    kept = [(number, char) for number, char in enumerate(text) if char.isalnum() or char in SIGNS]
    return "".join(char for _, char in kept), [number for number, _ in kept]


def _place(shown: str, said: str, wanted: str, *, before: int, after: int) -> int | None:
    """Where these letters of `said` stand in `shown`, with so many of it before them.

    What was only cut off or written with other marks keeps its letters' places; otherwise they have moved by
    no more than there are letters more or fewer, and of several places the nearest is taken.
    """
    if not wanted or said.startswith(shown):
        return before if wanted and before + len(wanted) <= len(shown) else None
    moved = abs(len(said) - len(shown))
    first = max(after, before - moved)
    found = [at for at in range(first, before + moved + 1) if shown.startswith(wanted, at)]
    return min(found, key=lambda at: abs(at - before), default=None)


def _with_marks(body: str, start: int, end: int, *, least: int) -> tuple[int, int]:
    """With the quotation marks before and the full stop behind."""
    while start > least and not (body[start - 1].isalnum() or body[start - 1].isspace()):
        start -= 1
    while end < len(body) and not (body[end].isalnum() or body[end].isspace()):
        end += 1
    return start, end


def _end_of(found: Sequence[dict[str, Any]]) -> int:
    return int(found[-1]["end"]) if found else 0


def parts(message: Message, turn: Turn) -> list[Part]:
    """The answer cut where its footing changes; empty when the model told nothing, or it was edited since."""
    body, cited = message.body, turn.citations
    if not cited or message.edited_at is not None or cited[-1]["end"] > len(body):
        return []
    by_rank = {passage.rank: passage for passage in turn.passages.all()}
    found: list[Part] = []
    last = 0
    for one in cited:
        found.append(Part(body[last : one["start"]], ()))
        named = tuple(by_rank[rank] for rank in one["passages"] if rank in by_rank)
        found.append(Part(body[one["start"] : one["end"]], named))
        last = one["end"]
    found.append(Part(body[last:], ()))
    return [Part(one.text.strip(), one.passages) for one in found if any(map(str.isalnum, one.text))]


def with_sources() -> tuple[Prefetch]:
    """For a list of messages: which passages their answers cite, two statements for all of them."""
    shown = TurnPassage.objects.filter(cited=True).only("turn", "rank", "document_title", "page")
    return (Prefetch("turn__passages", queryset=shown.order_by("rank"), to_attr="cited_passages"),)
