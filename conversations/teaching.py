"""What the assistant could not answer, on its way to an answer: sorted by meaning, drafted, settled once.

A turn without support leaves an Unanswered row. In the background it is put to the gap of the same meaning,
and the gap gets a draft from the nearest documents. A person approves it, and it is a settled answer.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from conversations import drafting, hooks, telling_team
from conversations.models import Conversation, Message, Turn, Unanswered
from knowledge import embeddings, gaps, likeness, settling
from knowledge.models import LANGUAGES, Gap, PinnedAnswer
from providers.errors import ProviderError
from tenants import live
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.models import User

log = structlog.get_logger(__name__)
MOST_WAYS = 20
MOST_SHOWN = 600  # rows of who asked, on one page
LOST = timedelta(minutes=1)  # longer than a healthy doorbell takes


# -- noting and sorting


def note(turn: Turn, conversation: Conversation, question: str, *, now: datetime) -> None:
    """Remember a question that found no answer; in the caller's transaction, one statement."""
    if not question:
        return
    Unanswered.objects.create(
        turn=turn, contact_id=conversation.contact_id, question=question[: gaps.LONGEST], created_at=now
    )
    enqueue(sort, turn_id=turn.pk)


@task()
def sort(turn_id: int) -> None:
    """Put one unanswered question to the gap of its meaning; without vectors the sweep rings again."""
    waiting = Unanswered.objects.filter(pk=turn_id, gap=None).select_related("turn__conversation").first()
    if waiting is None:
        return
    try:
        vector = embeddings.question(waiting.question)
    except ProviderError as error:
        return log.warning("gap.unsorted", turn_id=turn_id, reason=str(error))
    language = _language(waiting.turn.conversation)
    gap_id = _place(turn_id, vector=vector, language=language, now=timezone.now())
    if gap_id is not None:
        drafting.write_soon(gap_id)


@transaction.atomic(durable=True)
def _place(turn_id: int, *, vector: embeddings.Vector, language: str, now: datetime) -> int | None:
    """The gap that it belongs to now, when that one needs a draft; None when somebody else was faster."""
    gaps.lock()
    waiting = Unanswered.objects.filter(pk=turn_id, gap=None).first()
    if waiting is None:
        return None
    gap, is_new = gaps.place(
        question=waiting.question, language=language, vector=vector, now=waiting.created_at
    )
    Unanswered.objects.filter(pk=turn_id).update(gap=gap)
    gaps.asked_again(gap, customers=lambda since: _customers(gap, since=since), now=waiting.created_at)
    if is_new:
        hooks.emit("gap.opened", gap.pk, lambda: told(gap), now=now)
        telling_team.gap(gap, now=now)
    live.publish("gap.changed", id=gap.pk)
    return gap.pk if gap.status == Gap.Status.OPEN and gap.drafted_at is None else None


def _customers(gap: Gap, *, since: datetime) -> int:
    """How many different customers have asked it after this moment."""
    return gap.asked.filter(created_at__gt=since).values("contact").distinct().count()


def _language(conversation: Conversation) -> str:
    spoken = (conversation.language or tenant().language)[:2]
    return spoken if spoken in LANGUAGES else "en"


def told(gap: Gap) -> dict[str, object]:
    """A gap as programs read it."""
    return {"gap": {"id": gap.pk, "question": gap.question, "language": gap.language, "status": gap.status}}


# -- what the pages show


def ranked(status: str = Gap.Status.OPEN) -> QuerySet[Gap]:
    """The gaps of a status: those that most customers asked first, then the latest."""
    counted = Gap.objects.filter(status=status).annotate(
        customers=Count("asked__contact", distinct=True), times=Count("asked")
    )
    return counted.defer("vector").select_related("pinned").order_by("-customers", "-asked_at", "-pk")


def asked_by(gap_ids: Sequence[int]) -> dict[int, list[Unanswered]]:
    """Who asked these gaps and in which words, the latest first; one statement."""
    rows = Unanswered.objects.filter(gap__in=gap_ids).order_by("-created_at", "-pk")
    found: dict[int, list[Unanswered]] = {}
    for row in rows.select_related("contact", "turn__conversation__channel")[:MOST_SHOWN]:
        found.setdefault(row.gap_id or 0, []).append(row)
    return found


def askers(asked: Iterable[Unanswered]) -> list[Unanswered]:
    """Each customer once, with their last wording."""
    latest: dict[int, Unanswered] = {}
    for row in asked:
        latest.setdefault(row.contact_id, row)
    return list(latest.values())


def wordings(asked: Iterable[str]) -> list[str]:
    """The ways in which it was asked, each once whatever its capitals and accents."""
    ways: dict[str, str] = {}
    for question in asked:
        ways.setdefault(likeness.plain(question), question)
    return list(ways.values())[:MOST_WAYS]


# -- what a person decides


@transaction.atomic(durable=True)
def approve(
    gap: Gap, *, question: str, text: str, language: str, user: User | None, now: datetime
) -> PinnedAnswer:
    """Settle the answer to a gap; raises settling.Unfit."""
    first = settling.line(question) or gap.question
    asked = gap.asked.order_by("created_at", "pk").values_list("question", flat=True)[:MOST_SHOWN]
    ways = wordings([first, *asked])
    answer = settle(ways, text=text, language=language, user=user, now=now)
    gaps.answered(gap, answer)
    live.publish("gap.changed", id=gap.pk)
    return answer


def settle(
    questions: list[str],
    *,
    text: str,
    language: str,
    user: User | None,
    now: datetime,
    turn: Turn | None = None,
) -> PinnedAnswer:
    """A settled answer to these questions; when the first has one already, that one says this from now on."""
    first, *others = questions
    try:
        answer = settling.make(
            questions=[first],
            text=text,
            language=language,
            made_by=user,
            turn_id=turn.pk if turn else None,
            now=now,
        )
    except settling.Taken as taken:
        answer = PinnedAnswer.objects.select_for_update().get(pk=taken.answer_id)
        settling.change(answer, text=text, language=language, now=now)
        settling.switch(answer, on=True, now=now)
    settling.learn(answer, others, now=now)
    return answer


@transaction.atomic(durable=True)
def teach(
    message: Message, *, question: str, text: str, language: str, user: User, now: datetime
) -> PinnedAnswer:
    """Settle what an answer should have been; a settled answer that was given is corrected itself.

    Raises settling.Unfit.
    """
    turn = message.turn
    assert turn is not None, "only an answer can be corrected"
    if turn.pinned is not None and turn.pinned.language == language:
        settling.change(turn.pinned, text=text, now=now)
        settling.learn(turn.pinned, [question], now=now)
        answer = turn.pinned
    else:
        answer = settle(
            [settling.line(question)], text=text, language=language, user=user, now=now, turn=turn
        )
    waiting = Unanswered.objects.filter(pk=turn.pk).select_related("gap").first()
    if waiting is not None and waiting.gap is not None:
        gaps.answered(waiting.gap, answer)
        live.publish("gap.changed", id=waiting.gap.pk)
    return answer


@transaction.atomic(durable=True)
def dismiss(gap: Gap, *, now: datetime) -> None:
    """It needs no answer, unless more customers ask."""
    gaps.dismiss(gap, now=now)
    live.publish("gap.changed", id=gap.pk)


@transaction.atomic(durable=True)
def reopen(gap: Gap, *, now: datetime) -> None:
    """It needs an answer after all."""
    gaps.reopen(gap)
    live.publish("gap.changed", id=gap.pk)


@transaction.atomic(durable=True)
def merge(gap: Gap, *, into: Gap) -> None:
    """Both were the same question: all who asked the one have asked the other."""
    gaps.lock()
    Unanswered.objects.filter(gap=gap).update(gap=into)
    gaps.take_in(into, gap)
    live.publish("gap.changed", id=into.pk)


@transaction.atomic(durable=True)
def forget(gap: Gap) -> None:
    """Take it away with the list of who asked it; the conversations stay."""
    pk = gap.pk
    gap.delete()
    live.publish("gap.changed", id=pk)
