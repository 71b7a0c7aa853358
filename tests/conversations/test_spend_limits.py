"""A limit of the day is reached: customers hear the truth, the owner is told once and raises it in place."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing import credits
from billing.models import CreditAccount, SpendLimit, Usage
from conversations.models import Conversation, Message
from tenants.notices import Notification


class TestReached:
    @pytest.fixture
    def bound(self, shop: Any, member_of: Any) -> Any:
        """The shop, with a limit that lets one answer pass."""
        member_of(shop.tenant)
        connection.set_tenant(shop.tenant)
        SpendLimit.objects.create(credits_a_day=1)
        return shop

    def test_customers_hear_the_truth_and_the_owner_is_told_once(self, bound: Any) -> None:
        before = CreditAccount.objects.get().balance
        for chat in ("5511911111111@c.us", "5511922222222@c.us"):
            bound.say("Que horas vocês abrem hoje?", chat=chat)
            bound.work()
        assert bound.models.requests == [] and CreditAccount.objects.get().balance == before
        assert len(bound.texts()) == 2 and all("pessoa" in text for text in bound.texts())
        assert set(Conversation.objects.values_list("handoff_reason", flat=True)) == {"spend_limit"}
        assert set(Message.objects.filter(direction="in").values_list("outcome", flat=True)) == {
            "handed_over"
        }
        notice = Notification.objects.get(kind="spend_limit")
        assert notice.params == {"limit": 1} and notice.url.endswith("#limits")
        assert not Notification.objects.filter(kind="no_credits").exists()

    def test_it_is_raised_on_today_and_answers_go_on(
        self, bound: Any, client_for: Any, member_of: Any
    ) -> None:
        bound.say("Que horas vocês abrem hoje?", chat="5511911111111@c.us")
        bound.work()
        row = SpendLimit.objects.get()
        browser = client_for(bound.tenant, member_of(bound.tenant))
        path = f"/today/limits/{row.pk}/raise"
        assert path in browser.get("/").content.decode()
        page = browser.post(path, {"text": "1"})
        assert page.status_code == 422 and 'value="1"' in page.content.decode()
        assert client_for(bound.tenant, member_of(bound.tenant, "manager")).post(path).status_code == 403
        assert browser.post(path, {"text": "5000"}).status_code == 302
        assert path not in browser.get("/").content.decode()
        connection.set_tenant(bound.tenant)
        assert Notification.objects.get(kind="spend_limit").seen_at is not None
        bound.models.answer_with("Abrimos às 8h.")
        bound.say("Que horas vocês abrem hoje?", chat="5511922222222@c.us")
        bound.work()
        assert bound.texts()[-1] == "Abrimos às 8h."
        used = Usage.objects.get(key__startswith="turn:")
        assert used.agent_id == bound.channel.agent_id and _spent(used.agent_id) > 0


def _spent(agent_id: int | None) -> int:
    return credits.spent_on(CreditAccount.objects.get(), credits.day_of(timezone.now()), agent_id=agent_id)
