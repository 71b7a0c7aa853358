"""The sessions of the gateway's counterpart: made, started, paired with a phone, dropped.

What a person does with the phone is told through the control API:

POST   /_control/scan    {session, number?}   the phone scans the code, or types it: WORKING
POST   /_control/state   {session, status, data?}  the session comes into any other state, and tells so
POST   /_control/qr      {session}            twenty seconds are over: the next of six codes, then FAILED
"""

import hmac
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import qrcode

from tests.counterparts.serving import Request, answer

CODES = 6
VERBS = ("start", "stop", "restart", "logout")


@dataclass
class Pair:
    """What a session knows of its phone: the number is empty until it is paired."""

    number: str = ""
    codes: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)  # the chats of which it tells who types


class Pairing:
    """What the App of the gateway does with sessions."""

    sessions: dict[str, Any]
    pairs: dict[str, Pair]
    calls: list[tuple[str, dict[str, Any]]]
    restrictions: dict[str, dict[str, Any]]
    gateway_key = ""  # who may make sessions; empty lets everybody

    def pair_of(self, name: str) -> Pair:
        return self.pairs.setdefault(name, Pair())

    async def serve_session(self, request: Request, send: Any) -> bool:
        """Answer when the call is about a session; whether it was."""
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts[1] != "sessions" and parts[2:3] != ["auth"]:
            return False
        body = request.json() if request.body else {}
        named = parts[2] if len(parts) > 2 else str(body.get("name"))
        status, content = self._session_call(request, parts, named if parts[1] == "sessions" else parts[1])
        self.calls.append((request.path, body))
        await answer(send, status, content, "image/png" if isinstance(content, bytes) else "application/json")
        return True

    def _session_call(self, request: Request, parts: list[str], name: str) -> tuple[int, Any]:
        session, given = self.sessions.get(name), request.headers.get("x-api-key", "")
        wanted = session.api_key if session and session.api_key else self.gateway_key
        if wanted and not hmac.compare_digest(given, wanted):
            return 401, {"message": "Unauthorized", "statusCode": 401}
        if (request.method, len(parts)) == ("POST", 2):
            return self._make(request.json(), given)
        if session is None:
            return 404, {"statusCode": 404, "message": "Session not found"}
        if parts[1] != "sessions":
            return self._auth(request, parts[3:], name)
        return self._session_verb(request, parts[3:], name)

    def _make(self, body: dict[str, Any], key: str) -> tuple[int, Any]:
        name = body["name"]
        if name in self.sessions:
            return 422, {"statusCode": 422, "message": f"Session '{name}' already exists."}
        self._configured(name, body.get("config") or {}, api_key=key)
        self.set_state(name, "SCAN_QR_CODE" if body.get("start", True) else "STOPPED")
        return 201, self._shown(name)

    def _configured(self, name: str, config: dict[str, Any], **also: Any) -> None:
        hook = (config.get("webhooks") or [{}])[0]
        key = (hook.get("hmac") or {}).get("key", "")
        self.configure(name, webhook_url=hook.get("url", ""), hmac_key=key, **also)  # type: ignore[attr-defined]
        self.pair_of(name).config = config

    def _session_verb(self, request: Request, rest: list[str], name: str) -> tuple[int, Any]:
        pair = self.pair_of(name)
        if request.method == "GET" and not rest:
            return 200, self._shown(name)
        if request.method == "PUT":
            self._configured(name, request.json().get("config") or {})
            self.set_state(name, "WORKING" if pair.number else "SCAN_QR_CODE")
            return 200, self._shown(name)
        if request.method == "DELETE":
            self.sessions.pop(name)
            self.pairs.pop(name, None)
            return 200, {}
        if request.method == "GET" and rest and rest[0] in ("timelock", "capping"):
            return 200, self.restrictions.get(name, {}).get(rest[0], {})
        if rest and rest[0] in VERBS:
            return self._verb(rest[0], name, pair)
        return 404, {"statusCode": 404, "message": "Not found"}

    def _verb(self, verb: str, name: str, pair: Pair) -> tuple[int, Any]:
        if verb == "logout":
            pair.number = ""
        pair.codes = 0
        waits = "WORKING" if pair.number else "SCAN_QR_CODE"
        state = {"stop": "STOPPED", "logout": "SCAN_QR_CODE"}.get(verb, waits)
        already = verb == "start" and self.sessions[name].status == "WORKING"
        if not already:
            self.set_state(name, state)
        return 201, self._shown(name)

    def _auth(self, request: Request, rest: list[str], name: str) -> tuple[int, Any]:
        pair, state = self.pair_of(name), self.sessions[name].status
        if rest == ["qr"] and state == "SCAN_QR_CODE":
            value = f"2@{name}-{pair.codes},counterpart"
            raw = request.query.get("format") == "raw"
            return 200, {"value": value} if raw else png(value)
        if rest == ["request-code"] and state == "SCAN_QR_CODE":
            return 201, {"code": f"ABCD-{int(request.json()['phoneNumber'][-4:]):04d}"}
        if rest == ["passkey", "confirmation"] and state == "PASSKEY_CONFIRMATION_REQUIRED":
            return 200, {"code": pair.data.get("code", "")}
        if rest == ["passkey", "confirm"] and state == "PASSKEY_CONFIRMATION_REQUIRED":
            self._post_scan({"session": name})
            return 201, {}
        expected = {
            "error": "Session status is not as expected",
            "status": state,
            "expected": ["SCAN_QR_CODE"],
        }
        return 422, expected

    def _shown(self, name: str) -> dict[str, Any]:
        session, pair = self.sessions[name], self.pair_of(name)
        names = {"timelock": "reachoutTimelock", "capping": "messageCapping"}
        forbidden = {names[kind]: state for kind, state in self.restrictions.get(name, {}).items()}
        me = {"id": f"{pair.number}@c.us", "pushName": session.title or name, **forbidden}
        return {
            "name": name,
            "status": session.status,
            "me": me if pair.number else None,
            "engine": {"engine": session.engine},
            "config": pair.config,
            "presence": {},
            "timestamps": {"activity": None},
        }

    def set_state(self, name: str, status: str, data: dict[str, Any] | None = None) -> None:
        """The session comes into a state, and its webhook tells so."""
        session = self.configure(name, status=status)  # type: ignore[attr-defined]
        self.pair_of(name).data = data or {}
        payload = {"name": name, "status": status, "statuses": [], "data": data}
        self._later(self._webhook(session, "session.status", payload))  # type: ignore[attr-defined]

    # -- the control API

    def _post_scan(self, body: dict[str, Any]) -> Any:
        self.pair_of(body["session"]).number = body.get("number", "5511900000000")
        self.set_state(body["session"], "WORKING")
        return {"ok": True}

    def _post_state(self, body: dict[str, Any]) -> Any:
        self.set_state(body["session"], body["status"], body.get("data"))
        return {"ok": True}

    def _post_qr(self, body: dict[str, Any]) -> Any:
        pair = self.pair_of(body["session"])
        pair.codes += 1
        self.set_state(body["session"], "SCAN_QR_CODE" if pair.codes < CODES else "FAILED")
        return {"ok": True}


def png(value: str) -> bytes:
    """The text as a QR code in a black and white PNG."""
    code = qrcode.QRCode(border=2)
    code.add_data(value)
    rows = code.get_matrix()
    size = len(rows) * 4
    lines = b"".join(
        (b"\0" + bytes(0 if dark else 255 for dark in row for _ in range(4))) * 4 for row in rows
    )
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
