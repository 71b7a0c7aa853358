"""A WAHA gateway that runs here: `python -m tests.counterparts.gateway --port N [--data DIR]`.

It speaks the calls of the real one (2026.7.1) with X-Api-Key, and delivers signed webhooks, retried and in
no order. What stands for the phone network is told through the control API, JSON, loopback only:

PUT    /_control/sessions/NAME  {webhook_url, hmac_key, api_key, engine?: GOWS|NOWEB|WEBJS, status?, title?}
POST   /_control/messages       {session, chat, text, name?, unique?, at?, media?: {data (base64), mimetype,
                                filename?}} -> {unique}
POST   /_control/burst          {session, messages: [{chat, text, unique?}], rate, seed, late, late_seconds,
                                again, times}: a share of them comes late, a share `times` times again
PUT    /_control/faults         {rates: {status, hang, reset, after, ...}, seed}
PUT    /_control/next           {call, fault}: the next such call meets this fault
GET    /_control/held           [{call, port}] of the calls that are done and wait for their answer; DELETE
                                hangs up on them
PUT    /_control/options        {acks, echo, retry_seconds, retries, file_seconds}
GET    /_control/sent           [{session, chat, text, unique, at, times}]; DELETE empties it
GET    /_control/idle           {idle: true} when no webhook waits to be delivered, and how many were
GET    /_control/history        what the phone shows: the newest messages, with their ticks
GET    /_control/events         the phone's event stream (SSE)
GET    /                        the fake phone

Sessions are in tests/counterparts/pairing.py; files, places, lists, edits and calls in exchange.py.

The faults of a send: "status" (500), "hang", "reset" (cut in the middle of the answer), "after" and
"after_reset" (sent, then failed), "held" (sent, and not answered until told), "timelock" (WhatsApp's 463), or
a status code.

`make run` configures its session once `apply --json` has told the webhook URL of the demo's channel.
Sessions are kept in the data folder, so a restart keeps them.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import random
import time
import uuid
from collections import Counter, defaultdict, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from tests.counterparts.exchange import Exchange
from tests.counterparts.pairing import Pair, Pairing
from tests.counterparts.serving import (
    Background,
    Dropped,
    Held,
    Request,
    answer,
    backoff,
    drop,
    free_port,
    read,
    serve,
)  # fmt: skip

HERE = Path(__file__).resolve().parent
HANG_SECONDS = 40.0
POSTS_AT_ONCE = 32  # deliveries on their way
REMEMBERED = 400  # messages that a phone opened later still shows
ASSETS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass
class Session:
    """A paired number: where its deliveries go and how they are signed."""

    name: str
    webhook_url: str = ""
    hmac_key: str = ""
    api_key: str = ""
    engine: str = "GOWS"
    status: str = "WORKING"
    title: str = ""  # the business's name, for the phone's screen


@dataclass
class Sent:
    """A message that reached the customer's phone."""

    session: str
    chat: str
    text: str
    unique: str
    at: float
    kind: str = "text"
    media: dict[str, Any] | None = None  # {data (base64), mimetype, filename}
    reply_to: str = ""
    times: int = 1  # how often we were asked to send it


@dataclass
class Options:
    """How the phone network behaves."""

    acks: bool = True
    echo: bool = True
    retry_seconds: float = 2.0
    retries: int = 15
    file_seconds: float = 180.0  # the real one deletes files after three minutes


@dataclass
class App(Pairing, Exchange):
    """The ASGI app and all that it knows."""

    data: Path | None = None
    port: int = 3000
    sessions: dict[str, Session] = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    heard: deque[Request] = field(default_factory=lambda: deque(maxlen=REMEMBERED))  # every call as it came
    options: Options = field(default_factory=Options)
    rates: dict[str, float] = field(default_factory=dict)
    next_faults: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    files: dict[str, tuple[bytes, str, float]] = field(default_factory=dict)  # content, type, gone at
    lids: dict[str, str] = field(default_factory=dict)
    twins: dict[str, str] = field(default_factory=dict)
    restrictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    incoming: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = field(default_factory=dict)
    history: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._by_id: dict[str, Sent] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._listeners: set[asyncio.Queue[str]] = set()
        self._http: httpx.AsyncClient | None = None
        # Of thousands that wait in the client's pool each would look at all the others at every turn.
        self._at_once = asyncio.Semaphore(POSTS_AT_ONCE)
        self._held = Held()
        self._posts: Counter[str] = Counter()
        self._load()

    def forget(self) -> None:
        """As if nothing had happened yet; the sessions stay."""
        for memory in (
            self.sent, self.calls, self.history, self.files, self._by_id, self.next_faults, self.rates,
            self.heard, self.lids, self.twins, self.restrictions, self.incoming,
        ):  # fmt: skip
            memory.clear()

    # -- the ways in

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        if request.path == "/_control/events":
            return await self._stream(receive, send)
        if request.path.startswith("/_control/"):
            if _is_foreign(request):
                return await answer(send, 403, {"error": "another page's request"})
            return await self._control(request, send)
        if request.path.startswith("/api/"):
            return await self._api(request, send)
        await _asset(request.path, send)

    async def _api(self, request: Request, send: Any) -> None:
        self.heard.append(request)
        if await self.serve_session(request, send):
            return
        session = self._session_of(request)
        if session is None:
            return await answer(send, 404, {"statusCode": 404, "message": "Session not found"})
        key = request.headers.get("x-api-key") or request.query.get("x-api-key", "")
        if session.api_key and not hmac.compare_digest(key, session.api_key):
            return await answer(send, 401, {"message": "Unauthorized", "statusCode": 401})
        parts = [unquote(part) for part in request.raw_path.partition("?")[0].strip("/").split("/")]
        if await self.serve_message(request, parts, session, send):
            return
        if request.method == "POST" and len(parts) == 2:
            return await self._post(parts[1], session, request, send)
        await self._get(parts[1:], request.query, session, send)

    def _session_of(self, request: Request) -> Session | None:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if request.method in ("POST", "PUT") and len(parts) == 2 and request.body:
            return self.sessions.get(str(request.json().get("session", "")))
        if parts[1] == "files":
            return self.sessions.get(parts[2])
        name = request.query.get("session") or (parts[2] if parts[1] == "sessions" else parts[1])
        return self.sessions.get(name)

    async def _post(self, call: str, session: Session, request: Request, send: Any) -> None:
        body = request.json()
        self.calls.append((f"/api/{call}", body))
        if session.status != "WORKING":
            return await answer(
                send, 422, {"error": "Session status is not as expected", "status": session.status}
            )
        if call == "sendText":
            return await self._send_text(session, body, request.port, send)
        if call in ("startTyping", "stopTyping", "sendSeen"):
            self._show_manners(call, session, str(body.get("chatId")))
            return await answer(send, 201, {"result": True})
        await answer(send, 404, {"statusCode": 404, "message": f"Cannot POST /api/{call}"})

    async def _send_text(self, session: Session, body: dict[str, Any], port: int, send: Any) -> None:
        fault = self._fault("sendText")
        if fault and not fault.startswith(("after", "held")):
            return await _failed(fault, send)
        sent = self._deliver_to_phone(session, body)
        if fault == "held":
            await self._held.wait("sendText", port)
            return await _failed("reset", send)
        if fault:
            return await _failed("reset" if fault == "after_reset" else "status", send)
        await answer(send, 201, _sent_answer(session.engine, sent))

    def _show_manners(self, call: str, session: Session, chat: str) -> None:
        self._tell({"type": call, "session": session.name, "chat": chat})
        for shown in self.history if call == "sendSeen" else ():
            if shown["session"] == session.name and shown["chat"] == chat and shown["mine"]:
                shown["ack"] = 3

    def _deliver_to_phone(self, session: Session, body: dict[str, Any], *, kind: str = "text") -> Sent:
        unique = str(body.get("id") or self._new_id())
        if known := self._by_id.get(unique):
            known.times += 1
            return known  # the network itself knows one message by one id
        sent = Sent(
            session.name, str(body["chatId"]), str(body["text"]), unique, time.time(), kind,
            media=body.get("media"), reply_to=str(body.get("reply_to") or ""),
        )  # fmt: skip
        self.sent.append(sent)
        self._by_id[unique] = sent
        self._show(asdict(sent), mine=False)
        self._later(self._follow_up(session, sent))
        return sent

    def _new_id(self) -> str:
        return f"3EB0{next(self._numbers):018X}"

    async def _follow_up(self, session: Session, sent: Sent) -> None:
        """What the gateway tells of a message that it sent: the echo, then the receipts."""
        full = f"true_{sent.chat}_{sent.unique}"
        if self.options.echo:
            echo = self._told(session, sent)
            await self._webhook(session, "message.any", echo)
        for level in (2, 3) if self.options.acks else ():
            await asyncio.sleep(0.3)
            names = {2: "DEVICE", 3: "READ"}
            payload = {"id": full, "from": sent.chat, "fromMe": True, "ack": level, "ackName": names[level]}
            await self._webhook(session, "message.ack", payload)

    async def _get(self, parts: list[str], query: dict[str, str], session: Session, send: Any) -> None:
        match parts:
            case ["files", _name, file_id] if file_id in self.files and self.files[file_id][2] > time.time():
                content, kind, _gone_at = self.files[file_id]
                await answer(send, 200, content, kind)
            case ["sessions", _name]:
                await answer(send, 200, {"name": session.name, "status": session.status})
            case [_name, "new-message-id"]:
                await answer(send, 200, {"id": self._new_id()})
            case [_name, "chats", _chat, "messages", full] if full.split("_")[-1] in self._by_id:
                sent = self._by_id[full.split("_")[-1]]
                await answer(send, 200, _message(sent, session.engine, from_me=True, source="api"))
            case ["contacts", "check-exists"]:
                await answer(send, 200, _existing(query.get("phone", "")))
            case _:
                await answer(send, 404, {"statusCode": 404, "message": "Not found"})

    # -- the control API

    async def _control(self, request: Request, send: Any) -> None:
        name = request.path.removeprefix("/_control/")
        body = request.json() if request.body else {}
        if request.method == "PUT" and name.startswith("sessions/"):
            session = self.configure(name.removeprefix("sessions/"), **body)
            self._later(self._webhook(session, "session.status", _status(session)))
            return await answer(send, 200, {"ok": True})
        handler = getattr(self, f"_{request.method.lower()}_{name}", None)
        if handler is None:
            return await answer(send, 404, {"error": "unknown"})
        await answer(send, 200, handler(body))

    def configure(self, name: str, **settings: Any) -> Session:
        """Pair a session, or change it; remembered over restarts when there is a data folder."""
        session = self.sessions.setdefault(name, Session(name))
        for key, value in settings.items():
            setattr(session, key, value)
        self._save()
        self._tell({"type": "sessions"})
        return session

    def _get_sessions(self, body: Any) -> Any:
        """Without secrets: every page that shows the phone reads this."""
        shown = ("name", "title", "engine", "status")
        return [{key: getattr(session, key) for key in shown} for session in self.sessions.values()]

    def _post_messages(self, body: dict[str, Any]) -> Any:
        return {"unique": self.say(**body)}

    def say(
        self, session: str, chat: str, text: str = "", *, name: str = "", unique: str = "", at: float = 0,
        media: dict[str, Any] | None = None, copies: int = 1, delay: float = 0.0, **payload: Any,
    ) -> str:  # fmt: skip
        """A customer writes; delivered by webhook, `copies` times."""
        unique = unique or f"3A{uuid.uuid4().hex[:18].upper()}"
        said = Sent(session, chat, text, unique, at or time.time())
        extra = {**payload, **self._media(session, media)}
        engine = self.sessions[session].engine
        body = {**_message(said, engine, from_me=False, source="app", name=name), **extra}
        self._show({**asdict(said), "media": media}, mine=True)
        self.incoming[unique] = (body, media)
        for _copy in range(copies):
            self._later(
                self._webhook(self.sessions[session], "message.any", body, delay=delay, unique=unique)
            )
        return unique

    def _media(self, session: str, media: dict[str, Any] | None) -> dict[str, Any]:
        if not media:
            return {}
        now, file_id = time.time(), uuid.uuid4().hex
        self.files = {key: file for key, file in self.files.items() if file[2] > now}
        gone_at = now + self.options.file_seconds
        self.files[file_id] = (base64.b64decode(media["data"]), media["mimetype"], gone_at)
        # The real one names localhost:3000 unless it is told otherwise.
        url = f"http://localhost:3000/api/files/{session}/{file_id}"
        shown = {"url": url, "mimetype": media["mimetype"], "filename": media.get("filename")}
        return {"hasMedia": True, "media": shown}

    def _post_burst(self, body: dict[str, Any]) -> Any:
        self._later(self._burst(**body))
        return {"ok": True}

    async def _burst(
        self, session: str, messages: list[dict[str, Any]], rate: float = 0, seed: int = 1, late: float = 0,
        late_seconds: float = 0, again: float = 0, times: int = 1,
    ) -> None:  # fmt: skip
        """Many customers write. What comes late is overtaken; what comes again comes at any moment."""
        chance = random.Random(seed)
        for message in messages:
            delay = chance.random() * late_seconds if chance.random() < late else 0.0
            unique = self.say(session=session, **message, delay=delay)
            for _copy in range(times if chance.random() < again else 0):
                body, _media = self.incoming[unique]
                wait = chance.random() * max(late_seconds, 1.0)
                self._later(self._webhook(self.sessions[session], "message.any", body, delay=wait))
            if rate:
                await asyncio.sleep(1 / rate)

    def _put_faults(self, body: dict[str, Any]) -> Any:
        self.rates = body.get("rates", {})
        self.chance = random.Random(body.get("seed", 1))
        return {"ok": True}

    def _put_next(self, body: dict[str, Any]) -> Any:
        self.next_faults[body["call"]].append(body["fault"])
        return {"ok": True}

    def _get_held(self, body: Any) -> Any:
        return self._held.waiting

    def _delete_held(self, body: Any) -> Any:
        self._held.let_go()
        return {"ok": True}

    def _put_options(self, body: dict[str, Any]) -> Any:
        for key, value in body.items():
            setattr(self.options, key, value)
        return asdict(self.options)

    def _get_sent(self, body: Any) -> Any:
        return [asdict(sent) for sent in self.sent]

    def _delete_sent(self, body: Any) -> Any:
        self.sent.clear()
        return {"ok": True}

    def _get_history(self, body: Any) -> Any:
        return list(self.history)

    def _get_idle(self, body: Any) -> Any:
        return {"idle": not self._tasks, "waiting": len(self._tasks), **self._posts}

    def _fault(self, call: str) -> str:
        """The fault that this call meets: one that was ordered, or by chance."""
        if self.next_faults[call]:
            return self.next_faults[call].popleft()
        roll, edge = self.chance.random(), 0.0
        for kind, rate in self.rates.items():
            edge += rate
            if roll < edge:
                return kind
        return ""

    # -- webhooks

    async def _webhook(
        self, session: Session, event: str, payload: dict[str, Any], *, delay: float = 0, unique: str = ""
    ) -> None:
        """POST one event, again after every answer but 2xx, with the same request id."""
        if delay:
            await asyncio.sleep(delay)
        if not session.webhook_url:
            return
        body = json.dumps(
            _envelope(session, event, payload, self.restrictions.get(session.name, {}))
        ).encode()
        headers = _signed(session, body)
        for attempt in range(self.options.retries + 1):
            started = time.perf_counter()
            status = await self._posted(session.webhook_url, body, headers)
            milliseconds = round(1000 * (time.perf_counter() - started))
            self._tell(
                {"type": "delivery", "event": event, "try": attempt + 1, "status": status, "ms": milliseconds}
            )
            self._posts["delivered" if 200 <= status < 300 else "refused"] += 1
            if 200 <= status < 300:
                if unique:
                    self._tick(unique, 2)
                return
            await asyncio.sleep(backoff(self.options.retry_seconds, attempt))

    async def _posted(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status code, or 0 when nobody answered."""
        self._http = self._http or httpx.AsyncClient(timeout=20, trust_env=False)
        try:
            async with self._at_once:
                return (await self._http.post(url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            return 0

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- the phone's stream

    def _show(self, message: dict[str, Any], *, mine: bool) -> None:
        """A message on the phone's screen: `mine` is the customer's own."""
        shown = {**message, "mine": mine, "ack": 1}
        self.history.append(shown)
        self._tell({"type": "message", **shown})

    def _tick(self, unique: str, level: int) -> None:
        """The business's side has the customer's message."""
        for shown in self.history:
            if shown["unique"] == unique:
                shown["ack"] = max(shown["ack"], level)
        self._tell({"type": "ack", "unique": unique, "ack": level})

    def _tell(self, event: dict[str, Any]) -> None:
        if self._listeners:
            text = json.dumps(event)
            for queue in self._listeners:
                queue.put_nowait(text)

    async def _stream(self, receive: Any, send: Any) -> None:
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._listeners.add(queue)
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(receive())
        try:
            while not gone.done():
                text = await _next(queue)
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        finally:
            gone.cancel()
            self._listeners.discard(queue)

    # -- memory

    def _load(self) -> None:
        path = self.data / "sessions.json" if self.data else None
        if path and path.exists():
            self.sessions = {name: Session(**kept) for name, kept in json.loads(path.read_text()).items()}

    def _save(self) -> None:
        if self.data:
            self.data.mkdir(parents=True, exist_ok=True)
            kept = {name: asdict(session) for name, session in self.sessions.items()}
            (self.data / "sessions.json").write_text(json.dumps(kept))


async def _next(queue: asyncio.Queue[str]) -> str:
    try:
        return f"data: {await asyncio.wait_for(queue.get(), timeout=10)}\n\n"
    except TimeoutError:
        return ": still here\n\n"


async def _failed(kind: str, send: Any) -> None:
    """Fail the way the kind says."""
    if kind == "hang":
        await asyncio.sleep(HANG_SECONDS)
    if kind.isdigit():
        return await answer(send, int(kind), {"statusCode": int(kind), "message": "ordered by the test"})
    if kind == "reset":
        try:
            await drop(send)
        except Dropped:
            raise ConnectionResetError from None
    words = "server returned error 463" if kind == "timelock" else "engine failure"
    await answer(send, 500, {"statusCode": 500, "exception": {"message": words}})


def _sent_answer(engine: str, sent: Sent) -> dict[str, Any]:
    """What sendText answers, by engine."""
    full = f"true_{sent.chat}_{sent.unique}"
    if engine == "NOWEB":
        return {"key": {"remoteJid": sent.chat, "fromMe": True, "id": sent.unique}, "message": {}}
    if engine == "WEBJS":
        return {"id": {"fromMe": True, "_serialized": full, "id": sent.unique}, "body": sent.text}
    return {"id": full, "_data": {}}


def _message(said: Sent, engine: str, *, from_me: bool, source: str, name: str = "") -> dict[str, Any]:
    """A message as an engine words it: who is in `from` and `to`, and where the name is, differ."""
    business = "5511900000000@c.us"
    sender, receiver = (business, said.chat) if from_me else (said.chat, business)
    return {
        "id": f"{'true' if from_me else 'false'}_{said.chat}_{said.unique}",
        "timestamp": int(said.at),
        "from": sender if engine == "WEBJS" else said.chat,
        "to": receiver if engine == "WEBJS" else None,
        "fromMe": from_me,
        "source": source,
        "participant": None,
        "body": said.text,
        "hasMedia": False,
        "media": None,
        "ack": 1 if from_me else 2,
        "ackName": "SERVER" if from_me else "DEVICE",
        "replyTo": None,
        "_data": _engine_data(said, engine, from_me=from_me, name=name),
    }


def _engine_data(said: Sent, engine: str, *, from_me: bool, name: str) -> dict[str, Any]:
    inside = said.chat.replace("@c.us", "@s.whatsapp.net")
    if engine == "NOWEB":
        key = {"remoteJid": inside, "fromMe": from_me, "id": said.unique}
        return {"key": key, "pushName": name, "message": {"conversation": said.text}}
    if engine == "WEBJS":
        return {"id": {"fromMe": from_me, "remote": said.chat, "id": said.unique}, "notifyName": name}
    return {"Info": {"Chat": inside, "IsFromMe": from_me, "ID": said.unique, "PushName": name}}


def _status(session: Session) -> dict[str, Any]:
    return {"name": session.name, "status": session.status, "statuses": [], "data": None}


def _existing(phone: str) -> dict[str, Any]:
    """A phone's chat id. Old Brazilian numbers lack their ninth digit there: here those that end in 00."""
    digits = "".join(c for c in phone if c.isdigit())
    if len(digits) < 8:
        return {"numberExists": False}
    old = len(digits) == 13 and digits.startswith("55") and digits.endswith("00")
    return {"numberExists": True, "chatId": f"{digits[:4] + digits[5:] if old else digits}@c.us"}


def _is_foreign(request: Request) -> bool:
    """Whether another site's page asks: any that a developer visits could pair the number with itself."""
    origin = request.headers.get("origin", "")
    return bool(origin) and origin.partition("://")[2] != request.headers.get("host")


def _envelope(
    session: Session, event: str, payload: dict[str, Any], restrictions: dict[str, Any]
) -> dict[str, Any]:
    """`restrictions` are those of WhatsApp, which the gateway tells of beside our own number."""
    names = {"timelock": "reachoutTimelock", "capping": "messageCapping"}
    told = {names[kind]: state for kind, state in restrictions.items()}
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "timestamp": int(time.time() * 1000),
        "event": event,
        "session": session.name,
        "metadata": {},
        "me": {"id": "5511900000000@c.us", "pushName": session.name, **told},
        "payload": payload,
        "environment": {"version": "2026.7.1", "engine": session.engine, "tier": "CORE"},
        "engine": session.engine,
    }


def _signed(session: Session, body: bytes) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "user-agent": "WAHA/2026.7.1",
        "x-webhook-request-id": uuid.uuid4().hex,
        "x-webhook-timestamp": str(int(time.time() * 1000)),
    }
    if session.hmac_key:
        headers["x-webhook-hmac"] = hmac.new(session.hmac_key.encode(), body, hashlib.sha512).hexdigest()
        headers["x-webhook-hmac-algorithm"] = "sha512"
    return headers


async def _asset(path: str, send: Any) -> None:
    """A file of the fake phone."""
    name = "phone.html" if path in ("/", "/phone") else path.strip("/")
    file = HERE / "phone" / Path(name).name
    if not file.is_file():
        return await answer(send, 404, b"not found", "text/plain")
    await answer(send, 200, file.read_bytes(), ASSETS.get(file.suffix, "application/octet-stream"))


class Gateway:
    """The gateway in a thread of a test: `with Gateway() as gateway:`."""

    def __init__(self, *, session: str = "demo", api_key: str = "gateway key", engine: str = "GOWS") -> None:
        self.app = App(port=free_port())
        self.app.options.acks = self.app.options.echo = False
        self.session, self.api_key = session, api_key
        self.app.configure(session, api_key=api_key, engine=engine)
        self._server = Background(self.app)
        self.url = self._server.url

    def __enter__(self) -> "Gateway":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def sent(self) -> list[tuple[str, str]]:
        """(chat, text) of every message that reached a phone, in order."""
        return [(sent.chat, sent.text) for sent in self.app.sent]

    @property
    def calls(self) -> list[str]:
        """The calls that were made, in order."""
        return [path for path, _body in self.app.calls]

    def fail_next(self, kind: str, times: int = 1) -> None:
        """The next sendText meets this: status, hang, reset, after, after_reset."""
        self.app.next_faults["sendText"].extend([kind] * times)

    def got(self, kind: str) -> list[Sent]:
        """What reached a phone of this kind, such as "image", "voice" or "list", in order."""
        return [sent for sent in self.app.sent if sent.kind == kind]

    def media(self, content: bytes, mimetype: str) -> str:
        """Offer a file; the URL that a webhook would name."""
        shown = self.app._media(
            self.session, {"data": base64.b64encode(content).decode(), "mimetype": mimetype}
        )
        return str(shown["media"]["url"])


def main() -> None:
    parser = argparse.ArgumentParser(description="A WAHA gateway that runs here, with a fake phone.")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--data", type=Path)
    wanted = parser.parse_args()
    serve(App(data=wanted.data, port=wanted.port), wanted.port)


if __name__ == "__main__":
    main()
