"""The words of messages, written down after they came: nothing of it is on a message's way.

A message's row is written five times until it is read, and an index on it would be filled each time; here its
words stand once, in a table of their own. Whoever searches first writes down what is still missing.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from conversations.models import Message, SearchMark
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.db import connection

BATCH = 2_000
# Who commits late has a smaller number than what is there already: the mark stays behind for so long.
SETTLED = timedelta(minutes=2)
LATE = timedelta(minutes=5)  # after that the sweep has it done, though nobody searches

_LANGUAGES = ("pt", "en", "es", "fr")
_WRITE = """
INSERT INTO conversations_messagewords (message_id, language, search)
SELECT said.id, said.language,
  CASE WHEN said.language = '' THEN ''::tsvector
    ELSE to_tsvector(('public.fd_' || said.language)::regconfig, said.words) END
  || to_tsvector('pg_catalog.simple', public.unaccent(said.words))
FROM (
  SELECT message.id,
    CASE WHEN known.language = ANY(%(languages)s) THEN known.language ELSE '' END AS language,
    left(concat_ws(' ', message.body, message.content -> 'choice' ->> 'title', message.media_name,
      CASE WHEN heard.confirmed IS NOT FALSE THEN heard.text END), 20000) AS words
  FROM conversations_message AS message
  JOIN conversations_conversation AS talk ON talk.id = message.conversation_id
  LEFT JOIN conversations_transcript AS heard ON heard.message_id = message.id,
  LATERAL (SELECT split_part(coalesce(nullif(talk.language, ''), %(language)s), '-', 1)) AS known(language)
  WHERE {which}
) AS said
"""
_MISSING = """
message.id > %(until)s
  AND NOT EXISTS (SELECT FROM conversations_messagewords AS kept WHERE kept.message_id = message.id)
  ORDER BY message.id LIMIT %(most)s
"""
_NEW = _WRITE.format(which=_MISSING) + "ON CONFLICT (message_id) DO NOTHING RETURNING message_id"
_AGAIN = (
    _WRITE.format(which="message.id = %(message)s")
    + "ON CONFLICT (message_id) DO UPDATE SET language = excluded.language, search = excluded.search"
)
_ADVANCE = """
UPDATE conversations_searchmark SET until = greatest(until, coalesce((
  SELECT max(id) FROM conversations_message
  WHERE id > until AND id <= %(last)s AND created_at < %(settled)s), 0))
WHERE id = 1
"""
_NO_END = 2**62


def write(*, now: datetime, most: int = BATCH) -> bool:
    """Write down the words of messages that have none, oldest first; True when there are more than `most`."""
    with transaction.atomic():
        if (mark := _mark()) is None:
            return False  # somebody else is at it
        values = {"until": mark.until, "most": most, **_languages()}
        with connection.cursor() as cursor:
            cursor.execute(_NEW, values)
            done = [number for (number,) in cursor.fetchall()]
            last = max(done) if len(done) == most else _NO_END
            cursor.execute(_ADVANCE, {"last": last, "settled": now - SETTLED})
    return len(done) == most


def _mark() -> SearchMark | None:
    """Ours until the commit; None while somebody else has it."""
    free = SearchMark.objects.select_for_update(skip_locked=True)
    if mark := free.first():
        return mark
    SearchMark.objects.bulk_create([SearchMark()], ignore_conflicts=True)
    return free.first()


def renew(message_id: int) -> None:
    """Its words have changed: in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, {"message": message_id, **_languages()})


def is_behind(*, now: datetime) -> bool:
    """Whether messages have been without their words for LATE."""
    mark = SearchMark.objects.first() or SearchMark()
    return Message.objects.filter(pk__gt=mark.until, created_at__lt=now - LATE).exists()


def _languages() -> dict[str, Any]:
    return {"languages": list(_LANGUAGES), "language": tenant().language}


@task()
def catch_up() -> None:
    """A batch of what is missing; as long as there is more, another one after whoever waits meanwhile."""
    if write(now=timezone.now()):
        enqueue(catch_up)
