"""A member's own WhatsApp: proven by a code that came from it, told of the week, and good for a few taps.

What is tapped is done for its person only when all of this holds: it came from the very chat to which it was
sent and which proved itself; its token is known, unused and not too old; and the person has a seat here still
whose role allows it. Nothing on a message's way is read for it, unless it looks like a code or a tap.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from conversations import desk_handling, handoff, outbox, talks, teaching, window
from conversations.models import Channel, Conversation, Message, TeamAction, TeamPhone
from knowledge import settling
from knowledge.models import Gap, PinnedAnswer, PinnedQuestion
from tenants import access, addresses, audit, live
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.models import Membership, User

Kind = TeamAction.Kind
WHATSAPP = (Channel.Kind.WAHA, Channel.Kind.CLOUD)
MARK = "fd:"  # with which the id of an option begins that is a tap for us
CODE_LIVES = timedelta(minutes=30)
TAPS_LIVE = timedelta(days=3)
UNDO_LIVES = timedelta(hours=1)
LOST = timedelta(minutes=1)  # longer than a healthy doorbell takes
LONGEST_DRAFT = 600  # of an answer that is approved unseen else
LONGEST_TITLE = 20  # of a button
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE = re.compile(rf"\s*(FD-[{_LETTERS}]{{8}})\s*", re.I)
MAY = {Kind.APPROVE: access.MANAGERS, Kind.TAKE_OVER: access.ANSWERERS}


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that may be tapped: what, of which row, how the button says it, and what was seen of it."""

    kind: str
    target: int
    title: str
    description: str = ""
    seen: str = ""


# -- proving


def channels() -> list[Channel]:
    """The business's numbers that a phone can be proven at."""
    return list(Channel.objects.filter(kind__in=WHATSAPP, is_active=True).order_by("name", "pk"))


def of(user: User) -> TeamPhone | None:
    """This person's phone, proven or not."""
    return TeamPhone.objects.select_related("channel", "conversation__contact").filter(user=user).first()


@transaction.atomic(durable=True)
def begin(user: User, channel: Channel, *, now: datetime) -> str:
    """A code to send from the phone to this number; the phone that was proven before is forgotten."""
    code = "FD-" + "".join(secrets.choice(_LETTERS) for _ in range(8))
    TeamPhone.objects.filter(user=user).delete()
    TeamPhone.objects.create(
        user=user, channel=channel, code=_digest(code), code_until=now + CODE_LIVES, created_at=now
    )
    return code


@transaction.atomic(durable=True)
def forget(user: User) -> None:
    """No phone of this person is told anything, nor may do anything, any more."""
    if TeamPhone.objects.filter(user=user).delete()[0]:
        audit.record("phone.forget", actor=user)


def _digest(code: str) -> str:
    return hmac.new(
        settings.SECRET_KEY.encode(), f"phone:{code.upper()}".encode(), hashlib.sha256
    ).hexdigest()


# -- hearing


def hear(conversation: Conversation, message: Message, *, now: datetime) -> bool:
    """Do what an inbound message asks for if it is a code or a tap of ours; the caller has the lock."""
    tapped = str((message.content.get("choice") or {}).get("id") or "")
    if tapped.startswith(MARK):
        return _tapped(conversation, message, tapped.removeprefix(MARK), now=now)
    found = _CODE.fullmatch(message.body) if len(message.body) < 40 else None
    return found is not None and _proved(conversation, message, found.group(1), now=now)


def _proved(conversation: Conversation, message: Message, code: str, *, now: datetime) -> bool:
    phones = TeamPhone.objects.select_for_update(of=("self",)).select_related("user")
    phone = phones.filter(code=_digest(code), channel=conversation.channel_id, code_until__gt=now).first()
    if phone is None or _seat(phone.user) is None:
        return False
    phone.conversation, phone.address = conversation, conversation.address
    phone.code, phone.code_until, phone.proven_at = "", None, now
    phone.save()
    _end(message, talks.PROVED, now=now)
    with _for(phone.user):
        words = _(
            "This phone is yours now. Switch the weekly digest on under Account, and it comes here, too."
        )
    outbox.post(conversation, words, author=Message.Author.SYSTEM, now=now)
    audit.record("phone.prove", actor=phone.user, target=phone.pk)
    live.publish("phone.proven", user=phone.pk)
    return True


def _tapped(conversation: Conversation, message: Message, token: str, *, now: datetime) -> bool:
    action = TeamAction.objects.select_related("phone__user").filter(token=token[:32]).first()
    if action is None or not _is_from(action.phone, conversation):
        return False
    _end(message, talks.ACTED, now=now)
    fresh = TeamAction.objects.filter(pk=action.pk, used_at=None, expires_at__gt=now)
    if fresh.update(used_at=now):
        enqueue(act, action_id=action.pk)
        return True
    with _for(action.phone.user):
        words = _("That was done already.") if action.used_at else _("That is too old. Look in Frontdesk.")
    outbox.post(conversation, words, author=Message.Author.SYSTEM, now=now)
    return True


def _is_from(phone: TeamPhone, conversation: Conversation) -> bool:
    """Whether it is the thread of this phone, and the chat id that proved itself."""
    is_thread = phone.proven_at is not None and phone.conversation_id == conversation.pk
    return is_thread and phone.address == conversation.address


def _end(message: Message, reason: str, *, now: datetime) -> None:
    message.outcome, message.outcome_reason, message.terminal_at = Message.Outcome.IGNORED, reason, now
    message.save(update_fields=["outcome", "outcome_reason", "terminal_at"])


def _seat(user: User) -> Membership | None:
    return access.membership_of(user, tenant())


def _for(user: User) -> translation.override:
    return translation.override(user.language or tenant().language)


# -- telling


def can_tell(phone: TeamPhone | None, *, now: datetime) -> bool:
    """Whether words reach this phone now: proven, and not behind WhatsApp's 24 hours."""
    if phone is None or phone.proven_at is None or phone.conversation is None:
        return False
    thread = phone.conversation
    if thread.address != phone.address or thread.contact.opted_out_at is not None:
        return False
    return phone.channel.kind != Channel.Kind.CLOUD or window.is_open(thread, now=now)


@transaction.atomic(durable=True)
def tell(phone: TeamPhone, text: str, offers: Sequence[Offer], *, key: str, now: datetime) -> None:
    """Say this on the phone, with what may be tapped; once a `key`."""
    conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=phone.conversation_id or 0)
    if outbox.wished(conversation, key) is None:
        taps = [_offered(phone, offer, lives=TAPS_LIVE, now=now) for offer in offers]
        _say(conversation, text, taps, wish=key, now=now)


def _say(
    conversation: Conversation, text: str, taps: Sequence[Mapping[str, str]], *, wish: str, now: datetime
) -> None:
    content = {"choices": {"button": _("Choose"), "options": list(taps)}} if taps else {}
    outbox.post(conversation, text, author=Message.Author.SYSTEM, content=content, wish=wish, now=now)


def _offered(
    phone: TeamPhone, offer: Offer, *, lives: timedelta, now: datetime, undoes: TeamAction | None = None
) -> dict[str, str]:
    """The option of a message, behind which an action waits to be tapped."""
    action = TeamAction.objects.create(
        phone=phone,
        kind=offer.kind,
        target=offer.target,
        undoes=undoes,
        token=secrets.token_urlsafe(16),
        record={"seen": offer.seen},
        created_at=now,
        expires_at=now + lives,
    )
    tap = {"id": f"{MARK}{action.token}", "title": offer.title[:LONGEST_TITLE]}
    return tap | ({"description": offer.description[:72]} if offer.description else {})


def seen(draft: str) -> str:
    """What stands for the words that a person saw when they were asked to approve them."""
    return hashlib.sha256(draft.encode()).hexdigest()[:32]


# -- doing


@task()
def act(action_id: int) -> None:
    """Do what was tapped, and say what came of it."""
    do(action_id, now=timezone.now())


def due(*, now: datetime) -> list[int]:
    """What was tapped and should be done by now."""
    late = TeamAction.objects.filter(used_at__lt=now - LOST, done_at=None)
    return list(late.order_by("pk").values_list("pk", flat=True)[:100])


def do(action_id: int, *, now: datetime) -> None:
    """As `act`, at this moment. Done twice it does no more than once."""
    waiting = TeamAction.objects.select_related("phone__user", "undoes")
    action = waiting.filter(pk=action_id, used_at__isnull=False, done_at=None).first()
    if action is None:
        return
    user = action.phone.user
    seat = _seat(user)
    with _for(user):
        if seat is None or seat.role not in MAY[Kind(action.kind)]:
            return _done(action, "refused", _("Your role does not allow that any more."), now=now)
        undo = action.undoes
        run = _UNDO[Kind(action.kind)] if undo is not None else _DO[Kind(action.kind)]
        outcome, words = run(undo or action, user, now)
        _done(action, outcome, words, now=now)


def _done(action: TeamAction, outcome: str, words: str, *, now: datetime) -> None:
    """Close it and answer in one commit; what can be taken back says so."""
    with transaction.atomic(durable=True):
        conversation = handoff.locked_if_there(action.phone.conversation_id or 0)
        closed = TeamAction.objects.filter(pk=action.pk, done_at=None)
        if not closed.update(done_at=now, outcome=outcome) or conversation is None:
            return
        taps = []
        if outcome == "done" and action.undoes is None:
            offer = Offer(action.kind, action.target, _("Undo"))
            taps = [_offered(action.phone, offer, lives=UNDO_LIVES, now=now, undoes=action)]
        _say(conversation, words, taps, wish=f"action:{action.pk}", now=now)


Run = Callable[[TeamAction, User, datetime], tuple[str, str]]


def _approve(action: TeamAction, user: User, now: datetime) -> tuple[str, str]:
    """Settle the drafted answer, if it is still the one that was shown."""
    gap = Gap.objects.defer("vector").filter(pk=action.target).first()
    if gap is None or gap.status != Gap.Status.OPEN or not gap.draft:
        return "gone", _("Somebody has dealt with this question already.")
    if seen(gap.draft) != action.record.get("seen"):
        return "changed", _("The draft has changed since: look at it in Frontdesk.")
    before = _settled_before(gap)
    _keep(action, before=before)
    try:
        answer = teaching.approve(
            gap, question=gap.question, text=gap.draft, language=gap.language, user=user, now=now
        )
    except settling.Unfit as error:
        return "unfit", str(error)
    _keep(action, before=before, made=answer.pk)
    audit.record("gap.approve", actor=user, target=gap.pk, by="phone")
    return "done", _("Settled. Whoever asks this is told exactly that from now on.")


def _settled_before(gap: Gap) -> dict[str, object] | None:
    """The settled answer that this question has already, which an approval changes."""
    known = PinnedQuestion.objects.select_related("answer").filter(text=settling.line(gap.question)).first()
    if known is None:
        return None
    answer = known.answer
    return {"text": answer.text, "language": answer.language, "enabled": answer.enabled}


def _keep(action: TeamAction, **told: object) -> None:
    action.record = {**action.record, **told}
    TeamAction.objects.filter(pk=action.pk).update(record=action.record)


def _unapprove(action: TeamAction, user: User, now: datetime) -> tuple[str, str]:
    """The answer is what it was before, or is not given; the question is open again."""
    answer = PinnedAnswer.objects.filter(pk=action.record.get("made")).first()
    if answer is None:
        return "gone", _("Somebody has dealt with this question already.")
    before = action.record.get("before")
    with transaction.atomic(durable=True):
        if before:
            settling.change(answer, text=before["text"], language=before["language"], now=now)
        settling.switch(answer, on=bool(before and before["enabled"]), now=now)
        audit.record("gap.approve_undo", actor=user, target=action.target, by="phone")
    if (gap := Gap.objects.defer("vector").filter(pk=action.target).first()) is not None:
        teaching.reopen(gap, now=now)
    return "done", _("Taken back: the question is open again.")


def _take_over(action: TeamAction, user: User, now: datetime) -> tuple[str, str]:
    """Give the chat to this person, if it still waits for somebody."""
    chat = Conversation.objects.select_related("contact").filter(pk=action.target).first()
    if chat is None or chat.handler != Conversation.Handler.QUEUE or chat.status != Conversation.Status.OPEN:
        return "gone", _("Nobody waits there any more.")
    handoff.take_over(chat.pk, user=user, now=now)
    link = addresses.tenant_url(tenant(), reverse("chat", args=[chat.pk]))
    return "done", _("%(name)s is yours now: %(link)s") % {"name": chat.contact.display_name, "link": link}


def _put_back(action: TeamAction, user: User, now: datetime) -> tuple[str, str]:
    """The chat waits for a person again, unless somebody else has it meanwhile."""
    chat = Conversation.objects.filter(
        pk=action.target, handler=Conversation.Handler.PERSON, assigned_to=user
    ).first()
    if chat is None:
        return "gone", _("It is not yours any more.")
    desk_handling.assign(chat.pk, to=None, user=user, now=now)
    return "done", _("Taken back: the customer waits for a person again.")


_DO: Mapping[Kind, Run] = {Kind.APPROVE: _approve, Kind.TAKE_OVER: _take_over}
_UNDO: Mapping[Kind, Run] = {Kind.APPROVE: _unapprove, Kind.TAKE_OVER: _put_back}
