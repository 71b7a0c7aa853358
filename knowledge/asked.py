"""What customers asked lately and documents answered: whoever keeps the talk tells it (`register`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that documents answered, and the passage that the answer rests on, as it was read."""

    question: str
    language: str
    turn_id: int
    chunk_id: int | None
    document_id: int | None
    text: str


Recent = Callable[[int], Sequence[Asked]]
_tellers: list[Recent] = []


def register(teller: Recent) -> None:
    """Name who knows what was asked; in AppConfig.ready()."""
    _tellers[:] = [teller]


def recent(limit: int) -> list[Asked]:
    """The last questions that documents answered, newest first; at most `limit`, none when nobody tells."""
    return [one for teller in _tellers for one in teller(limit)][:limit]
