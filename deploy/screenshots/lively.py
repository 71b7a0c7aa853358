"""Weeks of chats behind the demo business, and what its people did: `python -m deploy.screenshots.lively`.

For pictures only. Every draw is from one seed, so two runs show the same.
"""

import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.utils import timezone  # noqa: E402
from django_tenants.utils import schema_context  # noqa: E402

from agents.models import Agent  # noqa: E402
from config.preparation import DEMO_SLUG  # noqa: E402
from conversations.models import (  # noqa: E402
    CannedReply,
    Channel,
    Contact,
    ContactIdentity,
    Conversation,
    DeskRules,
    Label,
    Message,
    Note,
    Rating,
    Todo,
    Turn,
)
from deploy.screenshots import money  # noqa: E402
from tenants.models import Membership, Tenant, User  # noqa: E402

SEED, PEOPLE, DAYS = 2026, 60, 30
FIRST = ["Ana", "Bruno", "Carla", "Diego", "Elisa", "Fábio", "Gabriela", "Hugo", "Isabela", "Jorge", "Karina"]
LAST = ["Araújo", "Barros", "Cardoso", "Duarte", "Esteves", "Farias", "Gomes", "Hofmann", "Ikeda"]
COLLEAGUES = [("Paulo Freitas", "paulo@aurora.example"), ("Renata Koch", "renata@aurora.example")]
LABELS = [("orçamento", "blue"), ("convênio", "violet"), ("reclamação", "rose"), ("retorno", "green")]
REPLIES = [
    ("endereco", "{{name}}, estamos na Rua das Araucárias, 120, Curitiba. Há estacionamento ao lado."),
    ("horario", "Atendemos de segunda a sexta das 8h às 19h, e aos sábados das 8h às 13h."),
    ("retorno", "{{name}}, confirmo com a dentista e retorno ainda hoje. {{me}}"),
]
ASKED = [
    ("Quanto custa a limpeza?", "A limpeza dental custa R$ 190.", "Tabela de preços"),
    ("Abrem no sábado?", "Aos sábados atendemos das 8h às 13h.", "Perguntas frequentes"),
    (
        "Vocês aceitam o Dental Sul?",
        "Sim, o Dental Sul é aceito para consultas e limpeza.",
        "Convênios aceitos",
    ),
    (
        "Posso comer antes da extração?",
        "Faça uma refeição leve até duas horas antes.",
        "Cuidados antes e depois",
    ),
    ("Como desmarco?", "Avise até 24 horas antes, por aqui mesmo.", "Guia do paciente"),
]


def make() -> None:
    """Once; a second call finds that it is done."""
    tenant, now, chance = Tenant.objects.get(slug=DEMO_SLUG), timezone.now(), random.Random(SEED)
    team = [_colleague(tenant, name, email) for name, email in COLLEAGUES]
    with schema_context(tenant.schema_name):
        if Label.objects.exists():
            return
        labels = [Label.objects.create(name=name, colour=colour) for name, colour in LABELS]
        for shortcut, text in REPLIES:
            CannedReply.objects.create(shortcut=shortcut, text=text, author=team[0])
        DeskRules.objects.update_or_create(pk=1, defaults={"first_reply_minutes": 15, "asks_rating": True})
        chats = [_chat(number, chance, now) for number in range(PEOPLE)]
        for chat in chats:
            _weeks(chat, chance, now)
        money.make(tenant, chance, now=now)
        _desk([*Conversation.objects.order_by("-last_message_at")[:24]], labels, team, chance, now)


def _colleague(tenant: Tenant, name: str, email: str) -> User:
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, name=name)
    Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": "agent"})
    return user


def _chat(number: int, chance: random.Random, now: datetime) -> Conversation:
    """A customer and their thread."""
    name = f"{FIRST[number % len(FIRST)]} {LAST[number % len(LAST)]}"
    joined = now - timedelta(days=chance.uniform(5, 200))
    contact = Contact.objects.create(name=name, language="pt")
    address = f"55418{number:08d}"
    channel = Channel.objects.filter(kind="waha").order_by("created_at")[0]
    ContactIdentity.objects.create(contact=contact, channel=channel, kind="c.us", value=f"{address}@c.us")
    return Conversation.objects.create(
        contact=contact, channel=channel, address=f"{address}@c.us", language="pt", created_at=joined,
        last_message_at=joined,
    )  # fmt: skip


def _weeks(chat: Conversation, chance: random.Random, now: datetime) -> None:
    """What this customer asked in the last weeks; one question in six went to a person."""
    agent = Agent.objects.order_by("pk")[0]
    for at in sorted(_moments(chance, now)):
        question, answer, title = chance.choice(ASKED)
        person = chance.random() < 0.17
        turn = Turn.objects.create(
            conversation=chat, agent_version=agent.published, status="handed_over" if person else "done",
            tier="fast", supported=not person, credits=0 if person else chance.randint(1, 4), started_at=at,
            finished_at=at + timedelta(seconds=2), latency_ms=chance.randint(700, 2600),
        )  # fmt: skip
        common = {"conversation": chat, "turn": turn, "created_at": at}
        Message.objects.create(
            **common, direction="in", author_kind="contact", body=question, status="received",
            outcome="handed_over" if person else "answered", terminal_at=at + timedelta(seconds=3),
        )  # fmt: skip
        sent = at + timedelta(minutes=chance.randint(2, 40)) if person else at + timedelta(seconds=4)
        Message.objects.create(
            **common | {"created_at": sent}, direction="out", author_kind="person" if person else "agent",
            body="Já verifico para você." if person else answer, source_line="" if person else title,
            status="read", sent_at=sent, delivered_at=sent, read_at=sent, terminal_at=sent,
        )  # fmt: skip
        chat.last_message_at, chat.last_message_text = sent, "Já verifico para você." if person else answer
    chat.save()
    if chance.random() < 0.5:
        asked = chat.last_message_at or now
        Rating.objects.create(
            conversation=chat, score=chance.choices([5, 4, 3, 1], [8, 4, 2, 1])[0], asked_at=asked,
            answered_at=asked, ended_at=asked,
        )  # fmt: skip


def _moments(chance: random.Random, now: datetime) -> Iterator[datetime]:
    """When people write: mostly in the morning and after work, less on Sundays."""
    for _number in range(chance.randint(1, 6)):
        day = now - timedelta(days=chance.uniform(0.2, DAYS))
        hour = chance.choices(range(8, 22), [3, 6, 8, 7, 4, 3, 4, 5, 6, 7, 8, 6, 3, 2])[0]
        moment = day.replace(hour=hour, minute=chance.randrange(60))
        if moment < now and (moment.weekday() != 6 or chance.random() < 0.3):
            yield moment


def _desk(
    chats: list[Conversation], labels: list[Label], team: list[User], chance: random.Random, now: datetime
) -> None:
    """Labels, people, notes, promises."""
    for number, chat in enumerate(chats):
        if number % 2 == 0:
            chat.labels.add(chance.choice(labels))
        if number % 5 == 1 and chat.handler == "agent":
            chat.handler, chat.assigned_to = "person", chance.choice(team)
        if number % 7 == 2:
            chat.unread_count = chance.randint(1, 3)
        chat.save()
    Note.objects.create(conversation=chats[0], author=team[0], text="Prefere ser atendida pela manhã.")
    Todo.objects.create(
        conversation=chats[1], text="Enviar o orçamento do aparelho", assigned_to=team[1], created_by=team[0],
        due_at=now + timedelta(hours=3),
    )  # fmt: skip


if __name__ == "__main__":
    make()
