"""Who a customer is, as far as it is proved: what private records may be shown to them rests on this alone.

On WhatsApp the number is proved by the medium. Anybody else proves an e-mail address: a code goes to it, if
it is on record with the business and stands in the customer's own words, and comes back in this very thread.
Whether an address is on record is told to nobody. Codes are few: for a person, an address, a business.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from conversations.models import Channel, Contact, Conversation, Proof
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.db import connection

log = structlog.get_logger(__name__)
CODE_DIGITS = 6
CODE_LIVES = timedelta(minutes=15)
PROVED_FOR = timedelta(hours=12)
MOST_TRIES = 5  # at one code
HOUR = timedelta(hours=1)
MOST_A_THREAD, MOST_AN_ADDRESS, MOST_A_BUSINESS = 3, 3, 60  # codes an hour
SEND_TRIES = 3
WHATSAPP = (Channel.Kind.WAHA, Channel.Kind.CLOUD)
MAIL = re.compile(r"[^@\s<>,;:\"()]{1,64}@[^@\s<>,;:\"()]{1,190}\.[a-zA-Z]{2,24}")
_IN_ROWS = """
SELECT EXISTS (
  SELECT FROM agents_recordrow, jsonb_each_text(values) AS cell WHERE lower(btrim(cell.value)) = %s)
"""


@dataclass(frozen=True, slots=True)
class Proved:
    """Numbers (digits only) and e-mail addresses (lower case) that are this customer's for sure."""

    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()


NOBODY = Proved()
_sources: list[Callable[[str], bool]] = []


def register_records(has: Callable[[str], bool]) -> None:
    """Ask this, too, whether an e-mail address is on record; called in AppConfig.ready()."""
    if has not in _sources:
        _sources.append(has)


def proved(conversation_id: int, *, now: datetime) -> Proved:
    """What is proved of who writes in this thread, at this moment."""
    conversation = Conversation.objects.select_related("channel").get(pk=conversation_id)
    mails = Proof.objects.filter(conversation=conversation_id, proved_at__gt=now - PROVED_FOR)
    return Proved(_numbers(conversation), frozenset(mails.values_list("email", flat=True)))


def _numbers(conversation: Conversation) -> frozenset[str]:
    """The number that writes, not one that somebody joined to this customer later."""
    if conversation.channel.kind not in WHATSAPP:
        return frozenset()
    chat, _at, kind = conversation.address.partition("@")
    if kind in ("c.us", "s.whatsapp.net", "") and chat.isdigit():
        return frozenset({chat})
    return frozenset()


# -- a code


def is_mail(text: str) -> bool:
    return MAIL.fullmatch(text) is not None


@transaction.atomic(durable=True)
def ask(conversation_id: int, email: str, *, now: datetime) -> bool:
    """Have a code sent to this address, if it is on record; False when no more may be asked for now."""
    conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=conversation_id)
    email = email.strip().lower()
    recent = Proof.objects.filter(created_at__gt=now - HOUR)
    if (
        recent.filter(conversation=conversation).count() >= MOST_A_THREAD
        or recent.filter(email=email).count() >= MOST_AN_ADDRESS
        or recent.count() >= MOST_A_BUSINESS
    ):
        return False
    Proof.objects.filter(conversation=conversation, proved_at=None).update(expires_at=now)
    proof = Proof.objects.create(
        conversation=conversation,
        email=email,
        code="",
        send_at=now,
        expires_at=now + CODE_LIVES,
        created_at=now,
    )
    enqueue(send, proof_id=proof.pk)
    return True


def is_on_record(contact_id: int, email: str) -> bool:
    """Whether the business knows this address: as the customer's, in its tables, or by a source."""
    told = Contact.objects.filter(pk=contact_id).values_list("details", flat=True).first() or {}
    if str(told.get("email", "")).lower() == email:
        return True
    with connection.cursor() as cursor:
        cursor.execute(_IN_ROWS, [email])
        if cursor.fetchone()[0]:
            return True
    return any(has(email) for has in _sources)


@task()
def send(proof_id: int) -> None:
    """Send the code, made at this moment: nobody but the mail has it."""
    now = timezone.now()
    claimed = Proof.objects.filter(pk=proof_id, send_at__lte=now, expires_at__gt=now, attempts__lt=SEND_TRIES)
    if not claimed.update(send_at=now + timedelta(seconds=60), attempts=F("attempts") + 1):
        return
    proof = Proof.objects.select_related("conversation").get(pk=proof_id)
    if not is_on_record(proof.conversation.contact_id, proof.email):
        Proof.objects.filter(pk=proof.pk).update(send_at=None)  # nobody hears of it
        return
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    Proof.objects.filter(pk=proof.pk).update(code=_digest(proof.pk, code))
    subject, text = _letter(code, proof.conversation.language or tenant().language)
    try:
        send_mail(subject, text, None, [proof.email])
    except OSError as error:
        log.warning("code.not_sent", proof_id=proof.pk, error=type(error).__name__)  # the sweep tries again
        return
    Proof.objects.filter(pk=proof.pk).update(send_at=None, sent_at=now)


def due(*, now: datetime) -> list[int]:
    """Codes that should have been sent by now."""
    waiting = Proof.objects.filter(send_at__lt=now, expires_at__gt=now, attempts__lt=SEND_TRIES)
    return list(waiting.values_list("pk", flat=True)[:100])


def _letter(code: str, language: str) -> tuple[str, str]:
    with translation.override(language):
        subject = _("%(business)s: your code") % {"business": tenant().name}
        text = _(
            "Your code is %(code)s. Write it in the chat with %(business)s, where it was asked for. It is "
            "good for 15 minutes.\n\n"
            "If you did not ask for it, do nothing: nobody can see anything without it."
        ) % {"code": code, "business": tenant().name}
    return " ".join(subject.split()), text


@transaction.atomic(durable=True)
def check(conversation_id: int, code: str, *, now: datetime) -> bool:
    """Whether this is the code that was sent for this thread last; each may be tried a few times only."""
    open_ones = Proof.objects.select_for_update().filter(
        conversation=conversation_id, proved_at=None, expires_at__gt=now
    )
    proof = open_ones.order_by("-pk").first()
    if proof is None or not proof.code or proof.tries >= MOST_TRIES:
        return False
    proof.tries += 1
    right = hmac.compare_digest(proof.code, _digest(proof.pk, re.sub(r"\D", "", code)))
    if right:
        proof.proved_at = now
    proof.save(update_fields=["tries", "proved_at"])
    return right


def _digest(pk: int, code: str) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), f"{pk}:{code}".encode(), hashlib.sha256).hexdigest()
