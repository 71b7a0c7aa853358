"""Account > Channels: a number is added, connected, restarted, switched off; by managers only."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from conversations.models import Channel, ChannelStatus, Message
from tenants.models import AuditEntry, WebhookRoute
from tests.conversations import door
from tests.conversations.conftest import Shop
from tests.counterparts.gateway import Gateway

KEY = "the gateway's own key"
LIST = "/account/channels/"


@pytest.fixture
def free_gateway() -> Iterator[Gateway]:
    """A gateway on which nothing is paired."""
    with Gateway() as gateway:
        gateway.app.sessions.clear()
        gateway.app.gateway_key = KEY
        yield gateway


@pytest.fixture
def owner(shop: Shop, client_for: Any, member_of: Any) -> Client:
    return client_for(shop.tenant, member_of(shop.tenant, role="owner"))


def form(gateway: Gateway, **changed: Any) -> dict[str, Any]:
    from agents.models import Agent

    agent = Agent.objects.order_by("pk")[0].pk
    entered = {"name": "Loja", "base_url": gateway.url, "api_key": KEY, "session": "loja", "agent": agent}
    return entered | changed


def add(shop: Shop, owner: Client, gateway: Gateway, **changed: Any) -> tuple[Any, Channel | None]:
    connection.set_tenant(shop.tenant)
    answer = owner.post(f"{LIST}waha/new", form(gateway, **changed))
    connection.set_tenant(shop.tenant)
    return answer, Channel.objects.filter(name=changed.get("name", "Loja")).first()


def do(shop: Shop, owner: Client, channel: Channel, verb: str) -> Channel:
    assert owner.post(f"{LIST}{channel.pk}/{verb}").status_code == 302
    connection.set_tenant(shop.tenant)
    return Channel.objects.get(pk=channel.pk)


def pairing(shop: Shop, owner: Client, channel: Channel) -> str:
    page = owner.get(f"{LIST}{channel.pk}/pairing")
    connection.set_tenant(shop.tenant)
    assert page.status_code == 200
    return page.content.decode()


class TestAdding:
    def test_makes_the_session_with_a_signed_address(
        self, shop: Shop, owner: Client, free_gateway: Gateway
    ) -> None:
        answer, channel = add(shop, owner, free_gateway)
        assert channel is not None
        assert answer["location"] == f"{LIST}{channel.pk}/"
        session = free_gateway.app.sessions["loja"]
        assert session.webhook_url.endswith(f"/hooks/waha/{channel.pk}")
        assert session.hmac_key == channel.hmac_secret
        assert len(channel.hmac_secret) >= 40
        config = free_gateway.app.pairs["loja"].config
        assert config["ignore"]["groups"] is True
        assert "message" not in config["webhooks"][0]["events"]
        assert WebhookRoute.objects.get(pk=channel.pk).tenant == shop.tenant
        assert AuditEntry.objects.filter(action="channel.add").exists()
        assert KEY not in owner.get(f"{LIST}{channel.pk}/").content.decode()

    def test_the_door_takes_what_the_new_session_signs(
        self, shop: Shop, owner: Client, free_gateway: Gateway
    ) -> None:
        _answer, channel = add(shop, owner, free_gateway)
        assert channel is not None
        said = door.delivery("Oi", session="loja")
        assert door.knock(channel.pk, said, secret=channel.hmac_secret) == 200
        assert door.knock(channel.pk, said, secret="another") == 401
        shop.read()
        assert Message.objects.filter(conversation__channel=channel, direction="in").count() == 1

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"api_key": "wrong"}, "refused the key"),
            ({"base_url": "http://127.0.0.1:9"}, "cannot be reached"),
            ({"base_url": "ftp://x.example"}, "id_base_url"),
            ({"session": "two words"}, "id_session"),
            ({"session": "demo", "base_url": "SHOP"}, "uses this session"),
            ({"name": "WhatsApp"}, "has this name"),
        ],
    )
    def test_says_what_is_wrong_and_leaves_nothing(
        self, shop: Shop, owner: Client, free_gateway: Gateway, changed: dict[str, str], words: str
    ) -> None:
        changed = {key: shop.gateway.url if value == "SHOP" else value for key, value in changed.items()}
        before = (Channel.objects.count(), WebhookRoute.objects.count())
        answer, _channel = add(shop, owner, free_gateway, **changed)
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert (Channel.objects.count(), WebhookRoute.objects.count()) == before
        assert free_gateway.app.sessions == {}

    def test_an_address_in_a_private_network_needs_the_installations_word(
        self, shop: Shop, owner: Client, free_gateway: Gateway, settings: Any
    ) -> None:
        settings.GATEWAY_PRIVATE_HOSTS = [""]
        answer, channel = add(shop, owner, free_gateway)
        assert (answer.status_code, channel) == (422, None)
        assert free_gateway.calls == []
        settings.GATEWAY_PRIVATE_HOSTS = ["127.0.0.1"]
        assert add(shop, owner, free_gateway)[1] is not None

    def test_a_session_that_is_there_is_used_only_when_one_says_so(
        self, shop: Shop, owner: Client, free_gateway: Gateway
    ) -> None:
        free_gateway.app.configure("loja", webhook_url="http://127.0.0.1:9/other", api_key=KEY)
        answer, channel = add(shop, owner, free_gateway)
        assert (answer.status_code, channel) == (422, None)
        assert 'name="take_over"' in answer.content.decode()
        assert free_gateway.app.sessions["loja"].webhook_url.endswith("/other")
        _answer, channel = add(shop, owner, free_gateway, take_over="on")
        assert channel is not None
        assert free_gateway.app.sessions["loja"].webhook_url.endswith(str(channel.pk))


class TestConnectingThePhone:
    @pytest.fixture
    def channel(self, shop: Shop, owner: Client, free_gateway: Gateway) -> Channel:
        channel = add(shop, owner, free_gateway)[1]
        assert channel is not None
        return channel

    def test_shows_the_code_and_each_new_one(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        first = pairing(shop, owner, channel)
        assert "data:image/png;base64," in first
        assert "every 5s" in first
        free_gateway.app.pair_of("loja").codes += 1
        assert pairing(shop, owner, channel) != first

    def test_a_scan_ends_it_and_the_number_is_kept(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        assert "data-scan" in pairing(shop, owner, channel)
        free_gateway.app.pair_of("loja").number = "5511912345678"
        free_gateway.app.configure("loja", status="WORKING")
        page = pairing(shop, owner, channel)
        assert "data-scan" not in page
        assert "+5511912345678" in page
        assert "every" not in page
        channel.refresh_from_db()
        assert (channel.status, channel.number, channel.health) == ("WORKING", "+5511912345678", "green")
        kept = ChannelStatus.objects.filter(channel=channel).values_list("status", flat=True)
        assert {"SCAN_QR_CODE", "WORKING", "green"} <= set(kept)

    def test_a_code_to_type_instead(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        owner.post(f"{LIST}{channel.pk}/code", {"phone": "+55 (11) 91234-5678"})
        assert ("/api/loja/auth/request-code", {"phoneNumber": "5511912345678"}) in free_gateway.app.calls
        assert "ABCD-5678" in pairing(shop, owner, channel)
        calls = len(free_gateway.app.calls)
        owner.post(f"{LIST}{channel.pk}/code", {"phone": "my phone"})
        assert len(free_gateway.app.calls) == calls

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("STARTING", "is starting"),
            ("PASSKEY_REQUIRED", "web.whatsapp.com"),
            ("PASSKEY_CONFIRMATION_REQUIRED", "77-88"),
            ("FAILED", "Try again"),
            ("STOPPED", "stopped"),
            ("SOMETHING_NEW", "something new"),
        ],
    )
    def test_every_state_has_its_words(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel, status: str, words: str
    ) -> None:
        free_gateway.app.configure("loja", status=status)
        free_gateway.app.pair_of("loja").data = {"code": "77-88"}
        assert words in pairing(shop, owner, channel)

    def test_the_same_code_on_the_phone_is_confirmed(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        free_gateway.app.configure("loja", status="PASSKEY_CONFIRMATION_REQUIRED")
        assert do(shop, owner, channel, "confirm").status == "WORKING"

    def test_what_failed_is_tried_again(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        free_gateway.app.configure("loja", status="FAILED")
        assert do(shop, owner, channel, "connect").status == "SCAN_QR_CODE"

    def test_a_session_that_the_gateway_lost_is_made_again(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        free_gateway.app.sessions.clear()
        assert do(shop, owner, channel, "connect").status == "SCAN_QR_CODE"
        assert free_gateway.app.sessions["loja"].hmac_key == channel.hmac_secret

    def test_a_session_that_delivers_elsewhere_gets_our_address_again(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        free_gateway.app.pair_of("loja").config = {"webhooks": [{"url": "http://127.0.0.1:9/"}]}
        do(shop, owner, channel, "connect")
        assert free_gateway.app.sessions["loja"].webhook_url.endswith(str(channel.pk))

    def test_a_gateway_that_is_away_is_said(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        Channel.objects.filter(pk=channel.pk).update(base_url="http://127.0.0.1:9")
        page = pairing(shop, owner, channel)
        assert "cannot be reached" in page
        assert "every 15s" in page
        assert owner.post(f"{LIST}{channel.pk}/restart").status_code == 302

    def test_log_out_drops_the_phone(
        self, shop: Shop, owner: Client, free_gateway: Gateway, channel: Channel
    ) -> None:
        free_gateway.app.pair_of("loja").number = "5511912345678"
        free_gateway.app.configure("loja", status="WORKING")
        assert do(shop, owner, channel, "restart").status == "WORKING"
        assert do(shop, owner, channel, "log-out").status == "SCAN_QR_CODE"


class TestKeeping:
    def test_a_channel_is_renamed_and_gets_its_patience(self, shop: Shop, owner: Client) -> None:
        agent = shop.channel.agent_id
        wanted = {
            "name": "Balcão",
            "agent": agent,
            "watchdog_minutes": 30,
            "call_reply": "Escreva, por favor.",
        }
        assert owner.post(f"{LIST}{shop.channel.pk}/edit", wanted).status_code == 302
        connection.set_tenant(shop.tenant)
        channel = Channel.objects.get(pk=shop.channel.pk)
        assert (channel.name, channel.watchdog_minutes) == ("Balcão", 30)
        assert channel.call_reply == "Escreva, por favor."
        wrong = owner.post(f"{LIST}{shop.channel.pk}/edit", wanted | {"watchdog_minutes": 1})
        assert wrong.status_code == 422

    def test_off_closes_the_door_and_stops_the_session_and_on_opens_both(
        self, shop: Shop, owner: Client
    ) -> None:
        Channel.objects.update(health="red", health_reason="silent")
        off = do(shop, owner, shop.channel, "off")
        assert (off.is_active, off.health) == (False, "")
        assert shop.gateway.app.sessions[shop.gateway.session].status == "STOPPED"
        assert shop.knock(door.delivery("Oi")) == 404
        shop.gateway.app.pair_of(shop.gateway.session).number = "5511900000000"
        assert do(shop, owner, shop.channel, "on").is_active
        assert shop.gateway.app.sessions[shop.gateway.session].status == "WORKING"

    def test_a_channel_with_threads_is_never_deleted(self, shop: Shop, owner: Client) -> None:
        shop.say("Oi")
        assert owner.post(f"{LIST}{shop.channel.pk}/delete").status_code == 302
        connection.set_tenant(shop.tenant)
        assert Channel.objects.filter(pk=shop.channel.pk).exists()
        assert Message.objects.exists()

    def test_nor_while_something_waits_to_be_read(self, shop: Shop, owner: Client) -> None:
        shop.knock(door.delivery("Oi"))
        owner.post(f"{LIST}{shop.channel.pk}/delete")
        shop.read()
        assert Message.objects.count() == 1

    def test_an_unused_one_is_deleted_with_its_session(
        self, shop: Shop, owner: Client, free_gateway: Gateway
    ) -> None:
        channel = add(shop, owner, free_gateway)[1]
        assert channel is not None
        assert owner.post(f"{LIST}{channel.pk}/delete").status_code == 302
        connection.set_tenant(shop.tenant)
        assert not Channel.objects.filter(pk=channel.pk).exists()
        assert not WebhookRoute.objects.filter(pk=channel.pk).exists()
        assert free_gateway.app.sessions == {}

    def test_the_test_chat_cannot_be_connected_or_deleted(self, shop: Shop, owner: Client) -> None:
        test = Channel.objects.get(kind="test")
        for path in ("pairing", "restart", "delete", "gateway"):
            answer = owner.get if path == "pairing" else owner.post
            assert answer(f"{LIST}{test.pk}/{path}").status_code == 404

    def test_a_new_key_is_tried_before_it_is_kept(
        self, shop: Shop, owner: Client, free_gateway: Gateway
    ) -> None:
        channel = add(shop, owner, free_gateway)[1]
        assert channel is not None
        path = f"{LIST}{channel.pk}/gateway"
        wrong = owner.post(path, {"base_url": free_gateway.url, "api_key": "wrong"})
        assert wrong.status_code == 422
        free_gateway.app.sessions["loja"].api_key = "new key"
        assert owner.post(path, {"base_url": free_gateway.url, "api_key": "new key"}).status_code == 302
        connection.set_tenant(shop.tenant)
        assert Channel.objects.get(pk=channel.pk).api_key == "new key"


@pytest.mark.parametrize("role", ["agent", "finance", "viewer"])
def test_only_owners_and_managers_come_here(shop: Shop, client_for: Any, member_of: Any, role: str) -> None:
    client = client_for(shop.tenant, member_of(shop.tenant, role=role))
    pk = shop.channel.pk
    for path in ("", "waha/new", f"{pk}/", f"{pk}/pairing"):
        assert client.get(f"{LIST}{path}").status_code == 403
    for path in ("waha/new", f"{pk}/code", f"{pk}/off", f"{pk}/edit", f"{pk}/gateway", f"{pk}/delete"):
        assert client.post(f"{LIST}{path}").status_code == 403
    connection.set_tenant(shop.tenant)
    assert Channel.objects.get(pk=pk).is_active


def test_a_channel_that_is_down_is_the_first_decision_of_today(shop: Shop, owner: Client) -> None:
    shop.say("Quero falar com uma pessoa")
    shop.work()
    Channel.objects.filter(pk=shop.channel.pk).update(health="red", health_reason="silent")
    page = owner.get("/").content.decode()
    decisions = page[page.index("decisions-title") : page.index("channels-title")]
    assert "WhatsApp does not work" in decisions
    assert decisions.index(f"{LIST}{shop.channel.pk}/") < decisions.index("/chats/")
