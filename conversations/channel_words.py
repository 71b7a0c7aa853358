"""What is so with a channel, in words that its owner understands, with what to do about it."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from conversations import channels
from conversations.health import Reason
from conversations.models import Channel, ChannelStatus

STATES = {
    "WORKING": gettext_lazy("connected"),
    "STARTING": gettext_lazy("starting"),
    "SCAN_QR_CODE": gettext_lazy("waits for its QR code to be scanned with the phone"),
    "PASSKEY_REQUIRED": gettext_lazy("WhatsApp asks for the passkey of this account"),
    "PASSKEY_CONFIRMATION_REQUIRED": gettext_lazy("the code must be confirmed on the phone"),
    "STOPPED": gettext_lazy("stopped"),
    "FAILED": gettext_lazy("out of order"),
    "green": gettext_lazy("works"),
    "amber": gettext_lazy("perhaps something is wrong"),
    "red": gettext_lazy("does not work"),
}
REASONS = {
    Reason.NEW: gettext_lazy("It was not asked yet; that happens within a minute."),
    Reason.PAIRING: gettext_lazy("No phone is connected to it yet."),
    Reason.SETTLING: gettext_lazy("It is starting again. That takes a minute or two."),
    Reason.STATE: gettext_lazy(
        "The number is not connected: %(state)s. Open the channel and connect it again."
    ),
    Reason.UNSTEADY: gettext_lazy("The gateway did not answer the last time: %(error)s"),
    Reason.UNREACHABLE: gettext_lazy("The gateway does not answer: %(error)s Ask whoever runs it."),
    Reason.REFUSED: gettext_lazy(
        "The gateway answers, and refuses us: %(error)s Check its address, key and session."
    ),
    Reason.SILENT: gettext_lazy(
        "It says that it is connected, but for %(minutes)s minutes and more nothing that was sent has "
        "arrived. Restart it; when that does not help, connect the phone again."
    ),
    Reason.ONE_SILENT: gettext_lazy(
        "One customer has not received a message for %(minutes)s minutes and more. "
        "Perhaps their phone is off."
    ),
    Reason.UNPROVEN: gettext_lazy(
        "It is connected again. It counts as working when the next message has arrived."
    ),
    Reason.FAILING: gettext_lazy("Messages to several customers could not be sent. Open Chats to see why."),
}


# What the vendors' adapters say, for the translators; what is not here is shown as it was said.
SAID = (
    gettext_noop("The gateway cannot be reached."),
    gettext_noop("The gateway did not answer."),
    gettext_noop("The gateway failed."),
    gettext_noop("The gateway refused."),
    gettext_noop("The gateway refused the key."),
    gettext_noop("The gateway asks to wait."),
    gettext_noop("The gateway's session is not working."),
    gettext_noop("The gateway knows no such session or message."),
    gettext_noop("The gateway has a session of this name already."),
    gettext_noop("The address or the key of the gateway cannot be used."),
    gettext_noop("There is no such host."),
    gettext_noop("This is no web address."),
    gettext_noop("This is no phone number: write it as +55 11 98888-7777."),
    gettext_noop("The address cannot be looked up at this moment."),
    gettext_noop("This address is inside a private network, and may not be called."),
    gettext_noop("The address must begin with http:// or https:// and name a host."),
    gettext_noop("The address must not carry a user name or a password."),
    gettext_noop("The address has a character that cannot stand in one."),
)


def said(error: object) -> str:
    """What went wrong in the reader's language; a code in brackets at its end is left as it is."""
    words, _space, code = str(error).partition(" (")
    plain = f"{words}." if code else words
    return f"{_(plain)} ({code.rstrip('.')}" if code and plain in SAID else _(str(error)) if error else ""


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
        "error": said(channel.probe_error),
        "minutes": channel.watchdog_minutes,
    }


def restriction(channel: Channel) -> str:
    """What WhatsApp forbids the number now, and until when; empty when it forbids nothing."""
    until = channel.restricted_until
    if not channel.restriction or until is None or until <= timezone.now():
        return ""
    words = _("WhatsApp restricts this number: it %(what)s, until %(time)s.")
    shown = date_format(timezone.localtime(until), "SHORT_DATETIME_FORMAT")
    said = words % {"what": channel.get_restriction_display(), "time": shown}
    return f"{said.rstrip('.')}."  # an English time ends in "p.m."


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
    if entry.status not in Channel.Health.values:
        return ": ".join(filter(None, (state(entry.status), entry.detail)))
    reason, _space, error = entry.detail.partition(" ")
    why = str(HISTORY[Reason(reason)]) if reason in HISTORY else ""
    if entry.status == Channel.Health.AMBER and why:
        return why
    return " ".join(filter(None, (": ".join(filter(None, (state(entry.status), why))), said(error))))


HISTORY = {
    Reason.NEW: gettext_lazy("not asked yet"),
    Reason.PAIRING: gettext_lazy("not connected to a phone yet"),
    Reason.SETTLING: gettext_lazy("starting again"),
    Reason.STATE: gettext_lazy("the number was not connected"),
    Reason.UNSTEADY: gettext_lazy("the gateway did not answer once"),
    Reason.UNREACHABLE: gettext_lazy("the gateway did not answer"),
    Reason.REFUSED: gettext_lazy("the gateway refused us"),
    Reason.SILENT: gettext_lazy("nothing that was sent arrived"),
    Reason.ONE_SILENT: gettext_lazy("one customer received nothing"),
    Reason.UNPROVEN: gettext_lazy("connected again, not proven yet"),
    Reason.FAILING: gettext_lazy("messages to several customers could not be sent"),
}
