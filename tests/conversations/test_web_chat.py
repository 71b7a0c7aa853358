"""The web chat through its real doors: the same inbox and turns, one visitor's thread and nobody else's."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from conversations import handoff, outbox, web_chat, web_sockets
from conversations.models import Channel, Contact, Conversation, Message, Turn
from conversations.widget import Widget
from tenants.models import Tenant, User
from tests.conversations.conftest import Shop
from tests.conversations.web_visitor import SITE, Page, fetch, make_channel, message, new_token, request

OUT, IN = Message.Direction.OUT, Message.Direction.IN


def rows() -> list[tuple[str, str, str, str]]:
    return list(Message.objects.order_by("pk").values_list("direction", "body", "status", "outcome"))


async def visit(channel: Channel, **given: Any) -> tuple[Page, str]:
    token = await new_token(channel)
    return await Page(channel, **given).open(token), token


class TestAnswer:
    async def test_a_visitor_asks_and_is_answered_live(self, shop, web, inside, work):
        shop.models.app.answers.extend(["We open at 8."])
        page, _token = await visit(web)
        asked = message("When do you open?")
        await page.send(type="say", **asked)
        await page.until("said", id=asked["id"])
        thinking = await page.until("state", thinking=True)
        assert thinking["messages"][0]["id"] == asked["id"]
        await work()
        answer = await page.until_shown("We open at 8.")
        assert (answer["from"], answer["status"]) == ("agent", "sent")
        assert await inside(rows) == [
            ("in", "When do you open?", "received", "answered"),
            ("out", "We open at 8.", "sent", ""),
        ]
        assert (await inside(lambda: Turn.objects.get().status)) == "done"
        await page.leave()

    async def test_delivered_and_read_are_what_the_page_says(self, shop, web, inside, work):
        shop.models.app.answers.extend(["We open at 8."])
        page, _token = await visit(web)
        await page.send(type="say", **message("When?"))
        await page.until("said")
        await work()
        answer = await page.until_shown("We open at 8.")
        for read, status in ((False, "delivered"), (True, "read"), (False, "read")):
            await page.send(type="seen", upto=answer["id"], read=read)
            await page.send(type="ping")
            await page.until("pong")
            assert (await inside(lambda: Message.objects.get(direction=OUT).status)) == status
        await page.leave()

    async def test_a_person_answers_and_the_agent_is_silent(self, shop, web, inside, work):
        page, _token = await visit(web)
        await page.send(type="say", **message("Is anybody there?"))
        await page.until("said")

        def answer() -> None:
            user = User.objects.create_user("staff@alpha.example", name="Ines Duarte")
            pk = Conversation.objects.get().pk
            handoff.take_over(pk, user=user, now=timezone.now())
            outbox.post_by_person(pk, user=user, text="I am.", now=timezone.now())

        await inside(answer)
        await work()
        said = await page.until_shown("I am.")
        assert (said["from"], said["name"]) == ("person", "Ines")
        assert page.heard[-1]["by"] == "person"
        assert (await inside(Turn.objects.count)) == 0
        await page.leave()

    async def test_typing_reaches_the_tenants_pages(self, web, inside, monkeypatch):
        told: list[Any] = []
        monkeypatch.setattr("conversations.inbox.live.publish", lambda event, **ids: told.append(event))
        page, _token = await visit(web)
        await page.send(type="typing")  # nobody knows them yet
        await page.send(type="say", **message("Hello"))
        await page.until("said")
        told.clear()
        await page.send(type="typing")
        await page.send(type="ping")
        await page.until("pong")
        assert "contact.typing" in told
        await page.leave()

    async def test_a_person_who_writes_is_seen_until_it_is_sent(
        self, web, inside, work, client_for, member_of, shop
    ):
        user = await inside(lambda: member_of(shop.tenant, "agent"))
        page, _token = await visit(web)
        await page.send(type="say", **message("Is anybody there?"))
        await page.until("state", thinking=True)
        pk = await inside(lambda: Conversation.objects.get().pk)
        await inside(lambda: handoff.take_over(pk, user=user, now=timezone.now()))
        await page.until("state", thinking=False, by="person")
        browser = await inside(lambda: client_for(shop.tenant, user))
        assert (await inside(lambda: browser.post(f"/chats/{pk}/typing").status_code)) == 204
        await page.until("state", thinking=True, by="person")
        await inside(lambda: outbox.post_by_person(pk, user=user, text="I am.", now=timezone.now()))
        await work()
        await page.until_shown("I am.")
        assert page.heard[-1]["thinking"] is False
        await page.leave()


class TestNothingLostOrDoubled:
    async def test_said_again_after_a_lost_answer_it_stands_once(self, web, inside):
        token = await new_token(web)
        once = message("Only once")
        page = await Page(web).open(token)
        await page.send(type="say", **once)
        await page.until("said")
        await page.leave()
        again = await Page(web).open(token)
        await again.send(type="say", **once)
        await again.until("said")
        status, _content, _headers = await request(web, "messages", once, token=token)
        assert status == 200
        await again.until_shown("Only once")
        await again.leave()
        assert (await inside(Message.objects.count)) == 1

    async def test_the_same_message_at_the_same_moment_stands_once(self, web, inside):
        token = await new_token(web)
        once = message("At once")
        answers = await asyncio.gather(*(request(web, "messages", once, token=token) for _number in range(6)))
        assert {status for status, _content, _headers in answers} == {200}
        counts = await inside(
            lambda: (Message.objects.count(), Contact.objects.count(), Conversation.objects.count())
        )
        assert counts == (1, 1, 1)

    async def test_what_was_said_to_somebody_away_waits_for_them(self, shop, web, inside, work):
        shop.models.app.answers.extend(["While you were away."])
        page, token = await visit(web)
        await page.send(type="say", **message("I have to go"))
        await page.until("said")
        await page.leave()
        await work()
        assert (await inside(lambda: Message.objects.get(direction=OUT).status)) == "sent"
        back = await Page(web).open(token)
        await back.until_shown("While you were away.")
        assert [one["text"] for one in back.messages.values()] == ["I have to go", "While you were away."]
        await back.leave()

    async def test_a_message_that_is_not_sent_yet_is_not_shown(self, web, inside):
        page, token = await visit(web)
        await page.send(type="say", **message("Hello"))
        await page.until("said")
        await inside(lambda: outbox.post(Conversation.objects.get(), "Not yet", now=timezone.now()))
        _status, told, _headers = await request(web, "messages", token=token)
        assert [one["text"] for one in told["messages"]] == ["Hello"]
        await page.leave()

    async def test_a_long_thread_comes_in_pages(self, web, inside):
        token = await new_token(web)
        await request(web, "messages", message("first of all"), token=token)

        def fill() -> None:
            conversation = Conversation.objects.get()
            for number in range(120):
                sent = outbox.post(conversation, f"line {number}", now=timezone.now(), ring=False)
                Message.objects.filter(pk=sent.pk).update(status="sent")

        await inside(fill)
        seen: list[str] = []
        before = ""
        for _page in range(3):
            _status, told, _headers = await request(web, f"messages?before={before}", token=token)
            seen = [one["text"] for one in told["messages"]] + seen
            before = told["messages"][0]["id"]
        assert seen == ["first of all", *(f"line {number}" for number in range(120))]
        assert told["earlier"] is False


class TestPolling:
    async def test_the_whole_conversation_without_a_socket(self, shop, web, inside, work):
        shop.models.app.answers.extend(["We open at 8."])
        token = await new_token(web)
        asked = message("When do you open?")
        assert (await request(web, "messages", asked, token=token))[:2] == (200, {"said": asked["id"]})
        _status, told, _headers = await request(web, "messages", token=token)
        assert told["thinking"] is True
        await work()
        _status, told, _headers = await request(web, f"messages?known={told['version']}", token=token)
        assert [one["text"] for one in told["messages"]] == ["When do you open?", "We open at 8."]
        _status, same, _headers = await request(web, f"messages?known={told['version']}", token=token)
        assert same == {"version": told["version"]}
        seen = {"upto": told["messages"][-1]["id"], "read": True}
        assert (await request(web, "seen", seen, token=token))[0] == 200
        assert (await request(web, "typing", {}, token=token))[0] == 200
        assert (await inside(lambda: Message.objects.get(direction=OUT).status)) == "read"

    async def test_no_cookie_and_readable_from_the_site_only(self, web):
        status, look, headers = await request(web)
        assert status == 200 and look["title"] == "Alpha Clinic"
        assert headers["access-control-allow-origin"] == SITE
        assert headers["cache-control"] == "no-store" and headers["vary"] == "origin"
        assert not {"set-cookie", "access-control-allow-credentials"} & set(headers)
        status, _content, headers = await request(web, "messages", method="OPTIONS")
        assert status == 200 and "authorization" in headers["access-control-allow-headers"]


class TestFiles:
    @pytest.fixture
    def sent(
        self, web: Channel, inside: Callable[..., Any], settings: Any, tmp_path: Any
    ) -> Callable[..., Any]:
        """`await sent(kind, name)`: staff has sent a file; its link as the visitor is told."""
        settings.MEDIA_ROOT = tmp_path

        async def send(kind: str, name: str) -> tuple[str, str]:
            token = await new_token(web)
            await request(web, "messages", message("Hello"), token=token)

            def post() -> None:
                out = outbox.post(Conversation.objects.get(), "Here", now=timezone.now(), ring=False)
                path = default_storage.save("alpha/messages/1", ContentFile(b"the file"))
                found = Message.objects.filter(pk=out.pk)
                found.update(status="sent", media=path, media_type=kind, media_name=name)

            await inside(post)
            _status, told, _headers = await request(web, "messages", token=token)
            link = told["messages"][-1]["file"]
            assert link["name"] == name and link["url"].startswith(f"/chat/{web.pk}/file/")
            return link["url"].partition(f"{web.pk}/")[2], token

        return send

    async def test_a_link_opens_its_file_without_an_origin(self, web, sent):
        path, _token = await sent("image/png", "menu.png")
        status, headers, body = await fetch(web, path)
        assert (status, body) == (200, b"the file")
        assert headers["content-type"] == "image/png" and headers["x-content-type-options"] == "nosniff"

    async def test_what_a_browser_could_run_is_only_saved(self, web, sent):
        path, _token = await sent("image/svg+xml", "réclame.svg")
        _status, headers, _body = await fetch(web, path)
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"].startswith("attachment")
        assert headers["content-security-policy"].startswith("sandbox")

    async def test_a_forged_an_old_and_a_revoked_link_lead_nowhere(self, web, sent, inside):
        path, token = await sent("image/png", "menu.png")
        assert (await fetch(web, path[:-3] + "abc"))[0] == 404
        place = await inside(lambda: web_chat.find(str(web.pk)))
        later = timezone.now() + timedelta(days=2)
        with pytest.raises(web_chat.Refused):
            await inside(lambda: web_chat.file_behind(place, path.removeprefix("file/"), now=later))
        await inside(lambda: Message.objects.filter(direction=OUT).update(revoked_at=timezone.now()))
        assert (await fetch(web, path))[0] == 404
        _status, told, _headers = await request(web, "messages", token=token)
        assert told["messages"][-1]["gone"] is True and told["messages"][-1]["text"] == ""

    async def test_another_chat_does_not_open_it(self, web, sent, inside):
        path, _token = await sent("image/png", "menu.png")
        other = await inside(lambda: make_channel(Tenant.objects.get(slug="beta")), schema="public")
        assert (await fetch(other, path))[0] == 404


class TestWho:
    @pytest.mark.parametrize("token", ["", "nonsense", "e30:abc", "a" * 5000])
    async def test_a_forged_token_opens_nothing(self, web, token):
        assert (await request(web, "messages", token=token))[:2] == (401, {"error": "token"})
        page = Page(web)
        await page.socket.connect(timeout=10)
        await page.send(type="hello", token=token)
        assert await page.closed() == 4401

    async def test_nothing_is_heard_before_the_token(self, web, inside):
        page = Page(web)
        await page.socket.connect(timeout=10)
        await page.send(type="say", **message("Hello"))
        assert await page.closed() == 4401
        assert (await inside(Message.objects.count)) == 0

    async def test_a_token_that_somebody_else_signed_opens_nothing(self, web):
        content = {"t": "alpha", "c": web.pk.hex, "v": "0" * 32, "i": int(timezone.now().timestamp())}
        for salt, key in ((web_chat.SALT, "another key"), ("another salt", None)):
            token = signing.Signer(key=key, salt=salt).sign_object(content)
            assert (await request(web, "messages", token=token))[0] == 401

    async def test_a_token_lives_as_long_as_the_channel_says_and_is_renewed(self, web, inside):
        place = await inside(lambda: web_chat.find(str(web.pk)))
        now = timezone.now()
        token = await inside(lambda: web_chat.new_visitor(place, address="1.2.3.4", now=now))
        assert web_chat.visitor_of(place, token, now=now).fresh == ""
        fresh = web_chat.visitor_of(place, token, now=now + timedelta(days=16)).fresh
        with pytest.raises(web_chat.Refused):
            web_chat.visitor_of(place, token, now=now + timedelta(days=31))
        renewed = web_chat.visitor_of(place, fresh, now=now + timedelta(days=31))
        assert renewed.id == web_chat.visitor_of(place, token, now=now).id

    async def test_visitors_hear_their_own_conversation_only(self, shop, web, inside, work):
        one, _token = await visit(web)
        two, _other = await visit(web)
        await one.send(type="say", **message("I am one"))
        await one.until("said")
        await two.send(type="say", **message("I am two"))
        await two.until("said")
        shop.models.app.answers.extend(["Answer", "Answer"])
        await work()
        await one.until_shown("Answer")
        await two.until_shown("Answer")
        assert {m["text"] for m in one.messages.values()} == {"I am one", "Answer"}
        assert {m["text"] for m in two.messages.values()} == {"I am two", "Answer"}
        await one.leave()
        await two.leave()

    async def test_a_visitor_neither_repeats_nor_sees_by_anothers_ids(self, web, inside):
        mine, other = await new_token(web), await new_token(web)
        said = message("Mine")
        await request(web, "messages", said, token=mine)
        await request(web, "messages", said | {"text": "Other's"}, token=other)
        await inside(
            lambda: outbox.post(Conversation.objects.order_by("pk")[0], "For one", now=timezone.now())
        )
        key = await inside(lambda: Message.objects.get(direction=OUT).unique_id)
        await inside(lambda: Message.objects.filter(direction=OUT).update(status="sent"))
        await request(web, "seen", {"upto": key, "read": True}, token=other)
        assert (await inside(lambda: Message.objects.get(direction=OUT).status)) == "sent"
        _status, told, _headers = await request(web, f"messages?before={key}", token=other)
        assert told["messages"] == []
        _status, told, _headers = await request(web, "messages", token=other)
        assert [one["text"] for one in told["messages"]] == ["Other's"]


class TestTwoTenants:
    @pytest.fixture
    def beta_web(self, web: Channel, shop: Shop) -> Channel:
        beta = make_channel(Tenant.objects.get(slug="beta"))
        connection.set_tenant(shop.tenant)
        return beta

    async def test_a_token_of_one_business_opens_no_other(self, web, beta_web):
        token = await new_token(web)
        assert (await request(beta_web, "messages", token=token))[0] == 401
        page = Page(beta_web)
        await page.socket.connect(timeout=10)
        await page.send(type="hello", token=token)
        assert await page.closed() == 4401

    async def test_the_channels_id_alone_says_whose_it_is(self, web, beta_web, inside):
        """T2, T7: many sockets of both, all at once, and whatever host they name."""

        async def one(number: int) -> None:
            mine, host = ((web, "beta.localhost"), (beta_web, "alpha.localhost"))[number % 2]
            page, _token = await visit(mine, host=host)
            word = f"{'alpha' if mine is web else 'beta'} {number}"
            await page.send(type="say", **message(word))
            await page.until("said")
            await page.until_shown(word)
            assert len(page.messages) == 1
            await page.leave()

        await asyncio.gather(*(one(number) for number in range(12)))
        for slug in ("alpha", "beta"):
            said = await inside(lambda: list(Message.objects.values_list("body", flat=True)), schema=slug)
            assert len(said) == 6 and all(text.startswith(slug) for text in said)

    async def test_equal_conversation_ids_do_not_meet(self, web, beta_web, inside):
        here, _token = await visit(web)
        there, _other = await visit(beta_web)
        await here.send(type="say", **message("alpha"))
        await here.until_shown("alpha")
        await there.send(type="say", **message("beta"))
        await there.until_shown("beta")
        ids = [await inside(lambda: Conversation.objects.get().pk, schema=slug) for slug in ("alpha", "beta")]
        assert ids[0] == ids[1]
        await here.send(type="sync")
        assert {one["text"] for one in here.messages.values()} == {"alpha"}
        assert {one["text"] for one in there.messages.values()} == {"beta"}
        await here.leave()
        await there.leave()

    async def test_other_channels_and_closed_businesses_have_no_chat(self, shop, web, inside):
        def stop() -> None:
            Tenant.objects.filter(slug="alpha").update(status="suspended")

        ids = [str(shop.channel.pk), "no-uuid", "00000000-0000-4000-8000-000000000000"]
        for unknown in ids:
            assert (await request(unknown))[:2] == (404, {"error": "unknown"})
            page = Page(unknown)
            await page.socket.connect(timeout=10)
            assert await page.closed() == 4404
        await inside(stop)
        assert (await request(web))[0] == 404


class TestWhere:
    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "https://www.shop.example.evil.example", "null", "", "https://shop.example"],
    )
    async def test_another_site_is_refused_and_remembered(self, web, inside, origin):
        status, content, headers = await request(web, origin=origin)
        assert (status, content) == (403, {"error": "origin"})
        assert headers.get("access-control-allow-origin", "") == origin  # its console can say why
        page = Page(web, origin=origin)
        await page.socket.connect(timeout=10)
        assert await page.closed() == 4403
        assert list(await inside(lambda: web_chat.refused_origins(web))) == [origin or "?"]

    @pytest.mark.parametrize("origin", ["http://alpha.localhost:8000", "http://localhost:8000"])
    async def test_our_own_pages_may_hold_it(self, web, origin):
        assert (await request(web, origin=origin))[0] == 200

    async def test_another_businesss_pages_may_not(self, web):
        assert (await request(web, origin="http://beta.localhost:8000"))[0] == 403

    @pytest.fixture
    def anywhere(self, shop: Shop) -> Channel:
        return make_channel(shop.tenant, domains=[])

    async def test_no_domain_is_any_in_development_and_none_in_production(self, anywhere, settings):
        settings.WEB_CHAT_ANY_ORIGIN = True
        assert (await request(anywhere, origin="http://127.0.0.1:5500"))[0] == 200
        settings.WEB_CHAT_ANY_ORIGIN = False
        assert (await request(anywhere, origin="http://127.0.0.1:5500"))[0] == 403


@pytest.mark.parametrize(
    ("domain", "origin", "fits"),
    [
        ("shop.example", "https://shop.example", True),
        ("shop.example", "https://www.shop.example", False),
        ("*.shop.example", "https://www.shop.example", True),
        ("*.shop.example", "https://a.b.shop.example", True),
        ("*.shop.example", "https://shop.example", False),
        ("*.shop.example", "https://evilshop.example", False),
        ("https://Shop.example/page", "https://shop.example", True),
        ("localhost:5500", "http://localhost:5500", True),
        ("localhost:5500", "http://localhost:5501", False),
    ],
)
def test_domains(domain: str, origin: str, fits: bool) -> None:
    assert Widget(domains=[domain]).allows(origin, own=()) is fits


class TestLimits:
    async def test_a_visitor_is_slowed_down_and_loses_nothing(self, web, inside, settings):
        settings.WEB_CHAT_MESSAGES_A_MINUTE = 3
        page, _token = await visit(web)
        for number in range(4):
            await page.send(type="say", **message(f"line {number}"))
        refused = await page.until("refused")
        assert refused["error"] == "slow_down" and refused["wait"] > 0
        assert (await inside(Message.objects.count)) == 3
        await page.leave()

    async def test_an_address_may_not_open_conversations_without_end(self, web, settings):
        settings.WEB_CHAT_VISITORS_AN_HOUR = 2
        tokens = [await new_token(web) for _number in range(3)]
        answers = [await request(web, "messages", message("Hello"), token=token) for token in tokens]
        assert [status for status, _content, _headers in answers] == [200, 200, 429]
        # A forged header buys nothing.
        status, _content, _headers = await request(
            web, "messages", message("Hello"), token=tokens[2], x_forwarded_for="9.9.9.9"
        )
        assert status == 429

    async def test_behind_our_proxy_its_word_counts(self, web, settings):
        settings.WEB_CHAT_VISITORS_AN_HOUR, settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1, 1
        for address in ("9.9.9.1", "9.9.9.2"):
            token = await new_token(web, x_forwarded_for=f"6.6.6.6, {address}")
            given = {"token": token, "x_forwarded_for": f"6.6.6.6, {address}"}
            assert (await request(web, "messages", message("Hello"), **given))[0] == 200

    async def test_sizes(self, web, inside):
        token = await new_token(web)
        assert (await request(web, "messages", message("x" * 4001), token=token))[:2] == (
            413,
            {"error": "too_long"},
        )
        assert (await request(web, "messages", body=b"x" * 20_000, token=token))[0] == 413
        page = await Page(web).open(token)
        await page.send(type="say", id="a" * 12, text="x" * 20_000)
        assert await page.closed() == 4413
        assert (await inside(Message.objects.count)) == 0

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"{",
            b"[" * 5000,
            b'{"text": 1, "id": 2}',
            b'{"text": "x", "id": "short"}',
            b'{"text": " ", "id": "aaaaaaaa"}',
        ],
    )
    async def test_what_is_no_message_is_refused(self, web, body):
        token = await new_token(web)
        assert (await request(web, "messages", body=body, token=token))[:2] == (400, {"error": "bad_request"})

    async def test_what_no_database_takes_is_cleaned(self, web, inside):
        token = await new_token(web)
        body = b'{"id": "aaaaaaaa-1", "text": "a\\u0000b \\ud800"}'
        assert (await request(web, "messages", body=body, token=token))[0] == 200
        assert (await inside(lambda: Message.objects.get().body)) == "ab ?"

    async def test_sockets_of_one_address(self, web, settings):
        settings.WEB_CHAT_SOCKETS_AN_ADDRESS = 2
        pages = [(await visit(web))[0] for _number in range(2)]
        third = Page(web)
        await third.socket.connect(timeout=10)
        assert await third.closed() == 4429
        await pages[0].leave()
        await (await visit(web))[0].leave()
        await pages[1].leave()


async def test_a_chat_that_is_switched_off_closes_its_sockets(web, inside, monkeypatch):
    monkeypatch.setattr(web_sockets, "LOOK_AGAIN_SECONDS", 0.05)
    page, _token = await visit(web)
    await inside(lambda: Channel.objects.filter(pk=web.pk).update(is_active=False))
    assert await page.closed() == 4404


async def test_no_socket_stays_behind(web):
    page, _token = await visit(web)
    assert web_sockets._rooms()._ears
    await page.leave()
    assert not web_sockets._rooms()._ears and not web_sockets._rooms()._addresses


def test_tokens_say_nothing_but_who(web):
    place = web_chat.find(str(web.pk))
    token = web_chat.new_visitor(place, address="1.2.3.4", now=timezone.now())
    content = signing.Signer(salt=web_chat.SALT).unsign_object(token)
    assert set(content) == {"t", "c", "v", "i"} and len(content["v"]) == 32
    assert "1.2.3.4" not in json.dumps(content)
