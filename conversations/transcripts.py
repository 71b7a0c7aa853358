"""Voice notes become words: a row that is due, one claim, one call, paid by the second.

The turn waits for the words within a bound (`conversations.understanding`); without them a person listens.
"""

from datetime import datetime, timedelta

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agents import hearing, mood
from billing import credits, limits, low, pricing, usage
from billing.models import LedgerEntry
from conversations import breakers, consent, debounce, handoff, search_index, turns, used_for
from conversations.models import Breaker, Conversation, Message, Transcript
from providers import speech
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, task
from tenants.current import tenant as current_tenant
from tenants.db import connection

log = structlog.get_logger(__name__)
Status = Transcript.Status
MAX_ATTEMPTS = 4
DEAD = timedelta(seconds=60)  # twice the time that a vendor has
NOBODY = "Nobody is set up to hear voice notes."
NOTHING = "Nothing was heard in it."
NO_CREDITS = "There are no credits to hear it."
LIMIT = "The spending limit of the day leaves too little to hear it."


def expect(message: Message, *, now: datetime) -> None:
    """A voice note has come; its words are to follow. In the caller's transaction."""
    Transcript.objects.create(message=message, created_at=now)


def file_came(message: Message, *, now: datetime) -> None:
    """The file is here: it can be heard, or shown to the model. In the caller's transaction."""
    waiting = Transcript.objects.filter(message=message, status=Status.WAITING)
    if waiting.update(status=Status.DUE, due_at=now):
        enqueue(transcribe, message_id=message.pk)
    elif message.direction == Message.Direction.IN:
        _go_on(message, now=now)


def file_never_came(message: Message, *, reason: str, now: datetime) -> None:
    """There will be no file: what waits for it goes on without. In the caller's transaction."""
    Transcript.objects.filter(message=message, status=Status.WAITING).update(
        status=Status.FAILED, error=reason[:200]
    )
    if message.direction == Message.Direction.IN:
        _go_on(message, now=now)


@task()
def transcribe(message_id: int) -> None:
    """Hear one voice note, if it is due and nobody else hears it."""
    transcript = _claim(message_id, now=timezone.now())
    if transcript is None:
        return
    try:
        heard, listener = _hear(transcript)
    except ProviderRejected as error:
        _give_up(transcript, reason=str(error), now=timezone.now())
    except ProviderError as error:
        _try_later(transcript, error, now=timezone.now())
    except credits.LimitReached as error:
        limits.reached(error.limit, now=timezone.now())
        _give_up(transcript, reason=LIMIT, now=timezone.now())
    except credits.InsufficientCredits:
        low.ran_out(now=timezone.now())
        _give_up(transcript, reason=NO_CREDITS, now=timezone.now())
    except Exception as error:
        log.exception("transcript.failed", message_id=message_id)
        _try_later(transcript, ProviderError(type(error).__name__), now=timezone.now())
    else:
        _keep(transcript, heard, listener, now=timezone.now())


def _claim(message_id: int, *, now: datetime) -> Transcript | None:
    """Ours by compare-and-set; a claim that is long past belongs to a worker that died."""
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - DEAD)
    due = Transcript.objects.filter(free, message_id=message_id, status=Status.DUE, due_at__lte=now)
    if not due.update(claimed_at=now):
        return None
    return Transcript.objects.select_related("message__conversation__channel", "hold").get(
        message_id=message_id
    )


def _hear(transcript: Transcript) -> tuple[speech.Heard, hearing.Listener]:
    """Reserve, then ask; no transaction is open while the vendor listens."""
    message = transcript.message
    listener, breaker, others = _listener(transcript)
    with default_storage.open(str(message.media.name)) as file:
        content = file.read()
    recording = speech.Recording(
        content=content, mimetype=message.media_type, model=listener.model, language=listener.language
    )
    _reserve(transcript, recording, now=timezone.now())
    connection.close_if_unusable_or_obsolete()  # not ours to keep while a vendor is slow
    try:
        heard = listener.adapter.transcribe(recording)
    except ProviderError as error:
        _failed(listener, error)
        if isinstance(error, AccountRefused) and others:
            raise ProviderError(str(error)) from error  # somebody else may hear it
        raise
    breakers.succeeded(breaker)
    return heard, listener


def _listener(transcript: Transcript) -> tuple[hearing.Listener, Breaker | None, bool]:
    """Who is to hear it, their breaker, and whether others could; each further try asks the next of them.

    Raises ProviderRejected when nobody can, and ProviderError when nobody may be asked at this moment.
    """
    conversation, now = transcript.message.conversation, timezone.now()
    found = hearing.listeners(language=conversation.language or current_tenant().language[:2])
    if not found:
        raise ProviderRejected(NOBODY)
    known, first = breakers.all_known(), transcript.attempts % len(found)
    for listener in (*found[first:], *found[:first]):
        row = known.get(_breaker_of(listener))
        if breakers.allows(row, now=now):
            return listener, row, len(found) > 1
    paused = [row for row in map(known.get, map(_breaker_of, found)) if row is not None]
    if all(row.cause == Breaker.Cause.ACCOUNT for row in paused):  # no customer waits for the owner
        raise AccountRefused("The account was refused a moment ago.")
    wait = min(breakers.closes_in(row, now=now) for row in paused) + 0.5
    raise ProviderError("Nobody who hears is asked for a moment.", retry_after=wait)


def _breaker_of(listener: hearing.Listener) -> str:
    """Apart from answering: an account may do the one while the other fails. What runs here has none."""
    return f"speech:{listener.account}" if listener.account else ""


def _failed(listener: hearing.Listener, error: ProviderError) -> None:
    """Remember what says that the vendor should be left in peace; not what is wrong with this recording."""
    of_vendor = isinstance(error, AccountRefused) or not isinstance(error, ProviderRejected)
    if listener.account and of_vendor:
        breakers.failed(_breaker_of(listener), error, now=timezone.now())


@transaction.atomic(durable=True)
def _reserve(transcript: Transcript, recording: speech.Recording, *, now: datetime) -> None:
    """Credits for the longest that it can last; a second try keeps the first one's."""
    if transcript.hold is not None and credits.keep(transcript.hold, now=now):
        return
    price = credits.price_for(recording.model, at=now)
    amount = pricing.audio_cost(price, recording.longest)
    key = f"speech:{transcript.message_id}:{transcript.attempts}"
    whose = used_for.whose(transcript.message.conversation)
    transcript.hold = credits.hold(key=key, amount=amount, agent_id=whose.agent_id, now=now)
    transcript.save(update_fields=["hold"])


@transaction.atomic(durable=True)
def _keep(transcript: Transcript, heard: speech.Heard, listener: hearing.Listener, *, now: datetime) -> None:
    """The words, what they cost, and the answer that waited for them: together or not at all."""
    handoff.locked(transcript.message.conversation_id)  # before the row: everybody locks in this order
    said = bool(heard.text)
    mine = Transcript.objects.filter(pk=transcript.pk, status=Status.DUE)
    closed = mine.update(
        status=Status.DONE if said else Status.FAILED,
        text=heard.text[:20_000],
        error="" if said else NOTHING,
        confidence=heard.confidence,
        seconds=heard.seconds,
        vendor=listener.vendor,
        model=heard.model[:120],
        due_at=None,
    )
    if closed:
        _tell(transcript.message, heard.text)
        _note(transcript.message, heard.text)
        _obey(transcript, now=now)
        _go_on(transcript.message, now=now)
        # Last: everybody waits for the account's row.
        _charge(transcript, heard, price_list=listener.price_list, now=now)


def _note(message: Message, words: str) -> None:
    """It is found by these words, and tells how the customer feels."""
    search_index.renew(message.pk)
    if message.direction == Message.Direction.IN and (felt := mood.of(words)):
        Conversation.objects.filter(pk=message.conversation_id).update(sentiment=felt)


def _obey(transcript: Transcript, *, now: datetime) -> None:
    """A spoken "stop" counts as a written one; heard badly, the customer is asked back first."""
    transcript.refresh_from_db()
    message = transcript.message
    message.refresh_from_db()
    if message.direction == Message.Direction.IN and transcript.is_sure:
        consent.hear(message.conversation, message, spoken=transcript.text, now=now)


def _charge(transcript: Transcript, heard: speech.Heard, *, price_list: str, now: datetime) -> None:
    """By the second, also when nothing was said in it: the vendor listened."""
    price = credits.price_for(heard.model, at=now)
    cost, key = pricing.audio_cost(price, heard.seconds), f"speech:{transcript.message_id}"
    usage.of_hearing(
        key=key,
        model=heard.model,
        seconds=round(heard.seconds),
        exact=heard.exact,
        cost=cost,
        price=price,
        whose=used_for.whose(transcript.message.conversation),
        price_list=price_list,
        now=now,
    )
    if transcript.hold is not None:
        kind = LedgerEntry.Kind.SPEECH
        credits.settle(transcript.hold, cost=cost, key=key, reason="voice note", now=now, kind=kind)


@transaction.atomic(durable=True)
def _give_up(transcript: Transcript, *, reason: str, now: datetime) -> None:
    """It stays unheard, with the reason on it; the answer does not wait any longer."""
    handoff.locked(transcript.message.conversation_id)
    mine = Transcript.objects.filter(pk=transcript.pk, status=Status.DUE)
    if not mine.update(status=Status.FAILED, error=reason[:200], due_at=None):
        return
    log.warning("transcript.given_up", message_id=transcript.message_id)
    live.publish("message.changed", id=transcript.message_id, conversation=transcript.message.conversation_id)
    _go_on(transcript.message, now=now)
    if transcript.hold is not None:
        credits.release(transcript.hold, now=now)


def _try_later(transcript: Transcript, error: ProviderError, *, now: datetime) -> None:
    attempts = transcript.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return _give_up(transcript, reason=str(error), now=now)
    wait = min(error.retry_after or 2.0**attempts, 30.0)
    with transaction.atomic(durable=True):
        Transcript.objects.filter(pk=transcript.pk, status=Status.DUE).update(
            attempts=attempts, due_at=now + timedelta(seconds=wait), claimed_at=None, error=str(error)[:200]
        )
        enqueue(transcribe, countdown=wait, message_id=transcript.message_id)


def _tell(message: Message, words: str) -> None:
    """In the list of chats a voice note shows its words."""
    latest = Conversation.objects.filter(pk=message.conversation_id, last_message_text="")
    if words and not message.body:
        latest.update(last_message_text=words[:160])
    live.publish("message.changed", id=message.pk, conversation=message.conversation_id)


def _go_on(message: Message, *, now: datetime) -> None:
    """The answer waits for nothing any more: it is due when the customer has finished."""
    conversation = handoff.locked(message.conversation_id)
    if conversation.reply_due_at is None or conversation.handler != Conversation.Handler.AGENT:
        return
    due = debounce.after_reading(conversation, now=now)
    if due < conversation.reply_due_at:
        Conversation.objects.filter(pk=conversation.pk).update(reply_due_at=due)
        turns.ring_at(conversation, due, now=now)
