"""The summary of a chat that comes to a person: a row, written in the background, shown in the thread's head.

The business's own model writes it, which the business pays itself; without one, and where it cannot be asked
or says what does not stand in the thread, it is taken from the thread itself. Nobody waits for it.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from agents import replies
from agents.lines import Line
from agents.models import ModelProvider
from billing import credits, usage
from conversations import (
    breakers,
    desk_summary_words,
    handoff_reasons,
    receipt_words,
    understanding,
    used_for,
    versions,
)
from conversations.desk_summary_words import Known, Spoken, Summary
from conversations.models import Conversation, HandoverSummary, Message, ToolRun, TurnPassage, Unanswered
from providers import llm
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.db import connection

log = structlog.get_logger(__name__)
Status = HandoverSummary.Status
LEASE = timedelta(seconds=60)  # longer than one writing takes; then another worker may
LOOKS_BACK = timedelta(days=3)
MESSAGES, ATTEMPTS, SECONDS = 40, 3, 20.0
# Why a chat came to people, where a model is asked to read it. Not in an emergency, which waits for none; nor
# where the assistant may or can not answer: then the business pays for nothing more.
READ_BY_MODEL = ("", Line.ASKED, Line.CALLED, Line.MEDIA, Line.OWNERS_CASE)


def ask(conversation: Conversation, *, now: datetime) -> None:
    """Have one written, in the caller's transaction."""
    made = HandoverSummary.objects.create(conversation=conversation, due_at=now, created_at=now)
    enqueue(write, summary_id=made.pk)


def latest(conversation: Conversation) -> HandoverSummary | None:
    """The one that a person is shown while the chat is with people; an older one says nothing of now."""
    if conversation.handler == Conversation.Handler.AGENT:
        return None
    return conversation.summaries.exclude(status=Status.FAILED).order_by("-pk").first()


def due(*, now: datetime) -> Sequence[int]:
    """The summaries that should have been written by now."""
    waiting = HandoverSummary.objects.filter(status=Status.DUE, due_at__lt=now)
    return list(waiting.order_by("due_at").values_list("pk", flat=True)[:100])


@task()
def write(summary_id: int) -> None:
    """Write one summary, if it is due and nobody else does."""
    now = timezone.now()
    mine = HandoverSummary.objects.filter(pk=summary_id, status=Status.DUE, due_at__lte=now)
    if not mine.update(due_at=now + LEASE, attempts=F("attempts") + 1):
        return
    row = HandoverSummary.objects.select_related("conversation__channel__agent").get(pk=summary_id)
    if row.attempts > ATTEMPTS:
        return _keep(row, Summary(), status=Status.FAILED)
    messages = _said(row.conversation)
    row.read_until = max((message.pk for message in messages), default=0)
    talk = [Spoken(m.direction == Message.Direction.OUT, understanding.sure_words(m)) for m in messages]
    talk = [one for one in talk if one.text]
    known = _known(row.conversation, now=now)
    model, summary = _by_model(row, talk, known, now=now) or ("", desk_summary_words.taken_from(talk, known))
    _keep(row, summary, status=Status.FAILED if summary.is_empty else Status.DONE, model=model)


@transaction.atomic(durable=True)
def _keep(row: HandoverSummary, summary: Summary, *, status: str, model: str = "") -> None:
    values = {**asdict(summary), "status": status, "model": model[:120], "read_until": row.read_until}
    if HandoverSummary.objects.filter(pk=row.pk, status=Status.DUE).update(**values):
        live.publish("summary.changed", id=row.pk, conversation=row.conversation_id)


def _said(conversation: Conversation) -> list[Message]:
    """The end of the thread, oldest first; nothing that was taken back."""
    spoken = conversation.messages.filter(revoked_at=None).select_related("transcript")
    return list(spoken.order_by("-pk")[:MESSAGES])[::-1]


def _by_model(
    row: HandoverSummary, talk: Sequence[Spoken], known: Known, *, now: datetime
) -> tuple[str, Summary] | None:
    """The model and what it wrote; None without one of the business's own, and where it cannot be used."""
    if row.conversation.handoff_reason not in READ_BY_MODEL:
        return None
    version = versions.of(row.conversation)
    if version is None or not talk or not ModelProvider.objects.exclude(vendor="extractive").exists():
        return None
    if not credits.are_left():
        return None
    speaker = replies.speaker_for(version, "fast")
    if speaker.vendor == "extractive":
        return None
    health = breakers.all_known().get(speaker.account)
    if not breakers.allows(health, now=now):
        return None
    language = replies.LANGUAGE_NAMES.get(tenant().language[:2], "English")
    asked = desk_summary_words.request(talk, known, language=language)
    connection.close_if_unusable_or_obsolete()  # not ours to keep while a model thinks
    try:
        completion = speaker.adapter.complete(replace(asked, model=speaker.model, timeout=SECONDS))
    except ProviderError as error:
        if isinstance(error, AccountRefused) or not isinstance(error, ProviderRejected):
            breakers.failed(speaker.account, error, now=timezone.now())
        log.warning("summary.not_written", summary_id=row.pk, reason=type(error).__name__)
        return None
    breakers.succeeded(health)
    _note_usage(row, completion, price_list=speaker.price_list, now=timezone.now())
    try:
        return completion.model, desk_summary_words.read(completion.text, talk=talk, known=known)
    except desk_summary_words.Unreadable as error:
        log.warning("summary.not_written", summary_id=row.pk, reason=type(error).__name__)
        return None


@transaction.atomic(durable=True)
def _note_usage(row: HandoverSummary, completion: llm.Completion, *, price_list: str, now: datetime) -> None:
    """What was used, at no credits: the key is the business's own, and nobody asked for this."""
    price = credits.price_for(completion.model, at=now)
    key = f"summary:{row.pk}:{row.attempts}"
    usage.of_tokens(
        key=key,
        model=completion.model,
        tokens=completion.usage,
        cost=0,
        price=price,
        whose=used_for.whose(row.conversation),
        price_list=price_list,
        now=now,
    )


# -- what is known beside the words


def _known(conversation: Conversation, *, now: datetime) -> Known:
    """In the business's own language: a summary is read by its team."""
    since = now - LOOKS_BACK
    with translation.override(tenant().language):
        return Known(
            reason=_reason(conversation),
            found=_found(conversation, since=since),
            done=_done(conversation, since=since),
            unanswered=_unanswered(conversation, since=since),
            next_step=_next_step(conversation.handoff_reason),
        )


def _reason(conversation: Conversation) -> str:
    told = receipt_words.called_because(conversation) if conversation.handoff_reason == Line.CALLED else ""
    words = handoff_reasons.words_of(conversation.handoff_reason)
    return told or (_(words) if words else "")


def _found(conversation: Conversation, *, since: datetime) -> list[str]:
    """The titles of what the last answers were made from."""
    cited = TurnPassage.objects.filter(
        turn__conversation=conversation, turn__started_at__gte=since, cited=True
    )
    titles = cited.order_by("-turn", "rank").values_list("document_title", flat=True)[:12]
    return list(dict.fromkeys(titles))[:3]


def _done(conversation: Conversation, *, since: datetime) -> list[str]:
    runs = conversation.tool_runs.filter(status=ToolRun.Status.DONE, test=False, started_at__gte=since)
    claims = [claim for claims in runs.values_list("claims", flat=True) for claim in claims]
    words = {str(claim): str(label) for claim, label in receipt_words.DEEDS.items()}
    return [words[claim] for claim in dict.fromkeys(claims) if claim in words and claim != "called_person"]


def _unanswered(conversation: Conversation, *, since: datetime) -> list[str]:
    rows = Unanswered.objects.filter(turn__conversation=conversation, created_at__gte=since)
    return list(rows.order_by("-created_at").values_list("question", flat=True)[:3])


def _next_step(reason: str) -> str:
    """What the reason itself asks of a person; empty where only the thread can tell."""
    steps = {
        Line.MEDIA: _("Look at what they sent, and answer it."),
        Line.NO_CREDITS: _("Answer it yourself; the assistant has no credits."),
        Line.SPEND_LIMIT: _("Answer it yourself, or raise the spending limit of today."),
        Line.FAILED: _("Answer it yourself; the assistant could not."),
        Line.LOOP: _("Look whether a person is on the other side."),
        Line.TOO_MANY: _("Answer it yourself; the assistant has given all answers of a day."),
        Line.OUT_OF_HOURS: _("Answer what came while you were closed."),
        Line.OPTED_OUT: _("Answer only what they asked; they want nothing else."),
        Line.CALLED: _("Answer, and say who you are."),
        Line.ASKED: _("Say hello and who you are; they asked for a person."),
        Line.OWNERS_CASE: _("Answer; you keep these cases for people."),
        Line.MEDICAL: _("Call or answer at once: this may be an emergency."),
        Line.SELF_HARM: _("Call or answer at once: this may be an emergency."),
        Line.VIOLENCE: _("Call or answer at once: this may be an emergency."),
        Line.FIRE: _("Call or answer at once: this may be an emergency."),
    }
    return steps[Line(reason)] if reason in {line.value for line in steps} else ""
