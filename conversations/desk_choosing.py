"""Who gets a chat, and which chat goes first. Pure.

Nobody is given more than they can take, and a skill only ever puts somebody first: where no free colleague
has it, another one helps. Who was given a chat longest ago comes first among equals.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

NORMAL, HIGH, URGENT = 0, 1, 2
VALUED = 70  # of a customer's value, 0 to 100: from here on they wait less
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who may take chats, and how many they have: `load` of at most `capacity`."""

    user_id: int
    load: int
    capacity: int
    skills: frozenset[str] = frozenset()
    last_given: datetime | None = None


def priority(*, is_emergency: bool, value: int | None) -> int:
    """What somebody who waits for a person begins with: 0 normal, 1 high, 2 urgent."""
    if is_emergency:
        return URGENT
    return HIGH if value is not None and value >= VALUED else NORMAL


def in_turn(colleagues: Sequence[Colleague], *, without: Collection[int] = ()) -> Colleague | None:
    """The next one: who was given a chat longest ago, of those who can take one."""
    return min(_free(colleagues, without), key=_longest_ago, default=None)


def by_load(
    colleagues: Sequence[Colleague], *, wanted: Collection[str], without: Collection[int] = ()
) -> Colleague | None:
    """Who has most of the skills that are wanted, then the most room, then waited longest."""
    return min(
        _free(colleagues, without),
        key=lambda one: (-len(one.skills & set(wanted)), one.load / one.capacity, *_longest_ago(one)),
        default=None,
    )


def _free(colleagues: Sequence[Colleague], without: Collection[int]) -> list[Colleague]:
    return [one for one in colleagues if one.load < one.capacity and one.user_id not in without]


def _longest_ago(one: Colleague) -> tuple[datetime, int]:
    return (one.last_given or NEVER, one.user_id)
