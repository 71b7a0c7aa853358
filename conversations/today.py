"""Today: does it work, what needs a person, and yesterday in three numbers."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from billing import credits
from billing.models import LedgerEntry
from conversations import accounting, channel_words, invariants, teaching
from conversations.handoff import reason_of
from conversations.models import Breaker, Channel, Conversation, Message, Turn
from conversations.reasons import in_words
from knowledge import cases, stored_words
from knowledge.models import Document, Gap, RegressionCase

RUNWAY_DAYS = 7
DECISIONS = 3
LOST = (Message.Status.FAILED, Message.Status.UNKNOWN)
FAILED_DAYS = timedelta(days=7)  # what failed longer ago nobody sends any more


def summary(*, now: datetime, midnight: datetime) -> dict[str, Any]:
    """Everything on the page. `midnight` is the start of the business's own day."""
    standing = credits.standing(since=midnight)
    return {
        "channels": list(Channel.objects.order_by("kind", "name")),
        "waiting": _waiting(),
        "ledger": accounting.figures(now=now),
        "breakers": list(Breaker.objects.exclude(opened_at=None).order_by("pk")),
        "incidents": invariants.open_incidents(),
        "answered_today": _answered(midnight, now),
        "balance": standing.available,
        "days_left": _days_left(standing.available, now=now),
        "decisions": _decisions(now=now),
        "yesterday": _day(midnight - timedelta(days=1), midnight),
    }


def _waiting() -> dict[str, Any]:
    return _queue().aggregate(count=Count("pk"), oldest=Min("waiting_since"))


def _queue() -> QuerySet[Conversation]:
    """Who waits for a person; a member who tries the assistant is no customer."""
    waiting = Conversation.objects.filter(handler=Conversation.Handler.QUEUE, status=Conversation.Status.OPEN)
    return waiting.exclude(channel__kind=Channel.Kind.TEST)


def _answered(start: datetime, end: datetime) -> int:
    answered = Turn.objects.filter(status=Turn.Status.DONE, finished_at__gte=start, finished_at__lt=end)
    return answered.exclude(conversation__channel__kind=Channel.Kind.TEST).count()


def _day(start: datetime, end: datetime) -> dict[str, int]:
    handed_over = Q(outcome=Message.Outcome.HANDED_OVER, created_at__gte=start, created_at__lt=end)
    asked = Message.objects.filter(handed_over).exclude(conversation__channel__kind=Channel.Kind.TEST)
    people = asked.values("conversation").distinct().count()
    return {"answered": _answered(start, end), "handed_over": people, "credits": _spent(start, end)}


def _spent(start: datetime, end: datetime) -> int:
    turns = LedgerEntry.objects.filter(kind__in=LedgerEntry.SPENT, created_at__gte=start, created_at__lt=end)
    return -(turns.aggregate(total=Sum("amount"))["total"] or 0)


def _days_left(available: int, *, now: datetime) -> int | None:
    """At the pace of the last week, or None when nothing was spent."""
    spent = _spent(now - timedelta(days=RUNWAY_DAYS), now)
    return available * RUNWAY_DAYS // spent if spent else None


def _decisions(*, now: datetime) -> list[dict[str, str]]:
    """Up to three things that a person can finish now: a channel that is down comes before everything."""
    down = Channel.objects.filter(is_active=True, health=Channel.Health.RED).order_by("health_since")
    waiting = _queue().select_related("contact")
    found = [_is_down(channel) for channel in down[:DECISIONS]]
    found += [_waits(conversation) for conversation in waiting.order_by("waiting_since")[:DECISIONS]]
    found += [_reviewed(document) for document in Document.objects.filter(status="review")[:DECISIONS]]
    found += [_failed(message) for message in _not_arrived(now=now)]
    found += [_not_as_settled(case) for case in cases.failed()[:1]]
    found += [_without_answer(gap) for gap in teaching.ranked()[:DECISIONS]]
    return found[:DECISIONS]


def _not_arrived(*, now: datetime) -> list[Message]:
    """Of each thread the newest message that failed lately, unless a person has got through since."""
    ours = Message.objects.filter(direction=Message.Direction.OUT)
    after = ours.filter(conversation=OuterRef("conversation"), pk__gt=OuterRef("pk"))
    reached = Q(author_kind=Message.Author.PERSON, status__in=["sent", "delivered", "read"])
    over = after.filter(reached | Q(status__in=LOST))
    failed = ours.filter(status__in=LOST, created_at__gte=now - FAILED_DAYS).exclude(Exists(over))
    return list(failed.select_related("conversation__contact").order_by("-pk")[:DECISIONS])


def _not_as_settled(case: RegressionCase) -> dict[str, str]:
    title = _("Not answered as you settled it: %(question)s") % {"question": case.question}
    url = f"{reverse('teach_settled')}?show=failed"
    return {"kind": "case", "title": title, "text": stored_words.in_words(case.detail), "url": url}


def _without_answer(gap: Gap) -> dict[str, str]:
    """A question that nobody has answered for good, with the answer that was drafted."""
    url = f"{reverse('teach_gaps')}#gap-{gap.pk}"
    text = gap.draft[:160] or _("Write the answer once, and everybody who asks is told.")
    return {"kind": "gap", "title": gap.question, "text": text, "url": url}


def _is_down(channel: Channel) -> dict[str, str]:
    title = _("%(name)s does not work") % {"name": channel.name}
    url = reverse("account_channel", args=[channel.pk])
    return {"kind": "down", "title": title, "text": channel_words.explanation(channel), "url": url}


def _waits(conversation: Conversation) -> dict[str, str]:
    reason = reason_of(conversation)
    title = _("%(name)s is waiting for a person") % {"name": conversation.contact.display_name}
    url = reverse("chat", args=[conversation.pk])
    return {"kind": "waiting", "title": title, "text": conversation.last_message_text or reason, "url": url}


def _reviewed(document: Document) -> dict[str, str]:
    title = _("%(name)s would change answers") % {"name": document.title}
    text = _("It is read and waits for your word; until then everything is answered as before.")
    url = reverse("document_review", args=[document.pk])
    return {"kind": "review", "title": title, "text": text, "url": url}


def _failed(message: Message) -> dict[str, str]:
    words = _("A message to %(name)s was not sent")
    if message.status == Message.Status.UNKNOWN:
        words = _("A message to %(name)s was perhaps sent")
    title = words % {"name": message.conversation.contact.display_name}
    url = reverse("chat", args=[message.conversation_id])
    return {
        "kind": "failed",
        "title": title,
        "text": in_words(message.error) or message.body[:120],
        "url": url,
    }
