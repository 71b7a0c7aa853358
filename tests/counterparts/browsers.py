"""A browser's end of a push: its keys, and what it can read of what came to its maker's server."""

import base64
import json
import os
from typing import Any
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from tests.counterparts.serving import Request


class Browser:
    """One subscription at a push service: what the page posts to us, and how to open what we send."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)

    @property
    def subscription(self) -> dict[str, str]:
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "p256dh": _text(point), "auth": _text(self._auth)}

    def read(self, request: Request) -> dict[str, Any]:
        """What it would show; raises when it was sealed for another, or signed by nobody."""
        assert request.headers["content-encoding"] == "aes128gcm"
        scheme, _space, said = request.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        parts = dict(part.strip().split("=", 1) for part in said.split(","))
        assert Vapid02.verify(f"vapid t={parts['t']},k={parts['k']}")
        claims = json.loads(_bytes(parts["t"].split(".")[1]))
        place = urlsplit(self.endpoint)
        assert claims["aud"] == f"{place.scheme}://{place.netloc}"
        opened = http_ece.decrypt(
            request.body, private_key=self._key, auth_secret=self._auth, version="aes128gcm"
        )
        return dict(json.loads(opened))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
