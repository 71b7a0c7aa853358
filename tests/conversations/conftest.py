"""A shop with a paired number, a model vendor, and no documents unless a test adds some."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent, ModelProvider
from billing.models import CreditAccount
from conversations import inbox, sweep
from conversations.models import Channel, Conversation, Message
from tenants.background import ring
from tenants.models import Tenant, WebhookRoute
from tests.background import Background
from tests.conversations import door
from tests.conversations.cloud_shop import CloudShop
from tests.conversations.web_visitor import make_channel
from tests.counterparts.cloud import Cloud
from tests.counterparts.gateway import Gateway
from tests.counterparts.models import Models

SECRET = "webhook secret"


class Shop:
    """One tenant with everything that a message needs on its way."""

    def __init__(self, tenant: Tenant, gateway: Gateway, models: Models, background: Background) -> None:
        self.tenant, self.gateway, self.models, self.background = tenant, gateway, models, background
        connection.set_tenant(tenant)
        ModelProvider.objects.create(
            name="vendor",
            vendor="openai",
            base_url=f"{models.url}/v1",
            api_key="tenant key",
            model="m",
            is_default=True,
        )
        self.channel = Channel.objects.create(
            kind=Channel.Kind.WAHA,
            name="WhatsApp",
            agent=Agent.objects.order_by("pk")[0],
            session=gateway.session,
            base_url=gateway.url,
            api_key=gateway.api_key,
            hmac_secret=SECRET,
        )
        WebhookRoute.objects.create(pk=self.channel.pk, tenant=tenant)

    def now(self) -> datetime:
        return timezone.now()

    def knock(self, body: dict[str, Any] | bytes, *, secret: str = SECRET, **headers: str) -> int:
        """One delivery at the real door."""
        connection.set_tenant(self.tenant)
        return door.knock(self.channel.pk, body, secret=secret, **headers)

    def say(self, text: str | None, **delivery: Any) -> int:
        """A customer writes, and the inbox reads it; nothing is answered yet."""
        status = self.knock(door.delivery(text, **delivery))
        self.read()
        return status

    def read(self) -> None:
        """Ring the inbox, and run only that."""
        connection.set_tenant(self.tenant)
        inbox.drain.apply(headers={"schema": self.tenant.schema_name}, throw=True)
        connection.set_tenant(self.tenant)

    def work(self) -> None:
        """Run everything that waits, until nothing does."""
        connection.set_tenant(self.tenant)
        self.background.run()
        connection.set_tenant(self.tenant)

    def later(self) -> None:
        """A minute passes: what waits for its time is due, and the sweep looks."""
        connection.set_tenant(self.tenant)
        past = timezone.now() - timedelta(minutes=1)
        Conversation.objects.exclude(reply_due_at=None).update(reply_due_at=past)
        Message.objects.exclude(send_after=None).update(send_after=past)
        Message.objects.filter(status__in=["queued", "sending", "unknown"]).update(created_at=past)
        sweep.sweep.apply(throw=True)
        self.work()

    def ring(self, task: Any, **ids: int) -> None:
        ring(task, schema=self.tenant.schema_name, **ids)

    def texts(self) -> list[str]:
        """What reached the customers' phones, in order."""
        return [text for _chat, text in self.gateway.sent]

    def spend_everything(self) -> None:
        connection.set_tenant(self.tenant)
        CreditAccount.objects.update(balance=0, held=0)


@pytest.fixture(scope="session")
def _gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture(scope="session")
def _models() -> Iterator[Models]:
    with Models() as models:
        yield models


@pytest.fixture
def gateway(_gateway: Gateway) -> Gateway:
    """The gateway's counterpart, as if nothing had happened yet."""
    _gateway.app.forget()
    return _gateway


@pytest.fixture
def models(_models: Models) -> Models:
    """The model vendor's counterpart, as if nothing had happened yet."""
    _models.app.answers.clear()
    _models.app.recordings.clear()
    _models.app.faults.clear()
    _models.app.requests.clear()
    _models.app.before_answer, _models.app.obeys = None, False
    return _models


@pytest.fixture
def shop(
    transactional_db: None, gateway: Gateway, models: Models, background: Background, settings: Any
) -> Iterator[Shop]:
    """The shop of the tenant alpha. Answers are due at once."""
    settings.DEBOUNCE_SECONDS = 0
    yield Shop(Tenant.objects.get(slug="alpha"), gateway, models, background)
    connection.set_schema_to_public()


@pytest.fixture(scope="session")
def _cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(shop: Shop, _cloud: Cloud, settings: Any) -> CloudShop:
    """The shop with a number at Meta's Cloud API, whose counterpart is as new."""
    _cloud.reset()
    settings.WHATSAPP_CLOUD_URL = _cloud.url
    return CloudShop(shop, _cloud)


@pytest.fixture
def web(shop: Shop) -> Channel:
    """The shop's web chat, on www.shop.example."""
    return make_channel(shop.tenant)


@pytest.fixture
def inside(shop: Shop) -> Callable[..., Any]:
    """`await inside(call)`: run it in the shop's schema, in a thread."""

    def run(call: Callable[[], Any], schema: str = "") -> Any:
        try:
            with schema_context(schema or shop.tenant.schema_name):
                return call()
        finally:
            connection.close()

    return sync_to_async(run)


@pytest.fixture
def work(shop: Shop) -> Callable[..., Any]:
    """`await work()`: run everything that waits in the background."""

    def run() -> None:
        shop.work()
        connection.close()  # this thread outlives the test's database

    return sync_to_async(run)
