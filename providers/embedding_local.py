"""The embedding process of this installation (providers/embedding_server.py), and its client."""

import json
import threading
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from providers.errors import ProviderError, ProviderRejected

DIMENSIONS = 896
PASSAGES_A_CALL = 8  # progress moves, and a lost call costs little
QUESTION_SECONDS = 8.0
PASSAGES_SECONDS = 120.0


class LocalEmbedder:
    """One kept connection a thread, and little CPU around it. Its process cuts and cleans the texts."""

    batch = PASSAGES_A_CALL

    def __init__(self, url: str) -> None:
        self.known_model = ""  # what its process said last
        where = urlsplit(url)
        self._host, self._port = where.hostname or "127.0.0.1", where.port or 80
        self._kept = threading.local()

    def embed_question(self, text: str) -> tuple[str, Any]:
        """The model's id and the vector of one question."""
        model, vectors = self._embed("question", [text], seconds=QUESTION_SECONDS)
        return model, vectors[0]

    def embed_passages(self, texts: Sequence[str]) -> tuple[str, list[Any]]:
        """The model's id and a vector for each passage; about 0.2 s of CPU each."""
        return self._embed("passage", list(texts), seconds=PASSAGES_SECONDS)

    def _embed(self, kind: str, texts: list[str], *, seconds: float) -> tuple[str, list[Any]]:
        status, model, body = self._ask(json.dumps({"kind": kind, "texts": texts}).encode(), seconds=seconds)
        if status == 400:
            raise ProviderRejected("The embedding process cannot read this text.")
        if status != 200 or len(body) != len(texts) * DIMENSIONS * 2:
            raise ProviderError(f"The embedding process is not ready ({status}).")
        self.known_model = model
        return model, list(np.frombuffer(body, dtype="<f2").reshape(len(texts), DIMENSIONS))

    def _ask(self, body: bytes, *, seconds: float) -> tuple[int, str, bytes]:
        """Status, model and body; on a kept connection that was closed meanwhile, once more on a new one."""
        kept: HTTPConnection | None = getattr(self._kept, "connection", None)
        try:
            try:
                return self._exchange(kept or self._connect(), body, seconds=seconds)
            except ConnectionError:
                if kept is None:
                    raise
                return self._exchange(self._connect(), body, seconds=seconds)
        except (OSError, HTTPException) as error:
            self._kept.connection = None
            raise ProviderError(f"The embedding process does not answer ({type(error).__name__}).") from error

    def _connect(self) -> HTTPConnection:
        self._kept.connection = HTTPConnection(self._host, self._port, timeout=3.0)
        self._kept.connection.connect()
        return self._kept.connection

    def _exchange(self, connection: HTTPConnection, body: bytes, *, seconds: float) -> tuple[int, str, bytes]:
        if connection.sock is None:  # the other side said that it would close
            connection.connect()
        connection.sock.settimeout(seconds)
        connection.request("POST", "/embed", body)
        answer: HTTPResponse = connection.getresponse()
        return answer.status, answer.headers.get("x-model", ""), answer.read()
