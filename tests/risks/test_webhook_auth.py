"""S1: who is not who they say is turned away at every door, and leaves no row behind.

The formats of WAHA and of the Cloud API sign no time, and both deliver again for hours: what keeps an old
delivery from being played again is the id of each message in it, which counts once.
"""

import hashlib
import hmac
import json
import uuid
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import async_to_sync
from django.core import signing
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from conversations import web_chat, webhooks
from conversations.models import Channel, Contact, Conversation, Message, WebhookEvent
from tenants.api import SCOPES
from tenants.models import ApiKey, Tenant, WebhookRoute
from tests.conversations import door, web_visitor
from tests.counterparts import cloud as meta

OTHERS = "the other business's secret"


def signed(kind: str, raw: bytes, secret: str) -> dict[str, str]:
    if kind == "cloud":
        return {"x-hub-signature-256": meta.signed(raw, secret)["x-hub-signature-256"]}
    return {"x-webhook-hmac": hmac.new(secret.encode(), raw, hashlib.sha512).hexdigest()}


@pytest.fixture
def beta_channel(shop: Any) -> Channel:
    """A number of another business, with a secret of its own."""
    beta = Tenant.objects.get(slug="beta")
    with schema_context("beta"):
        from agents.models import Agent

        agent = Agent.objects.order_by("pk")[0]
        channel = Channel.objects.create(
            kind=Channel.Kind.WAHA, name="B", agent=agent, session="demo", hmac_secret=OTHERS
        )
    WebhookRoute.objects.create(pk=channel.pk, tenant=beta)
    connection.set_tenant(shop.tenant)
    return channel


@pytest.fixture(params=["waha", "cloud"])
def gate(request: Any, shop: Any, cloud: Any) -> Any:
    """A door with its kind, its channel, its secret and a body that it would take."""
    if request.param == "waha":
        return "waha", shop.channel, "webhook secret", door.delivery("Oi", unique="3AS1")
    body = meta.delivery(meta.change(messages=[meta.text_message("Oi")]))
    return "cloud", cloud.channel, meta.Cloud.SECRET, body


def knock(kind: str, channel: Any, raw: bytes, headers: dict[str, str]) -> int:
    return door.request(f"/hooks/{kind}/{getattr(channel, 'pk', channel)}", raw, headers=headers)[0]


def rows() -> int:
    with schema_context("beta"):
        there = WebhookEvent.objects.count() + Message.objects.count()
    with schema_context("alpha"):
        return there + WebhookEvent.objects.count() + Message.objects.count()


class TestS1Gateways:
    def test_what_is_not_signed_right_is_401_and_leaves_no_row(self, gate: Any, beta_channel: Any) -> None:
        kind, channel, secret, body = gate
        raw = json.dumps(body).encode()
        name = next(iter(signed(kind, raw, secret)))
        right = signed(kind, raw, secret)[name]
        wrong = {
            "none": {},
            "empty": {name: ""},
            "of another business": signed(kind, raw, OTHERS),
            "of nothing": signed(kind, b"", secret),
            "with an empty key": signed(kind, raw, ""),
            "cut": {name: right[:-1]},
            "longer": {name: right + "0"},
            "another letter": {name: right[:-1] + ("0" if right[-1] != "0" else "1")},
            "of another hash": {name: hmac.new(secret.encode(), raw, hashlib.md5).hexdigest()},
            "no hex": {name: "ü" * 64},
            "in the other kind's header": signed("cloud" if kind == "waha" else "waha", raw, secret),
        }
        for what, headers in wrong.items():
            headers = {key: value.encode().decode("latin-1") for key, value in headers.items()}
            assert knock(kind, channel, raw, headers) == 401, what
        assert rows() == 0
        assert knock(kind, channel, raw, {name: right}) == 200
        assert rows() == 1

    def test_a_body_that_was_touched_is_401(self, gate: Any) -> None:
        """Re-serialised, with a member more, with another text, cut, with white space, in another coding."""
        kind, channel, secret, body = gate
        raw = json.dumps(body).encode()
        headers = signed(kind, raw, secret)
        touched = [
            json.dumps(body, indent=1).encode(),
            json.dumps(body, separators=(",", ":")).encode(),
            json.dumps(body, sort_keys=True).encode(),
            json.dumps({**body, "tenant": "beta"}).encode(),
            raw.replace(b"Oi", b"Ai"),
            raw[:-1],
            raw + b" ",
            json.dumps(body).encode("utf-16"),
            b"",
        ]
        assert [knock(kind, channel, other, headers) for other in touched] == [401] * len(touched)
        assert rows() == 0

    def test_a_right_signature_opens_no_other_door(self, gate: Any, beta_channel: Any, cloud: Any) -> None:
        """Another business's URL, another channel's, another kind's, and one that nobody has."""
        kind, channel, secret, body = gate
        raw = json.dumps(body).encode()
        headers = signed(kind, raw, secret)
        assert knock("waha", beta_channel, raw, headers) == 401
        other = "cloud" if kind == "waha" else "waha"
        assert knock(other, channel, raw, headers) == 404
        assert knock(kind, uuid.uuid4(), raw, headers) == 404
        assert rows() == 0

    def test_an_old_delivery_played_again_changes_nothing(self, gate: Any, shop: Any) -> None:
        kind, channel, secret, body = gate
        raw = json.dumps(body).encode()
        headers = signed(kind, raw, secret)
        assert knock(kind, channel, raw, headers) == 200
        shop.read()
        shop.work()
        told = (Message.objects.count(), len(shop.texts()))
        # The time is in a header that nobody signs, and in the body where a change breaks the signature.
        later = headers | {"x-webhook-timestamp": "1"}
        assert [knock(kind, channel, raw, later) for _ in range(3)] == [200] * 3
        shop.read()
        shop.work()
        assert (Message.objects.count(), len(shop.texts())) == told
        assert WebhookEvent.objects.filter(outcome="ignored: repeated").count() == 3

    def test_a_channel_without_a_secret_has_no_door(self, gate: Any) -> None:
        kind, channel, _secret, body = gate
        Channel.objects.filter(pk=channel.pk).update(hmac_secret="")
        raw = json.dumps(body).encode()
        assert knock(kind, channel, raw, {}) == knock(kind, channel, raw, signed(kind, raw, "")) == 404
        assert rows() == 0

    def test_the_comparison_takes_the_same_time(self, gate: Any) -> None:
        """Not measured, which would be a matter of luck: the one comparison is the constant one."""
        kind, channel, _secret, body = gate
        raw = json.dumps(body).encode()
        with mock.patch.object(webhooks.hmac, "compare_digest", wraps=hmac.compare_digest) as compare:
            assert knock(kind, channel, raw, signed(kind, raw, "wrong")) == 401
            assert knock(kind, channel, raw, {}) == 401
        assert compare.call_count == 2

    def test_the_right_token_verifies_the_cloud_door_and_no_other(self, cloud: Any, shop: Any) -> None:
        from tests.conversations.cloud_shop import VERIFY

        asked = "hub.mode=subscribe&hub.challenge=42&hub.verify_token="
        get = {"method": "GET", "headers": {}}
        assert door.request(cloud.path, query=asked + VERIFY, **get) == (200, b"42")
        for token in ("", "wrong", VERIFY[:-1], VERIFY.upper()):
            assert door.request(cloud.path, query=asked + token, **get)[0] == 403
        waha = f"/hooks/waha/{shop.channel.pk}"
        assert door.request(waha, query=asked, **get)[0] == 405


class TestS1WebChat:
    @pytest.fixture
    def web(self, shop: Any) -> Channel:
        return web_visitor.make_channel(shop.tenant)

    @pytest.fixture
    def beta_web(self, web: Channel, shop: Any) -> Channel:
        channel = web_visitor.make_channel(Tenant.objects.get(slug="beta"))
        connection.set_tenant(shop.tenant)
        return channel

    def forged(self, web: Channel, beta_web: Channel) -> dict[str, str]:
        """Everything that is no token of this chat."""
        now = int(timezone.now().timestamp())
        content = {"t": "alpha", "c": web.pk.hex, "v": "0" * 32, "i": now}
        sign = signing.Signer(salt=web_chat.SALT).sign_object
        right = async_to_sync(web_visitor.new_token)(web)
        return {
            "none": "",
            "nonsense": "nonsense",
            "signed by nobody": right.rpartition(":")[0],
            "a letter more": right + "x",
            "signed with another key": signing.Signer(key="k", salt=web_chat.SALT).sign_object(content),
            "signed for another purpose": signing.Signer(salt="another").sign_object(content),
            "of another business": async_to_sync(web_visitor.new_token)(beta_web),
            "of another channel": sign({**content, "c": beta_web.pk.hex}),
            "of another schema": sign({**content, "t": "beta"}),
            "too old": sign({**content, "i": now - 400 * 24 * 3600}),
        }

    def test_a_forged_token_is_401_and_says_nothing(self, web: Channel, beta_web: Channel) -> None:
        for what, token in self.forged(web, beta_web).items():
            said = web_visitor.message("Oi")
            for action, content in (("messages", said), ("messages", None), ("typing", {}), ("seen", {})):
                status, told, _headers = async_to_sync(web_visitor.request)(web, action, content, token=token)
                assert (status, told) == (401, {"error": "token"}), (what, action)
        with schema_context("alpha"):
            assert not Message.objects.exists() and not Conversation.objects.exists()


class TestS1Keys:
    @pytest.fixture(autouse=True)
    def _nobody_called_before(self) -> None:
        from django.core.cache import cache

        cache.clear()

    def test_what_is_no_key_of_this_business_is_401_and_does_nothing(
        self, shop: Any, client_for: Any
    ) -> None:
        shop.say("Oi")
        pk = Conversation.objects.get().pk
        key, secret = ApiKey.issue(tenant=shop.tenant, name="program", scopes=list(SCOPES))
        _beta_key, betas = ApiKey.issue(
            tenant=Tenant.objects.get(slug="beta"), name="program", scopes=list(SCOPES)
        )
        revoked, old = ApiKey.issue(tenant=shop.tenant, name="old", scopes=list(SCOPES))
        ApiKey.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
        hosts = client_for(shop.tenant)
        wrong = {
            "": "", "Bearer": "Bearer ", "Basic": f"Basic {secret}", "cut": f"Bearer {secret[:-1]}",
            "longer": f"Bearer {secret}x", "upper": f"Bearer {secret.upper()}", "revoked": f"Bearer {old}",
            "prefix": "Bearer fd_", "two": f"Bearer {secret}, Bearer {secret}", "none": "Bearer None",
            "its row": f"Bearer {key.pk}",
        }  # fmt: skip
        before = Message.objects.count()
        for what, header in wrong.items():
            answer = hosts.post(
                "/api/v1/messages", json.dumps({"conversation": pk, "text": "x"}), "application/json",
                headers={"authorization": header},
            )  # fmt: skip
            assert answer.status_code == 401, (what, answer.content)
        # The other business's key is right, and opens its own business: this conversation is not there.
        answer = hosts.post(
            "/api/v1/messages", json.dumps({"conversation": pk, "text": "x"}), "application/json",
            headers={"authorization": f"Bearer {betas}"},
        )  # fmt: skip
        assert answer.status_code in (401, 404, 422), answer.content
        connection.set_tenant(shop.tenant)
        assert Message.objects.count() == before and Contact.objects.count() == 1
