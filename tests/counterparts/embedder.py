"""The installation's embedding process, without its models: the same door, vectors from words, a memory.

POST /embed as providers/embedding_server.py has it. Texts with words in common are near. `passages` are the
texts that were given to be embedded, in order, one entry a text.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from providers import embedding_server
from tests.counterparts.serving import Background, answer, read

DIMENSIONS, LEADING = 896, 384


@dataclass
class App:
    """The ASGI app and what it was asked; `before_answer` is told the texts of a call."""

    model: str = embedding_server.MODEL_ID
    passages: list[str] = field(default_factory=list)
    before_answer: Callable[[list[str]], Any] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        asked = (await read(scope, receive)).json()
        if asked["kind"] == "passage":
            self.passages += asked["texts"]
        if self.before_answer is not None:
            self.before_answer(asked["texts"])
        body = b"".join(vector(text).tobytes() for text in asked["texts"])
        headers = {"x-model": self.model}
        await answer(send, 200, body, kind="application/octet-stream", headers=headers)

    @property
    def most_often(self) -> int:
        """How often the text was embedded that was embedded most often."""
        return max(Counter(self.passages).values(), default=0)


def vector(text: str) -> Any:
    """A unit vector of halves that says which words a text has; of two parts, as the real one is."""
    words = [
        int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        for word in re.findall(r"\w+", text.casefold())
    ]
    leading, other = (_part(words, dimensions) for dimensions in (LEADING, DIMENSIONS - LEADING))
    joined = np.hstack([embedding_server.E5_WEIGHT * leading, other])
    return (joined / np.linalg.norm(joined)).astype("<f2")


def _part(words: list[int], dimensions: int) -> Any:
    made = np.full(dimensions, 1e-3)
    np.add.at(made, [word % dimensions for word in words], 1)
    return made / np.linalg.norm(made)


class Embedder(Background):
    """The counterpart in a thread of this process, for tests."""

    def __init__(self) -> None:
        self.app = App()
        super().__init__(self.app)

    def __enter__(self) -> "Embedder":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
