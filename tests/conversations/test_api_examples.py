"""docs/api.md, run: every curl against the live product, every block of Python as it stands."""

import hashlib
import hmac
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from conversations.models import HookDelivery, Message, Session
from knowledge.models import Document
from tenants.api import SCOPES
from tenants.models import ApiKey
from tests.conversations.test_api import working

PAGE = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
SHELL = re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)


@pytest.fixture
def shell(shop, live_server, tmp_path) -> Any:
    """A shell as a reader has it, with an own key; every line must succeed and end in JSON."""
    _key, secret = ApiKey.issue(tenant=shop.tenant, name="docs", scopes=list(SCOPES))
    (tmp_path / "prices.md").write_text("# Prices\n\nA loaf costs 12.\n")
    environment = os.environ | {"FRONTDESK": live_server.url, "FRONTDESK_KEY": secret}

    def run(script: str) -> list[Any]:
        # One answer a line, and a status of 4xx or 5xx is a failure.
        script = script.replace("curl -sS", "curl --fail-with-body -sS -w '\\n'")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        connection.set_tenant(shop.tenant)
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    return run


def test_the_examples_work(shop, shell, background, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    shop.models.answer_with("Abrimos às 8h.", "We open at 8 am.", "Yes.")
    shop.say("Que horas abrem?")
    shop.work()
    answers = []
    *talk, documents, settling = SHELL
    with working(background):
        for script in talk:
            answers += shell(script)
    answers += shell(documents)  # reading what was added is another test's
    health, asked, said, messages, conversations, sent, document, found = answers
    settled, all_settled, gaps = shell(settling)
    assert health["business"] == "Alpha Clinic"
    assert (asked["answer"], said["answer"]) == ("We open at 8 am.", "Yes.")
    assert len(messages["results"]) == 2 and conversations["results"] == []
    assert Message.objects.get(pk=sent["id"]).body == "Your order is ready."
    assert all_settled["results"] == [settled] and gaps["results"] == []
    assert Document.objects.get(pk=document["id"]).title == "prices.md" and "supported" in found
    assert Session.objects.filter(ended_at=None).count() == 1


def test_the_receivers_check_is_right(shop):
    from django.utils import timezone

    from conversations import hooks

    known: dict[str, Any] = {}
    exec(PYTHON[0], known)
    endpoint = hooks.add(
        name="x", url="http://127.0.0.1:9/", events=["message.received"], actor=None, now=timezone.now()
    )
    shop.say("Olá")
    old, delivery = endpoint.secret, HookDelivery.objects.get()
    new = hooks.rotate(endpoint, actor=None, now=timezone.now())
    body, header = (
        delivery.body.encode(),
        hooks.signature(endpoint, delivery.body.encode(), now=timezone.now()),
    )
    assert known["is_frontdesk"](body, header, old) and known["is_frontdesk"](body, header, new)
    assert not known["is_frontdesk"](body, header, "x") and not known["is_frontdesk"](
        body + b" ", header, new
    )
    assert hmac.new(new.encode(), body, hashlib.sha256).hexdigest() in header


def test_every_event_right_and_limit_of_the_page_is_real():
    from conversations import hooks
    from tenants import problems

    for name in [kind.name for kind in hooks.kinds()] + list(SCOPES):
        assert f"| `{name}` |" in PAGE, name
    for name in ("API_KEY_RATE", "API_ANSWER_RATE", "API_ADDRESS_RATE", "HOOK_PRIVATE_HOSTS"):
        assert f"`{name}`" in PAGE and hasattr(settings, name)
    assert problems.MEDIA_TYPE in PAGE
