"""What is so with a channel, in words that its owner understands, with what to do about it."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from conversations import channels
from conversations.health import Reason
from conversations.models import Channel, ChannelStatus

STATES = {
    "WORKING": lazy("connected"),
    "STARTING": lazy("starting"),
    "SCAN_QR_CODE": lazy("waits for its QR code to be scanned with the phone"),
    "PASSKEY_REQUIRED": lazy("WhatsApp asks for the passkey of this account"),
    "PASSKEY_CONFIRMATION_REQUIRED": lazy("the code must be confirmed on the phone"),
    "STOPPED": lazy("stopped"),
    "FAILED": lazy("out of order"),
    "green": lazy("works"),
    "amber": lazy("perhaps something is wrong"),
    "red": lazy("does not work"),
}
REASONS = {
    Reason.NEW: lazy("It was not asked yet; that happens within a minute."),
    Reason.PAIRING: lazy("It is not connected to a phone yet. Open it and connect the number."),
    Reason.SETTLING: lazy("It is starting again. That takes a minute or two."),
    Reason.STATE: lazy("The number is not connected: %(state)s. Open the channel and connect it again."),
    Reason.UNSTEADY: lazy("The gateway did not answer the last time: %(error)s"),
    Reason.UNREACHABLE: lazy("The gateway does not answer: %(error)s Ask whoever runs it."),
    Reason.REFUSED: lazy(
        "The gateway answers, and refuses us: %(error)s Check its address, key and session."
    ),
    Reason.SILENT: lazy(
        "It says that it is connected, but for %(minutes)s minutes and more nothing that was sent has "
        "arrived. Restart it; when that does not help, connect the phone again."
    ),
    Reason.ONE_SILENT: lazy(
        "One customer has not received a message for %(minutes)s minutes and more. "
        "Perhaps their phone is off."
    ),
    Reason.UNPROVEN: lazy("It is connected again. It counts as working when the next message has arrived."),
    Reason.FAILING: lazy("Messages to several customers could not be sent. Open Chats to see why."),
}


def state(status: str) -> str:
    """The vendor's word for a state, or our own judgement, in words."""
    return str(STATES.get(status, status.replace("_", " ").lower()))


def is_ours(channel: Channel) -> bool:
    """Whether no vendor carries it, so that it works whenever this page does."""
    return not channels.transport(channel).limits.remote


def headline(channel: Channel) -> str:
    """Two or three words: what is so."""
    if not channel.is_active:
        return _("switched off")
    if is_ours(channel):
        return _("works")
    if channel.health == Channel.Health.GREEN:
        return _("works")
    if channel.health_reason == Reason.PAIRING:
        return _("not connected yet")
    return state(channel.health) if channel.health else _("not asked yet")


def explanation(channel: Channel) -> str:
    """One or two sentences: why it is not green and what to do; empty when all is well."""
    if not channel.is_active or is_ours(channel) or channel.health == Channel.Health.GREEN:
        return ""
    words = REASONS.get(Reason(channel.health_reason)) if channel.health_reason else REASONS[Reason.NEW]
    return str(words) % {
        "state": state(channel.status),
        "error": channel.probe_error,
        "minutes": channel.watchdog_minutes,
    }


def dot(channel: Channel) -> str:
    """The colour of its light, as the class of the page's dot; never the only sign of it."""
    if not channel.is_active:
        return ""
    colours = {Channel.Health.GREEN: "dot-good", Channel.Health.RED: "dot-bad"}
    return (
        "dot-good"
        if is_ours(channel)
        else colours.get(Channel.Health(channel.health or "amber"), "dot-notice")
    )


def history(entry: ChannelStatus) -> str:
    """One line of a channel's history. A judgement of ours carries its reason, and the vendor's own words."""
    reason, _space, said = entry.detail.partition(" ")
    if entry.status in Channel.Health.values and reason in HISTORY:
        return f"{HISTORY[Reason(reason)]} {said}".strip()
    return "" if entry.status in Channel.Health.values else entry.detail


HISTORY = {
    Reason.NEW: lazy("not asked yet"),
    Reason.PAIRING: lazy("not connected to a phone yet"),
    Reason.SETTLING: lazy("starting again"),
    Reason.STATE: lazy("the number was not connected"),
    Reason.UNSTEADY: lazy("the gateway did not answer once"),
    Reason.UNREACHABLE: lazy("the gateway did not answer"),
    Reason.REFUSED: lazy("the gateway refused us"),
    Reason.SILENT: lazy("nothing that was sent arrived"),
    Reason.ONE_SILENT: lazy("one customer received nothing"),
    Reason.UNPROVEN: lazy("connected again, not proven yet"),
    Reason.FAILING: lazy("messages to several customers could not be sent"),
}
