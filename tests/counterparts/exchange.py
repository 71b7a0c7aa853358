"""What the gateway's counterpart does with messages beyond text, and what customers do with their phones.

Told through the control API, each delivered by webhook as the session's engine words it:

POST   /_control/edit     {session, chat, unique, text}                    the customer edits a message
POST   /_control/revoke   {session, chat, unique}                          ... takes it back
POST   /_control/react    {session, chat, unique, text, to_us?}            ... reacts to it; "" ends that
POST   /_control/vote     {session, chat, unique, options}                 ... votes on our poll
POST   /_control/type     {session, chat, how?}                            ... types, or records
POST   /_control/call     {session, chat}                                  ... calls
POST   /_control/choose   {session, chat, unique, row}                     ... chooses a row of our list
PUT    /_control/lids     {hidden id: number}                              who is behind a hidden id
PUT    /_control/restrictions {session: {timelock?, capping?}}             what WhatsApp forbids the number
"""

import base64
import time
import uuid
from typing import Any

from tests.counterparts.serving import Request, answer

FILES = ("sendImage", "sendFile", "sendVideo", "sendVoice")
OTHERS = ("sendLocation", "sendList", "sendPoll")
NEEDED = {
    "sendImage": ("chatId", "file"),
    "sendFile": ("chatId", "file"),
    "sendVideo": ("chatId", "file", "convert"),
    "sendVoice": ("chatId", "file", "convert"),
    "sendLocation": ("chatId", "latitude", "longitude", "title"),
    "sendList": ("chatId", "message"),
    "sendPoll": ("chatId", "poll"),
}


class Exchange:
    """What the App of the gateway does with files, places, lists, and with what happens to a message."""

    calls: list[tuple[str, dict[str, Any]]]
    sessions: dict[str, Any]
    lids: dict[str, str]
    twins: dict[str, str]  # what check-exists answers for a number, where it is not the number itself
    restrictions: dict[str, dict[str, Any]]
    incoming: dict[
        str, tuple[dict[str, Any], dict[str, Any] | None]
    ]  # a customer's messages, with their files

    # -- calls

    async def serve_message(self, request: Request, parts: list[str], session: Any, send: Any) -> bool:
        """Answer when the call is one of these; whether it was."""
        body = request.json() if request.body else {}
        match request.method, parts:
            case "POST", ["api", call] if call in FILES + OTHERS:
                self.calls.append((f"/api/{call}", body))
                await self._send_anything(call, session, body, send)
            case "PUT", ["api", "reaction"]:
                self.calls.append(("/api/reaction", body))
                self._reacted(body["messageId"].split("_")[2], "us", body["reaction"])
                await answer(send, 200, {})
            case "PUT" | "DELETE", ["api", _name, "chats", _chat, "messages", full]:
                self.calls.append((f"{request.method} message", {"id": full, **body}))
                await answer(send, 200, {})
            case "GET", ["api", _name, "chats", chat, "messages"]:
                await answer(send, 200, self._listed(session, chat, request.query))
            case "GET", ["api", _name, "chats", _chat, "messages", full] if (
                full.split("_")[2] in self.incoming
            ):
                await answer(send, 200, self._again(session, full, request.query))
            case "POST", ["api", _name, "presence", chat, "subscribe"]:
                self.pair_of(session.name).watched.add(chat)  # type: ignore[attr-defined]
                await answer(send, 201, {})
            case "GET", ["api", _name, "lids", lid]:
                await answer(send, 200, {"lid": lid, "pn": self.lids.get(lid)})
            case "GET", ["api", _name, "lids", "pn", digits]:
                known = {number.partition("@")[0]: lid for lid, number in self.lids.items()}
                await answer(send, 200, {"lid": known.get(digits), "pn": f"{digits}@c.us"})
            case "GET", ["api", "contacts", "check-exists"] if request.query.get("phone") in self.twins:
                await answer(send, 200, {"numberExists": True, "chatId": self.twins[request.query["phone"]]})
            case _:
                return False
        return True

    async def _send_anything(self, call: str, session: Any, body: dict[str, Any], send: Any) -> None:
        if session.status != "WORKING":
            return await answer(send, 422, {"error": "Session status is not as expected"})
        if any(name not in body for name in NEEDED[call]):
            return await answer(
                send, 500, {"statusCode": 500, "exception": {"message": "a field is missing"}}
            )
        if call == "sendList" and session.engine == "WEBJS":
            return await answer(send, 422, {"statusCode": 422, "message": "Not implemented by the engine"})
        fault = self._fault(call)  # type: ignore[attr-defined]
        if fault and not fault.startswith("after"):
            return await self._fail(fault, send)
        sent = self._reach_phone(call, session, body)
        if fault:
            return await self._fail("reset" if fault == "after_reset" else "status", send)
        await answer(send, 201, self._answer_of(session, sent))

    async def _fail(self, fault: str, send: Any) -> None:
        from tests.counterparts.gateway import _failed

        await _failed(fault, send)

    def _answer_of(self, session: Any, sent: Any) -> dict[str, Any]:
        from tests.counterparts.gateway import _sent_answer

        return _sent_answer(session.engine, sent)

    def _reach_phone(self, call: str, session: Any, body: dict[str, Any]) -> Any:
        """As the phone gets it: words, and a file beside them. Of a file the gateway chooses the id."""
        file = body.get("file")
        return self._deliver_to_phone(  # type: ignore[attr-defined]
            session,
            {
                "chatId": body["chatId"],
                "id": body.get("id", "") if call in ("sendPoll", "sendLocation") else "",
                "text": _words(call, body),
                "reply_to": body.get("reply_to", ""),
                "media": file and {key: file.get(key) for key in ("data", "mimetype", "filename")},
            },
            kind=call.removeprefix("send").lower(),
        )

    def _listed(self, session: Any, chat: str, query: dict[str, str]) -> list[dict[str, Any]]:
        since, ours = float(query.get("filter.timestamp.gte", 0)), query.get("filter.fromMe") == "true"
        found = [one for one in self.sent if (one.session, one.chat) == (session.name, chat)]  # type: ignore[attr-defined]
        wanted = [one for one in found if ours and int(one.at) >= since]
        return [self._told(session, one) for one in reversed(wanted)][: int(query.get("limit", 10))]

    def _told(self, session: Any, one: Any) -> dict[str, Any]:
        from tests.counterparts.gateway import _message

        told = _message(one, session.engine, from_me=True, source="api")
        return {**told, "hasMedia": one.kind in ("image", "file", "video", "voice")}

    def _again(self, session: Any, full: str, query: dict[str, str]) -> dict[str, Any]:
        """A customer's message once more; its file too, when that is asked for."""
        body, media = self.incoming[full.split("_")[2]]
        wanted = media is not None and query.get("downloadMedia") == "true"
        fresh = self._media(session.name, media) if wanted else {"media": None}  # type: ignore[attr-defined]
        return {**body, **fresh}

    # -- what customers do

    def _post_edit(self, body: dict[str, Any]) -> Any:
        return self.edit(**body)

    def edit(self, session: str, chat: str, unique: str, text: str) -> None:
        payload = {**self._plain(session, chat, f"3A{uuid.uuid4().hex[:18].upper()}", text)}
        self._deliver(session, "message.edited", {**payload, "editedMessageId": unique})
        for shown in self.history:  # type: ignore[attr-defined]
            if shown["unique"] == unique:
                shown["text"] = text

    def _post_revoke(self, body: dict[str, Any]) -> Any:
        return self.revoke(**body)

    def revoke(self, session: str, chat: str, unique: str) -> None:
        after = self._plain(session, chat, f"3A{uuid.uuid4().hex[:18].upper()}", "")
        self._deliver(
            session, "message.revoked", {"revokedMessageId": unique, "before": None, "after": after}
        )

    def _post_react(self, body: dict[str, Any]) -> Any:
        return self.react(**body)

    def react(self, session: str, chat: str, unique: str, text: str, to_us: bool = True) -> None:
        full = f"{'true' if to_us else 'false'}_{chat}_{unique}"
        payload = self._plain(session, chat, f"3A{uuid.uuid4().hex[:18].upper()}", "")
        payload |= {"timestamp": time.time(), "reaction": {"text": text, "messageId": full}}
        self._reacted(unique, "contact", text)
        self._deliver(session, "message.reaction", payload)

    def _reacted(self, unique: str, who: str, text: str) -> None:
        for shown in self.history:  # type: ignore[attr-defined]
            if shown["unique"] == unique:
                shown["reaction"] = text
        self._tell({"type": "reaction", "unique": unique, "who": who, "text": text})  # type: ignore[attr-defined]

    def _post_type(self, body: dict[str, Any]) -> Any:
        return self.type(**body)

    def type(self, session: str, chat: str, how: str = "typing") -> None:
        """Nobody is told of a chat that nobody asked to watch."""
        presence = {"id": chat, "presences": [{"participant": chat, "lastKnownPresence": how}]}
        if chat in self.pair_of(session).watched:  # type: ignore[attr-defined]
            self._deliver(session, "presence.update", presence)

    def _post_vote(self, body: dict[str, Any]) -> Any:
        return self.vote(**body)

    def vote(self, session: str, chat: str, unique: str, options: list[str]) -> None:
        full = f"true_{chat}_{unique}"
        vote = {
            "id": f"false_{chat}_3A{uuid.uuid4().hex[:18].upper()}", "selectedOptions": options, "from": chat,
            "timestamp": int(time.time() * 1000), "fromMe": False, "to": None,
        }  # fmt: skip
        poll = {"id": full, "fromMe": True, "from": None, "to": chat}
        self._deliver(session, "poll.vote", {"vote": vote, "poll": poll, "_data": {}})

    def _post_call(self, body: dict[str, Any]) -> Any:
        return {"id": self.call(**body)}

    def call(self, session: str, chat: str, *, at: float = 0) -> str:
        call_id = uuid.uuid4().hex.upper()
        inside = chat.replace("@c.us", "@s.whatsapp.net")
        payload = {
            "id": call_id,
            "from": inside,
            "timestamp": int(at or time.time()),
            "isVideo": False,
            "isGroup": False,
        }
        self._deliver(session, "call.received", {**payload, "_data": {}})
        return call_id

    def _post_choose(self, body: dict[str, Any]) -> Any:
        return {"unique": self.choose(**body)}

    def choose(self, session: str, chat: str, unique: str, row: str) -> str:
        """A row of the latest list: its title is the text, its id stands in the engine's words only."""
        offered = next(body["message"] for path, body in reversed(self.calls) if path == "/api/sendList")
        rows = [one for section in offered["sections"] for one in section["rows"]]
        title = next(one["title"] for one in rows if one["rowId"] == row)
        reply = {"singleSelectReply": {"selectedRowID": row, "selectedRowId": row}}
        data = {"Message": {"listResponseMessage": reply}, "message": {"listResponseMessage": reply}}
        return str(self.say(session, chat, title, _data=data, replyTo={"id": unique}))  # type: ignore[attr-defined]

    def _put_lids(self, body: dict[str, str]) -> Any:
        self.lids.update(body)
        return self.lids

    def _put_restrictions(self, body: dict[str, Any]) -> Any:
        self.restrictions.update(body)
        return self.restrictions

    def _plain(self, session: str, chat: str, unique: str, text: str) -> dict[str, Any]:
        from tests.counterparts.gateway import Sent, _message

        said = Sent(session, chat, text, unique, time.time())
        return _message(said, self.sessions[session].engine, from_me=False, source="app")

    def _deliver(self, session: str, event: str, payload: dict[str, Any]) -> None:
        self._later(self._webhook(self.sessions[session], event, payload))  # type: ignore[attr-defined]


def _words(call: str, body: dict[str, Any]) -> str:
    if call == "sendLocation":
        return f"📍 {body['title']} {body['latitude']},{body['longitude']}"
    if call == "sendPoll":
        return "\n".join([body["poll"]["name"], *(f"○ {one}" for one in body["poll"]["options"])])
    if call == "sendList":
        message = body["message"]
        rows = [one["title"] for section in message["sections"] for one in section["rows"]]
        return "\n".join([message.get("description") or message["title"], *(f"• {one}" for one in rows)])
    return str(body.get("caption") or "")


def content_of(sent: Any) -> bytes:
    """The file that reached a phone."""
    return base64.b64decode(sent.media["data"])
