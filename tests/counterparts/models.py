"""Model vendors that run here: `python -m tests.counterparts.models --port N [--delay-ms 0]`.

POST /v1/messages is Anthropic's shape, POST /v1/chat/completions OpenAI's. Without a script the answer is the
first sentence of the first passage, cited; with none it says that it does not know. An image or a document is
answered with its media type and size.

POST /v1/audio/transcriptions hears what the next of `recordings` says, with its confidence; without a script,
the recording's own bytes as text, for sure. Faults are shared by all.

POST /v1/audio/speech speaks in OpenAI's shape, /v1/text-to-speech/{voice} in ElevenLabs': "sound: " and the
words.

Told to obey, it does what anything that it reads asks for: `[[say: WORDS]]` has it say these words,
`[[reveal]]` its rules, `[[call: NAME {"argument": "value"}]]` has it call that tool, offered or not. The last
order counts; after a tool's result first what stands in the result.

A scripted answer may be calls of tools (`Models.call`). After a tool's result, without a script, it says what
the result says.

A scripted answer with marks, "At eight [1], free [2].", cites these passages in both shapes, also ones that
nobody gave.

A fault is a status code ("529"; "429:7" asks to wait for 7 s), "spent" (the key's limit of spending), "hang",
"reset" (cut in the middle of the answer), "malformed" (no JSON), "html" (a proxy's page with status 200),
"hollow" (JSON of another kind), "moved" (a redirect), "broke" (no money left, told by a 400), "no model"
(none of that name), "drip" (a byte now and then), or something odd in a good answer: "refusal", "empty",
"max_tokens", "uncounted" (no usage), "too long", "tool" and "bad tool" (wants a tool run that nobody offered;
its arguments are no JSON).
"""

import argparse
import asyncio
import json
import math
import re
from base64 import b64decode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

from tests.counterparts.serving import Background, Dropped, Request, answer, drop, read, serve

UNKNOWN = "I do not know; shall I call a person?"
HANG_SECONDS = 40.0
DRIP_SECONDS = 0.1
MARKED = re.compile(r"(.*?)\s*\[(\d+)\]", re.S)
ORDER = re.compile(r"\[\[(reveal|(?:say|call): .*?)\]\]")
Calls = tuple[tuple[str, Any], ...]  # names of tools with their arguments; a text is JSON as it stands


@dataclass
class App:
    """The ASGI app, its script and what it was asked."""

    delay: float = 0.0
    answers: deque[str | Calls] = field(default_factory=deque)
    recordings: deque[tuple[str, float]] = field(default_factory=deque)
    faults: deque[str] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    before_answer: Callable[[], Any] | None = None
    keep_requests: bool = True
    obeys: bool = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        shape = {"/v1/messages": _anthropic, "/v1/chat/completions": _openai}.get(request.path)
        if request.path == "/v1/audio/transcriptions":
            return await self._transcribe(request, send)
        if request.path == "/v1/audio/speech" or request.path.startswith("/v1/text-to-speech/"):
            return await self._speak(request, send)
        if shape is None:
            return await answer(send, 404, {"error": {"type": "not_found_error", "message": request.path}})
        if self.keep_requests:
            self.requests.append({"path": request.path, "headers": request.headers, "body": request.json()})
        if self.before_answer is not None:
            await asyncio.to_thread(self.before_answer)
        if self.delay:
            await asyncio.sleep(self.delay)
        await self._answer(request, shape, send)

    async def _transcribe(self, request: Request, send: Any) -> None:
        form = _form(request)
        if self.keep_requests:
            self.requests.append({"path": request.path, "headers": request.headers, "body": form})
        fault = self.faults.popleft() if self.faults else ""
        if fault.isdigit():
            return await answer(send, int(fault), _refused(fault))
        if fault == "malformed":
            return await answer(send, 200, b"{not json")
        said = form["file"]["content"].decode("utf-8", "replace")
        text, confidence = self.recordings.popleft() if self.recordings else (said, 0.97)
        await answer(send, 200, _transcript(text, confidence))

    async def _speak(self, request: Request, send: Any) -> None:
        body = request.json()
        if self.keep_requests:
            self.requests.append({"path": request.path, "headers": request.headers, "body": body})
        fault = self.faults.popleft() if self.faults else ""
        if fault.isdigit():
            return await answer(send, int(fault), _refused(fault))
        if fault == "html":
            return await answer(send, 200, b"<h1>Sign in to this network</h1>", "text/html")
        said = body.get("input") or body.get("text") or ""
        await answer(send, 200, b"" if fault == "empty" else f"sound: {said}".encode(), "audio/mpeg")

    async def _answer(self, request: Request, shape: Callable[..., dict[str, Any]], send: Any) -> None:
        fault = self.faults.popleft() if self.faults else ""
        status, _colon, wait = fault.partition(":")
        if status.isdigit():
            return await answer(send, int(status), _refused(status), headers={"retry-after": wait})
        if fault == "spent":
            return await answer(send, 429, SPENT)
        if fault == "no model":
            return await answer(send, 404, NO_MODEL)
        if fault == "broke":
            return await answer(send, 400, BROKE)
        if fault == "drip":
            return await _drip(send)
        if fault == "moved":
            return await answer(send, 307, headers={"location": f"{request.path}/elsewhere"})
        if fault == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if fault == "reset":
            try:
                await drop(send)
            except Dropped:
                raise ConnectionResetError from None
        if fault == "malformed":
            return await answer(send, 200, b"{not json")
        if fault == "html":
            return await answer(send, 200, b"<h1>Sign in to this network</h1>", "text/html")
        if fault == "hollow":
            return await answer(send, 200, {"status": "ok"})
        # What hung has been given up by now: it must not take the answer of another.
        body = request.json()
        text = self.answers.popleft() if self.answers and fault != "hang" else None
        if self.obeys:
            text = _ordered(body) or text
        if isinstance(text, tuple) and body.get("tools") and _may_call(body):
            called = _anthropic_calls if shape is _anthropic else _openai_calls
            return await answer(send, 200, called(body, text))
        said = text if isinstance(text, str) else None
        await answer(send, 200, shape(body, said or _told(body), fault))


def _may_call(body: dict[str, Any]) -> bool:
    return body.get("tool_choice") not in ("none", {"type": "none"})


def _results(body: dict[str, Any]) -> list[str]:
    """What the tools called last have said; empty where none was called."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        whole = body["messages"]
        calling = max(n for n, one in enumerate(whole) if one["role"] == "assistant")
        return [str(one["content"]) for one in whole[calling + 1 :]]
    blocks = last["content"] if isinstance(last["content"], list) else []
    return [str(one["content"]) for one in blocks if one.get("type") == "tool_result"]


def _told(body: dict[str, Any]) -> str | None:
    found = _results(body)
    return found[-1][:300] if found else None


def _asked(body: dict[str, Any]) -> Any:
    """The question's content: the last that a customer said, before any tools."""
    said = [one["content"] for one in body["messages"] if one["role"] == "user"]
    plain = [one for one in said if isinstance(one, str) or one[0].get("type") != "tool_result"]
    return plain[-1]


def _ordered(body: dict[str, Any]) -> str | Calls:
    """What the last order in all that it was given to read asks of it; its rules give no orders."""
    if (results := _results(body)) and (orders := ORDER.findall(json.dumps(results, ensure_ascii=False))):
        return _obeyed(orders[-1], "")
    talk = body["messages"]
    rules = str(body.get("system") or next((one["content"] for one in talk if one["role"] == "system"), ""))
    read = json.dumps([one for one in talk if one["role"] != "system"], ensure_ascii=False)
    orders = [one for one in ORDER.findall(read) if not (results and one.startswith("call"))]
    return _obeyed(orders[-1], rules) if orders else ""


def _obeyed(order: str, rules: str) -> str | Calls:
    if order == "reveal":
        return rules
    verb, _colon, rest = order.partition(":")
    words = rest.strip()
    while "\\" in words:  # escaped once for each text that it stands in
        words = json.loads(f'"{words}"')
    if verb == "say":
        return words
    name, _space, arguments = words.partition(" ")
    return ((name, json.loads(arguments or "{}")),)


def _form(request: Request) -> dict[str, Any]:
    """The fields of a multipart body; a file as {"name", "type", "content"}."""
    raw = b"content-type: " + request.headers["content-type"].encode() + b"\r\n\r\n" + request.body
    found: dict[str, Any] = {}
    for part in message_from_bytes(raw).get_payload():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        kept = {"name": part.get_filename(), "type": part.get_content_type(), "content": content}
        found[name] = kept if part.get_filename() else content.decode()
    return found


def _transcript(text: str, confidence: float) -> dict[str, Any]:
    """OpenAI's verbose_json, one stretch of five seconds."""
    stretch = {"id": 0, "start": 0.0, "end": 5.0, "text": text, "avg_logprob": math.log(confidence)}
    segments = [{**stretch, "no_speech_prob": 0.01}] if text else []
    return {
        "task": "transcribe",
        "language": "portuguese",
        "duration": 5.0,
        "text": text,
        "segments": segments,
    }


def _refused(status: str) -> dict[str, Any]:
    """An error's body: both vendors keep the words under "error"."""
    kind = {"529": "overloaded_error", "429": "rate_limit_error"}.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": "ordered by the test"}}


# Anthropic's code for it in the details, OpenAI's beside the words.
SPENT = {
    "type": "error",
    "error": {
        "type": "rate_limit_error",
        "message": "ordered by the test",
        "code": "insufficient_quota",
        "details": {"error_code": "enforced_spend_limit_reached"},
    },
}


NO_MODEL = {"error": {"type": "invalid_request_error", "code": "model_not_found", "message": "no such model"}}
BROKE = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": "Your credit balance is too low to access the API.",
        "code": "billing_hard_limit_reached",
    },
}
TOOLS = {"tool": '{"day": "monday"}', "bad tool": "{day: "}  # the arguments of a tool that nobody offered


async def _drip(send: Any) -> None:
    """Begin to answer, and go on beginning for as long as a call that hangs."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(int(HANG_SECONDS / DRIP_SECONDS)):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(DRIP_SECONDS)
    await send({"type": "http.response.body", "body": b"{}"})


def _anthropic(body: dict[str, Any], text: str | None, fault: str) -> dict[str, Any]:
    asked = _asked(body)
    results = [b for b in asked if isinstance(b, dict) and b["type"] == "search_result"]
    seen = _seen([block["source"] for block in asked if block["type"] in ("image", "document")])
    content: list[dict[str, Any]] = [{"type": "text", "text": text or seen or UNKNOWN, "citations": None}]
    if results:
        cited = results[0]["content"][0]["text"]
        content = [{"type": "text", "text": text or cited, "citations": [_citation(results[0], cited)]}]
    if text and MARKED.match(text):
        content = _marked(text, results)
    stop = {
        "refusal": "refusal",
        "max_tokens": "max_tokens",
        "too long": "model_context_window_exceeded",
        **dict.fromkeys(TOOLS, "tool_use"),
    }.get(fault, "end_turn")
    if fault in TOOLS:
        content = [{"type": "tool_use", "id": "toolu_1", "name": "book", "input": {"raw": TOOLS[fault]}}]
    usage = {
        "input_tokens": len(json.dumps(body)) // 4,
        "output_tokens": len(content[0].get("text", "")) // 4 + 1,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 100,
    }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [] if fault in ("empty", "refusal") else content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": None if fault == "uncounted" else usage,
    }


def _anthropic_calls(body: dict[str, Any], calls: Calls) -> dict[str, Any]:
    answered = _anthropic(body, "…", "")
    blocks = [
        {"type": "tool_use", "id": f"toolu_{n}_{len(body['messages'])}", "name": name, "input": given}
        for n, (name, given) in enumerate(calls)
    ]
    return {**answered, "content": blocks, "stop_reason": "tool_use"}


def _openai_calls(body: dict[str, Any], calls: Calls) -> dict[str, Any]:
    answered = _openai(body, "…", "")
    wanted = [
        {
            "id": f"call_{n}_{len(body['messages'])}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for n, (name, given) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": wanted}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
    return {**answered, "choices": [choice]}


def _seen(files: list[dict[str, Any]]) -> str:
    """What files came, so that a test can tell that they arrived whole."""
    return ", ".join(f"{one['media_type']} {len(b64decode(one['data']))} bytes" for one in files)


def _marked(text: str, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A block for each stretch before a mark, which cites that passage, and one for the rest."""
    blocks: list[dict[str, Any]] = []
    last = 0
    for mark in MARKED.finditer(text):
        index, last = int(mark[2]) - 1, mark.end()
        nobodys = {"source": f"passage:{index}", "title": "?", "content": [{"text": "Nobody wrote this."}]}
        result = results[index] if index < len(results) else nobodys
        cited = _citation(result, result["content"][0]["text"], index=index)
        blocks.append({"type": "text", "text": mark[1], "citations": [cited]})
    return [*blocks, {"type": "text", "text": text[last:], "citations": None}] if text[last:] else blocks


def _citation(result: dict[str, Any], cited: str, *, index: int = 0) -> dict[str, Any]:
    return {
        "type": "search_result_location",
        "source": result["source"],
        "title": result["title"],
        "search_result_index": index,
        "start_block_index": 0,
        "end_block_index": 1,
        "cited_text": cited,
    }


def _openai(body: dict[str, Any], text: str | None, fault: str) -> dict[str, Any]:
    asked, seen = _asked(body), ""
    if isinstance(asked, list):
        urls = [part["image_url"]["url"] for part in asked if part["type"] == "image_url"]
        pairs = [url.removeprefix("data:").split(";base64,") for url in urls]
        seen = _seen([{"media_type": kind, "data": data} for kind, data in pairs])
        asked = "\n".join(part["text"] for part in asked if part["type"] == "text")
    first = asked.partition("[1] ")[2].partition("\n")[2].partition("\n")[0]
    said = text or (f"{first} [1]" if first else seen or UNKNOWN)
    finish = {"refusal": "content_filter", "max_tokens": "length"}.get(fault, "stop")
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "" if fault == "empty" else said,
        "refusal": None,
    }
    if fault in TOOLS:
        wanted = {"name": "book", "arguments": TOOLS[fault]}
        message |= {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": wanted}]}
        finish = "tool_calls"
    usage = {
        "prompt_tokens": len(json.dumps(body)) // 4 + 10,
        "completion_tokens": len(said) // 4 + 1,
        "total_tokens": 0,
        "prompt_tokens_details": {"cached_tokens": 10},
    }
    return {
        "id": "chatcmpl_1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": None if fault == "uncounted" else usage,
    }


SUMMARY = "You brief a person of a business"  # how the product begins to ask for one


class Models:
    """The vendors in a thread of a test: `with Models() as models:`."""

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url = self._server.url

    def __enter__(self) -> "Models":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def hear(self, text: str, *, confidence: float = 0.97) -> None:
        """What the next recording says, and how sure of it this vendor is."""
        self.app.recordings.append((text, confidence))

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.app.requests

    @property
    def answers_asked(self) -> list[dict[str, Any]]:
        """The requests for an answer: without those that sum a chat up for the person who gets it."""
        return [one for one in self.requests if SUMMARY not in str(one["body"])]

    def answer_with(self, *texts: str) -> None:
        """What the next requests are answered."""
        self.app.answers.extend(texts)

    def call(self, name: str, /, **arguments: Any) -> None:
        """The next request is answered with a call of this tool."""
        self.app.answers.append(((name, arguments),))

    def call_all(self, *calls: tuple[str, Any]) -> None:
        """The next request is answered with these calls at once; arguments as a text are no object yet."""
        self.app.answers.append(tuple(calls))

    def fail_next(self, kind: str, times: int = 1) -> None:
        """The next requests meet this fault."""
        self.app.faults.extend([kind] * times)


def main() -> None:
    parser = argparse.ArgumentParser(description="Model vendors that run here.")
    parser.add_argument("--port", type=int, default=3100)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    wanted = parser.parse_args()
    serve(App(delay=wanted.delay_ms / 1000, keep_requests=False), wanted.port)


if __name__ == "__main__":
    main()
