"""What a customer allowed: how it stands, its history, and what a person writes down of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from conversations import remembering
from conversations.models import Consent, Contact
from tenants import audit, live
from tenants.models import User

Purpose = Consent.Purpose
BY_HAND = (Purpose.MESSAGES, Purpose.PROFILE)  # of which a person may write down a yes or a no
TEXT_VERSION = "by hand"  # no text of ours was shown: their words are what was said
MOST_SHOWN = 30
TITLES: dict[str, Any] = {
    Purpose.MESSAGES: _("Messages that they did not ask for"),
    Purpose.PROFILE: _("Being remembered"),
    Purpose.DETAILS: _("Keeping their details"),
}


class OwnWord(Exception):
    """The customer said no themselves, so only they can say yes again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one purpose stands: True allowed, False withdrawn, None never said."""

    purpose: str
    title: Any
    given: bool | None
    last: Consent | None
    by_hand: bool  # whether a person may write down a change


def history(contact: Contact) -> list[Consent]:
    """Every word on it, the latest first; one statement."""
    return list(contact.consents.select_related("by", "channel").order_by("-pk")[:MOST_SHOWN])


def standing(contact: Contact, said: Sequence[Consent]) -> list[Standing]:
    """Each purpose by its last word. Pure."""
    found = [_standing(contact, purpose, said) for purpose in Purpose]
    return [one for one in found if one.by_hand or one.last is not None]


def _standing(contact: Contact, purpose: Purpose, said: Sequence[Consent]) -> Standing:
    last = next((one for one in said if one.purpose == purpose), None)
    given = last.given if last is not None else None
    if purpose == Purpose.MESSAGES and contact.opted_out_at is not None:
        given = False
    return Standing(purpose, TITLES[purpose], given, last, purpose in BY_HAND)


@transaction.atomic(durable=True)
def note(contact_id: int, *, purpose: str, given: bool, words: str, user: User, now: datetime) -> None:
    """Keep what a customer said elsewhere; raises remembering.NotAllowed and OwnWord."""
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    if purpose == Purpose.PROFILE:
        change = remembering.allow if given else remembering.forget
        return change(contact, words=words, user=user, now=now)
    if given and said_no_themselves(contact):
        raise OwnWord
    write(contact, given=given, words=words, by=user, version=TEXT_VERSION, now=now)
    if not given and remembering.may_have(contact):
        remembering.forget(contact, words=words, user=user, now=now)
    audit.record("contact.opt_in" if given else "contact.opt_out", actor=user, target=contact_id)
    live.publish("contact.changed", id=contact_id)
    return None


def said_no_themselves(contact: Contact) -> bool:
    """Whether their last word on our messages was a no of their own, in a chat."""
    if contact.opted_out_at is None:
        return False
    last = contact.consents.filter(purpose=Purpose.MESSAGES).order_by("-pk").first()
    return last is not None and not last.given and last.by_id is None


def write(
    contact: Contact, *, given: bool, words: str, by: User | None, version: str, now: datetime
) -> Consent:
    """One word on our messages, and what follows from it; the caller has the contact locked."""
    contact.opted_out_at = None if given else (contact.opted_out_at or now)
    contact.save(update_fields=["opted_out_at"])
    return Consent.objects.create(
        contact=contact,
        purpose=Purpose.MESSAGES,
        given=given,
        words=words.strip()[:80],
        text_version=version,
        by=by,
        created_at=now,
    )
