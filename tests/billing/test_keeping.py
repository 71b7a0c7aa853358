"""The ledger outlasts its business: written, read again, and only then is anything dropped."""

import csv
import dataclasses
import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent
from billing import credits, keeping, rollup, takings, usage
from conversations.models import Channel, Contact, Conversation
from providers import llm
from tenants import deletion
from tenants.models import AuditEntry, Domain, KeptLedger, Refund, Tenant, TopUp
from tests.tenants import staff

pytestmark = pytest.mark.django_db(transaction=True)
CUSTOMER = "Zulmira Particular"
LATE = 3  # credits


@pytest.fixture
def business(alpha: Tenant, settings: Any, tmp_path: Path) -> Tenant:
    """Alpha with a payment, an answer that a customer had, and one that was given back."""
    settings.MEDIA_ROOT = tmp_path
    topup = TopUp.objects.create(
        tenant=alpha,
        credits=1000,
        currency="brl",
        amount=10_000,
        status="paid",
        payment_intent="pi_1",
        paid_at=timezone.now(),
    )
    Refund.objects.create(
        topup=topup, kind="refund", vendor_id="re_1", amount=10, credits=1, status="succeeded", is_live=True
    )
    now = timezone.now()
    with schema_context("alpha"), transaction.atomic():
        channel = Channel.objects.create(kind="waha", name="W", agent=Agent.objects.order_by("pk")[0])
        contact = Contact.objects.create(name=CUSTOMER)
        chat = Conversation.objects.create(contact=contact, channel=channel, address="1@c.us")
        credits.grant(amount=1000, reason="bought", key="topup:pi_1", actor=None, now=now)
        held = credits.hold(key="turn:1", amount=9, now=now)
        price = credits.price_for("m", at=now)
        whose = usage.Whose(None, channel.pk, chat.pk)
        usage.of_tokens(
            key="turn:1", model="m", tokens=llm.Usage(10, 5), cost=9, price=price, whose=whose, now=now
        )
        entry = credits.settle(held, cost=9, key="turn:1", reason="answer", now=now)
        assert entry is not None
        credits.give_back(entry, reason="free", actor=None, now=now)
    return alpha


def delete() -> None:
    call_command("delete_tenant", "alpha", reason="asked by the owner", interactive=False)


def kept_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "_kept").rglob("*") if path.is_file()]


def table(row: KeptLedger, name: str) -> list[dict[str, str]]:
    with default_storage.open(f"{row.folder}/{name}") as file:
        return list(csv.DictReader(io.StringIO(file.read().decode())))


def test_everything_about_money_stays_and_no_customer(
    business: Tenant, client_for: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One erasure, as each costs seconds: what is kept, who reads it, and when it goes."""
    monkeypatch.setattr(deletion, "close", charged_late(deletion.close))
    now = timezone.now()
    with schema_context("alpha"):
        balance = credits.standing(since=now).balance + LATE
    rollup.refresh_one(business, now=now)
    taken = takings.by_month(now=now)
    [margin] = takings.margins(taken, now=now)
    delete()
    assert not Tenant.objects.filter(slug="alpha").exists() and not TopUp.objects.exists()
    # No month of the platform's changes, but by what was entered since.
    assert takings.by_month(now=now) == taken and (taken[0].gross, taken[0].refunded) == (10_000, 10)
    assert takings.margins(taken, now=now) == [dataclasses.replace(margin, given=margin.given + LATE)]
    row = KeptLedger.objects.get()
    assert (row.slug, row.closing) == ("alpha", balance) and row.entries >= 3
    assert row.kept_until.year == timezone.localdate().year + 10
    the_files_are_right(row, tmp_path)
    finance_alone_reads_it(row, client_for)
    time_ends_it(tmp_path)


def charged_late(close: Any) -> Any:
    """An answer that was on its way when the doors closed is charged after the first writing."""

    def closed(tenant: Tenant, *, now: Any) -> None:
        close(tenant, now=now)
        with schema_context("alpha"), transaction.atomic():
            credits.grant(amount=LATE, reason="late", key="late", actor=None, now=now)

    return closed


def the_files_are_right(row: KeptLedger, folder: Path) -> None:
    ledger = table(row, "ledger.csv")
    assert sum(int(one["credits"]) for one in ledger) == row.closing
    assert {"turn:1", "topup:pi_1", "late"} <= {one["cause"] for one in ledger}
    assert [one["key"] for one in table(row, "uses.csv")] == ["turn:1"]
    assert [one["payment_intent"] for one in table(row, "payments.csv")] == ["pi_1"]
    assert [one["vendor_id"] for one in table(row, "refunds.csv")] == ["re_1"]
    names = {told["name"] for told in row.files}
    assert f"statement-{timezone.localdate():%Y-%m}.pdf" in names
    everything = b"".join(path.read_bytes() for path in kept_files(folder))
    assert everything and CUSTOMER.encode() not in everything
    assert AuditEntry.objects.filter(action="ledger.keep", target="alpha").exists()


def finance_alone_reads_it(row: KeptLedger, client_for: Any) -> None:
    browser = client_for(None, staff.make("finance"))
    page = browser.get("/admin/finance/kept/").content.decode()
    assert "ledger.csv" in page
    answer = browser.get(f"/admin/finance/kept/{row.pk}/ledger.csv")
    assert b"topup:pi_1" in b"".join(answer.streaming_content)
    assert browser.get(f"/admin/finance/kept/{row.pk}/..%2F..%2Fsecret").status_code == 404
    assert client_for(None, staff.make("support")).get("/admin/finance/kept/").status_code == 403
    assert AuditEntry.objects.filter(action="ledger.read", target="alpha").count() == 1


def time_ends_it(folder: Path) -> None:
    keeping.forget.apply(throw=True)
    assert KeptLedger.objects.exists()
    KeptLedger.objects.update(kept_until=timezone.localdate() - timedelta(days=1))
    keeping.forget.apply(throw=True)
    connection.set_schema_to_public()
    assert not KeptLedger.objects.exists() and AuditEntry.objects.filter(action="ledger.forget").exists()
    assert kept_files(folder) == []


class Broken:
    """A store that fails in one way."""

    def __init__(self, how: str) -> None:
        self.how, self.real = how, default_storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def save(self, name: str, file: Any) -> str:
        if self.how == "full":
            raise OSError("No space left on device")
        return str(self.real.save(name, file))

    def open(self, name: str) -> Any:
        if self.how == "lost" and name.endswith(".pdf"):
            raise FileNotFoundError(name)
        file = self.real.open(name)
        return io.BytesIO(file.read()[:-1]) if self.how == "cut" else file


def test_what_cannot_be_kept_stops_it_with_all_doors_open(
    business: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for how in ("full", "lost", "cut"):
        monkeypatch.setattr(keeping, "default_storage", Broken(how))
        with pytest.raises(CommandError, match="Nothing was dropped"):
            delete()
        business.refresh_from_db()
        assert business.status == "ready" and Domain.objects.filter(tenant=business).exists(), how
        with schema_context("alpha"):
            assert credits.discrepancies() == 0, how
        assert not KeptLedger.objects.exists() and kept_files(tmp_path) == [], how


def test_ten_years_after_a_leap_day_is_a_day() -> None:
    assert keeping._years_later(date(2028, 2, 29), 10) == date(2038, 3, 1)
