"""A visitor of the web chat: the real ASGI app, by HTTP and by websocket, as a page on some site."""

import json
import uuid
from typing import Any

from channels.testing import HttpCommunicator, WebsocketCommunicator
from django.db import connection

from agents.models import Agent
from config.asgi import application
from conversations import web_door
from conversations.models import Channel
from tenants.models import Tenant, WebhookRoute

SITE = "https://www.shop.example"


def make_channel(tenant: Tenant, **widget: Any) -> Channel:
    """A web chat of this business, for SITE unless `domains` say otherwise."""
    connection.set_tenant(tenant)
    channel = Channel.objects.create(
        kind=Channel.Kind.WEB,
        name="Site",
        agent=Agent.objects.order_by("pk")[0],
        widget={"domains": ["www.shop.example"], **widget},
    )
    WebhookRoute.objects.create(pk=channel.pk, tenant=tenant)
    web_door.web_door._known.clear()
    return channel


async def request(
    channel: Channel | str,
    action: str = "",
    content: Any = None,
    *,
    token: str = "",
    origin: str = SITE,
    method: str = "",
    body: bytes | None = None,
    **headers: str,
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """One request of a visitor's page: status, content, headers."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    pairs += [(b"host", b"localhost")] + ([(b"origin", origin.encode())] if origin else [])
    pairs += [(b"authorization", f"Bearer {token}".encode())] if token else []
    sent = body if body is not None else b"" if content is None else json.dumps(content).encode()
    path, _mark, query = action.partition("?")
    url = f"/chat/{getattr(channel, 'pk', channel)}" + (f"/{path}" if path else "")
    verb = method or ("POST" if sent else "GET")
    communicator = HttpCommunicator(application, verb, url + (f"?{query}" if query else ""), sent, pairs)
    answer = await communicator.get_response(timeout=10)
    told = {name.decode(): value.decode() for name, value in answer["headers"]}
    return answer["status"], json.loads(answer["body"] or b"{}"), told


async def fetch(channel: Channel, action: str) -> tuple[int, dict[str, str], bytes]:
    """What a click on a link gets: no origin, no token."""
    url = f"/chat/{channel.pk}/{action}"
    answer = await HttpCommunicator(application, "GET", url, b"", [(b"host", b"localhost")]).get_response(10)
    return answer["status"], {k.decode(): v.decode() for k, v in answer["headers"]}, answer["body"]


async def new_token(channel: Channel, **given: Any) -> str:
    status, content, _headers = await request(channel, "visitor", {}, **given)
    assert status == 200, content
    return str(content["token"])


def message(text: str, message_id: str = "") -> dict[str, str]:
    return {"id": message_id or str(uuid.uuid4()), "text": text}


class Page:
    """A page with an open socket, which keeps what it is told as the widget does."""

    def __init__(self, channel: Channel | str, *, origin: str = SITE, host: str = "localhost") -> None:
        headers = [(b"host", host.encode()), (b"origin", origin.encode())]
        path = f"/ws/chat/{getattr(channel, 'pk', channel)}"
        self.socket = WebsocketCommunicator(application, path, headers=headers)
        self.messages: dict[str, dict[str, Any]] = {}
        self.heard: list[dict[str, Any]] = []

    async def open(self, token: str) -> "Page":
        accepted, _protocol = await self.socket.connect(timeout=10)
        assert accepted
        await self.send(type="hello", token=token)
        await self.until("welcome")
        return self

    async def send(self, **content: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(content))

    async def until(self, kind: str, *, seconds: float = 5.0, **wanted: Any) -> dict[str, Any]:
        """The next frame of this kind, with these values."""
        while True:
            frame = json.loads(await self.socket.receive_from(timeout=seconds))
            self.heard.append(frame)
            for one in frame.get("messages", ()):
                self.messages[one["id"]] = one
            if frame["type"] == kind and all(frame.get(name) == value for name, value in wanted.items()):
                return dict(frame)

    async def until_shown(self, text: str) -> dict[str, Any]:
        """The message with this text, when the page has it."""
        while not (found := [one for one in self.messages.values() if one["text"] == text]):
            await self.until("state")
        assert len(found) == 1, "shown twice"
        return found[0]

    async def closed(self) -> int:
        """The code with which the desk closes."""
        while True:
            output = await self.socket.receive_output(timeout=5)
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def leave(self) -> None:
        await self.socket.disconnect()
