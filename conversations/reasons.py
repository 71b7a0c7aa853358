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
_KNOWN = tuple((re.compile(pattern), words) for pattern, words in WORDS)


def in_words(error: str) -> str:
    """The reason for a person; empty for none."""
    if not error:
        return ""
    return next((_(words) for pattern, words in _KNOWN if pattern.search(error)), _(error))
