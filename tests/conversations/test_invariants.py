"""What must hold at every moment: a finding alarms once, stands on Today, and goes when it is gone."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from billing.models import CreditAccount, Hold
from conversations import invariants
from conversations.models import Conversation, Incident, Message, Turn
from tenants.models import Tenant

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def owner(shop: Any, client_for: Any, member_of: Any, settings: Any) -> Any:
    settings.ADMINS = [("Operator", "operator@frontdesk.example")]
    tenant = Tenant.objects.get(slug="alpha")
    return client_for(tenant, member_of(tenant, "owner"))


def watch(shop: Any) -> None:
    invariants.watch.apply(throw=True)
    connection.set_tenant(shop.tenant)


def leave_unanswered(shop: Any) -> None:
    """A message that nothing will answer any more."""
    shop.say("Que horas vocês abrem?")
    shop.background.sent.clear()
    Message.objects.update(created_at=timezone.now() - LONG_AGO)
    Conversation.objects.update(reply_due_at=None)


def test_a_business_in_which_all_is_well_is_not_visited(shop: Any) -> None:
    shop.say("Que horas vocês abrem?")
    shop.work()
    assert invariants.suspects(now=timezone.now()) == []
    watch(shop)
    assert not Incident.objects.exists()


def test_a_finding_is_told_once_shown_on_today_and_cleared(shop: Any, owner: Any) -> None:
    leave_unanswered(shop)
    watch(shop), watch(shop)
    incident = Incident.objects.get()
    assert (incident.kind, incident.count, incident.cleared_at) == ("unexplained", 1, None)
    assert incident.detail["open"] == [Message.objects.get().pk]
    to_owner, to_operator = mail.outbox
    assert to_owner.to == ["owner@alpha.example"] and "/messages/?show=unexplained" in to_owner.body
    assert to_operator.to == ["operator@frontdesk.example"]
    assert "5511988887777" not in to_owner.body + to_operator.body
    today = owner.get("/").content.decode()
    assert "Messages that came to no end in time" in today and "1 unexplained" in today
    shop.later()
    watch(shop)
    incident.refresh_from_db()
    assert incident.cleared_at is not None and len(mail.outbox) == 2
    assert "Messages that came to no end in time" not in owner.get("/").content.decode()


def test_a_letter_that_could_not_be_sent_is_sent_the_next_time(
    shop: Any, owner: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unanswered(shop)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    watch(shop)
    assert Incident.objects.get().told_at is None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    watch(shop)
    assert Incident.objects.get().told_at is not None and len(mail.outbox) == 2


def test_a_balance_that_the_ledger_does_not_explain(shop: Any) -> None:
    CreditAccount.objects.update(balance=CreditAccount.objects.get().balance + 7)
    watch(shop)
    assert Incident.objects.get().kind == "ledger"


def test_credits_reserved_for_nothing(shop: Any) -> None:
    Hold.objects.create(key="turn:0", amount=5, created_at=timezone.now() - LONG_AGO)
    CreditAccount.objects.update(held=5)
    watch(shop)
    assert Incident.objects.get().kind == "orphan_hold"


def test_what_is_reserved_and_not_held_is_a_discrepancy(shop: Any) -> None:
    CreditAccount.objects.update(held=5)
    watch(shop)
    assert Incident.objects.get().kind == "ledger"


def test_an_answer_that_never_ends(shop: Any) -> None:
    shop.say("Que horas vocês abrem?")
    Turn.objects.create(conversation=Conversation.objects.get(), started_at=timezone.now() - LONG_AGO)
    watch(shop)
    assert Incident.objects.get().kind == "running_turn"


def test_a_message_in_flight_for_too_long(shop: Any) -> None:
    shop.say("Que horas vocês abrem?")
    shop.work()
    past = timezone.now() - LONG_AGO
    Message.objects.filter(direction="out").update(status="sending", claimed_at=past)
    watch(shop)
    incident = Incident.objects.get()
    assert incident.kind == "unexplained" and len(incident.detail["stuck"]) == 1


def test_an_id_at_the_door_without_a_message(shop: Any) -> None:
    shop.say("Que horas vocês abrem?", unique="LOST")
    shop.work()
    Message.objects.filter(provider_key__endswith=":LOST").delete()
    watch(shop)
    assert Incident.objects.get().detail["unseen"][0].endswith(":LOST")


def test_one_business_that_cannot_be_looked_at_does_not_hide_the_others(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unanswered(shop)
    monkeypatch.setattr(invariants, "suspects", lambda now: ["no_such_schema", shop.tenant.schema_name])
    watch(shop)
    assert Incident.objects.count() == 1
