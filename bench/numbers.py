"""What the numbers cost: `python -m bench.numbers` prints JSON.

A business with 100,000 messages in a month (and as many in the month before, to compare with): how long the
counting takes at once and afterwards, how long the page takes for a week and for the month, and how long the
same figures take from the messages themselves, without counted talks. `--topics` tells how well questions
find the topic that they belong to, over bench/intents, for several limits of nearness.
"""

import argparse
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

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
    _analyse()
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


def _write(messages: int, *, now: datetime) -> None:
    """Two months of talks, spread over customers and hours as a business has them."""
    from agents.models import Agent
    from conversations.models import Channel, Contact, Conversation, Message, Turn

    chance = random.Random(1)
    agent = Agent.objects.order_by("pk")[0]
    channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=agent)
    talks = 2 * messages // EACH
    people = Contact.objects.bulk_create([Contact(name=f"C{n}") for n in range(talks // 3)], batch_size=2000)
    threads = Conversation.objects.bulk_create(
        [Conversation(contact=one, channel=channel, address=f"{one.pk}@c.us") for one in people],
        batch_size=2000,
    )
    version = agent.published_id
    rows: list[tuple[Turn, list[Message]]] = []
    latest: dict[int, datetime] = {}
    for _number in range(talks):
        thread = chance.choice(threads)
        hour = chance.choice([8, 9, 9, 10, 10, 11, 14, 15, 16, 17, 18, 20])
        day = (now - timedelta(days=chance.randrange(0, 60))).replace(hour=hour, minute=0)
        start = min(day + timedelta(seconds=chance.randrange(3600)), now - timedelta(minutes=9))
        rows += list(_talk(chance, thread, version, start))
        latest[thread.pk] = max(latest.get(thread.pk, start), start + timedelta(minutes=4))
    Turn.objects.bulk_create([turn for turn, _messages in rows], batch_size=2000)
    Message.objects.bulk_create([one for _turn, said in rows for one in said], batch_size=2000)
    for thread in threads:
        thread.last_message_at = latest.get(thread.pk)
    Conversation.objects.bulk_update(threads, ["last_message_at"], batch_size=2000)


def _talk(chance: random.Random, thread: Any, version: int, start: datetime) -> Iterator[Any]:
    from conversations.models import Message, Turn

    handed = chance.random() < 0.15
    for number in range(EACH // 2):
        at = start + timedelta(minutes=2 * number)
        turn = Turn(
            conversation=thread, status="done", agent_version_id=version, vendor="openai", credits=2,
            tier=chance.choice(["fast", "fast", "balanced", "premium"]), started_at=at, provider_cost=900,
        )  # fmt: skip
        asked = Message(
            conversation=thread, direction="in", author_kind="contact", body="Quanto custa?", turn=turn,
            status="received", outcome="handed_over" if handed and number else "answered", created_at=at,
            outcome_reason="asked for a person" if handed and number else "",
        )  # fmt: skip
        told = Message(
            conversation=thread, direction="out", author_kind="agent", body="R$ 10", status="read", turn=turn,
            created_at=at + timedelta(seconds=3), sent_at=at + timedelta(seconds=4),
        )  # fmt: skip
        yield turn, [asked, told]


def _analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _page(by: str, path: str = "") -> dict[str, float]:
    """The page as a member gets it, without the network: the best and the middle of some rounds."""
    from django.test import Client

    from tenants.db import connection
    from tenants.models import Membership, Tenant, User

    tenant = Tenant.objects.get(schema_name=connection.schema_name)
    user, _made = User.objects.get_or_create(email="owner@x.example")
    Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": "owner"})
    client = Client(headers={"host": f"{tenant.slug}.localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    taken = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        answer = client.get(f"/numbers/{path}?by={by}")
        taken.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.status_code
        connection.set_tenant(tenant)
    return {"best": round(min(taken), 3), "middle": round(sorted(taken)[ROUNDS // 2], 3)}


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
    """For several limits: how many topics 15 intents make, and how pure and how whole they are."""
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
    import django

    django.setup()
    with scratch.embedder() as url:
        asked = _labelled(url)
    return [_sorted(asked, near=near / 100) for near in range(30, 66, 3)]


def _labelled(url: str) -> list[tuple[str, list[float]]]:
    from providers.embedding import embedder

    adapter = embedder(url)
    folder = Path(__file__).parent / "intents"
    rows = [
        json.loads(line) for path in sorted(folder.glob("pt.jsonl")) for line in path.read_text().splitlines()
    ]
    random.Random(1).shuffle(rows)
    return [(row["intent"], [float(one) for one in adapter.embed_question(row["text"])[1]]) for row in rows]


def _sorted(asked: list[tuple[str, list[float]]], *, near: float) -> dict[str, Any]:
    """As conversations.themes puts them: each to the nearest middle, or to one of its own."""
    from conversations.themes import MOST_WEIGHT, middle

    middles: list[list[float]] = []
    members: dict[int, list[str]] = defaultdict(list)
    for intent, vector in asked:
        likeness = [sum(a * b for a, b in zip(one, vector, strict=True)) for one in middles]
        best = max(range(len(middles)), key=likeness.__getitem__) if middles else -1
        if best < 0 or likeness[best] < near:
            middles.append(vector)
            best = len(middles) - 1
        else:
            weight = min(len(members[best]), MOST_WEIGHT)
            middles[best] = middle(middles[best], vector, weight)
        members[best].append(intent)
    pure = sum(Counter(one).most_common(1)[0][1] for one in members.values())
    largest = sum(len(one) for one in sorted(members.values(), key=len)[-12:])
    return {
        "near": near,
        "questions": len(asked),
        "topics": len(middles),
        "pure": round(pure / len(asked), 3),
        "in_the_first_twelve": round(largest / len(asked), 3),
    }


if __name__ == "__main__":
    main()
