"""Credits asked for and allowed: once, by two people above a limit, refunds only as the vendor says."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import asking, credits
from billing.models import CreditAccount, LedgerEntry
from tenants.models import AuditEntry, CreditRequest, Tenant, TopUp, User
from tests.billing.till import Till
from tests.counterparts.stripe import Stripe
from tests.tenants import staff

pytestmark = pytest.mark.django_db
REQUESTS = "/admin/finance/requests/"


@pytest.fixture
def till(alpha: Tenant, stripe: Stripe, settings: Any) -> Till:
    return Till(alpha, stripe, settings)


def finance(name: str = "finance") -> User:
    user = staff.make("finance")
    User.objects.filter(pk=user.pk).update(email=f"{name}@frontdesk.example")
    return User.objects.get(pk=user.pk)


def balance(tenant: Tenant) -> int:
    with schema_context(tenant.schema_name):
        return CreditAccount.objects.get().balance


def give_path(tenant: Tenant) -> str:
    return f"/admin/tenants/tenant/{tenant.pk}/give/"


def ordered(till: Till) -> list[dict[str, Any]]:
    """The refunds that the vendor was asked for, not those that it was asked about."""
    return [call for call in till.stripe.calls("refunds") if "amount" in call]


def form(amount: int, **fields: Any) -> dict[str, Any]:
    return {"amount": amount, "reason": "Thank you for waiting", "cause": uuid.uuid4()} | fields


class TestLargeGrants:
    def test_wait_for_somebody_else_and_are_done_once(self, client_for: Any, alpha: Tenant) -> None:
        before, one, two = balance(alpha), finance("one"), finance("two")
        sent = form(10_001)
        for _twice in range(2):
            assert client_for(None, one).post(give_path(alpha), sent).status_code == 302
        [row] = CreditRequest.objects.all()
        assert (row.status, row.asked_by_id, balance(alpha)) == ("waiting", one.pk, before)
        path = f"{REQUESTS}{row.pk}/"
        # Nobody allows what they asked for.
        own = client_for(None, one).post(path, {"what": "allow", "note": ""})
        assert own.status_code == 200 and "asked for themselves" in own.content.decode()
        assert "1 request for credits waits" in client_for(None, two).get("/admin/").content.decode()
        assert client_for(None, two).post(path, {"what": "allow", "note": "as agreed"}).status_code == 302
        again = client_for(None, two).post(path, {"what": "allow", "note": ""})
        assert again.status_code == 200 and "decided already" in again.content.decode()
        row.refresh_from_db()
        assert (row.status, row.decided_by_id, row.note) == ("done", two.pk, "as agreed")
        assert balance(alpha) == before + 10_001
        with schema_context("alpha"):
            entry = LedgerEntry.objects.get(key=row.key)
        assert (entry.amount, entry.actor_id, entry.reason) == (10_001, one.pk, "Thank you for waiting")
        told = AuditEntry.objects.filter(tenant=alpha, action__startswith="credits.").order_by("pk")
        assert [(each.action, each.actor_id) for each in told] == [
            ("credits.ask", one.pk),
            ("credits.allow", two.pk),
        ]

    def test_not_even_a_superuser_allows_their_own(self, client_for: Any, alpha: Tenant) -> None:
        root, before = staff.make("superuser"), balance(alpha)
        client_for(None, root).post(give_path(alpha), form(50_000))
        row = CreditRequest.objects.get()
        client_for(None, root).post(f"{REQUESTS}{row.pk}/", {"what": "allow"})
        assert balance(alpha) == before and CreditRequest.objects.get().status == "waiting"
        with pytest.raises(IntegrityError), transaction.atomic():  # nor does the database take it
            CreditRequest.objects.update(decided_by=root, status="done")

    def test_in_slices_wait_as_well(self, alpha: Tenant, beta: Tenant) -> None:
        one, now = finance(), timezone.now()

        def ask(tenant: Tenant, amount: int, at: Any = now) -> str:
            asked = asking.for_credits(
                tenant, amount=amount, reason="x", key=f"staff:{uuid.uuid4()}", asker=one, now=at
            )
            return asked.status

        assert [ask(alpha, 6_000), ask(alpha, 4_000), ask(alpha, 1), ask(beta, 6_000)] == [
            "done", "done", "waiting", "done",
        ]  # fmt: skip
        assert ask(alpha, 10_000, now + timedelta(hours=25)) == "done"

    def test_are_refused_with_a_reason_and_taken_back_by_who_asked(
        self, client_for: Any, alpha: Tenant, background: Any, mailoutbox: list[Any]
    ) -> None:
        one, two, before = finance("one"), finance("two"), balance(alpha)
        for _number in range(2):
            client_for(None, one).post(give_path(alpha), form(20_000))
        first, second = CreditRequest.objects.order_by("pk")
        refused = client_for(None, two).post(f"{REQUESTS}{first.pk}/", {"what": "refuse", "note": ""})
        assert "Say why" in refused.content.decode()
        assert client_for(None, two).post(f"{REQUESTS}{first.pk}/", {"what": "refuse", "note": "twice"})
        asker = client_for(None, one)
        assert asker.post(f"{REQUESTS}{second.pk}/", {"what": "refuse", "note": "typo"})
        assert [(each.status, each.decided_by_id) for each in CreditRequest.objects.order_by("pk")] == [
            ("refused", two.pk),
            ("refused", None),
        ]
        # Who asked is told of the one that somebody else refused, until they have looked.
        background.run()
        [letter] = mailoutbox
        assert letter.to == [one.email] and "twice" in letter.body and f"{REQUESTS}{first.pk}/" in letter.body
        assert b"1 request of yours was refused" in asker.get("/admin/").content
        assert balance(alpha) == before and b"twice" in asker.get(REQUESTS).content
        assert b"of yours" not in asker.get("/admin/").content

    def test_below_zero_are_said_and_stay_waiting(self, client_for: Any, alpha: Tenant) -> None:
        one, two = finance("one"), finance("two")
        client_for(None, one).post(give_path(alpha), form(-20_000))
        row = CreditRequest.objects.get()
        answer = client_for(None, two).post(f"{REQUESTS}{row.pk}/", {"what": "allow"})
        assert "fewer credits" in answer.content.decode() and CreditRequest.objects.get().status == "waiting"

    def test_are_nobody_elses_to_see_or_decide(self, client_for: Any, alpha: Tenant, member_of: Any) -> None:
        client_for(None, finance()).post(give_path(alpha), form(20_000))
        row = CreditRequest.objects.get()
        for kind, status in (("support", 403), ("operator", 403), ("nobody", 403)):
            browser = client_for(None, staff.make(kind))
            assert browser.get(REQUESTS).status_code == status
            assert browser.post(f"{REQUESTS}{row.pk}/", {"what": "allow"}).status_code == status
        assert client_for(None, member_of(alpha)).get(REQUESTS).status_code == 404
        assert CreditRequest.objects.get().status == "waiting"

    def test_a_large_charge_is_given_back_by_two(self, client_for: Any, alpha: Tenant, settings: Any) -> None:
        settings.SECOND_PAIR_OF_EYES, now = 5, timezone.now()
        with schema_context("alpha"):
            held = credits.hold(key="turn:9", amount=7, now=now)
            charge = credits.settle(held, cost=7, key="turn:9", reason="answer", now=now)
        assert charge is not None
        before, one, two = balance(alpha), finance("one"), finance("two")
        path = f"/admin/finance/ledger/alpha/{charge.pk}/back/"
        for browser in (client_for(None, one), client_for(None, two)):  # once a charge, whoever asks
            assert browser.post(path, {"reason": "It was wrong"}).status_code == 302
        [row] = CreditRequest.objects.all()
        assert (row.status, balance(alpha)) == ("waiting", before)
        client_for(None, two).post(f"{REQUESTS}{row.pk}/", {"what": "allow"})
        assert balance(alpha) == before + 7
        with schema_context("alpha"):
            assert LedgerEntry.objects.get(key=f"back:{charge.pk}").actor_id == one.pk


class TestRefunds:
    def test_move_credits_when_the_vendor_says_so(self, client_for: Any, till: Till, background: Any) -> None:
        topup = till.bought(credits=1000, amount=10_000)
        before = balance(till.tenant)
        path = f"/admin/finance/topups/{topup.pk}/refund/"
        browser, sent = client_for(None, finance()), {"reason": "Not needed", "cause": uuid.uuid4()}
        assert b"R$100.00" in browser.get(path).content
        wrong = browser.post(path, sent | {"amount": "100.01"})
        assert wrong.status_code == 200 and b"At most" in wrong.content
        for _twice in range(2):
            assert browser.post(path, sent | {"amount": "25.00"}).status_code == 302
        row = CreditRequest.objects.get()
        assert (row.status, row.amount, row.credits, balance(till.tenant)) == ("allowed", 2500, -250, before)
        background.run()
        till.enter()
        row.refresh_from_db()
        assert (row.status, balance(till.tenant)) == ("done", before - 250)
        [call] = ordered(till)
        assert (call["amount"], call["metadata"]["request"]) == ("2500", str(row.pk))
        till.deliver_all()  # the vendor tells of it, too
        asking.send_one_back(row.pk, now=timezone.now() + timedelta(days=1))
        assert balance(till.tenant) == before - 250 and len(ordered(till)) == 1
        topup.refresh_from_db()
        assert asking.left_to_refund(topup) == 7_500
        entry = LedgerEntry.objects.get(kind="refund")
        assert (entry.key, entry.amount) == (f"refund:{row.refund_id}", -250)

    def test_of_a_large_sum_need_two_and_cannot_be_asked_for_twice(self, till: Till, settings: Any) -> None:
        settings.REFUND_SECOND_PAIR_OF_EYES = 5_000
        topup, now = till.bought(), timezone.now()
        one, two = finance("one"), finance("two")

        def ask(amount: int) -> CreditRequest:
            key = f"refund:{uuid.uuid4()}"
            return asking.for_refund(topup, amount=amount, reason="x", key=key, asker=one, now=now)

        large = ask(8_000)
        assert (large.status, asking.left_to_refund(topup)) == ("waiting", 2_000)
        with pytest.raises(asking.TooMuch):
            ask(2_001)
        assert ask(2_000).status == "allowed"
        with pytest.raises(asking.NotAllowed):
            asking.allow(large.pk, by=one, note="", now=now)
        assert asking.allow(large.pk, by=two, note="", now=now).status == "allowed"
        for pk in asking.due(now=timezone.now()):
            asking.send_one_back(pk, now=timezone.now())
        till.enter()
        topup.refresh_from_db()
        assert (topup.refunded_amount, topup.refunded_credits) == (10_000, 1000)

    @pytest.mark.parametrize("fault", ["status", "after", "after_reset", "busy"])
    def test_of_a_vendor_that_fails_are_asked_for_again_and_happen_once(self, till: Till, fault: str) -> None:
        topup, now = till.bought(), timezone.now()
        before = balance(till.tenant)
        row = asking.for_refund(topup, amount=1_000, reason="x", key="refund:1", asker=finance(), now=now)
        till.stripe.fail_next("refunds", fault)
        asking.send_one_back(row.pk, now=timezone.now())
        row.refresh_from_db()
        till.enter()
        if row.status == "allowed":
            assert asking.due(now=timezone.now()) == [] and row.next_try_at is not None
            asking.send_one_back(row.pk, now=row.next_try_at)
            row.refresh_from_db()
        till.enter()
        assert (row.status, len(till.stripe.account.refunds)) == ("done", 1)
        assert balance(till.tenant) == before - 100

    def test_that_the_vendor_refuses_move_nothing_and_say_why(
        self, till: Till, background: Any, mailoutbox: list[Any]
    ) -> None:
        topup, now = till.bought(), timezone.now()
        before = balance(till.tenant)
        till.stripe.account.create_refund({"payment_intent": topup.payment_intent, "amount": "9500"})
        row = asking.for_refund(topup, amount=1_000, reason="x", key="refund:1", asker=finance(), now=now)
        asking.send_one_back(row.pk, now=timezone.now())
        row.refresh_from_db()
        background.run()
        assert [(each.to, row.error in each.body) for each in mailoutbox] == [([row.asked_by.email], True)]
        till.enter()
        assert (row.status, bool(row.error), balance(till.tenant)) == ("failed", True, before)
        till.deliver_all()
        assert balance(till.tenant) == before - 950

    def test_only_of_what_was_paid(self, client_for: Any, till: Till) -> None:
        unpaid = till.start()
        browser = client_for(None, finance())
        assert browser.get(f"/admin/finance/topups/{unpaid.pk}/refund/").status_code == 404
        assert asking.left_to_refund(TopUp.objects.get(pk=unpaid.pk)) == 0
