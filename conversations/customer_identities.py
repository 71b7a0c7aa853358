"""How channels know a customer, as people read it: whole for who may see it, else masked."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from conversations.models import Channel, Contact, ContactIdentity

NUMBERED = ("c.us", "cloud")  # kinds of names that begin with a phone number
NUMBER_CHANNELS = (Channel.Kind.WAHA, Channel.Kind.CLOUD)
LEAST, MOST = 8, 15  # digits of a number with its country's code


@dataclass(frozen=True, slots=True)
class Shown:
    """One name of a customer on one channel, as a page draws it."""

    channel: str
    kind: str
    value: str
    is_masked: bool


def of(contact: Contact, *, whole: bool = False) -> list[Shown]:
    """How each channel knows them; one statement."""
    rows = contact.identities.exclude(channel__kind=Channel.Kind.TEST).select_related("channel")
    return [_shown(row, whole=whole) for row in rows.order_by("channel__name", "pk")]


def _shown(row: ContactIdentity, *, whole: bool) -> Shown:
    value = name_of(row)
    return Shown(row.channel.name, kind_in_words(row), value if whole else masked(value), not whole)


def number_of(row: ContactIdentity) -> str:
    """The digits of its phone number; empty for any other name."""
    head = row.value.partition("@")[0]
    return head if row.kind in NUMBERED and head.isdigit() else ""


def name_of(row: ContactIdentity) -> str:
    """A number with a plus before it, any other name without the channel's ending."""
    number = number_of(row)
    return f"+{number}" if number else row.value.partition("@")[0]


def masked(value: str) -> str:
    """Enough to tell two apart, too little to call: the beginning and the last two characters."""
    head = 5 if value.startswith("+") else 2
    return f"{value[:head]} ••• {value[-2:]}" if len(value) > head + 3 else "•••"


def kind_in_words(row: ContactIdentity) -> str:
    if number_of(row):
        return _("number")
    return {"lid": _("hidden id"), "user_id": _("user id"), "web": _("browser")}.get(row.kind, _("id"))


def digits(text: str) -> str:
    """A phone number as people type it, as digits; empty when it is none. Two zeros or a plus begin it."""
    found = "".join(letter for letter in text if letter.isdigit())
    others = set(text.strip()) - set("0123456789 +-().\u00a0")
    found = found[2:] if found.startswith("00") else found
    return found if not others and LEAST <= len(found) <= MOST else ""


def on(channel: Channel, number: str) -> ContactIdentity:
    """How this channel knows a number; not saved."""
    waha = channel.kind == Channel.Kind.WAHA
    kind, value = ("c.us", f"{number}@c.us") if waha else ("cloud", number)
    return ContactIdentity(channel=channel, kind=kind, value=value)


def values_of(numbers: Sequence[str]) -> list[str]:
    """Every way in which a channel may hold these numbers."""
    return [value for number in numbers for value in (f"{number}@c.us", number)]
