"""Embedding vendors and rerankers that run here.

POST /v1/embeddings is OpenAI's and Voyage's shape, /v2/embed Cohere's; /v1/rerank is Voyage's and Jina's,
/v2/rerank Cohere's. A vector says which words a text has, so that texts with words in common are near; a
model called "wide" has 1,536 dimensions, others 64. A passage's score is how many of the question's words it
has. Only the key of `keys` is taken; every request is kept with what it asked.

A fault is a status code ("429:7" asks to wait for 7 s), "spent", "hang", "drip", "malformed", "nan", "zeros",
"short" (a vector is missing), "narrow" (half of the dimensions), "order" (the last first, told by the index),
"hollow" (JSON of another kind), "worst" (a reranker that is wrong about everything).
"""

import asyncio
import hashlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.counterparts.serving import Background, Request, answer, read

KEY = "tenant key"
HANG_SECONDS = 30.0
WIDE, NARROW = 1536, 64


@dataclass
class App:
    """The ASGI app, its script and what it was asked."""

    key: str = KEY
    faults: deque[str] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    before_answer: Callable[[int], Any] | None = None  # told how many requests came

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        self.requests.append({"path": request.path, "headers": request.headers, "body": request.json()})
        if self.before_answer is not None:
            await asyncio.to_thread(self.before_answer, len(self.requests))
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return await answer(send, 401, {"error": {"message": "who are you?"}, "message": "who are you?"})
        fault = self.faults.popleft() if self.faults else ""
        if not await _failed(fault, send):
            await self._answer(request, fault, send)

    async def _answer(self, request: Request, fault: str, send: Any) -> None:
        body = request.json()
        if body.get("model") == "unknown":
            return await answer(send, 404, {"error": {"message": "no such model"}})
        if request.path.endswith("/rerank"):
            return await answer(send, 200, _scores(body, request.path, fault))
        shape = {"/v1/embeddings": _openai, "/v2/embed": _cohere}.get(request.path)
        if shape is None:
            return await answer(send, 404, {"error": {"message": request.path}})
        await answer(send, 200, shape(body, fault))


async def _failed(fault: str, send: Any) -> bool:
    """Whether the fault was the whole answer."""
    status, _colon, wait = fault.partition(":")
    if status.isdigit():
        error = {"error": {"message": "ordered by the test"}, "message": "ordered by the test"}
        await answer(send, int(status), error, headers={"retry-after": wait})
    elif fault == "spent":
        await answer(send, 429, {"error": {"message": "ordered", "code": "insufficient_quota"}})
    elif fault == "malformed":
        await answer(send, 200, b"{not json")
    elif fault == "hollow":
        await answer(send, 200, {"status": "ok"})
    elif fault == "drip":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(int(HANG_SECONDS * 10)):
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            await asyncio.sleep(0.1)
    elif fault == "hang":
        await asyncio.sleep(HANG_SECONDS)
        await answer(send, 200, {})
    else:
        return False
    return True


def words(text: str) -> list[str]:
    return re.findall(r"\w{3,}", text.lower())


def vector(text: str, size: int) -> list[float]:
    """Which words a text has, each at a place of its own."""
    found = [0.01] * size
    for word in words(text):
        found[int(hashlib.sha256(word.encode()).hexdigest(), 16) % size] += 1.0
    return found


def _vectors(texts: list[str], body: dict[str, Any], fault: str) -> list[list[float]]:
    usual = WIDE if body["model"] == "wide" else NARROW
    size = body.get("dimensions") or body.get("output_dimension") or usual
    rows = [vector(text, size // 2 if fault == "narrow" else size) for text in texts]
    if fault == "nan":
        rows[0][0] = float("nan")
    if fault == "zeros":
        rows[0] = [0.0] * size
    return rows[1:] if fault == "short" else rows


def _openai(body: dict[str, Any], fault: str) -> dict[str, Any]:
    rows = [
        {"object": "embedding", "index": place, "embedding": row}
        for place, row in enumerate(_vectors(body["input"], body, fault))
    ]
    data = rows[::-1] if fault == "order" else rows
    return {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": 1}}


def _cohere(body: dict[str, Any], fault: str) -> dict[str, Any]:
    rows = _vectors(body["texts"], body, fault)
    return {"id": "1", "embeddings": {"float": rows}, "texts": body["texts"]}


def _scores(body: dict[str, Any], path: str, fault: str) -> dict[str, Any]:
    asked = set(words(body["query"]))
    scored = [
        {"index": place, "relevance_score": len(asked & set(words(text))) / (1 + len(asked))}
        for place, text in enumerate(body["documents"])
    ]
    if fault == "nan":
        scored[0]["relevance_score"] = float("nan")
    if fault == "worst":
        scored = [one | {"relevance_score": -one["relevance_score"]} for one in scored]
    best_first = sorted(scored, key=lambda one: -one["relevance_score"])
    best_first = best_first[1:] if fault == "short" else best_first
    return {"data": best_first} if "top_k" in body else {"results": best_first}


class Embeddings:
    """The vendors in a thread of a test: `with Embeddings() as vendor:`."""

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url = self._server.url

    def __enter__(self) -> "Embeddings":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.app.requests

    def texts(self) -> list[str]:
        """Every text that was to be embedded, in the order in which it came."""
        bodies = [one["body"] for one in self.requests]
        return [text for body in bodies for text in body.get("input") or body.get("texts") or []]

    def fail_next(self, kind: str, times: int = 1) -> None:
        """The next requests meet this fault."""
        self.app.faults.extend([kind] * times)

    def forget(self) -> None:
        """As if nothing had happened yet."""
        self.app.faults.clear()
        self.app.requests.clear()
        self.app.before_answer, self.app.key = None, KEY
