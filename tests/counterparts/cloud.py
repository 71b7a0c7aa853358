"""WhatsApp Cloud API that runs here: `python -m tests.counterparts.cloud --port N`.

It speaks the part of the Graph API that we call (v26.0) with a Bearer token, and delivers signed webhooks in
batches, repeated and in no order. What stands for the phone network is told through the control API, JSON,
loopback only:

PUT    /_control/numbers/ID     {token, app_secret, waba_id, webhook_url?, templates?, status?}
POST   /_control/messages       {number, messages: [{from, text, id?}], batch?, dup?, seed?}
POST   /_control/burst          {number, messages, rate, seed, batch, late, late_seconds, again, times}: in
                                batches of 1 to `batch`; a share comes late, a share `times` times again
PUT    /_control/faults         {rates: {status, hang, reset, after, after_reset, ...}, seed}
PUT    /_control/next           {call, fault}: the next such call meets this fault
GET    /_control/held           [{call, port}] of the calls that are done and wait for their answer; DELETE
                                hangs up on them
PUT    /_control/options        {statuses, retry_seconds, retries}
GET    /_control/sent           [{number, to, kind, content, id, at, reference}]; DELETE empties it
GET    /_control/idle           {idle: true} when no webhook waits to be delivered, and how many were

The faults of a send: "status" (500 without a word of Meta's), "hang", "reset" (cut in the middle of the
answer), "after", "after_reset" and "after_hang" (sent, then failed), "held" (sent, and not answered until
told), or an error code of Meta's (131047, 130429, 190 ...), with seconds to wait behind a colon ("131056:6").
"""

import argparse
import asyncio
import hashlib
import hmac
import itertools
import json
import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from email import message_from_bytes
from typing import Any
from urllib.parse import urlencode

import httpx

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

HANG_SECONDS = 40.0
POSTS_AT_ONCE = 32  # deliveries on their way
AFTER = {"after": "status", "after_reset": "reset", "after_hang": "hang", "held": "reset"}
TYPES = (
    "text",
    "image",
    "audio",
    "video",
    "document",
    "sticker",
    "location",
    "interactive",
    "template",
    "reaction",
)
TEMPLATES: list[dict[str, Any]] = [
    {
        "name": "appointment_reminder",
        "language": "pt_BR",
        "category": "UTILITY",
        "status": "APPROVED",
        "parameter_format": "POSITIONAL",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Lembrete"},
            {
                "type": "BODY",
                "text": "Olá {{1}}, sua consulta é {{2}}. Podemos confirmar?",
                "example": {"body_text": [["Ana", "amanhã às 10h"]]},
            },
            {"type": "FOOTER", "text": "Clínica Alfa"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Confirmar"}]},
        ],
        "rejected_reason": "NONE",
        "id": "9001",
    },
    {
        "name": "order_ready",
        "language": "en",
        "category": "UTILITY",
        "status": "APPROVED",
        "parameter_format": "NAMED",
        "components": [
            {"type": "HEADER", "format": "DOCUMENT"},
            {
                "type": "BODY",
                "text": "Hello {{customer}}, order {{number}} is ready.",
                "example": {
                    "body_text_named_params": [
                        {"param_name": "customer", "example": "Ana"},
                        {"param_name": "number", "example": "77"},
                    ]
                },
            },
            {
                "type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Track", "url": "https://shop.example/o/{{1}}"}],
            },
        ],
        "rejected_reason": "NONE",
        "id": "9002",
    },
    {
        "name": "big_sale",
        "language": "en",
        "category": "MARKETING",
        "status": "REJECTED",
        "components": [{"type": "BODY", "text": "Everything must go!"}],
        "rejected_reason": "PROMOTIONAL",
        "id": "9003",
    },
]
_numbers = itertools.count(1)


# -- what Meta posts


def wamid() -> str:
    """A message id in Meta's form."""
    return f"wamid.HBgN{next(_numbers):024d}AA=="


def text_message(
    text: str, *, sender: str = "5511988887777", unique: str = "", **more: Any
) -> dict[str, Any]:
    """One inbound text."""
    return message("text", {"body": text}, sender=sender, unique=unique, **more)


def message(
    kind: str, content: Any, *, sender: str = "5511988887777", unique: str = "", at: float = 0, **more: Any
) -> dict[str, Any]:
    """One inbound message of any kind; without a `sender` it has no phone number."""
    head = {"from": sender} if sender else {}
    moment = str(int(at or time.time()))
    return {**head, "id": unique or wamid(), "timestamp": moment, "type": kind, kind: content, **more}


def status(unique: str, word: str, *, reference: str = "", code: int = 0) -> dict[str, Any]:
    """One status of a message of ours."""
    found: dict[str, Any] = {
        "id": unique,
        "status": word,
        "timestamp": str(int(time.time())),
        "recipient_id": "5511988887777",
    }
    if reference:
        found["biz_opaque_callback_data"] = reference
    if code:
        found["errors"] = [{"code": code, "title": "Failed", "error_data": {"details": "It failed."}}]
    return found


def card(
    *, wa_id: str = "5511988887777", name: str = "Ana", user_id: str = "", username: str = ""
) -> dict[str, Any]:
    """The contact that comes beside the messages."""
    profile = {"name": name} | ({"username": username} if username else {})
    found: dict[str, Any] = {"profile": profile}
    return found | ({"wa_id": wa_id} if wa_id else {}) | ({"user_id": user_id} if user_id else {})


def change(
    *,
    messages: Sequence[Mapping[str, Any]] = (),
    statuses: Sequence[Mapping[str, Any]] = (),
    contacts: Sequence[Mapping[str, Any]] | None = None,
    number: str = "111",
    name: str = "messages",
    **value: Any,
) -> dict[str, Any]:
    """One change of a delivery."""
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": number},
        **value,
    }
    if messages:
        body["contacts"] = list(contacts) if contacts is not None else [card()]
        body["messages"] = list(messages)
    if statuses:
        body["statuses"] = list(statuses)
    return {"field": name, "value": body}


def delivery(*changes: Mapping[str, Any], waba: str = "222") -> dict[str, Any]:
    """One webhook's body."""
    return {"object": "whatsapp_business_account", "entry": [{"id": waba, "changes": list(changes)}]}


def signed(body: bytes, secret: str) -> dict[str, str]:
    """The headers of a webhook."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={digest}"}


# -- what Meta answers


@dataclass
class Number:
    """A phone number of a business account."""

    id: str
    token: str = ""
    app_secret: str = ""
    waba_id: str = "222"
    webhook_url: str = ""
    status: str = "CONNECTED"
    templates: list[dict[str, Any]] = field(default_factory=lambda: [dict(one) for one in TEMPLATES])


@dataclass
class Sent:
    """A message that reached the customer's phone."""

    number: str
    to: str
    kind: str
    content: Any
    id: str
    reference: str = ""
    reply_to: str = ""
    at: float = 0.0


@dataclass
class Options:
    """How the network behaves."""

    statuses: bool = True
    retry_seconds: float = 2.0
    retries: int = 15
    page: int = 100  # templates a page
    media_url: str = ""  # where files are said to be, instead of here


@dataclass
class App:
    """The ASGI app and all that it knows."""

    port: int = 3100
    numbers: dict[str, Number] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)  # method, path, body
    options: Options = field(default_factory=Options)
    rates: dict[str, float] = field(default_factory=dict)
    next_faults: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)  # content, type
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._http: httpx.AsyncClient | None = None
        # Of thousands that wait in the client's pool each would look at all the others at every turn.
        self._at_once = asyncio.Semaphore(POSTS_AT_ONCE)
        self._held = Held()
        self._posts: Counter[str] = Counter()

    def forget(self) -> None:
        """As if nothing had happened yet; the numbers stay."""
        for memory in (self.sent, self.calls, self.files, self.next_faults, self.rates):
            memory.clear()
        self.options = Options()

    # -- the ways in

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        parts = request.path.strip("/").split("/")
        if parts[0] == "_control":
            return await self._control(request, parts[1:], send)
        number = self._number_of(request)
        if number is None:
            return await answer(send, 401, _error(190, "Invalid OAuth access token."))
        if parts[0] == "files":
            return await self._file(parts[-1], send)
        await self._graph(number, request, parts[1:], send)

    def _number_of(self, request: Request) -> Number | None:
        """The token says for whom a call is; a token of one business opens nothing of another."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return next((one for one in self.numbers.values() if hmac.compare_digest(one.token, token)), None)

    async def _graph(self, number: Number, request: Request, parts: list[str], send: Any) -> None:
        self.calls.append((request.method, "/".join(parts), _body(request)))
        match request.method, parts:
            case "POST", [number.id, "messages"]:
                await self._messages(number, request.json(), request.port, send)
            case "POST", [number.id, "media"]:
                await self._upload(request, send)
            case "POST", [number.id]:
                await self._configure(number, request.json(), send)
            case "POST", [number.waba_id, "subscribed_apps"]:
                await answer(send, 200, {"success": True})
            case "GET", [number.id]:
                await self._number(number, send)
            case "GET", [number.waba_id, "message_templates"]:
                await self._templates(number, request, send)
            case "GET", [media_id] if media_id in self.files:
                await self._media(media_id, send)
            case _:
                await answer(send, 400, _error(100, "Unsupported request.", subcode=33))

    async def _number(self, number: Number, send: Any) -> None:
        if fault := self._fault("number"):
            return await self._failed(fault, send)
        shown = {
            "display_phone_number": "+1 555-000-1111",
            "verified_name": "Alpha",
            "quality_rating": "GREEN",
        }
        await answer(send, 200, {"id": number.id, "status": number.status, **shown})

    async def _templates(self, number: Number, request: Request, send: Any) -> None:
        start = int(request.query.get("after") or 0)
        end = start + min(self.options.page, int(request.query.get("limit") or 25))
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(end)}}
        if end < len(number.templates):
            paging["next"] = f"http://elsewhere.example/?{urlencode({'after': end})}"
        await answer(send, 200, {"data": number.templates[start:end], "paging": paging})

    async def _configure(self, number: Number, body: dict[str, Any], send: Any) -> None:
        """Meta knocks at the new address at once, and takes it only when it is answered as it asks."""
        wanted = body["webhook_configuration"]
        asked = {
            "hub.mode": "subscribe",
            "hub.verify_token": wanted["verify_token"],
            "hub.challenge": "1158201444",
        }
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            try:
                found = await http.get(wanted["override_callback_uri"], params=asked)
            except httpx.HTTPError:
                found = None
        if found is None or found.status_code != 200 or found.text != "1158201444":
            return await answer(send, 400, _error(2200, "Callback verification failed."))
        number.webhook_url = wanted["override_callback_uri"]
        await answer(send, 200, {"success": True})

    # -- messages

    async def _messages(self, number: Number, body: dict[str, Any], port: int, send: Any) -> None:
        if body.get("status") == "read":
            return await answer(send, 200, {"success": True})
        fault = self._fault("messages")
        if fault and fault not in AFTER:
            return await self._failed(fault, send)
        if wrong := self._wrong(number, body):
            return await answer(send, 400, wrong)
        sent = self._deliver_to_phone(number, body)
        if fault == "held":
            await self._held.wait("messages", port)
        if fault:
            return await self._failed(AFTER[fault], send)
        await answer(
            send,
            200,
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": sent.to, "wa_id": sent.to}],
                "messages": [{"id": sent.id, "message_status": "accepted"}],
            },
        )

    def _wrong(self, number: Number, body: Mapping[str, Any]) -> dict[str, Any] | None:
        kind = str(body.get("type"))
        if (
            body.get("messaging_product") != "whatsapp"
            or kind not in TYPES
            or not isinstance(body.get(kind), dict)
        ):
            return _error(100, "Invalid parameter")
        if not (body.get("to") or body.get("recipient")):
            return _error(131008, "Required parameter is missing")
        content = body[kind]
        if kind == "text" and not 0 < len(content.get("body", "")) <= 4096:
            return _error(131009, "Parameter value is not valid")
        if kind in ("image", "audio", "video", "document", "sticker") and content.get("id") not in self.files:
            return _error(131053, "Media upload error")
        return self._wrong_template(number, content) if kind == "template" else None

    def _wrong_template(self, number: Number, content: Mapping[str, Any]) -> dict[str, Any] | None:
        wanted = (content.get("name"), content.get("language", {}).get("code"))
        known = {
            (one["name"], one["language"]): one for one in number.templates if one["status"] == "APPROVED"
        }
        if (template := known.get(wanted)) is None:
            return _error(132001, "Template name does not exist in the translation")
        body = next(part for part in template["components"] if part["type"] == "BODY")
        needed = body["text"].count("{{")
        parts = {part["type"]: part for part in content.get("components", [])}
        given = len(parts.get("body", {}).get("parameters", []))
        return None if given == needed else _error(132000, "Number of parameters does not match")

    def _deliver_to_phone(self, number: Number, body: Mapping[str, Any]) -> Sent:
        kind = str(body["type"])
        sent = Sent(
            number=number.id,
            to=str(body.get("to") or body.get("recipient")),
            kind=kind,
            content=body[kind],
            id=wamid(),
            reference=str(body.get("biz_opaque_callback_data") or ""),
            reply_to=str(body.get("context", {}).get("message_id", "")),
            at=time.time(),
        )
        self.sent.append(sent)
        if number.webhook_url and self.options.statuses:
            self._later(self._follow_up(number, sent))
        return sent

    async def _follow_up(self, number: Number, sent: Sent) -> None:
        for word in ("sent", "delivered", "read"):
            told = status(sent.id, word, reference=sent.reference)
            self._later(self._webhook(number, change(statuses=[told], number=number.id)))
            await asyncio.sleep(0.05)

    # -- files

    async def _upload(self, request: Request, send: Any) -> None:
        form = _form(request)
        content, mimetype = form.get("file", (b"", ""))
        if form.get("messaging_product", (b"",))[0] != b"whatsapp" or not content:
            return await answer(send, 400, _error(100, "Invalid parameter"))
        await answer(send, 200, {"id": self.offer(content, mimetype)})

    def offer(self, content: bytes, mimetype: str) -> str:
        """Keep a file; returns its media id."""
        media_id = f"4{next(_numbers):014d}"
        self.files[media_id] = (content, mimetype)
        return media_id

    async def _media(self, media_id: str, send: Any) -> None:
        content, mimetype = self.files[media_id]
        await answer(
            send,
            200,
            {
                "messaging_product": "whatsapp",
                "url": self.options.media_url or f"http://127.0.0.1:{self.port}/files/{media_id}",
                "mime_type": mimetype,
                "sha256": hashlib.sha256(content).hexdigest(),
                "file_size": len(content),
                "id": media_id,
            },
        )

    async def _file(self, media_id: str, send: Any) -> None:
        if media_id not in self.files:
            return await answer(send, 404)
        content, mimetype = self.files[media_id]
        await answer(send, 200, content, kind=mimetype)

    # -- faults

    def _fault(self, call: str) -> str:
        """The fault that this call meets: one that was ordered, or by chance."""
        if self.next_faults[call]:
            return self.next_faults[call].popleft()
        roll, edge = self.chance.random(), 0.0
        for kind, rate in self.rates.items() if call == "messages" else ():
            edge += rate
            if roll < edge:
                return kind
        return ""

    async def _failed(self, kind: str, send: Any) -> None:
        if kind == "hang":
            await asyncio.sleep(HANG_SECONDS)
            raise Dropped
        if kind == "reset":
            await drop(send)
        if kind == "status":
            return await answer(send, 500)
        code, _, wait = kind.partition(":")
        http = {"130429": 429, "131056": 429, "4": 429, "190": 401, "131016": 503, "131000": 500}.get(
            code, 400
        )
        await answer(send, http, _error(int(code), "It failed."), headers={"retry-after": wait})

    # -- webhooks

    async def _webhook(self, number: Number, *changes: Mapping[str, Any]) -> None:
        """POST one delivery, again after every answer but 2xx."""
        body = json.dumps(delivery(*changes, waba=number.waba_id)).encode()
        self._http = self._http or httpx.AsyncClient(timeout=20, trust_env=False)
        for attempt in range(self.options.retries + 1):
            try:
                async with self._at_once:
                    found = await self._http.post(
                        number.webhook_url, content=body, headers=signed(body, number.app_secret)
                    )
                if found.status_code < 300:
                    self._posts["delivered"] += 1
                    return
            except httpx.HTTPError:
                pass  # nobody there: as bad an answer as any
            self._posts["refused"] += 1
            await asyncio.sleep(backoff(self.options.retry_seconds, attempt))

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- control

    async def _control(self, request: Request, parts: list[str], send: Any) -> None:
        match request.method, parts:
            case "PUT", ["numbers", key]:
                self.numbers[key] = Number(id=key, **request.json())
            case "POST", ["messages"]:
                return await answer(send, 200, {"ids": self._say(**request.json())})
            case "POST", ["burst"]:
                self._later(self._burst(**request.json()))
            case "PUT", ["next"]:
                self.next_faults[request.json()["call"]].append(request.json()["fault"])
            case "GET", ["held"]:
                return await answer(send, 200, self._held.waiting)
            case "DELETE", ["held"]:
                self._held.let_go()
            case "PUT", ["faults"]:
                self.rates = dict(request.json().get("rates", {}))
                self.chance = random.Random(request.json().get("seed", 1))
            case "PUT", ["options"]:
                self.options = Options(**{**asdict(self.options), **request.json()})
            case "GET", ["sent"]:
                return await answer(send, 200, [asdict(one) for one in self.sent])
            case "DELETE", ["sent"]:
                self.sent.clear()
            case "GET", ["idle"]:
                told = {"idle": not self._tasks, "waiting": len(self._tasks), **self._posts}
                return await answer(send, 200, told)
            case _:
                return await answer(send, 404)
        await answer(send, 200, {})

    def _say(
        self,
        *,
        number: str,
        messages: Sequence[Mapping[str, Any]],
        batch: int = 50,
        dup: float = 0,
        seed: int = 1,
    ) -> list[str]:
        """Customers write: batches of chance size, some delivered again, in no order."""
        chance, told = random.Random(seed), list(messages)
        ids = [str(one.get("id") or wamid()) for one in told]
        pairs = list(zip(told, ids, strict=True))
        batches = []
        while pairs:
            size = chance.randint(1, batch)
            batches.append(pairs[:size])
            del pairs[:size]
        batches += [one for one in batches if chance.random() < dup]
        chance.shuffle(batches)
        for one in batches:
            self._later(self._webhook(self.numbers[number], _spoken(one, number)))
        return ids

    async def _burst(
        self, number: str, messages: list[dict[str, Any]], rate: float, seed: int = 1, batch: int = 50,
        late: float = 0, late_seconds: float = 0, again: float = 0, times: int = 1,
    ) -> None:  # fmt: skip
        """Customers write for a while. What comes late is overtaken; what comes again comes at any moment."""
        chance, start = random.Random(seed), 0
        while start < len(messages):
            pairs = [(one, str(one["id"])) for one in messages[start : start + chance.randint(1, batch)]]
            start += len(pairs)
            told = _spoken(pairs, number)
            waits = [chance.random() * late_seconds if chance.random() < late else 0.0]
            if chance.random() < again:
                waits += [chance.random() * max(late_seconds, 1.0) for _copy in range(times)]
            for wait in waits:
                self._later(self._webhook_in(wait, self.numbers[number], told))
            await asyncio.sleep(len(pairs) / rate)

    async def _webhook_in(self, seconds: float, number: Number, told: Mapping[str, Any]) -> None:
        await asyncio.sleep(seconds)
        await self._webhook(number, told)


def _spoken(pairs: Iterable[tuple[Mapping[str, Any], str]], number: str) -> dict[str, Any]:
    told = [text_message(str(one["text"]), sender=str(one["from"]), unique=key) for one, key in pairs]
    cards = [card(wa_id=sender, name="") for sender in dict.fromkeys(str(one["from"]) for one in told)]
    return change(messages=told, contacts=cards, number=number)


def _error(code: int, text: str, *, subcode: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {
        "message": f"(#{code}) {text}",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "A",
    }
    return {"error": found | ({"error_subcode": subcode} if subcode else {})}


def _body(request: Request) -> Any:
    is_json = "json" in request.headers.get("content-type", "")
    return request.json() if is_json and request.body else None


def _form(request: Request) -> dict[str, tuple[bytes, str]]:
    """The fields of a multipart body: content and type by name."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    found = message_from_bytes(head + request.body)
    parts = found.get_payload() if found.is_multipart() else []
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_payload(decode=True),
            part.get_content_type(),
        )
        for part in parts
    }


class Cloud:
    """The Graph API in a thread of a test: `with Cloud() as cloud:`. One number, 111 of account 222."""

    TOKEN, SECRET, NUMBER, WABA = "EAAB-cloud-token", "cloud app secret", "111", "222"

    def __init__(self) -> None:
        self.app = App(port=free_port())
        self._server = Background(self.app)
        self.app.port = self._server.port
        self.url = self._server.url
        self.reset()

    def reset(self) -> None:
        """As new."""
        self.app.forget()
        self.app.numbers = {
            self.NUMBER: Number(id=self.NUMBER, token=self.TOKEN, app_secret=self.SECRET, waba_id=self.WABA)
        }

    def __enter__(self) -> "Cloud":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def number(self) -> Number:
        return self.app.numbers[self.NUMBER]

    @property
    def sent(self) -> list[Sent]:
        return self.app.sent

    @property
    def texts(self) -> list[tuple[str, str]]:
        """(to, text) of every text that reached a phone, in order."""
        return [(one.to, one.content["body"]) for one in self.app.sent if one.kind == "text"]

    def calls(self, path: str) -> list[Any]:
        """The bodies of the calls to this path, in order."""
        return [body for _method, called, body in self.app.calls if called == path]

    def fail_next(self, kind: str, times: int = 1, *, call: str = "messages") -> None:
        """The next send, or another call, meets this."""
        self.app.next_faults[call].extend([kind] * times)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=3100)
    port = parser.parse_args().port
    serve(App(port=port), port)


if __name__ == "__main__":
    main()
