"""Months of money behind the demo business: purchases, uses, limits, and what finance has to decide.

For pictures only. What was bought first is all spent by yesterday, so that the balance is as the ledger says.
"""

import random
import uuid
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from agents.models import Agent
from billing import rollup, topups
from billing.models import AutoRecharge, LedgerEntry, SpendLimit, Usage
from conversations.models import Conversation
from tenants.models import (
    CreditRequest,
    KeptLedger,
    Pack,
    PaymentCustomer,
    PaymentEvent,
    PaymentSweep,
    Refund,
    Tenant,
    TopUp,
    User,
)

DAYS, BOUGHT, PRICE = 70, 5_000, 42_500
WEEK = (95, 84, 80, 82, 100, 40, 0)  # credits of each weekday, Monday first
# What is used: kind, the ledger's reason, the model, what is counted, how often.
USES = [
    ("turn", "resposta", "claude-sonnet-4-5", {"input_tokens": 4_200, "output_tokens": 310}, 8),
    ("turn", "resposta", "gpt-4o-mini", {"input_tokens": 3_100, "output_tokens": 180}, 6),
    ("speech", "mensagem de voz", "gpt-4o-mini-transcribe", {"audio_seconds": 21}, 2),
    ("reading", "Tabela de preços", "*", {"pages": 4}, 1),
    ("template", "lembrete", "template:utility", {"messages": 1}, 1),
]
PACKS = [("brl", 500, 6_000), ("brl", 1_000, 10_000), ("brl", BOUGHT, PRICE), ("usd", 1_000, 2_000)]
EVENTS = [("checkout.session.completed", "done"), ("refund.updated", "failed")]
STAFF = [("Nina Prado", "nina@frontdesk.example"), ("Otto Reis", "otto@frontdesk.example")]


def make(tenant: Tenant, chance: random.Random, *, now: datetime) -> None:
    """Everything, in the business's schema (the caller is in it) and the shared one; once."""
    owner = User.objects.get(memberships__tenant=tenant, memberships__role="owner")
    for currency, credits, amount in PACKS:
        is_rate = credits == 1_000
        Pack.objects.create(currency=currency, credits=credits, amount=amount, is_rate=is_rate)
    _payer(tenant, owner, now=now)
    first = _purchase(tenant, owner, 1, credits=BOUGHT, amount=PRICE, at=now - timedelta(days=DAYS))
    _spent(first, chance, now=now)
    latest = _purchase(tenant, owner, 2, credits=1_000, amount=10_000, at=now)
    with transaction.atomic():
        topups.buy(latest, now=now)
    _others(tenant, owner, now=now)
    _chosen(now)
    _of_finance(tenant, first, now=now)
    rollup.reconcile_all(now=now)


def _payer(tenant: Tenant, owner: User, *, now: datetime) -> None:
    PaymentCustomer.objects.create(
        tenant=tenant, customer_id="cus_demo", payment_method="pm_demo", card_brand="visa",
        card_last4="4242", card_expires_on=date(now.year + 2, 8, 31), consented_at=now, consented_by=owner,
    )  # fmt: skip


def _purchase(tenant: Tenant, owner: User, number: int, *, credits: int, amount: int, at: datetime) -> TopUp:
    return TopUp.objects.create(
        tenant=tenant, status="paid", credits=credits, currency="brl", amount=amount, charged=amount,
        payment_intent=f"pi_demo_{number}", method="card", requested_by=owner, created_at=at, paid_at=at,
        receipt_url="https://stripe.example/receipt",
    )  # fmt: skip


def _spent(bought: TopUp, chance: random.Random, *, now: datetime) -> None:
    """The first purchase, and what it was spent on until about yesterday, to the last credit."""
    entries = [_entry("topup", BOUGHT, 0, f"topup:{bought.payment_intent}", "R$ 425,00", bought.created_at)]
    uses: list[Usage] = []
    chats = list(Conversation.objects.order_by("pk"))
    agent = Agent.objects.order_by("pk")[0].pk
    for back in range(DAYS - 1, 0, -1):
        day = timezone.localtime(now - timedelta(days=back)).replace(hour=8, minute=0)
        wanted = int(WEEK[day.weekday()] * chance.uniform(0.8, 1.2) * (1.4 if back < 21 else 1.0))
        while wanted > 0 and (left := entries[-1].balance_after) > 0:
            day += timedelta(minutes=chance.randint(1, 9))
            amount = min(left, chance.randint(1, 7))
            kind, reason, model, counted, _often = chance.choices(USES, [one[4] for one in USES])[0]
            key, chat = f"demo:{len(entries)}", chance.choice(chats)
            entries.append(_entry(kind, -amount, left, key, reason, day))
            place = {"agent_id": agent, "channel_id": chat.channel_id, "conversation_id": chat.pk}
            exact = model != "gpt-4o-mini"
            common = {"key": key, "model": model, "credits": amount, "created_at": day, "exact": exact}
            uses.append(Usage(**common, **place, **counted, vendor_cost=amount * 1_900, price={}))
            wanted -= amount
    if (left := entries[-1].balance_after) > 0:
        entries.append(_entry("correction", -left, left, "demo:rest", "acerto", now - timedelta(hours=20)))
    LedgerEntry.objects.bulk_create(entries)
    Usage.objects.bulk_create(uses)


def _entry(kind: str, amount: int, before: int, key: str, reason: str, at: datetime) -> LedgerEntry:
    return LedgerEntry(
        kind=kind, amount=amount, balance_after=before + amount, key=key, reason=reason, created_at=at
    )


def _others(tenant: Tenant, owner: User, *, now: datetime) -> None:
    """Purchases that came to something else."""
    common = {"tenant": tenant, "currency": "brl", "requested_by": owner}
    TopUp.objects.create(
        **common, status="processing", credits=500, amount=6_000, method="boleto", session_id="cs_demo_3"
    )
    TopUp.objects.create(
        **common, status="failed", credits=500, amount=6_000, error="insufficient_funds", kind="auto",
        created_at=now - timedelta(days=4),
    )  # fmt: skip


def _chosen(now: datetime) -> None:
    """The automatic recharge and a limit of the day."""
    AutoRecharge.objects.create(
        is_on=True, threshold=200, target=1_000, currency="brl", monthly_ceiling=30_000, agreed_at=now
    )
    SpendLimit.objects.create(credits_a_day=400)


def _of_finance(tenant: Tenant, bought: TopUp, *, now: datetime) -> None:
    """Requests, a dispute that was won, events of the vendor's, and a business that is gone."""
    asker, decider = (User.objects.create_user(email, name=name, is_staff=True) for name, email in STAFF)
    common = {"tenant": tenant, "asked_by": asker}
    CreditRequest.objects.create(
        **common, kind="grant", credits=12_000, reason="Compensação da queda de domingo", key="demo:1"
    )
    CreditRequest.objects.create(
        **common, kind="refund", credits=-1_000, topup=bought, amount=8_500, currency="brl", status="done",
        reason="Comprou duas vezes", key="demo:2", decided_by=decider, decided_at=now,
    )  # fmt: skip
    Refund.objects.create(
        topup=bought, kind="dispute", vendor_id="dp_demo", amount=PRICE, credits=BOUGHT, status="won",
        reason="product_not_received", created_at=now - timedelta(days=40),
    )  # fmt: skip
    for number, (kind, status) in enumerate(EVENTS):
        PaymentEvent.objects.create(
            event_id=f"evt_demo_{number}", type=kind, object_id="cs_demo", status=status, tenant=tenant,
            attempts=1, happened_at=now, error="" if status == "done" else "DoesNotFit: another currency",
        )  # fmt: skip
    PaymentSweep.objects.create(since=now - timedelta(days=1), until=now, events=41, missed=1, repaired=1)
    KeptLedger.objects.create(
        slug="cafe-do-porto", name="Café do Porto", folder=f"kept/{uuid.UUID(int=1)}", entries=1_204,
        closing=37, kept_until=date(now.year + 10, 12, 31), kept_at=now - timedelta(days=12),
    )  # fmt: skip
