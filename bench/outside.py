"""The outside world at the lowest price: a model that answers at once, gateways that take every message.

`uvicorn bench.outside:app`. The counterparts of the tests know faults, shapes and history, and take more CPU
than the floor itself; on a machine that also carries the product and the load, that would be measured too.
`GET /sent` gives [[text, unix seconds], ...] of what was sent, `DELETE /sent` forgets it.
"""

import itertools
import json
import time
from typing import Any


class Outside:
    """An ASGI app. A model's answer repeats the question, so that a send can be told by its text."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, float]] = []
        self.numbers = itertools.count(1)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = json.dumps(self._answer(scope["method"], scope["path"], bytes(body))).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, method: str, path: str, body: bytes) -> Any:
        match method, path:
            case "POST", "/v1/messages":
                return _completion(json.loads(body))
            case "POST", "/api/sendText":
                asked = json.loads(body)
                self.sent.append((asked["text"], time.time()))
                return {"id": f"true_{asked['chatId']}_{asked.get('id') or '3EB0'}", "_data": {}}
            case "POST", path if path.endswith("/messages"):  # the Cloud API
                return self._cloud(json.loads(body))
            case "GET", "/sent":
                return self.sent
            case "DELETE", "/sent":
                self.sent = []
        return {}

    def _cloud(self, asked: dict[str, Any]) -> Any:
        """A send; ticks and typing come by the same door."""
        if "status" in asked:
            return {"success": True}
        self.sent.append((asked["text"]["body"], time.time()))
        return {"messages": [{"id": f"wamid.OUT{next(self.numbers):024d}"}]}


def _completion(asked: dict[str, Any]) -> dict[str, Any]:
    """The question said again, as the vendor's API words it; one citation when there is a passage."""
    content = asked["messages"][-1]["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text = "Answer: " + next(block["text"] for block in blocks[::-1] if block["type"] == "text")
    sources = [block for block in blocks if block["type"] == "search_result"]
    citation = {
        "type": "search_result_location",
        "search_result_index": 0,
        "start_block_index": 0,
        "end_block_index": 1,
    }
    named = [
        {**citation, "source": s["source"], "title": s["title"], "cited_text": s["content"][0]["text"]}
        for s in sources[:1]
    ]
    return {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [{"type": "text", "text": text, "citations": named or None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 900,
            "output_tokens": 60,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }


app = Outside()
