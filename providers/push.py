"""Browser notifications: Web Push (RFC 8030), encrypted for one browser (RFC 8291), signed by us (RFC 8292).

The address is what a browser said, so it is called like every address that a stranger may have typed.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from providers import addresses, hooks
from providers.errors import ProviderError, ProviderRejected

Outcome = Literal["taken", "gone", "refused", "later"]
SECONDS = 8.0
LIVES = 12 * 3600  # seconds for which a browser that is off may still be told
LONGEST = 3800  # bytes of a body; push services take 4,096 after encryption


def new_keys() -> tuple[str, str]:
    """A fresh pair: the private key as PEM, the public one as browsers want it (base64url of the point)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from py_vapid import Vapid02

    pair = Vapid02()
    pair.generate_keys()
    point = pair.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return pair.private_pem().decode(), base64.urlsafe_b64encode(point).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class WebPush:
    """The makers of browsers. `subject` is whom they may write to (mailto: or https:)."""

    subject: str
    private_hosts: Callable[[], Sequence[str]]

    def check(self, endpoint: str) -> bool:
        """Whether this may be called at all; a name that cannot be looked up now may be tried later."""
        try:
            addresses.check_outbound(endpoint, allow_private=self._private(endpoint))
        except ProviderRejected:
            return False
        except ProviderError:
            return True
        return urlsplit(endpoint).scheme == "https" or self._private(endpoint)

    def send(
        self, *, endpoint: str, p256dh: str, auth: str, body: bytes, private: str, topic: str, urgent: bool
    ) -> Outcome:
        """Tell one browser. "gone": it never wants to hear again. "later": its maker cannot at this moment.

        What has the same `topic` and was not fetched yet is replaced.
        """
        try:
            sealed = _sealed(endpoint, p256dh, auth, body)
        except Exception:  # whatever a key of nobody's making does to the cipher
            return "gone"
        headers = {
            **_signed(endpoint, private, self.subject),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(LIVES),
            "Topic": topic,
            "Urgency": "high" if urgent else "normal",
        }
        try:
            answer = hooks.post(
                endpoint,
                body=sealed,
                headers=headers,
                allow_private=self._private(endpoint),
                seconds=SECONDS,
            )
        except ProviderRejected:
            return "gone"  # it leads where nothing of ours may call
        except ProviderError:
            return "later"
        return _outcome(answer.status)

    def _private(self, endpoint: str) -> bool:
        try:
            return addresses.names_host(endpoint, self.private_hosts())
        except ProviderRejected:
            return False


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return "taken"
    if status in (404, 410):
        return "gone"
    return "later" if status == 429 or status >= 500 else "refused"


def _sealed(endpoint: str, p256dh: str, auth: str, body: bytes) -> bytes:
    """The body as only this browser can read it."""
    from pywebpush import WebPusher

    info = {"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}
    sealed: bytes = WebPusher(info).encode(body[:LONGEST], content_encoding="aes128gcm")["body"]
    return sealed


def _signed(endpoint: str, private: str, subject: str) -> dict[str, str]:
    """Who we are, for the maker of this browser only and for a few hours."""
    from py_vapid import Vapid02

    parts = urlsplit(endpoint)
    claims = {"sub": subject, "aud": f"{parts.scheme}://{parts.netloc}"}
    signed: dict[str, str] = Vapid02.from_pem(private.encode()).sign(claims)
    return {"Authorization": signed["Authorization"]}
