"""The weekly digest: when, to whom, what it says; a phone that proves itself, and what is tapped on it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from conversations import digests, team_phones
from conversations.models import Conversation, Message, TeamAction, TeamPhone
from knowledge import gaps
from knowledge.embeddings import Vector
from knowledge.models import Gap, PinnedAnswer
from tenants.models import DigestChoice, Membership, Tenant, User
from tests.conversations.conftest import Shop

MINE, STRANGER = "5511911110000@c.us", "5511922220000@c.us"
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


@pytest.mark.parametrize(
    ("weekday", "hour", "after", "expected"),
    [
        (0, 8, datetime(2026, 11, 20, 12, 0, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=SAO_PAULO)),
        (4, 9, datetime(2026, 11, 20, 11, 59, tzinfo=UTC), datetime(2026, 11, 20, 9, tzinfo=SAO_PAULO)),
        (4, 9, datetime(2026, 11, 20, 12, 0, tzinfo=UTC), datetime(2026, 11, 27, 9, tzinfo=SAO_PAULO)),
        (5, 0, datetime(2026, 11, 21, 2, 0, tzinfo=UTC), datetime(2026, 11, 21, 0, tzinfo=SAO_PAULO)),
    ],
)
def test_the_next_such_hour(weekday: int, hour: int, after: datetime, expected: datetime) -> None:
    assert digests.next_moment(weekday=weekday, hour=hour, after=after, zone=SAO_PAULO) == expected


class Owner:
    """Somebody of the team with a browser, and a phone of their own."""

    def __init__(self, shop: Shop, user: User, browser: Any) -> None:
        self.shop, self.user, self.browser = shop, user, browser
        self.seat = Membership.objects.get(user=user, tenant=shop.tenant)

    def post(self, path: str, **fields: Any) -> Any:
        answer = self.browser.post(path, fields)
        connection.set_tenant(self.shop.tenant)
        return answer

    def prove(self, chat: str = MINE) -> str:
        """Make a code, and send it from a phone; the code."""
        page = self.post("/account/digest/phone", channel=str(self.shop.channel.pk)).content.decode()
        code = re.search(r"FD-\w{8}", page)
        assert code is not None
        self.shop.say(f" {code.group(0).lower()} ", chat=chat)
        self.shop.work()
        return code.group(0)

    def wants(self, **what: Any) -> None:
        """A choice that is due now."""
        choice = digests.choice_of(self.seat)
        for name, value in what.items():
            setattr(choice, name, value)
        digests.choose(choice, now=timezone.now())
        self.due()

    def due(self) -> None:
        DigestChoice.objects.filter(pk=self.seat.pk).update(next_at=timezone.now() - timedelta(minutes=1))

    def sweep(self) -> None:
        digests.sweep.apply(throw=True)
        self.shop.work()

    def heard(self) -> str:
        """The last words that reached the phone."""
        return [text for chat, text in self.shop.gateway.sent if chat == MINE][-1]

    def tap(self, words: str, chat: str = MINE) -> str:
        """Type the number of the option with these words in the last message; what is answered."""
        last = Message.objects.filter(conversation__address=MINE, direction="out").order_by("-pk")
        options = next(one.content["choices"]["options"] for one in last if one.content.get("choices"))
        number = next(n for n, one in enumerate(options, start=1) if words in one["title"])
        self.shop.say(str(number), chat=chat)
        self.shop.work()
        return self.heard()


@pytest.fixture
def owner(shop: Shop, client_for: Any, member_of: Any, settings: Any) -> Owner:
    user = member_of(shop.tenant)
    User.objects.filter(pk=user.pk).update(language="en")
    user.refresh_from_db()
    browser = client_for(shop.tenant, user)
    connection.set_tenant(shop.tenant)
    return Owner(shop, user, browser)


def gap_with_draft() -> Gap:
    vector = Vector("m", [1.0, 0.0])
    gap, _new = gaps.place(question="Tem estacionamento?", language="pt", vector=vector, now=timezone.now())
    gaps.drafted(gap.pk, text="Sim, atrás da casa.", passages=[], now=timezone.now())
    return gap


def queued(shop: Shop) -> Conversation:
    """A customer who waits for a person."""
    shop.say("Quero falar com um atendente humano", chat=STRANGER, name="Bia")
    shop.work()
    chat = Conversation.objects.get(address=STRANGER)
    assert chat.handler == Conversation.Handler.QUEUE
    return chat


class TestLetters:
    def test_owners_get_one_and_can_end_it(
        self, owner: Owner, member_of: Any, client_for: Any, beta: Any
    ) -> None:
        """Told once, at the hour; with an address that ends it, by one POST, here and nowhere else."""
        shop = owner.shop
        member_of(shop.tenant, "manager")
        shop.say("Que horas abrem?", chat="5511933330000@c.us")
        shop.work()
        Message.objects.update(created_at=timezone.now() - timedelta(days=2))
        queued(shop)
        gap_with_draft()
        digests.enrol(now=timezone.now())
        assert list(DigestChoice.objects.values_list("pk", flat=True)) == [owner.seat.pk]
        owner.sweep()
        assert mail.outbox == []
        owner.due()
        owner.sweep()
        owner.sweep()
        (letter,) = mail.outbox
        assert letter.to == [owner.user.email]
        for words in ("your week", "Conversations: 1", "Tem estacionamento?", "Bia", "/numbers/?by=custom"):
            assert words in letter.subject + letter.body, letter.body
        assert DigestChoice.objects.get().next_at > timezone.now()
        stop = letter.extra_headers["List-Unsubscribe"].strip("<>")
        assert stop in letter.body and letter.extra_headers["List-Unsubscribe-Post"]
        path = "/" + stop.split("/", 3)[3]
        assert client_for(beta).post(path).status_code == 404
        nobody = client_for(shop.tenant)
        assert nobody.get(path).status_code == 200 and DigestChoice.objects.get().by_email
        assert nobody.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
        assert (DigestChoice.objects.get().by_email, DigestChoice.objects.get().next_at) == (False, None)
        nobody.post(path, {"again": "1"})
        assert DigestChoice.objects.get().by_email
        assert nobody.get(path[:-3] + "xyz").status_code == 404

    def test_a_mail_server_that_is_away_is_asked_again(self, owner: Owner, monkeypatch: Any) -> None:
        queued(owner.shop)
        owner.wants(by_email=True)
        calls = []

        def fail(self: Any, *_args: Any, **_more: Any) -> int:
            calls.append(1)
            raise OSError

        with monkeypatch.context() as away:
            away.setattr("django.core.mail.EmailMessage.send", fail)
            owner.sweep()
        choice = DigestChoice.objects.get()
        assert calls and choice.attempts == 1 and choice.sent_at is None
        assert choice.next_at is not None and choice.next_at < timezone.now() + digests.LEASE
        owner.due()
        owner.sweep()
        assert len(mail.outbox) == 1 and DigestChoice.objects.get().attempts == 0

    def test_a_week_without_a_word_is_no_letter(self, owner: Owner) -> None:
        owner.wants(by_email=True)
        owner.sweep()
        assert mail.outbox == [] and DigestChoice.objects.get().next_at > timezone.now()

    def test_the_page_keeps_what_is_wanted(self, owner: Owner) -> None:
        """WhatsApp only for who proved a phone, whatever the form says."""
        fields = {"by_email": "on", "by_whatsapp": "on", "weekday": "4", "hour": "18"}
        assert owner.post("/account/digest/", **fields).status_code == 302
        choice = DigestChoice.objects.get(pk=owner.seat.pk)
        assert (choice.by_whatsapp, choice.weekday, choice.hour) == (False, 4, 18)
        assert choice.next_at is not None and choice.next_at.astimezone(SAO_PAULO).weekday() == 4
        assert owner.post("/account/digest/", **(fields | {"hour": "25"})).status_code == 422
        owner.prove()
        owner.post("/account/digest/", **fields)
        assert DigestChoice.objects.get(pk=owner.seat.pk).by_whatsapp
        owner.post("/account/digest/phone/forget")
        assert not DigestChoice.objects.get(pk=owner.seat.pk).by_whatsapp
        assert not TeamPhone.objects.exists()


class TestPhone:
    def test_a_code_proves_the_phone_that_it_came_from_once(self, owner: Owner) -> None:
        code = owner.prove()
        phone = TeamPhone.objects.get()
        assert (phone.address, phone.proven_at is not None, phone.code) == (MINE, True, "")
        assert "yours now" in owner.heard() and len(owner.shop.models.requests) == 0
        owner.shop.say(code, chat=STRANGER)
        owner.shop.work()
        assert TeamPhone.objects.get().address == MINE
        TeamPhone.objects.update(code=team_phones._digest(code), code_until=timezone.now())
        owner.shop.say(code, chat=STRANGER)
        assert TeamPhone.objects.get().address == MINE  # too late

    def test_what_is_tapped_is_done_once_and_taken_back(self, owner: Owner) -> None:
        shop = owner.shop
        chat, gap = queued(shop), gap_with_draft()
        owner.prove()
        owner.wants(by_email=False, by_whatsapp=True)
        owner.sweep()
        owner.due()
        owner.sweep()
        assert mail.outbox == []
        told = [text for to, text in shop.gateway.sent if to == MINE and "Sim, atrás da casa." in text]
        assert len(told) == 1  # however often it is tried

        assert "yours now" in owner.tap("Take over")
        chat.refresh_from_db()
        assert (chat.handler, chat.assigned_to) == (Conversation.Handler.PERSON, owner.user)
        assert "waits for a person again" in owner.tap("Undo")
        chat.refresh_from_db()
        assert chat.handler == Conversation.Handler.QUEUE

        approve = TeamAction.objects.get(kind="approve", undoes=None)
        self.choose(owner, approve, chat=STRANGER)
        assert not PinnedAnswer.objects.exists()  # not the phone that proved itself
        self.choose(owner, approve)
        answer = PinnedAnswer.objects.get()
        assert (answer.text, answer.enabled, answer.made_by) == ("Sim, atrás da casa.", True, owner.user)
        gap.refresh_from_db()
        assert gap.status == Gap.Status.ANSWERED
        self.choose(owner, approve)
        assert "already" in owner.heard() and PinnedAnswer.objects.count() == 1
        self.choose(owner, TeamAction.objects.get(undoes=approve))
        answer.refresh_from_db()
        gap.refresh_from_db()
        assert (answer.enabled, gap.status) == (False, Gap.Status.OPEN)

    def test_what_is_too_old_changed_or_not_allowed_is_not_done(self, owner: Owner) -> None:
        shop, gap = owner.shop, gap_with_draft()
        owner.prove()
        owner.wants(by_email=False, by_whatsapp=True)
        queued(shop)
        owner.sweep()
        approve = TeamAction.objects.get(kind="approve")
        take = TeamAction.objects.get(kind="take_over")
        gaps.drafted(gap.pk, text="Não.", passages=[], now=timezone.now())
        self.choose(owner, approve)
        assert "changed" in owner.heard() and not PinnedAnswer.objects.exists()
        TeamAction.objects.filter(pk=approve.pk).update(used_at=None, done_at=None, expires_at=timezone.now())
        self.choose(owner, approve)
        assert "too old" in owner.heard()
        Membership.objects.filter(pk=owner.seat.pk).update(role="viewer")
        self.choose(owner, take)
        assert "role" in owner.heard()
        assert Conversation.objects.get(address=STRANGER).handler == Conversation.Handler.QUEUE
        assert (
            Message.objects.filter(direction="in", outcome_reason="done for a member of the team").count()
            == 3
        )

    def test_a_lost_doorbell_is_rung_again(self, owner: Owner) -> None:
        from conversations import figures_sweep

        owner.prove()
        chat = queued(owner.shop)
        phone = TeamPhone.objects.get()
        past = timezone.now() - timedelta(minutes=5)
        TeamAction.objects.create(
            phone=phone, kind="take_over", target=chat.pk, token="t", used_at=past, expires_at=past
        )
        figures_sweep.sweep.apply(throw=True)
        owner.shop.work()
        chat.refresh_from_db()
        assert chat.assigned_to == owner.user

    @staticmethod
    def choose(owner: Owner, action: TeamAction, chat: str = MINE) -> None:
        """Tap an option as a list of WhatsApp tells it: by its id."""
        thread = Conversation.objects.get(address=chat)
        said = {"choice": {"id": f"fd:{action.token}", "title": "x"}}
        message = Message.objects.create(
            conversation=thread, direction="in", author_kind="contact", status="received", content=said
        )
        team_phones.hear(thread, message, now=timezone.now())
        owner.shop.work()


def test_only_open_businesses_are_enrolled(db: Any, alpha: Any, beta: Any, member_of: Any) -> None:
    member_of(alpha), member_of(beta)
    Tenant.objects.filter(pk=beta.pk).update(status=Tenant.Status.SUSPENDED)
    digests.enrol(now=timezone.now())
    assert [one.membership.tenant_id for one in DigestChoice.objects.select_related("membership")] == [
        alpha.pk
    ]
