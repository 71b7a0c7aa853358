"""Stripe that runs here: `python -m tests.counterparts.stripe --port N --webhook URL --secret whsec`.

It speaks the dozen calls that prepaid credits need (API 2026-10-28), with a Bearer key. An Idempotency-Key
is kept with the answer: the same key and the same parameters give that answer again and do nothing, other
parameters are refused. Payers are sent to pages of its own, /pay/ID and /portal/ID. Webhooks are signed, and
come twice, late, in no order or never, as `options` say. The control API, JSON, loopback only:

PUT    /_control/options                  {webhook_url, secret, dup, drop, reorder, late_seconds, seed}
PUT    /_control/next                     {call, fault}: the next such call meets this fault
POST   /_control/sessions/ID/pay          {method, last4}; /decide {paid}
POST   /_control/intents/ID/decide        {paid}
PUT    /_control/cards/ID                 {answer}: what its bank will say: ok, processing, a decline code
POST   /_control/refunds/ID/decide        {status}
POST   /_control/intents/ID/dispute       {amount, inquiry}; /_control/disputes/ID/decide {won}
GET    /_control/idle                     {idle: true} when no webhook waits to be delivered

The faults of a call: "status" (500), "busy" (429), "reset" (cut in the middle), "after" and "after_reset"
(done, then failed). A call is named by its path without ids, as "checkout/sessions" or "refunds".
"""

import argparse
import asyncio
import json
import random
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
import stripe as sdk

from tests.counterparts.serving import Background, Request, answer, backoff, drop, free_port, read, serve
from tests.counterparts.stripe_account import Account, Raw, Refusal

KEY, SECRET = "sk_test_counterpart", "whsec_counterpart"
_PART = re.compile(r"[^\[\]]+")


@dataclass
class Options:
    """How webhooks come."""

    webhook_url: str = ""
    secret: str = SECRET
    dup: float = 0.0
    drop: float = 0.0
    reorder: bool = False
    late_seconds: float = 0.0
    seed: int = 1
    retries: int = 8
    retry_seconds: float = 0.5


@dataclass
class App:
    """The ASGI app and all that it knows."""

    account: Account = field(default_factory=Account)
    options: Options = field(default_factory=Options)
    calls: list[tuple[str, str, Raw, str]] = field(default_factory=list)  # method, path, params, key
    next_faults: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))

    def __post_init__(self) -> None:
        self._done: dict[str, tuple[str, Raw, int, Raw]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._told = 0
        self._http: httpx.AsyncClient | None = None
        self._chance = random.Random(1)

    def forget(self) -> None:
        """As if nothing had happened yet."""
        for memory in (self.calls, self.next_faults, self._done):
            memory.clear()
        self.account.forget()
        self.options, self._told = Options(), 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        parts = request.path.strip("/").split("/")
        if parts[0] == "_control":
            await self._control(request, parts[1:], send)
        elif parts[0] == "v1":
            await self._api(request, parts[1:], send)
        else:
            await self._page(request, parts, send)
        self._announce()

    # -- the API

    async def _api(self, request: Request, parts: list[str], send: Any) -> None:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            error = {"type": "invalid_request_error", "message": "Invalid API Key provided"}
            return await answer(send, 401, {"error": error})
        params = nested(parse_qsl(request.body.decode()) if request.body else request.query.items())
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        self.calls.append((request.method, "/".join(parts), params, key))
        fault = self._fault(parts)
        if fault and not fault.startswith("after"):
            return await self._failed(fault, send)
        status, said, headers = self._once(request, parts, params, key)
        if fault:
            return await self._failed("reset" if fault == "after_reset" else "status", send)
        await answer(send, status, said, headers=headers)

    def _once(
        self, request: Request, parts: list[str], params: Raw, key: str
    ) -> tuple[int, Raw, dict[str, str]]:
        """The answer; for a key that is known the one that it got the first time."""
        path = "/".join(parts)
        if key in self._done:
            earlier_path, earlier, status, said = self._done[key]
            if (earlier_path, earlier) != (path, params):
                error = {
                    "type": "idempotency_error",
                    "message": "Keys can only be used with the same parameters",
                }
                return 400, {"error": error}, {}
            return status, said, {"idempotent-replayed": "true"}
        try:
            status, said = 200, self._answer(request.method, parts, dict(params))
        except Refusal as refusal:
            status, said = refusal.status, {"error": refusal.error}
        if key and status not in (400, 404):  # what was refused unread may be sent right
            self._done[key] = (path, params, status, said)
        return status, said, {}

    def _answer(self, method: str, parts: list[str], params: Raw) -> Raw:
        account, expand = self.account, list(params.pop("expand", []))
        match method, parts:
            case "POST", ["customers"]:
                found = account.create_customer(params)
            case "GET", ["customers", key]:
                found = account.customer(key)
            case "POST", ["checkout", "sessions"]:
                found = account.create_session(params)
            case "GET", ["checkout", "sessions", key]:
                found = account.session(key)
            case "POST", ["checkout", "sessions", key, "expire"]:
                found = account.expire_session(key)
            case "POST", ["payment_intents"]:
                found = account.create_intent(params)
            case "GET", ["payment_intents", key]:
                found = account.intent(key)
            case "POST", ["payment_intents", key, "cancel"]:
                found = account.cancel_intent(key)
            case "GET", ["payment_methods", key]:
                found = account.card(key)
            case "POST", ["payment_methods", key, "detach"]:
                found = account.detach(key)
            case "POST", ["refunds"]:
                found = account.create_refund(params)
            case "GET", ["refunds", key]:
                found = account.refund(key)
            case "GET", ["disputes", key]:
                found = account.dispute(key)
            case "GET", ["refunds" | "disputes" | "events" as table]:
                return self._listed(table, params)
            case "POST", ["billing_portal", "sessions"]:
                account.customer(params["customer"])
                found = {"id": "bps_1", "object": "billing_portal.session", **params}
                found["url"] = f"{account.pages}/portal/{params['customer']}"
            case _:
                raise Refusal(404, "", f"Unrecognized request URL ({method}: /v1/{'/'.join(parts)})")
        return account.shown(found, expand)

    def _listed(self, table: str, params: Raw) -> Raw:
        """The newest first, a page at a time."""
        rows = self.account.events if table == "events" else getattr(self.account, table).values()
        found = [row for row in reversed(list(rows)) if _wanted(row, params)]
        after = params.get("starting_after")
        if after:
            found = found[[row["id"] for row in found].index(after) + 1 :]
        limit = int(params.get("limit", 10))
        page = [self.account.shown(row, []) for row in found[:limit]]
        return {"object": "list", "url": f"/v1/{table}", "data": page, "has_more": len(found) > limit}

    def _fault(self, parts: list[str]) -> str:
        name = "/".join(part for part in parts if "_test" not in part)
        return self.next_faults[name].popleft() if self.next_faults[name] else ""

    async def _failed(self, fault: str, send: Any) -> None:
        if fault == "reset":
            await drop(send)
        status = 429 if fault == "busy" else 500
        error = {"type": "api_error", "message": "It failed."}
        await answer(send, status, {"error": error}, headers={"stripe-should-retry": "false"})

    # -- its pages

    async def _page(self, request: Request, parts: list[str], send: Any) -> None:
        """A tiny page to pay on, or to look at."""
        if parts[0] == "pay" and parts[-1] in self.account.sessions:
            return await self._pay_page(request, self.account.session(parts[1]), send)
        back = self.account.customers.get(parts[-1], {}).get("name", "")
        text = f"<!doctype html><title>{parts[0]}</title><h1>{parts[0]}</h1><p>{back}</p>"
        await answer(send, 200, text.encode(), kind="text/html")

    async def _pay_page(self, request: Request, session: Raw, send: Any) -> None:
        if request.method == "POST":
            how = dict(parse_qsl(request.body.decode())).get("how", "card")
            if how != "cancel" and session["status"] == "open":
                self.account.pay_session(session["id"], method=how)
            where = session["cancel_url"] if how == "cancel" else session["success_url"]
            return await answer(send, 303, headers={"location": where})
        buttons = "".join(f'<button name="how" value="{one}">{one}</button>' for one in PAID_WITH)
        price = f"{session['amount_total'] / 100:.2f} {session['currency']}"
        head = f"<!doctype html><title>Pay</title><h1>{session['_title']}</h1><p>{price}</p>"
        text = f"{head}<form method=post>{buttons}</form>"
        await answer(send, 200, text.encode(), kind="text/html")

    # -- webhooks

    def _announce(self) -> None:
        """Send what has happened since, as the options say."""
        new, self._told = self.account.events[self._told :], len(self.account.events)
        if not self.options.webhook_url or not new:
            return
        for event in self.mixed(new):
            task = asyncio.ensure_future(self._post(event, self._chance.random() * self.options.late_seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def mixed(self, events: Iterable[Raw]) -> list[Raw]:
        """These events as they would come: some twice, some never, in another order."""
        chance, told = self._chance, []
        for event in events:
            if chance.random() >= self.options.drop:
                told += [event] * (2 if chance.random() < self.options.dup else 1)
        if self.options.reorder:
            chance.shuffle(told)
        return told

    async def _post(self, event: Raw, wait: float) -> None:
        await asyncio.sleep(wait)
        body = json.dumps(event).encode()
        self._http = self._http or httpx.AsyncClient(timeout=10, trust_env=False)
        for attempt in range(self.options.retries + 1):
            try:
                found = await self._http.post(
                    self.options.webhook_url, content=body, headers=signed(body, secret=self.options.secret)
                )
                if found.status_code < 300:
                    return
            except httpx.HTTPError:
                pass  # nobody there: as bad an answer as any
            await asyncio.sleep(backoff(self.options.retry_seconds, attempt))

    # -- control

    async def _control(self, request: Request, parts: list[str], send: Any) -> None:
        try:
            await answer(send, 200, self._controlled(request, parts))
        except Refusal as refusal:
            await answer(send, refusal.status, {"error": refusal.error})

    def _controlled(self, request: Request, parts: list[str]) -> Any:
        account, given = self.account, request.json()
        match request.method, parts:
            case "PUT", ["options"]:
                self.options = Options(**{**asdict(self.options), **given})
                self._chance = random.Random(self.options.seed)
            case "PUT", ["next"]:
                self.next_faults[given["call"]].append(given["fault"])
            case "PUT", ["cards", key]:
                account.answers[key] = given["answer"]
            case "POST", ["sessions", key, "pay"]:
                account.pay_session(key, **given)
            case "POST", ["sessions", key, "decide"]:
                account.decide_session(key, **given)
            case "POST", ["intents", key, "decide"]:
                account.decide_intent(key, **given)
            case "POST", ["intents", key, "dispute"]:
                return account.dispute_payment(key, **given)
            case "POST", ["disputes", key, "decide"]:
                account.decide_dispute(key, **given)
            case "POST", ["refunds", key, "decide"]:
                account.decide_refund(key, **given)
            case "GET", ["idle"]:
                return {"idle": not self._tasks}
            case _:
                raise Refusal(404, "", "No such control")
        return {}


PAID_WITH = ("card", "boleto", "cancel")


def _wanted(row: Raw, params: Raw) -> bool:
    since = int(params.get("created", {}).get("gte", 0))
    types, intent = params.get("types"), params.get("payment_intent")
    return (
        row["created"] >= since
        and (not types or row["type"] in types)
        and (not intent or row.get("payment_intent") == intent)
    )


def nested(pairs: Iterable[tuple[str, str]]) -> Raw:
    """Form fields as `a[b][0]=1` in the shape that they mean; values stay text."""
    found: Raw = {}
    for name, value in pairs:
        *way, last = _PART.findall(name)
        place = found
        for part in way:
            place = place.setdefault(part, {})
        place[last] = value
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    """What has the keys 0, 1, 2 is a list."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    return list(inner.values()) if inner and all(name.isdigit() for name in inner) else inner


def signed(body: bytes, *, secret: str = SECRET, at: float = 0) -> dict[str, str]:
    """The headers of a webhook."""
    moment = int(at or time.time())
    header = sdk.WebhookSignature.generate_signature_header(body.decode(), secret, moment)
    return {"content-type": "application/json", "stripe-signature": header}


class Stripe:
    """Stripe in a thread of a test: `with Stripe() as stripe:`. What people do at the bank is `account`'s."""

    KEY, SECRET = KEY, SECRET

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url = self.account.pages = self._server.url
        self._handed = 0

    def reset(self) -> None:
        """As new."""
        self.app.forget()
        self._handed = 0

    def __enter__(self) -> "Stripe":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def account(self) -> Account:
        return self.app.account

    def calls(self, path: str) -> list[Raw]:
        """The parameters of the calls to this path, in order."""
        return [params for _method, called, params, _key in self.app.calls if called == path]

    def fail_next(self, call: str, fault: str = "status", times: int = 1) -> None:
        """The next such call meets this."""
        self.app.next_faults[call].extend([fault] * times)

    def news(self) -> list[Raw]:
        """The events since this was last asked."""
        new = self.account.events[self._handed :]
        self._handed = len(self.account.events)
        return new

    def hand_in(
        self, post: Callable[[bytes, dict[str, str]], Any], events: Iterable[Raw] | None = None
    ) -> None:
        """Deliver the news, or these events, through `post(body, headers)`, in this order."""
        for event in self.news() if events is None else events:
            body = json.dumps(event).encode()
            post(body, signed(body))


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--webhook", default="")
    parser.add_argument("--secret", default=SECRET)
    asked = parser.parse_args()
    port = asked.port or free_port()
    app = App(options=Options(webhook_url=asked.webhook, secret=asked.secret))
    app.account.pages = f"http://127.0.0.1:{port}"
    serve(app, port)


if __name__ == "__main__":
    main()
