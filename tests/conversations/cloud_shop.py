"""A shop whose WhatsApp number is at Meta's Cloud API."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from conversations.models import Channel
from tenants.models import WebhookRoute
from tests.conversations import door
from tests.counterparts import cloud as meta

if TYPE_CHECKING:
    from tests.conversations.conftest import Shop

VERIFY = "verify-token-of-the-shop"


class CloudShop:
    """The shop, its Cloud API channel, and Meta's counterpart."""

    def __init__(self, shop: "Shop", cloud: meta.Cloud) -> None:
        self.shop, self.cloud = shop, cloud
        self.channel = Channel.objects.create(
            kind=Channel.Kind.CLOUD,
            name="Cloud",
            agent=shop.channel.agent,
            phone_number_id=cloud.NUMBER,
            waba_id=cloud.WABA,
            api_key=cloud.TOKEN,
            hmac_secret=cloud.SECRET,
            verify_token=VERIFY,
        )
        WebhookRoute.objects.create(pk=self.channel.pk, tenant=shop.tenant)

    @property
    def path(self) -> str:
        return f"/hooks/cloud/{self.channel.pk}"

    def knock(
        self, body: Mapping[str, Any] | bytes, *, secret: str = meta.Cloud.SECRET, **headers: str
    ) -> int:
        """One delivery at the real door."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = {**meta.signed(raw, secret), **headers}
        return door.request(self.path, raw, headers=signed)[0]

    def deliver(self, *changes: Mapping[str, Any]) -> None:
        """Deliver these changes in one POST, and read them; nothing is answered yet."""
        assert self.knock(meta.delivery(*changes)) == 200
        self.shop.read()

    def say(self, text: str, **message: Any) -> None:
        """A customer writes, and the inbox reads it."""
        self.deliver(meta.change(messages=[meta.text_message(text, **message)]))

    def work(self) -> None:
        self.shop.work()

    def later(self) -> None:
        self.shop.later()
