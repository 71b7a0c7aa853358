"""Fifty cases of a draft beside what is published: how long the gate takes with a model that answers at once.

`python -m bench.gate` prints JSON. Ten questions were settled, thirty are scenarios and ten customers asked
last week. Each is asked of both versions, as before a publication; the model is a counterpart on this machine
that answers after `--delay-ms`. Three rounds, the median; nothing is kept between them.
"""

import argparse
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import measure, scratch
from bench.measure import Figures

SUBJECTS = (
    "a first consultation", "a blood test", "parking", "the health plan", "a vaccine", "children",
    "the results", "an appointment", "the opening hours", "payment",
)  # fmt: skip
WAYS = ("Tell me about {}", "How does it work with {}?", "What do I need for {}?", "Is there anything on {}?")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="how long the model takes for an answer")
    parser.add_argument("--rounds", type=int, default=measure.ROUNDS)
    wanted = parser.parse_args()
    where = measure.machine()
    with ExitStack() as stack:
        stack.enter_context(scratch.product("gate", cache=True))
        stack.enter_context(scratch.embedder())
        figures = _measure(stack, delay=wanted.delay_ms / 1000, rounds=wanted.rounds)
    measure.print_json({"bench": "gate", "machine": where, "delay_ms": wanted.delay_ms, **figures})


def _measure(stack: ExitStack, *, delay: float, rounds: int) -> dict[str, Any]:
    from django.db import connection
    from django_tenants.utils import schema_context

    from tenants.models import Tenant
    from tests.counterparts.models import Models

    models = stack.enter_context(Models())
    models.app.delay, models.app.keep_requests = delay, False
    stack.enter_context(schema_context(scratch.business("gate")))
    connection.set_tenant(Tenant.objects.get(slug="gate"))
    _set_up(models.url)
    found = [_round(number) for number in range(rounds)]
    return {"rounds": found, "median": measure.median_of(found)}


def _set_up(model: str) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.db import connection
    from django.utils import timezone

    from agents.models import Agent, ModelProvider, Scenario
    from conversations import teaching
    from knowledge import documents, indexing, pinned

    now, agent = timezone.now(), Agent.objects.get()
    ModelProvider.objects.create(
        name="vendor", vendor="openai", base_url=f"{model}/v1", api_key="key", model="m", is_default=True
    )
    text = (Path(__file__).parent / "clinic.md").read_bytes()
    document = documents.add(
        file=SimpleUploadedFile("clinic.md", text), name="clinic.md", added_by=None, now=now
    )
    headers = {"schema": connection.schema_name}
    tenant = connection.tenant
    indexing.index.apply(kwargs={"document_id": document.pk}, headers=headers, throw=True)
    connection.set_tenant(tenant)
    for subject in SUBJECTS:
        ways = [f"Do you take cheques for {subject}?"]
        teaching.settle(ways, text=f"No cheques for {subject}.", language="en", user=None, now=now)
    pinned.embed.apply(headers=headers, throw=True)
    connection.set_tenant(tenant)
    Scenario.objects.bulk_create(
        Scenario(
            agent=agent, name=f"s{way}-{number}", language="en", says=[WAYS[way].format(subject)],
            expects={"hands_over": False},
        )
        for way in range(3)
        for number, subject in enumerate(SUBJECTS)
    )  # fmt: skip
    _asked_last_week(now)


def _asked_last_week(now: Any) -> None:
    from conversations.models import Channel, Contact, Conversation, Message, Turn

    channel = Channel.objects.create(kind="api", name="programs", agent_id=1)
    for number, subject in enumerate(SUBJECTS):
        contact = Contact.objects.create(name=f"Jane {number}")
        chat = Conversation.objects.create(
            contact=contact, channel=channel, address=f"{number}", language="en"
        )
        turn = Turn.objects.create(conversation=chat, status="done", started_at=now)
        Message.objects.create(
            conversation=chat, turn=turn, direction="in", author_kind="contact", body=WAYS[3].format(subject),
            status="received", outcome="answered", terminal_at=now, created_at=now,
        )  # fmt: skip


def _round(number: int) -> Figures:
    from django.utils import timezone

    from agents import publishing
    from agents.models import Agent
    from conversations import gate

    agent = Agent.objects.get()
    draft = publishing.edit_draft(
        agent, content={"tone": f"round {number}"}, user=None, now=timezone.now()
    ).draft
    begun = gate.begin(draft, user=None, now=timezone.now())
    since, cpu = time.monotonic(), time.process_time()
    gate.run.apply(kwargs={"evaluation_id": begun.pk}, headers={"schema": "gate"}, throw=True)
    taken, used = time.monotonic() - since, time.process_time() - cpu
    from django.db import connection

    from tenants.models import Tenant

    connection.set_tenant(Tenant.objects.get(slug="gate"))
    begun.refresh_from_db()
    return {
        "seconds": round(taken, 2),
        "cpu_seconds": round(used, 2),
        "cases": begun.totals["cases"],
        "failed": begun.totals["failed"],
        "errors": begun.totals["errors"],
    }


if __name__ == "__main__":
    main()
