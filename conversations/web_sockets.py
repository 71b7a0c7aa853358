"""The live socket of a visitor's page: `/ws/chat/<channel id>`.

It says who it is with its first words, by the signed token, so that no token stands in a URL. What it is told
is read from the rows each time: an event of the tenant only wakes the sockets of the conversation it names.
"""

import asyncio
import json
import time
import weakref
from collections import Counter, defaultdict
from functools import partial
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.urls import path
from django.utils import timezone

from conversations import web_chat, writing
from conversations.web_chat import Place, Refused, Visitor
from conversations.web_door import AWAY, MAX_BYTES, address_of, headers_of, json_of, origin_of, text_in
from tenants.hub import hub

log = structlog.get_logger(__name__)
CODES = {"bad_request": 4400, "token": 4401, "origin": 4403, "unknown": 4404, "slow_down": 4429}
TOO_LARGE, AWAY_CODE = 4413, 1013
FRAMES_A_MINUTE = 120
LOOK_AGAIN_SECONDS = 60.0
SETTLE_SECONDS = 1.0  # the subscription of a tenant's first socket needs a moment; then look once more


class ChatSocket(AsyncWebsocketConsumer):
    """One visitor's page."""

    place: Place | None = None
    visitor: Visitor | None = None
    conversation: int | None = None
    came_in = False

    async def connect(self) -> None:
        headers = headers_of(self.scope)
        self.origin, self.address = origin_of(headers), address_of(self.scope, headers)
        self._known: dict[str, str] = {}
        self._told: dict[str, Any] = {}
        self._frames: list[float] = []
        self._awake = asyncio.Event()
        self._work: list[asyncio.Future[None]] = []
        await self.accept()  # only an accepted socket can tell its page why it is closed
        if not _rooms().come_in(self.address):
            return await self.close(CODES["slow_down"])
        self.came_in = True
        try:
            self.place = await _sync(_enter)(self._channel_id, self.origin)
        except Refused as refused:
            await self.close(CODES[refused.word])
        except AWAY:
            await self.close(AWAY_CODE)

    @property
    def _here(self) -> Place:
        assert self.place is not None, "nothing is heard before a place is found"
        return self.place

    @property
    def _who(self) -> Visitor:
        assert self.visitor is not None, "nothing is done before hello"
        return self.visitor

    @property
    def _channel_id(self) -> str:
        return str(self.scope["url_route"]["kwargs"]["channel_id"])

    async def disconnect(self, code: int) -> None:
        for work in self._work:
            work.cancel()
        if self.place is not None:
            _rooms().leave(self.place.schema, self)
        if self.came_in:
            _rooms().go(self.address)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if len(text_data or bytes_data or "") > MAX_BYTES:
            return await self.close(TOO_LARGE)
        if self.place is None:
            return
        if self._hurries():
            return await self.close(CODES["slow_down"])
        try:
            await self._hear(json_of(text_data or ""))
        except Refused as refused:
            await self.close(CODES.get(refused.word, CODES["bad_request"]))

    def _hurries(self) -> bool:
        now = time.monotonic()
        self._frames = [at for at in self._frames if at > now - 60] + [now]
        return len(self._frames) > FRAMES_A_MINUTE

    async def _hear(self, said: dict[str, Any]) -> None:
        kind = text_in(said, "type")
        if kind == "hello":
            return await self._hello(text_in(said, "token"))
        if kind == "ping":
            return await self._tell(type="pong")
        if self.visitor is None:
            raise Refused("token")
        if kind == "say":
            return await self._say(said)
        if kind == "sync":
            self.wake()
        elif kind in ("typing", "seen"):
            await self._note(kind, said)

    async def _hello(self, token: str) -> None:
        place, now = self._here, timezone.now()
        self.visitor, self._token = web_chat.visitor_of(place, token, now=now), token
        if not self._work:
            _rooms().join(place.schema, self)
            self._work = [asyncio.ensure_future(work()) for work in (self._keep_telling, self._look_again)]
            asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._awake.set)
        await self._tell(type="welcome", **({"token": self.visitor.fresh} if self.visitor.fresh else {}))
        self.wake()

    async def _say(self, said: dict[str, Any]) -> None:
        """Store it, then say so: the page keeps what it was not told about, and says it again."""
        message_id = text_in(said, "id")
        say = partial(
            web_chat.say, self._here, self._who, message_id=message_id, text=text_in(said, "text"),
            address=self.address, now=timezone.now(),
        )  # fmt: skip
        try:
            await _sync(say)()
        except Refused as refused:
            await self._tell(type="refused", id=message_id, error=refused.word, wait=refused.wait)
        except AWAY:
            await self._tell(type="refused", id=message_id, error="away", wait=5)
        else:
            await self._tell(type="said", id=message_id)
            self.wake()

    async def _note(self, kind: str, said: dict[str, Any]) -> None:
        """Manners: without them the chat goes on."""
        now = timezone.now()
        if kind == "typing":
            note = partial(web_chat.typing, self._here, self._who, now=now)
        else:
            upto, read = text_in(said, "upto"), said.get("read") is True
            note = partial(web_chat.seen, self._here, self._who, upto=upto, read=read, now=now)
        try:
            await _sync(note)()
        except (Refused, *AWAY) as error:
            log.info("web_socket.manners_failed", error=type(error).__name__)

    # -- what the page is told

    def wake(self) -> None:
        """Something may have changed for this visitor."""
        self._awake.set()

    async def _keep_telling(self) -> None:
        """Many events in one moment become one look at the rows."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            try:
                told = await _sync(web_chat.state)(self._here, self._who, now=timezone.now())
            except AWAY:
                return await self.close(AWAY_CODE)
            _rooms().move(self._here.schema, self, told.pop("conversation"))
            await self._tell_changes(told)

    async def _tell_changes(self, told: dict[str, Any]) -> None:
        messages = told.pop("messages")
        fresh = {one["id"]: json.dumps(one) for one in messages}
        changed = [one for one in messages if self._known.get(one["id"]) != fresh[one["id"]]]
        if changed or told != self._told:
            self._known, self._told = fresh, told
            await self._tell(type="state", messages=changed, **told)
        if told["thinking"] and told["by"] != "agent":  # who stops to write tells nobody
            asyncio.get_running_loop().call_later(writing.SECONDS, self._awake.set)

    async def _look_again(self) -> None:
        """A chat switched off, a site taken off the list, a spent token: told within a minute."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            try:
                self.place = await _sync(_enter)(self._channel_id, self.origin)
                web_chat.visitor_of(self.place, self._token, now=timezone.now())
            except Refused as refused:
                return await self.close(CODES[refused.word])
            except AWAY:
                continue
            self.wake()

    async def _tell(self, **content: Any) -> None:
        await self.send(text_data=json.dumps(content, separators=(",", ":")))


def _sync(call: Any) -> Any:
    """One synchronous call in a thread that keeps no connection."""
    return database_sync_to_async(call, thread_sensitive=False)


def _enter(channel_id: str, origin: str) -> Place:
    """The chat behind the id, for a page of this origin; raises Refused."""
    place = web_chat.find(channel_id)
    if place is None:
        raise Refused("unknown")
    web_chat.check_origin(place, origin, now=timezone.now())
    return place


class Ear:
    """Hears one tenant's events for all of its visitors, and wakes those whom an event names."""

    def __init__(self) -> None:
        self.sockets: defaultdict[int | None, set[ChatSocket]] = defaultdict(set)

    def tell(self, text: str) -> None:
        event = json.loads(text)
        if event["event"] in ("refresh", "hello"):  # we may have missed some
            named = [socket for sockets in self.sockets.values() for socket in sockets]
        else:
            named = list(self.sockets.get(_conversation_in(event), ()))
        for socket in named:
            socket.wake()

    def leave(self) -> None:
        self.sockets.clear()


def _conversation_in(event: dict[str, Any]) -> int:
    """The conversation that an event is about; 0 for none."""
    own = event.get("id") if event["event"].startswith("conversation.") else 0
    return int(event.get("conversation") or own or 0)


class Rooms:
    """The visitors of one event loop, by tenant and conversation."""

    def __init__(self) -> None:
        self._ears: dict[str, Ear] = {}
        self._addresses: Counter[str] = Counter()

    def come_in(self, address: str) -> bool:
        """Count one more socket of this address; False when it has too many."""
        if self._addresses[address] >= settings.WEB_CHAT_SOCKETS_AN_ADDRESS:
            return False
        self._addresses[address] += 1
        return True

    def go(self, address: str) -> None:
        self._addresses[address] -= 1
        self._addresses += Counter()  # without those that are none

    def join(self, schema: str, socket: ChatSocket) -> None:
        """Let a socket be woken; the tenant's first one listens for all."""
        if schema not in self._ears:
            self._ears[schema] = Ear()
            hub().join(schema, self._ears[schema])
        self._ears[schema].sockets[socket.conversation].add(socket)

    def move(self, schema: str, socket: ChatSocket, conversation: int | None) -> None:
        """The first message has made the visitor's conversation."""
        if socket.conversation != conversation:
            self._remove(self._ears[schema], socket)
            socket.conversation = conversation
            self._ears[schema].sockets[conversation].add(socket)

    def leave(self, schema: str, socket: ChatSocket) -> None:
        ear = self._ears.get(schema)
        if ear is None:
            return
        self._remove(ear, socket)
        if not ear.sockets:
            del self._ears[schema]
            hub().leave(schema, ear)

    def _remove(self, ear: Ear, socket: ChatSocket) -> None:
        ear.sockets[socket.conversation].discard(socket)
        if not ear.sockets[socket.conversation]:
            del ear.sockets[socket.conversation]


_of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Rooms] = weakref.WeakKeyDictionary()


def _rooms() -> Rooms:
    return _of_loops.setdefault(asyncio.get_running_loop(), Rooms())


websocket_urlpatterns = [path("ws/chat/<str:channel_id>", ChatSocket.as_asgi())]
