"""Where a list of chats goes on: by the values of its last row, so that nothing new moves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime

from conversations.models import Conversation

NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # for what has no time: it comes after all that has one
SEPARATOR, NOTHING = "~", "-"


@dataclass(frozen=True, slots=True)
class Order:
    """Columns, each falling or rising, that together put any two chats in one order only.

    A falling column may be empty: as in PostgreSQL, what is empty comes first.
    """

    columns: tuple[str, ...]  # names as `order_by` takes them

    def names(self) -> list[str]:
        return [column.lstrip("-") for column in self.columns]

    def after(self, values: Sequence[Any]) -> Q:
        """What comes after the row with these values."""
        names, found = self.names(), Q()
        for place, column in enumerate(self.columns):
            same = Q(**dict(zip(names[:place], values[:place], strict=True)))
            found |= same & _beyond(column, values[place])
        # The same said again of the first column alone: so an index can begin there.
        first, falls = names[0], self.columns[0].startswith("-")
        return (
            found if values[0] is None else found & Q(**{f"{first}__{'lte' if falls else 'gte'}": values[0]})
        )


def _beyond(column: str, value: Any) -> Q:
    name = column.lstrip("-")
    if value is None:
        return Q(**{f"{name}__isnull": False})
    return Q(**{f"{name}__{'lt' if column.startswith('-') else 'gt'}": value})


LATEST = Order(("-last_message_at", "-pk"))
QUEUE = Order(("-priority", "due", "since", "pk"))
# The queue's times, where there may be none.
QUEUE_TIMES = {
    "due": Coalesce(F("sla_due_at"), Value(NEVER)),
    "since": Coalesce(F("waiting_since"), F("last_message_at"), Value(NEVER)),
}


def written(order: Order, row: Conversation) -> str:
    """The place after this row, as an address carries it."""
    return SEPARATOR.join(_word(getattr(row, name)) for name in order.names())


def _word(value: Any) -> str:
    if value is None:
        return NOTHING
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def read(order: Order, text: str) -> list[Any] | None:
    """The values of a place; None for none, or for what nobody of us wrote."""
    words = text.split(SEPARATOR) if text else []
    if len(words) != len(order.columns):
        return None
    try:
        return [_value(name, word) for name, word in zip(order.names(), words, strict=True)]
    except ValueError:
        return None


def _value(name: str, word: str) -> Any:
    if name in ("pk", "priority"):
        if not (word.isascii() and word.isdigit() and len(word) < 19):
            raise ValueError(word)
        return int(word)
    if word == NOTHING and name == "last_message_at":
        return None
    moment = parse_datetime(word)
    if moment is None or moment.tzinfo is None:
        raise ValueError(word)
    return moment
