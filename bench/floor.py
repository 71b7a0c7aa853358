"""The floor: the least that could do the same work, to be measured beside the product in the same run.

`uvicorn bench.floor:door` is the door: HMAC over the raw bytes, one INSERT, one COMMIT.
`python -m bench.floor` is the rest of the minimal path: one worker takes rows with SKIP LOCKED, asks the
model once and sends once. Both read FLOOR_DATABASE_URL; the worker also FLOOR_MODEL_URL, FLOOR_GATEWAY_URL.
"""

import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psycopg
from psycopg_pool import AsyncConnectionPool

SECRET = b"floor-secret"
PATH = "/hooks/waha/floor"
TABLE = """
CREATE TABLE IF NOT EXISTS floor_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL,
    status text NOT NULL DEFAULT 'new', received_at timestamptz NOT NULL DEFAULT now())
"""
INDEX = "CREATE INDEX IF NOT EXISTS floor_event_new ON floor_event (id) WHERE status = 'new'"
INSERT = "INSERT INTO floor_event (body) VALUES (%s)"
TAKE = "SELECT id, body FROM floor_event WHERE status = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
DONE = "UPDATE floor_event SET status = 'done' WHERE id = %s"
MODEL_HEADERS = {"authorization": "Bearer floor", "anthropic-version": "2023-06-01"}


def prepare(database_url: str) -> None:
    """Make the floor's only table."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(TABLE)
        connection.execute(INDEX)


class Door:
    """A bare ASGI app. The transport and the server's options are the product's own."""

    pool: AsyncConnectionPool[Any]

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Any
    ) -> None:
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status = 200 if _signed(scope["headers"], body) else 401
        if status == 200:
            async with self.pool.connection() as connection:
                await connection.execute(INSERT, (body,), prepare=True, binary=True)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _lifespan(self, receive: Callable[[], Awaitable[dict[str, Any]]], send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.pool = AsyncConnectionPool(
                    os.environ["FLOOR_DATABASE_URL"],
                    kwargs={"autocommit": True},
                    min_size=8,
                    max_size=8,
                    open=False,
                )
                await self.pool.open()
            else:
                await self.pool.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


def _signed(headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
    given = next((value for name, value in headers if name == b"x-webhook-hmac"), b"")
    return hmac.compare_digest(hmac.new(SECRET, body, hashlib.sha512).hexdigest().encode(), given)


door = Door()


class Worker:
    """Take a row, ask, send, mark: each row in one transaction, one row at a time, until SIGTERM."""

    def __init__(self) -> None:
        self._database = psycopg.connect(os.environ["FLOOR_DATABASE_URL"])
        self._model = httpx.Client(base_url=os.environ["FLOOR_MODEL_URL"], headers=MODEL_HEADERS, timeout=30)
        self._gateway = httpx.Client(
            base_url=os.environ["FLOOR_GATEWAY_URL"],
            headers={"x-api-key": os.environ.get("FLOOR_GATEWAY_KEY", "")},
            timeout=30,
        )
        self._going_on = True
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: Any) -> None:
        self._going_on = False

    def run(self) -> None:
        """Work until told to stop; an empty table is asked again after 10 ms."""
        while self._going_on:
            if not self._one():
                time.sleep(0.01)

    def _one(self) -> bool:
        with self._database.transaction():
            row = self._database.execute(TAKE, prepare=True).fetchone()
            if row is None:
                return False
            payload = json.loads(row[1])["payload"]
            self._send(payload, self._ask(payload["body"]))
            self._database.execute(DONE, (row[0],), prepare=True)
        return True

    def _ask(self, question: str) -> str:
        question_of = {"role": "user", "content": question}
        request = {"model": "claude-haiku-5-5", "max_tokens": 700, "messages": [question_of]}
        answer = self._model.post("/v1/messages", json=request)
        answer.raise_for_status()
        return "".join(block.get("text", "") for block in answer.json()["content"])

    def _send(self, payload: dict[str, Any], text: str) -> None:
        body = {"session": "default", "chatId": payload["from"], "text": text}
        self._gateway.post("/api/sendText", json=body).raise_for_status()


if __name__ == "__main__":
    if "prepare" in sys.argv:
        prepare(os.environ["FLOOR_DATABASE_URL"])
    else:
        Worker().run()
