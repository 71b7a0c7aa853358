"""How each kind of channel shows itself under Account > Channels: a registry, filled in AppConfig.ready().

The page makes the frame: name, health, assistant, switch, history. A kind adds what is its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from conversations.models import Channel


def _nothing(_channel: Channel) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Card:
    """What a kind of channel brings to the page.

    `template` is included inside its card, with `channel` and what `context(channel)` gives. `add` is the URL
    name of the page that makes one, `settings` that of its own settings (it takes the channel's id); empty
    when there is none. `title` and `pitch` stand on the page where one chooses what to add.
    """

    kind: str
    icon: str
    title: Any
    pitch: Any = ""
    template: str = ""
    add: str = ""
    settings: str = ""
    context: Callable[[Channel], Mapping[str, Any]] = _nothing


_cards: dict[str, Card] = {}


def register(card: Card) -> None:
    """Let this card stand for the channels of its kind; called once, in AppConfig.ready()."""
    _cards[card.kind] = card


def card_of(channel: Channel) -> Card:
    """The card of this channel; a kind without one is shown with its frame only."""
    return _cards.get(channel.kind) or Card(channel.kind, "plug", channel.get_kind_display())


def to_add() -> list[Card]:
    """The kinds that a person can add here, in the order in which they were registered."""
    return [card for card in _cards.values() if card.add]


def register_own() -> None:
    """The kinds that are part of the product from the start; another kind's module registers its own."""
    register(
        Card(
            "waha",
            "smartphone",
            _("WhatsApp through a gateway"),
            _("Your own number, connected like WhatsApp Web through a WAHA gateway that you or we run."),
            template="conversations/_channel_waha.html",
            add="account_channel_new_waha",
        )
    )
    register(Card("test", "messages-square", _("Test chat")))
    register(Card("api", "key-round", _("Programs")))
