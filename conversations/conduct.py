"""Whether the assistant may answer this customer now: asked before every turn, after safety.

What it may not answer ends here, with its reason: with a person, or with the text of the closed hours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agents.lines import Line
from conversations import consent, handoff, loops, rules
from conversations.models import Channel, ChatRules, Conversation, Message, Turn
from tenants import written
from tenants.written import slot

DAY = timedelta(days=1)
OURS = (Channel.Kind.TEST, Channel.Kind.API)  # the owner's own trial, and programs that ask at any pace


def forbids(conversation: Conversation, messages: Sequence[Message], *, now: datetime) -> bool:
    """Whether something other than an answer was decided for these messages; the caller has the lock."""
    if (since := consent.is_out(conversation)) is not None:
        _leave_alone(conversation, messages, since=since, now=now)
        return True
    kind, wanted = conversation.channel.kind, rules.current()
    if kind not in OURS and (reason := _runaway(conversation, wanted, now=now)) is not None:
        handoff.queue(conversation, reason=reason, now=now, silent=reason is Line.LOOP)
        return True
    told = rules.as_told(wanted, conversation.channel.agent.published)
    return kind != Channel.Kind.TEST and _is_closed(conversation, told, now=now)


def _leave_alone(
    conversation: Conversation, messages: Sequence[Message], *, since: datetime, now: datetime
) -> None:
    """Who opted out gets no answer of ours: a person may write, if there is anything new to answer."""
    if all(message.created_at <= since for message in messages):
        handoff.settle_open(conversation, Message.Outcome.IGNORED, "opted out")
    else:
        handoff.queue(conversation, reason=Line.OPTED_OUT, now=now, silent=True)


def _runaway(conversation: Conversation, wanted: ChatRules, *, now: datetime) -> Line | None:
    """Another machine, or more answers than one customer gets in a day."""
    if wanted.breaks_loops and loops.judge(_recent(conversation, now=now), now=now):
        return Line.LOOP
    if not wanted.answers_a_day:
        return None
    given = Turn.objects.filter(conversation__contact=conversation.contact_id, started_at__gt=now - DAY)
    used = given.filter(status=Turn.Status.DONE)[: wanted.answers_a_day].count()
    return Line.TOO_MANY if used >= wanted.answers_a_day else None


def _recent(conversation: Conversation, *, now: datetime) -> list[loops.Spoken]:
    """The thread since a person last wrote, oldest first: what they looked at is no loop of ours."""
    thread: list[loops.Spoken] = []
    recent = _RECENT(conversation=conversation.pk, since=now - loops.WINDOW)
    for body, author, direction, sent_at, created_at in recent:
        if author == Message.Author.PERSON:
            break
        mine = direction == Message.Direction.OUT
        thread.append(loops.Spoken(body, mine, sent_at or created_at if mine else created_at))
    return thread[::-1]


_RECENT = written.Values(
    lambda: (
        Message.objects.filter(conversation=slot("conversation"), created_at__gt=slot("since"))
        .order_by("-pk")
        .values_list("body", "author_kind", "direction", "sent_at", "created_at")[: loops.LOOKS_AT]
    )
)


def _is_closed(conversation: Conversation, wanted: ChatRules, *, now: datetime) -> bool:
    """Out of hours, where the owner wants only a text: say it once a closed period, and let people answer."""
    if wanted.out_of_hours != ChatRules.OutOfHours.TEXT:
        return False
    closed = rules.closed(wanted, now=now)
    if closed is None:
        return False
    text = closed.text(wanted, conversation.language) if _tell(conversation, closed) else ""
    handoff.queue(conversation, reason=Line.OUT_OF_HOURS, now=now, text=text, silent=not text)
    return True


def closing_line(conversation: Conversation, *, now: datetime) -> str:
    """What an answer out of hours ends with, once a closed period: when people are back. Under the lock."""
    if conversation.channel.kind == Channel.Kind.TEST:
        return ""
    wanted = rules.as_told(rules.current(), conversation.channel.agent.published)
    closed = rules.closed(wanted, now=now)
    if closed is None or not _tell(conversation, closed):
        return ""
    own = wanted.out_of_hours_text.strip()
    return closed.text(wanted, conversation.language) if own else closed.line(conversation.language)


def _tell(conversation: Conversation, closed: rules.Closed) -> bool:
    """Whether this customer is still to be told of this closed period; from now on they were."""
    told = conversation.closed_told_until
    if told is not None and told > closed.now:
        return False
    conversation.closed_told_until = closed.told_until
    conversation.save(update_fields=["closed_told_until"])
    return True
