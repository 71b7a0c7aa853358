"""Why a message did not go out, in words that a person understands and with what to do about it.

A row keeps what the vendor's adapter said, in English; this says it in the reader's language. What is not
known here is shown as it was said: an adapter's reasons are whole sentences already.
"""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

WORDS: tuple[tuple[str, str], ...] = (
    (
        r"^The gateway cannot be reached",
        gettext_noop("WhatsApp's gateway could not be reached. Once it runs again, send this again."),
    ),
    (
        r"^The address or the key of the gateway cannot be used",
        gettext_noop("The gateway's address or key is not valid. Correct it under Account, Channels."),
    ),
    (
        r"^The gateway did not answer|^The gateway failed",
        gettext_noop("The gateway broke off while it was sending. It may have arrived: look at the phone."),
    ),
    (
        r"^The gateway knows no such",
        gettext_noop("The gateway does not know this number or chat any more. Connect the number again."),
    ),
    (
        r"^The gateway's session is not working",
        gettext_noop("The number is not connected. Connect it under Account, Channels, and send this again."),
    ),
    (
        r"^The gateway asks to wait",
        gettext_noop("Too many messages in a short time. Wait a minute and send this again."),
    ),
    (
        r"^The gateway refused (the key )?\((401|403)\)",
        gettext_noop("The gateway does not accept its key. Correct it under Account, Channels."),
    ),
    (r"^The gateway refused \((413)\)", gettext_noop("The file is too large for the gateway.")),
    (
        r"^The gateway refused",
        gettext_noop("The gateway refused this message. Change it, or write another one."),
    ),
    (
        r"\(time lock\)",
        gettext_noop("WhatsApp lets this number answer only who wrote first. Wait until this person writes."),
    ),
    (
        r"^WhatsApp could not deliver",
        gettext_noop("WhatsApp could not deliver this. The person may have blocked the number or left."),
    ),
    (
        r"^The vendor cannot be asked",
        gettext_noop("Nobody can say whether this arrived. Ask the customer before you send it again."),
    ),
    (r"^The file is too large", gettext_noop("The file is too large.")),
    (r"^The file is gone", gettext_noop("The file is not in the store any more. Attach it again.")),
)
# What the adapters and the outbox say in whole sentences, for the translators.
SENTENCES = (
    gettext_noop("WhatsApp cannot be reached."),
    gettext_noop("WhatsApp does not work at this moment."),
    gettext_noop("WhatsApp asks to wait: too much was sent at once."),
    gettext_noop("WhatsApp asks to wait: too many messages to this person within seconds."),
    gettext_noop("The business account is in maintenance at Meta for some minutes."),
    gettext_noop(
        "WhatsApp no longer accepts this channel's access token: make a new one and enter it at the channel."
    ),
    gettext_noop(
        "The access token may not do this: give it whatsapp_business_messaging and _management in Meta's app."
    ),
    gettext_noop("This phone number ID is not known to WhatsApp, or the access token may not use it."),
    gettext_noop("WhatsApp did not accept the message as it was written."),
    gettext_noop("WhatsApp has restricted this business account: look at its account quality at Meta."),
    gettext_noop("WhatsApp did not deliver this: the person is in one of its own marketing experiments."),
    gettext_noop("WhatsApp does not let this business write to people of that country."),
    gettext_noop("A number cannot write to itself."),
    gettext_noop("This person cannot be reached here: no WhatsApp on this number, or too old a version."),
    gettext_noop("A test number writes only to the numbers that are listed for it in Meta's app."),
    gettext_noop("The number's display name waits for WhatsApp's approval."),
    gettext_noop("WhatsApp could not charge the business account: set up its payment method at Meta."),
    gettext_noop("The number is not registered with WhatsApp: register it again at Meta."),
    gettext_noop("More than 24 hours have passed since the customer wrote: send a template instead."),
    gettext_noop("WhatsApp has limited this number, since people reported it: look at its quality at Meta."),
    gettext_noop(
        "WhatsApp held this back: the person has had enough marketing lately. Try again in a few days."
    ),
    gettext_noop("The person has stopped marketing messages of this business."),
    gettext_noop("There are not enough credits for this template."),
    gettext_noop("WhatsApp does not carry this kind of message."),
    gettext_noop("WhatsApp could not hand out the customer's file: ask them to send it again."),
    gettext_noop("WhatsApp did not take the file: send it in another format, or smaller."),
    gettext_noop("This person has no phone number here, and this kind of template needs one."),
    gettext_noop("The template's blanks do not fit: read the templates again and fill them in anew."),
    gettext_noop("WhatsApp has no such approved template in this language: read the templates again."),
    gettext_noop("The template with its blanks filled in is too long."),
    gettext_noop("The template breaks a rule of WhatsApp's: choose another."),
    gettext_noop("WhatsApp has paused this template, since people did not like it: choose another."),
    gettext_noop("WhatsApp has switched this template off: choose another."),
    gettext_noop("The business must first accept WhatsApp's payment terms at Meta."),
    gettext_noop("WhatsApp did not answer."),
    gettext_noop("WhatsApp failed, and may have sent it."),
    gettext_noop("WhatsApp refused."),
    gettext_noop("WhatsApp took the file and did not say under which id."),
    gettext_noop("The access token or the number of this channel cannot be used."),
    gettext_noop(
        "The customer last wrote more than 24 hours ago: WhatsApp lets only a template through now."
    ),
    gettext_noop("WhatsApp lets this number write to no more new people now (capping)."),
    gettext_noop("This number is not on WhatsApp."),
    gettext_noop("This person asked not to get such messages."),
    gettext_noop("On this channel the customer must write first."),
    gettext_noop("This template may not be sent on this channel."),
    gettext_noop("The gateway's engine cannot do this."),
    gettext_noop("The gateway has this file no more."),
    gettext_noop("The gateway took this several times and never sent it."),
    gettext_noop("The file could not be fetched."),
    gettext_noop("The file has no address that can be used."),
    gettext_noop("The file is not at WhatsApp, and is not fetched."),
    gettext_noop("The file came too slowly."),
    gettext_noop("The file did not come whole."),
    gettext_noop("The file never came."),
    gettext_noop("Visitors of the web chat send no files."),
    gettext_noop("The API channel carries no files."),
    gettext_noop("The test chat carries no files."),
    gettext_noop("This channel cannot do that."),
    gettext_noop("It is too late for that: WhatsApp allows it only for a while."),
)
# Why a customer's message came to its end.
ENDINGS = (
    gettext_noop("a person has this conversation"),
    gettext_noop("a person dealt with it"),
    gettext_noop("a voice note was heard badly"),
    gettext_noop("confirmed what was heard"),
    gettext_noop("not what the customer said"),
    gettext_noop("asked to say it again"),
    gettext_noop("opted out"),
    gettext_noop("opted in"),
    gettext_noop("opted out already"),
    gettext_noop("rated"),
    gettext_noop("asked to be remembered"),
    gettext_noop("asked to be forgotten"),
    gettext_noop("the customer took it back"),
    gettext_noop("a call; nobody can take it here"),
    gettext_noop("a call, answered with the text for calls"),
    gettext_noop("done for a member of the team"),
    gettext_noop("a member's own number"),
)
# What became of an id at the door, and what had come with it.
AT_DOOR = (
    gettext_noop("received"),
    gettext_noop("repeated"),
    gettext_noop("own message"),
    gettext_noop("own message confirmed"),
    gettext_noop("receipt changes nothing"),
    gettext_noop("unknown receipt"),
    gettext_noop("group"),
    gettext_noop("status"),
    gettext_noop("channel"),
    gettext_noop("broadcast"),
    gettext_noop("another session"),
    gettext_noop("another number"),
    gettext_noop("another account"),
    gettext_noop("a call from nobody"),
    gettext_noop("our own vote"),
    gettext_noop("edit changes nothing"),
    gettext_noop("taken back before"),
    gettext_noop("an older reaction"),
    gettext_noop("an older vote"),
    gettext_noop("message is edited"),
    gettext_noop("message is taken back"),
    gettext_noop("reaction is kept"),
    gettext_noop("vote is taken back"),
    gettext_noop("call is noted"),
    gettext_noop("call is answered by a text"),
    gettext_noop("message is sent"),
    gettext_noop("message is delivered"),
    gettext_noop("message is read"),
    gettext_noop("message is failed"),
)
WHAT = {
    "said": gettext_noop("message"),
    "receipt": gettext_noop("receipt"),
    "edited": gettext_noop("edit"),
    "revoked": gettext_noop("taken back"),
    "reacted": gettext_noop("reaction"),
    "voted": gettext_noop("vote"),
    "called": gettext_noop("call"),
    "skipped": gettext_noop("other"),
}
IGNORED = "ignored: "
REFUSED = "WhatsApp refused: "  # and then WhatsApp's own words
MERGED = "merged into turn "
_CODE = re.compile(r" \(\w+\)\.$")  # what an adapter puts at the end for the log
_KNOWN = tuple((re.compile(pattern), words) for pattern, words in WORDS)


def in_words(error: str) -> str:
    """The reason for a person; empty for none."""
    if not error:
        return ""
    known = next((_(words) for pattern, words in _KNOWN if pattern.search(error)), "")
    return known or _sentence(error)


def _sentence(error: str) -> str:
    """As it was said, or in the reader's language; a vendor's own words behind ours stay as they are."""
    if error.startswith(REFUSED):
        return _("WhatsApp refused: %(words)s") % {"words": error.removeprefix(REFUSED)}
    plain = _CODE.sub(".", error)
    return _(error) if plain == error or plain not in SENTENCES else _(plain)


def why_ended(reason: str) -> str:
    """Why a customer's message came to its end, for a person; empty for none."""
    if reason.startswith(MERGED):
        return _("merged into answer %(n)s") % {"n": reason.removeprefix(MERGED)}
    return _(reason) if reason else ""


def at_door(outcome: str) -> str:
    """What became of an id or a whole delivery at the door, for a person; empty for nothing yet."""
    if outcome.startswith(IGNORED):
        return f"{_('ignored')}: {at_door(outcome.removeprefix(IGNORED))}"
    return _(outcome) if outcome in AT_DOOR else outcome


def what_came(what: str) -> str:
    """The kind of a thing that came to a door, for a person."""
    return _(WHAT[what]) if what in WHAT else what
