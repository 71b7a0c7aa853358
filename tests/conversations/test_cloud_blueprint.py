"""A Cloud API number in the business file."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError
from django_tenants.utils import schema_context

from conversations.models import Channel
from tenants.models import WebhookRoute
from tests.tenants.test_blueprints import apply, export

pytestmark = pytest.mark.django_db
FILE = """\
business:
  name: Alpha Clinic
  slug: alpha
channels:
  - name: Oficial
    kind: cloud
    phone_number_id: "111222333"
    waba_id: "444555666"
    token: env:CLOUD_TOKEN
    app_secret: env:CLOUD_SECRET
    watchdog_minutes: 30
    late_template: about_your_question/pt_BR
"""
SECRETS = {"CLOUD_TOKEN": "EAAB-canary", "CLOUD_SECRET": "app-secret-canary"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "business.yaml"
        path.write_text(text)
        return path

    return write


def number() -> Channel:
    with schema_context("alpha"):
        return Channel.objects.get(kind="cloud")


def test_makes_the_number_with_a_token_to_verify(alpha: Any, write: Any) -> None:
    said = apply(write(FILE), json=True)
    channel = number()
    assert f"/hooks/cloud/{channel.pk}" in said
    assert (channel.api_key, channel.hmac_secret) == tuple(SECRETS.values())
    assert len(channel.verify_token) > 20 and channel.watchdog_minutes == 30
    assert channel.late_template == "about_your_question/pt_BR"
    assert WebhookRoute.objects.get(pk=channel.pk).tenant == alpha


def test_again_changes_nothing_and_keeps_the_token(alpha: Any, write: Any) -> None:
    apply(write(FILE))
    token = number().verify_token
    assert "nothing to change" in apply(write(FILE))
    assert number().verify_token == token


def test_comes_back_without_its_secrets(alpha: Any, write: Any) -> None:
    apply(write(FILE))
    text = export("alpha")
    assert not any(secret in text for secret in (*SECRETS.values(), number().verify_token))
    part = next(one for one in yaml.safe_load(text)["channels"] if one["kind"] == "cloud")
    assert part == yaml.safe_load(FILE)["channels"][0]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"111222333"', "loja", "phone_number_id"),
        ("    app_secret: env:CLOUD_SECRET\n", "", "app_secret"),
        ("env:CLOUD_TOKEN", "EAAB-in-the-file", "token"),
    ],
)
def test_what_is_wrong_is_named(alpha: Any, write: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        apply(write(FILE.replace(old, new)))


def test_a_number_is_one_channels(alpha: Any, write: Any) -> None:
    second = FILE.split("channels:\n")[1].replace("Oficial", "Outra")
    with pytest.raises(CommandError, match="another channel has this number"):
        apply(write(FILE + second))
