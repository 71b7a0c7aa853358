"""What customers say on three channels at once, as each channel brings it: WAHA, Cloud API, web chat.

Of ten messages five come through WAHA, one request each; three in one signed batch of the Cloud API; two from
visitors of the web chat, one request each. So ten messages are eight requests.
"""

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench import load
from bench.stack import SECRETS

TURN = (  # kind of channel, messages in the request
    ("waha", 1), ("cloud", 3), ("web", 1), ("waha", 1), ("waha", 1), ("web", 1), ("waha", 1), ("waha", 1),
)  # fmt: skip
Kinds = Sequence[tuple[str, int]]
NUMBER, ACCOUNT = "111", "222"
ORIGIN = "http://clinic.example"


@dataclass(frozen=True)
class Request:
    """One request at a door: the messages in it, by the ids under which the product keeps them."""

    kind: str
    ids: tuple[str, ...]
    make: Callable[[], bytes]


@dataclass(frozen=True)
class Doors:
    """Where each channel's messages arrive, and the visitors who have a token: (their id, their token)."""

    waha: str
    cloud: str
    web: str
    visitors: Sequence[tuple[str, str]]

    def requests(
        self, kinds: Kinds, *, numbers: Iterator[int], questions: Sequence[str], people: int
    ) -> Iterator[Request]:
        """Without end: each message is new, and from the next person of its channel."""
        for kind, count in itertools.cycle(kinds):
            said = [
                (number, questions[number % len(questions)]) for number in itertools.islice(numbers, count)
            ]
            make = {"waha": self._waha, "cloud": self._cloud, "web": self._web}[kind]
            yield make(said, people)

    def _waha(self, said: Sequence[tuple[int, str]], people: int) -> Request:
        number, text = said[0]
        one = load.Said(number, text, f"55119{number % people:08d}@c.us")
        path, secret = f"/hooks/waha/{self.waha}", SECRETS["BENCH_HMAC_SECRET"]
        return Request(
            "waha", (one.unique_id,), lambda: load.post(path, one.body(now=time.time()), secret=secret)
        )

    def _cloud(self, said: Sequence[tuple[int, str]], people: int) -> Request:
        ids = tuple(f"wamid.HBgN{number:024d}AA==" for number, _ in said)
        senders = [f"55219{number % people:08d}" for number, _ in said]
        texts = [text for _, text in said]
        return Request(
            "cloud", ids, lambda: self._signed(cloud_body(list(zip(ids, senders, texts, strict=True))))
        )

    def _signed(self, body: bytes) -> bytes:
        digest = hmac.new(SECRETS["BENCH_CLOUD_SECRET"].encode(), body, hashlib.sha256).hexdigest()
        return load.request(f"/hooks/cloud/{self.cloud}", body, {"X-Hub-Signature-256": f"sha256={digest}"})

    def _web(self, said: Sequence[tuple[int, str]], people: int) -> Request:
        number, text = said[0]
        visitor, token = self.visitors[number % len(self.visitors)]
        name = f"said-{number:010d}"
        body = json.dumps({"id": name, "text": text}).encode()
        headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}"}
        path = f"/chat/{self.web}/messages"
        return Request("web", (f"{visitor}.{name}",), lambda: load.request(path, body, headers))


def visitor_of(token: str) -> str:
    """The visitor's id inside a token: what is signed is no secret."""
    content = token.partition(":")[0]
    return str(json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))["v"])


def cloud_body(said: Sequence[tuple[str, str, str]]) -> bytes:
    """One webhook of Meta's with these messages, (id, sender, text) each in a change of its own."""
    changes = [
        {
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {"display_phone_number": "551140000000", "phone_number_id": NUMBER},
                "contacts": [{"profile": {"name": f"Customer {sender[-4:]}"}, "wa_id": sender}],
                "messages": [
                    {
                        "from": sender,
                        "id": unique,
                        "timestamp": str(int(time.time())),
                        "type": "text",
                        "text": {"body": text},
                    }
                ],
            },
        }
        for unique, sender, text in said
    ]
    batch = {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": changes}]}
    return json.dumps(batch).encode()
