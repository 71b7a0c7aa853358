"""Talks: threads cut into what can be counted, so that figures need not read every message.

A thread with a customer never ends, so it is no unit to count. A talk is: it begins when a customer writes
after SILENCE, or after the chat was closed, and takes in all until the next one begins. Each is a
row with all that the figures ask for, made by one statement from messages, turns and ratings.

Nothing on a message's way knows of it. `refresh` makes anew what lies in threads in which something was said
since the last time; what changes without a word (a reaction, a rating, customers that are joined) calls
`remake`; and once a day the last days are made again, for whatever came later still.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import Q

from conversations import settled
from conversations.desk_ratings import RATED
from conversations.experiments import BAD, GOOD
from conversations.models import Channel, Conversation, FigureState, Talk
from conversations.routes import REFUSED
from tenants.db import connection

SILENCE = timedelta(hours=12)
# A commit may come later than the moment that its rows carry, and a message leaves after it was written.
OVERLAP = timedelta(minutes=5)
THREADS_A_ROUND = 1000
REPAIRED = timedelta(days=7)
_LOCK = 7_260_041
# What people of the team, or the product's own questions, make of an inbound message: nobody's question.
ACTED, PROVED = "done for a member of the team", "a member's own number"
NOT_COUNTED = (ACTED, PROVED, RATED)

_MAKE = """
WITH scope AS (
  SELECT thread.id AS thread, thread.channel_id, coalesce(
    (SELECT max(known.started_at) FROM conversations_talk AS known
     WHERE known.conversation_id = thread.id AND known.started_at <= %(moment)s::timestamptz),
    '-infinity'::timestamptz) AS since
  FROM conversations_conversation AS thread
  JOIN conversations_channel AS channel ON channel.id = thread.channel_id
  WHERE thread.id = ANY(%(threads)s) AND channel.kind <> 'test'
), said AS (
  SELECT scope.thread, message.id, message.direction::text AS what, message.author_kind AS author,
    message.created_at AS at, message.kind, message.outcome, message.outcome_reason AS reason,
    message.reactions ->> 'contact' AS sign,
    CASE WHEN message.direction = 'out' AND message.author_kind IN ('agent', 'person')
      AND message.status IN ('sent', 'delivered', 'read')
      THEN coalesce(message.sent_at, message.created_at) END AS replied_at
  FROM scope JOIN conversations_message AS message
    ON message.conversation_id = scope.thread AND message.created_at >= scope.since
  WHERE message.priority < 2 AND message.outcome_reason <> ALL(%(not_counted)s)
  UNION ALL
  SELECT scope.thread, 9223372036854775807, 'close', '', mark.at, '', '', '', NULL, NULL
  FROM scope JOIN conversations_activity AS mark
    ON mark.conversation_id = scope.thread AND mark.kind = 'closed' AND mark.at >= scope.since
), cut AS (
  SELECT said.*, coalesce(
    at - lag(at) OVER spoken >= %(silence)s OR lag(what) OVER spoken = 'close', TRUE) AS is_cut
  FROM said WINDOW spoken AS (PARTITION BY thread ORDER BY at, id)
), parted AS (
  SELECT cut.*, count(*) FILTER (WHERE is_cut) OVER (PARTITION BY thread ORDER BY at, id) AS part FROM cut
), begun AS (
  SELECT thread, part, min(at) FILTER (WHERE what = 'in') AS started_at
  FROM parted GROUP BY thread, part HAVING bool_or(what = 'in')
), talk AS (
  SELECT begun.*, lead(started_at) OVER (PARTITION BY thread ORDER BY part) AS until FROM begun
), spoken AS (
  SELECT talk.thread, talk.part, talk.started_at,
    (array_agg(said.id ORDER BY said.at, said.id) FILTER (WHERE what = 'in'))[1] AS first_message,
    max(said.at) FILTER (WHERE what <> 'close') AS last_at,
    count(*) FILTER (WHERE what = 'in') AS messages,
    count(*) FILTER (WHERE what = 'out' AND author = 'person') AS person_messages,
    min(replied_at) AS first_reply, max(replied_at) AS last_reply,
    min(said.at) FILTER (WHERE outcome = 'handed_over') AS handed_at,
    (array_agg(reason ORDER BY said.at, said.id) FILTER (WHERE outcome = 'handed_over'))[1] AS handed_reason,
    coalesce(bool_or(what = 'out' AND sign LIKE ANY(%(good)s)), FALSE) AS liked,
    coalesce(bool_or(what = 'out' AND sign LIKE ANY(%(bad)s)), FALSE) AS disliked
  FROM talk JOIN parted AS said
    ON said.thread = talk.thread AND said.part = talk.part AND said.at >= talk.started_at
  GROUP BY talk.thread, talk.part, talk.started_at
), heard AS (
  SELECT said.thread, said.part, -sum(entry.amount) AS credits
  FROM parted AS said JOIN billing_ledgerentry AS entry ON entry.key = 'speech:' || said.id
  WHERE said.what = 'in' AND said.kind = 'audio' GROUP BY said.thread, said.part
), turned AS (
  SELECT talk.thread, talk.part, count(*) FILTER (WHERE is_done) AS answers, count(unknown) AS unknown,
    (array_agg(version ORDER BY at, id) FILTER (WHERE is_done AND version IS NOT NULL))[1] AS version,
    sum(credits) AS credits, sum(coalesce(provider_cost, 0)) AS provider_cost,
    count(*) FILTER (WHERE is_done AND provider_cost IS NULL) AS unpriced,
    count(*) FILTER (WHERE is_done AND was_asked AND tier = 'fast') AS fast,
    count(*) FILTER (WHERE is_done AND was_asked AND tier = 'balanced') AS balanced,
    count(*) FILTER (WHERE is_done AND was_asked AND tier = 'advanced') AS advanced,
    count(*) FILTER (WHERE is_done AND was_asked AND tier = 'premium') AS premium,
    count(*) FILTER (WHERE is_done AND NOT was_asked) AS unasked
  FROM talk JOIN (
    SELECT turn.id, turn.conversation_id AS thread, turn.started_at AS at, turn.status = 'done' AS is_done,
      NOT turn.cached AND turn.vendor <> ALL(%(nobody)s) AS was_asked, turn.tier, turn.credits,
      turn.provider_cost, turn.agent_version_id AS version, unanswered.turn_id AS unknown
    FROM scope JOIN conversations_turn AS turn
      ON turn.conversation_id = scope.thread AND turn.started_at >= scope.since
    LEFT JOIN conversations_unanswered AS unanswered ON unanswered.turn_id = turn.id
  ) AS turn ON turn.thread = talk.thread AND turn.at >= talk.started_at
    AND (talk.until IS NULL OR turn.at < talk.until)
  GROUP BY talk.thread, talk.part
), rated AS (
  SELECT DISTINCT ON (talk.thread, talk.part) talk.thread, talk.part, rating.score
  FROM talk JOIN conversations_rating AS rating
    ON rating.conversation_id = talk.thread AND rating.asked_at >= talk.started_at
    AND (talk.until IS NULL OR rating.asked_at < talk.until)
  WHERE rating.score IS NOT NULL ORDER BY talk.thread, talk.part, rating.asked_at DESC
), made AS (
  INSERT INTO conversations_talk AS talk (
    conversation_id, channel_id, first_message, started_at, last_at, version_id, messages, answers,
    person_messages, unknown, reply_seconds, resolve_seconds, handed_at, handed_reason, credits,
    provider_cost, unpriced, fast, balanced, advanced, premium, unasked, score, liked, disliked
  )
  SELECT spoken.thread, scope.channel_id, first_message, started_at, last_at, version, messages,
    coalesce(answers, 0), person_messages, coalesce(unknown, 0),
    CASE WHEN first_reply IS NOT NULL THEN greatest(0, extract(epoch FROM first_reply - started_at)) END,
    CASE WHEN last_reply IS NOT NULL THEN greatest(0, extract(epoch FROM last_reply - started_at)) END,
    handed_at, coalesce(handed_reason, ''), coalesce(turned.credits, 0) + coalesce(heard.credits, 0),
    coalesce(provider_cost, 0), coalesce(unpriced, 0), coalesce(fast, 0), coalesce(balanced, 0),
    coalesce(advanced, 0), coalesce(premium, 0), coalesce(unasked, 0), score, liked, disliked
  FROM spoken JOIN scope ON scope.thread = spoken.thread
  LEFT JOIN turned ON turned.thread = spoken.thread AND turned.part = spoken.part
  LEFT JOIN heard ON heard.thread = spoken.thread AND heard.part = spoken.part
  LEFT JOIN rated ON rated.thread = spoken.thread AND rated.part = spoken.part
  ON CONFLICT (conversation_id, first_message) DO UPDATE SET
    channel_id = excluded.channel_id, started_at = excluded.started_at, last_at = excluded.last_at,
    version_id = excluded.version_id, messages = excluded.messages, answers = excluded.answers,
    person_messages = excluded.person_messages, unknown = excluded.unknown,
    reply_seconds = excluded.reply_seconds, resolve_seconds = excluded.resolve_seconds,
    handed_at = excluded.handed_at, handed_reason = excluded.handed_reason, credits = excluded.credits,
    provider_cost = excluded.provider_cost, unpriced = excluded.unpriced, fast = excluded.fast,
    balanced = excluded.balanced, advanced = excluded.advanced, premium = excluded.premium,
    unasked = excluded.unasked, score = excluded.score, liked = excluded.liked, disliked = excluded.disliked
  RETURNING talk.id
)
DELETE FROM conversations_talk AS old USING scope
WHERE old.conversation_id = scope.thread AND old.started_at >= scope.since
  AND old.id NOT IN (SELECT id FROM made)
"""


def remake(threads: Iterable[int], *, moment: datetime | None = None) -> None:
    """Make the talks of these threads anew, in the caller's transaction: all, or those since a moment.

    The talk that was going on at the moment is among them.
    """
    values = {
        "threads": list(threads),
        "moment": moment,
        "silence": SILENCE,
        "not_counted": list(NOT_COUNTED),
        "nobody": [settled.VENDOR, REFUSED],
        "good": [f"{sign}%" for sign in GOOD],
        "bad": [f"{sign}%" for sign in BAD],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, values)


def refresh(*, now: datetime, within: float | None = None) -> bool:
    """Count what was said since the last time, for at most so many seconds; whether that is all.

    Rounds of THREADS_A_ROUND, each committed: what is killed goes on where it was.
    """
    until = None if within is None else monotonic() + within
    after: tuple[datetime, int] | None = None
    while True:
        after, is_all = _round(after, now=now)
        if is_all:
            return True
        if until is not None and monotonic() > until:
            return False


@transaction.atomic(durable=True)
def _round(after: tuple[datetime, int] | None, *, now: datetime) -> tuple[tuple[datetime, int] | None, bool]:
    """The next threads, by when something was last said; where it ended, and whether that were all."""
    _alone()
    state, _made = FigureState.objects.get_or_create(pk=1)
    since = state.counted_until - OVERLAP if state.counted_until else None
    threads = Conversation.objects.exclude(channel__kind=Channel.Kind.TEST).exclude(last_message_at=None)
    if since is not None:
        threads = threads.filter(last_message_at__gte=since)
    if after is not None:
        threads = threads.filter(
            Q(last_message_at=after[0], pk__gt=after[1]) | Q(last_message_at__gt=after[0])
        )
    rows = threads.order_by("last_message_at", "pk").values_list("last_message_at", "pk")
    found = [(at, pk) for at, pk in rows[:THREADS_A_ROUND] if at is not None]
    if found:
        remake([pk for _at, pk in found], moment=since)
    is_all = len(found) < THREADS_A_ROUND
    reached = now if is_all else min(now, found[-1][0])
    FigureState.objects.filter(pk=1).update(counted_until=max(reached, state.counted_until or reached))
    return (found[-1] if found else after), is_all


def _alone() -> None:
    """One at a time counts a business, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK])


def repair(*, now: datetime) -> None:
    """Make the last days anew: what came later than anybody waited for is in it then."""
    since = now - REPAIRED
    threads = Conversation.objects.filter(last_message_at__gte=since).order_by("pk")
    ids = list(threads.values_list("pk", flat=True))
    for first in range(0, len(ids), THREADS_A_ROUND):
        with transaction.atomic(durable=True):
            _alone()
            remake(ids[first : first + THREADS_A_ROUND], moment=since)
    FigureState.objects.update_or_create(pk=1, defaults={"repaired_at": now})


def forget() -> None:
    """Drop all that was counted; the next `refresh` makes it again."""
    with transaction.atomic(durable=True):
        _alone()
        Talk.objects.all().delete()
        FigureState.objects.filter(pk=1).update(counted_until=None)
