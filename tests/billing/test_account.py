"""The Account page and the ledger as a table."""

from typing import Any

from django.db import connection
from django.utils import timezone

from billing import credits


def test_shows_balance_and_every_entry_with_its_reason(alpha: Any, client_for: Any, member_of: Any) -> None:
    connection.set_tenant(alpha)
    credits.grant(amount=250, reason="Thank you for waiting", key="gift", actor=None, now=timezone.now())
    page = client_for(alpha, member_of(alpha)).get("/account/")
    assert page.status_code == 200
    assert b"Thank you for waiting" in page.content and b"+250" in page.content


def test_the_table_cannot_trick_a_spreadsheet(alpha: Any, client_for: Any, member_of: Any) -> None:
    connection.set_tenant(alpha)
    credits.grant(amount=1, reason="=HYPERLINK(1)", key="gift", actor=None, now=timezone.now())
    table = client_for(alpha, member_of(alpha, "finance")).get("/account/ledger.csv").content.decode()
    assert "'=HYPERLINK(1)" in table


def test_another_business_sees_nothing_of_it(alpha: Any, beta: Any, client_for: Any, member_of: Any) -> None:
    connection.set_tenant(alpha)
    credits.grant(amount=250, reason="Only for alpha", key="gift", actor=None, now=timezone.now())
    page = client_for(beta, member_of(beta)).get("/account/")
    assert page.status_code == 200 and b"Only for alpha" not in page.content


def test_an_agent_may_not_take_the_table(alpha: Any, client_for: Any, member_of: Any) -> None:
    assert client_for(alpha, member_of(alpha, "agent")).get("/account/ledger.csv").status_code == 403


def test_who_does_not_see_to_the_money_sees_no_credits(alpha: Any, client_for: Any, member_of: Any) -> None:
    for role, sees in [("owner", 1), ("manager", 1), ("finance", 1), ("agent", 0), ("viewer", 0)]:
        page = client_for(alpha, member_of(alpha, role)).get("/account/")
        assert page.status_code == 200
        assert (b'id="credits"' in page.content) == bool(sees), role
        assert page.context["sees_credits"] == bool(sees)
