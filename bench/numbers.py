"""What the numbers cost: `python -m bench.numbers` prints JSON.

A business with 100,000 messages in a month (and as many in the month before, to compare with): how long the
counting takes at once and afterwards, how long the page takes for a week and for the month, and how long the
same figures take from the messages themselves, without counted talks. `--topics` tells how well questions
find the topic that they belong to, over bench/questions, for several limits of nearness.
"""

import argparse
import json
import os
import random
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench import measure, scratch

MESSAGES = 100_000
EACH = 4  # messages of one talk: two questions, two answers
ROUNDS = 5


def main() -> None:
    """Measure, and print one JSON object."""
    options = _options()
    if options.topics:
        return measure.print_json({"machine": measure.machine(), "topics": _topics()})
    with scratch.product("numbers", cache=True):
        from django_tenants.utils import schema_context

        with schema_context(scratch.business("numbers")):
            measure.print_json({"machine": measure.machine(), **_figures(options.messages)})
    return None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="a month")
    parser.add_argument("--topics", action="store_true", help="how well questions find their topic")
    return parser.parse_args()


def _figures(messages: int) -> dict[str, Any]:
    from django.utils import timezone

    from conversations import talks

    now = timezone.now()
    measure.progress(f"{2 * messages} messages")
    _write(messages, now=now)
    measure.progress("counting")
    return {
        "messages_a_month": messages,
        "count_all_s": _seconds(lambda: talks.refresh(now=now)),
        "count_again_s": _seconds(lambda: talks.refresh(now=now + timedelta(minutes=10))),
        "repair_s": _seconds(lambda: talks.repair(now=now)),
        "page_week_s": _page("week"),
        "page_month_s": _page("month"),
        "list_month_s": _page("month", "list/"),
        "raw_month_s": _seconds(lambda: _raw(now)),
    }


# Talks spread over customers, sixty days and the hours of a business; each has two questions and two answers.
_FILL = """
INSERT INTO conversations_contact (name, language, note, created_at, details, is_minor)
SELECT 'C' || n, 'pt', '', %(now)s, '{}', FALSE FROM generate_series(1, %(people)s) AS n;
INSERT INTO conversations_conversation (contact_id, channel_id, address, handler, status, handoff_reason,
  language, unread_count, priority, person_minutes, last_message_text, created_at)
SELECT id, %(channel)s, id || '@c.us', 'agent', 'open', '', 'pt', 0, 0, 0, '', %(now)s
FROM conversations_contact WHERE name LIKE 'C%%';
CREATE TEMP TABLE spoken AS
SELECT row_number() OVER () AS id, thread, handed, start + part * interval '2 minutes' AS at, part
FROM (
  SELECT thread.id AS thread, random() < 0.15 AS handed, least(%(now)s::timestamptz - interval '9 minutes',
    date_trunc('day', %(now)s::timestamptz) - make_interval(days => (random() * 59)::int)
    + make_interval(hours => hours.list[1 + (random() * 11)::int], secs => random() * 3600)) AS start
  FROM generate_series(1, %(talks)s) AS n
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM conversations_conversation
    WHERE channel_id = %(channel)s) AS thread ON thread.place = 1 + (n * 7919::bigint) %% %(people)s,
  (SELECT ARRAY[8, 9, 9, 10, 10, 11, 14, 15, 16, 17, 18, 20] AS list) AS hours
) AS talk CROSS JOIN generate_series(0, 1) AS part;
INSERT INTO conversations_turn (id, conversation_id, agent_version_id, status, tier, route_reason, vendor,
  model, supported, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, credits, attempt,
  error, started_at, provider_cost)
SELECT id, thread, %(version)s, 'done',
  (ARRAY['fast', 'fast', 'balanced', 'premium'])[1 + (random() * 3)::int],
  '', 'openai', 'm', TRUE, 0, 0, 0, 0, 2, 1, '', at, 900 FROM spoken;
INSERT INTO conversations_message (conversation_id, turn_id, direction, author_kind, kind, body, source_line,
  media, media_type, media_name, media_source, status, outcome, outcome_reason, attempts, error, created_at,
  sent_at)
SELECT thread, id, way, CASE way WHEN 'in' THEN 'contact' ELSE 'agent' END, 'text', 'Quanto custa?', '', '',
  '', '', '', CASE way WHEN 'in' THEN 'received' ELSE 'read' END,
  CASE WHEN way = 'out' THEN '' WHEN handed AND part = 1 THEN 'handed_over' ELSE 'answered' END,
  CASE WHEN way = 'in' AND handed AND part = 1 THEN 'asked for a person' ELSE '' END, 0, '',
  CASE way WHEN 'in' THEN at ELSE at + interval '3 seconds' END,
  CASE way WHEN 'in' THEN NULL ELSE at + interval '4 seconds' END
FROM spoken, unnest(ARRAY['in', 'out']) AS way ORDER BY at, way;
UPDATE conversations_conversation AS thread SET last_message_at = latest.at
FROM (SELECT thread, max(at) AS at FROM spoken GROUP BY thread) AS latest WHERE latest.thread = thread.id;
ANALYZE
"""


def _write(messages: int, *, now: datetime) -> None:
    """Two months of talks, spread over customers and hours as a business has them."""
    from agents.models import Agent
    from conversations.models import Channel
    from tenants.db import connection

    agent = Agent.objects.order_by("pk")[0]
    channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=agent, is_active=False)
    talks = 2 * messages // EACH
    values = {"now": now, "talks": talks, "people": talks // 3, "channel": channel.pk}
    with connection.cursor() as cursor:
        for statement in _FILL.split(";\n"):
            cursor.execute(statement, values | {"version": agent.published.pk})


def _page(by: str, path: str = "") -> dict[str, float]:
    """The page as a member gets it, without the network: the best round, by the clock and by CPU of both."""
    from django.test import Client

    from tenants.db import connection
    from tenants.models import Membership, Tenant, User

    tenant = Tenant.objects.get(schema_name=connection.schema_name)
    user, _made = User.objects.get_or_create(email="owner@x.example")
    Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": "owner"})
    client = Client(headers={"host": f"{tenant.slug}.localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    taken, used = [], []
    for _round in range(ROUNDS):
        connection.set_tenant(tenant)
        meter = measure.Meter({"web": os.getpid(), "database": _backend()})
        started, before = time.perf_counter(), meter.cpu()
        answer = client.get(f"/numbers/{path}?by={by}")
        taken.append(time.perf_counter() - started)
        used.append(measure.spent(before, meter.cpu())["all"])
        assert answer.status_code == 200, answer.status_code
    connection.set_tenant(tenant)
    return {"seconds": round(min(taken), 3), "cpu_seconds": round(min(used), 3)}


def _backend() -> int:
    """The process of the database that works for this connection."""
    from tenants.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _raw(now: datetime) -> None:
    """The same talks from the messages: what each look would cost without counting."""
    from django.db import transaction

    from conversations import talks
    from conversations.models import Conversation

    ids = list(Conversation.objects.values_list("pk", flat=True))
    with transaction.atomic():
        talks.remake(ids, moment=now - timedelta(days=60))
        transaction.set_rollback(True)


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return round(time.perf_counter() - started, 3)


# -- topics


def _topics() -> list[dict[str, Any]]:
    """For several limits: how many topics the questions make, how pure they are, what the page shows of them.

    Questions with the same answer in bench/questions are taken for one topic.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
    import django

    django.setup()
    with scratch.embedder() as url:
        asked = _labelled(url)
    return [_sorted(asked, near=near / 100) for near in range(34, 82, 4)]


def _labelled(url: str) -> list[tuple[str, Any]]:
    from providers.embedding import embedder

    adapter = embedder(url)
    path = Path(__file__).parent / "questions" / "pt.jsonl"
    rows = [row for line in path.read_text().splitlines() if (row := json.loads(line)).get("gold")]
    random.Random(1).shuffle(rows)
    vectors = (np.asarray(adapter.embed_question(row["question"])[1], dtype="f4") for row in rows)
    return [(row["gold"][0], vector) for row, vector in zip(rows, vectors, strict=True)]


def _sorted(asked: list[tuple[str, Any]], *, near: float) -> dict[str, Any]:
    """As conversations.themes puts them: each to the nearest middle, or to one of its own."""
    from conversations.themes import MOST_WEIGHT, middle

    middles: list[Any] = []
    members: list[list[str]] = []
    for label, vector in asked:
        likeness = np.asarray(middles) @ vector if middles else np.zeros(0)
        best = int(likeness.argmax()) if middles else -1
        if best < 0 or likeness[best] < near:
            middles.append(vector)
            members.append([label])
            continue
        weight = min(len(members[best]), MOST_WEIGHT)
        middles[best] = np.asarray(middle(middles[best], vector, weight), dtype="f4")
        members[best].append(label)
    pure = sum(Counter(one).most_common(1)[0][1] for one in members)
    first = sum(len(one) for one in sorted(members, key=len)[-12:])
    return {
        "near": near,
        "questions": len(asked),
        "answers": len({label for label, _vector in asked}),
        "topics": len(members),
        "pure": round(pure / len(asked), 3),
        "in_the_first_twelve": round(first / len(asked), 3),
    }


if __name__ == "__main__":
    main()
