"""The assistants that knowledge may be kept for, by name: told from above, for knowledge knows no agent."""

from collections.abc import Callable, Iterable, Sequence

Names = Callable[[], Sequence[tuple[int, str]]]
_known: list[Names] = []


def register(names: Names) -> None:
    """Say who tells the ids and names of this business's assistants; in AppConfig.ready()."""
    _known[:] = [names]


def names() -> dict[int, str]:
    """Every assistant of this business, by id."""
    return dict(_known[0]()) if _known else {}


def named(ids: Iterable[int]) -> list[str]:
    """The names of these assistants; one that is gone has none."""
    known = names()
    return [known[one] for one in ids if one in known]
