"""What a person can finish now, the most pressing first: what Today lists, and how it is finished."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from billing import credits, foresight_words, limits, money, names
from billing.foresight import Outlook
from billing.ladder import Step
from conversations import (
    channel_words,
    desk_todos,
    restrictions,
    teaching,
    teaching_forms,
    template_views,
)
from conversations.handoff import reason_of
from conversations.models import Channel, Conversation, Message, Todo
from conversations.reasons import in_words
from knowledge import cases, stored_words
from knowledge.models import Document, RegressionCase
from tenants import access
from tenants.models import User

SHOWN = 3
LOST = (Message.Status.FAILED, Message.Status.UNKNOWN)
FAILED_DAYS = timedelta(days=7)  # what failed longer ago nobody sends any more


@dataclass(frozen=True, slots=True)
class Decision:
    """One of them: `of` is what it is about, `more` what its form needs; `url` is where there is more."""

    kind: str
    title: str
    text: str
    url: str
    icon: str
    pk: int | None = None
    of: Any = None
    more: dict[str, Any] = field(default_factory=dict)
    is_bad: bool = False

    @property
    def name(self) -> str:
        """By which a page finds it again."""
        return f"{self.kind}-{self.pk}"


def pressing(*, user: User, role: str, now: datetime, ahead: Outlook) -> list[Decision]:
    """Up to three, for this person; what another role decides is not put before them."""
    found = chain(
        _down() if role in access.MANAGERS else (),
        _waiting(now=now) if role in access.ANSWERERS else (),
        _promised(user, now=now) if role in access.ANSWERERS else (),
        _failed(now=now) if role in access.ANSWERERS else (),
        _limits(now=now) if role in access.MONEY else (),
        _money(ahead) if role in access.MANAGERS | access.MONEY else (),
        _taught() if role in access.MANAGERS else (),
    )
    return list(islice(found, SHOWN))


def _down() -> Iterator[Decision]:
    """A channel that does not work comes before everything."""
    down = Channel.objects.filter(is_active=True, health=Channel.Health.RED).order_by("health_since")
    for channel in down[:SHOWN]:
        title = _("%(name)s does not work") % {"name": channel.name}
        url = reverse("account_channel", args=[channel.pk])
        text = channel_words.explanation(channel)
        yield Decision("down", title, text, url, "unplug", is_bad=True)


# -- who waits


def queue() -> QuerySet[Conversation]:
    """Who waits for a person; a member who tries the assistant is no customer."""
    waiting = Conversation.objects.filter(handler=Conversation.Handler.QUEUE, status=Conversation.Status.OPEN)
    return waiting.exclude(channel__kind=Channel.Kind.TEST)


def _waiting(*, now: datetime) -> Iterator[Decision]:
    rows = queue().select_related("contact", "channel").order_by("-priority", "waiting_since", "pk")
    for chat in rows[:SHOWN]:
        yield Decision(
            "waiting",
            _("%(name)s is waiting for a person") % {"name": chat.contact.display_name},
            chat.last_message_text or reason_of(chat),
            reverse("chat", args=[chat.pk]),
            "hand",
            pk=chat.pk,
            of=chat,
            more={
                "reason": reason_of(chat),
                "refused": refusal(chat, now=now),
                "key": secrets.token_urlsafe(16),
            },
        )


def refusal(chat: Conversation, *, now: datetime) -> str:
    """Why this customer may not be written to in free words now; empty when they may."""
    forbidden = restrictions.refuses(chat, now=now)
    return template_views.refusal(chat, now=now) or (in_words(forbidden) if forbidden else "")


def _promised(user: User, *, now: datetime) -> Iterator[Decision]:
    """What was promised and is due, by this person or by nobody in particular."""
    due: Iterable[Todo] = desk_todos.due_now(now=now, user=user).order_by("due_at", "pk")[:SHOWN]
    for todo in due:
        title = _("Promised to %(name)s") % {"name": todo.conversation.contact.display_name}
        url = reverse("chat", args=[todo.conversation_id])
        yield Decision("todo", title, todo.text, url, "clipboard-paste", pk=todo.pk, of=todo)


# -- what did not go out


def _failed(*, now: datetime) -> Iterator[Decision]:
    """Of each thread the newest message that failed lately, unless a person has got through since."""
    ours = Message.objects.filter(direction=Message.Direction.OUT)
    after = ours.filter(conversation=OuterRef("conversation"), pk__gt=OuterRef("pk"))
    reached = Q(author_kind=Message.Author.PERSON, status__in=["sent", "delivered", "read"])
    over = after.filter(reached | Q(status__in=LOST))
    failed = ours.filter(status__in=LOST, created_at__gte=now - FAILED_DAYS).exclude(Exists(over))
    for message in failed.select_related("conversation__contact", "turn").order_by("-pk")[:SHOWN]:
        yield _did_not_go_out(message)


def _did_not_go_out(message: Message) -> Decision:
    is_unsure = message.status == Message.Status.UNKNOWN
    words = (
        _("A message to %(name)s was perhaps sent") if is_unsure else _("A message to %(name)s was not sent")
    )
    return Decision(
        "failed",
        words % {"name": message.conversation.contact.display_name},
        in_words(message.error) or message.body[:120],
        reverse("chat", args=[message.conversation_id]),
        "triangle-alert",
        pk=message.pk,
        of=message,
        more={
            "is_unsure": is_unsure,
            "words": message.body[:200],
            "free": message.turn is not None and bool(message.turn.free_because),
        },
        is_bad=True,
    )


# -- money, and what is to be taught


def _money(ahead: Outlook) -> Iterator[Decision]:
    """Whether somebody should see to the credits now."""
    if text := foresight_words.warning(ahead):
        is_bad = ahead.step is Step.QUOTING
        title = _("The credits are used up") if is_bad else _("The credits run low")
        yield Decision("money", title, text, reverse("account"), "coins", is_bad=is_bad)


def _limits(*, now: datetime) -> Iterator[Decision]:
    """A limit of today that lets no more answers pass; whoever sees to the money may raise it."""
    for limit in limits.reached_on(credits.day_of(now)):
        name = names.of("agent", [str(limit.agent_id)]).get(str(limit.agent_id), "")
        title = (
            _("%(name)s may spend no more today") % {"name": name}
            if name
            else _("No more may be spent today")
        )
        text = _("The limit of %(credits)s a day is reached: until midnight customers wait for people.")
        yield Decision(
            "limit",
            title,
            text % {"credits": money.in_credits(limit.credits_a_day)},
            limits.page(),
            "coins",
            pk=limit.pk,
            of=limit,
            more={"proposed": max(limit.credits_a_day + 1, limit.credits_a_day * 3 // 2)},
            is_bad=True,
        )


def _taught() -> Iterator[Decision]:
    for document in Document.objects.filter(status="review").order_by("pk")[:SHOWN]:
        yield _would_change(document)
    for case in cases.failed()[:1]:
        yield _not_as_settled(case)
    for gap in teaching.ranked()[:SHOWN]:
        yield _without_answer(gap)


def _would_change(document: Document) -> Decision:
    title = _("%(name)s would change answers") % {"name": document.title}
    text = _("It is read and waits for your word; until then everything is answered as before.")
    return Decision("review", title, text, reverse("document_review", args=[document.pk]), "file-text")


def _not_as_settled(case: RegressionCase) -> Decision:
    title = _("Not answered as you settled it: %(question)s") % {"question": case.question}
    url = f"{reverse('teach_settled')}?show=failed"
    return Decision("case", title, stored_words.in_words(case.detail), url, "message-circle-question-mark")


def _without_answer(gap: Any) -> Decision:
    """A question that nobody has answered for good, with the answer that was drafted."""
    url = f"{reverse('teach_gaps')}#gap-{gap.pk}"
    more = {"customers": gap.customers, "languages": teaching_forms.LANGUAGES}
    return Decision(
        "gap", gap.question, gap.draft, url, "message-circle-question-mark", pk=gap.pk, of=gap, more=more
    )
