"""The business file: whole or not at all, again and again with the same result, and back without secrets."""

import json
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent, AgentVersion, ModelProvider
from conversations.models import Channel
from tenants import blueprints
from tenants.models import ApiKey, Membership, Tenant, User, WebhookRoute, digest

pytestmark = pytest.mark.django_db
DEMO = Path(__file__).resolve().parents[2] / "agents" / "demo" / "business.yaml"
FILE = """\
business:
  name: Padaria Sol
  slug: padaria-sol
  timezone: America/Bahia
  language: pt-br
owner:
  email: dona@sol.example
  password: uma senha longa
providers:
  - name: claude
    vendor: anthropic
    base_url: http://127.0.0.1:9/v1
    api_key: env:SOL_MODEL_KEY
    headers:
      X-Team: env:SOL_TEAM
    default: true
assistant:
  name: Sol
  persona: Você é Sol.
  debounce_seconds: 1.5
  tiers:
    fast: {provider: claude, model: small}
channels:
  - name: WhatsApp
    base_url: env:SOL_URL
    session: sol
    api_key: env:SOL_KEY
    hmac_secret: env:SOL_HMAC
"""
SECRETS = {
    "SOL_MODEL_KEY": "model-secret-1",
    "SOL_TEAM": "team-secret-2",
    "SOL_URL": "http://127.0.0.1:3000",
    "SOL_KEY": "gateway-secret-3",
    "SOL_HMAC": "hmac-secret-4",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "business.yaml"
        path.write_text(text)
        return path

    return write


def apply(path: Path, **options: object) -> str:
    out = StringIO()
    call_command("apply", file=path, stdout=out, **options)
    return out.getvalue()


def export(slug: str) -> str:
    out = StringIO()
    call_command("export", slug, stdout=out)
    return out.getvalue()


class TestApply:
    def test_makes_the_whole_business(self, write):
        report = json.loads(apply(write(FILE), json=True, issue_key=True))
        tenant = Tenant.objects.get(slug="padaria-sol")
        assert report["host"] == "padaria-sol.localhost"
        assert report["schema"] == tenant.schema_name == "padaria_sol"
        route = WebhookRoute.objects.get(tenant=tenant)
        assert report["channels"][0]["id"] == str(route.pk)
        assert report["channels"][0]["webhook_url"].endswith(f"/hooks/waha/{route.pk}")
        assert ApiKey.objects.get(key_hash=digest(report["api_key"])).tenant == tenant
        owner = User.objects.get(email="dona@sol.example")
        assert owner.check_password("uma senha longa")
        assert Membership.objects.get(user=owner).role == "owner"
        with schema_context("padaria_sol"):
            channel = Channel.objects.get(kind="waha")
            assert (channel.pk, channel.hmac_secret) == (route.pk, "hmac-secret-4")
            provider = ModelProvider.objects.get()
            assert provider.api_key == "model-secret-1" and provider.headers == {"X-Team": "team-secret-2"}
            with connection.cursor() as cursor:
                cursor.execute("SELECT api_key, headers::text FROM agents_modelprovider")
                stored = "".join(cursor.fetchone())
            assert "X-Team" in stored and "secret" not in stored
            version = Agent.objects.get().published
            assert version.tiers == {"fast": {"provider": "claude", "model": "small"}}

    def test_again_changes_nothing(self, write):
        path = write(FILE)
        apply(path)
        with schema_context("padaria_sol"):
            versions = AgentVersion.objects.count()
        assert "nothing to change" in apply(path)
        with schema_context("padaria_sol"):
            assert AgentVersion.objects.count() == versions
            assert Channel.objects.filter(kind="waha").count() == 1
        assert User.objects.filter(email="dona@sol.example").count() == 1

    def test_an_existing_login_keeps_its_password(self, write):
        User.objects.create_user("dona@sol.example", "kept")
        apply(write(FILE))
        assert User.objects.get(email="dona@sol.example").check_password("kept")

    def test_what_the_file_leaves_out_stays(self, write):
        apply(write(FILE))
        apply(write("business: {name: Sol Nova, slug: padaria-sol}\n"))
        tenant = Tenant.objects.get(slug="padaria-sol")
        assert (tenant.name, tenant.timezone) == ("Sol Nova", "America/Bahia")
        with schema_context("padaria_sol"):
            assert Agent.objects.get().name == "Sol"

    def test_check_tells_and_changes_nothing(self, write, monkeypatch):
        assert "business padaria-sol: create" in apply(write(FILE), check=True)
        assert not Tenant.objects.filter(slug="padaria-sol").exists()
        apply(write(FILE))
        monkeypatch.setenv("SOL_KEY", "another")
        told = apply(write(FILE.replace("name: Padaria Sol", "name: Sol")), check=True)
        assert "business.name: 'Padaria Sol' → 'Sol'" in told
        assert "channels.WhatsApp.api_key: another secret" in told
        assert "secret-3" not in told and "'another'" not in told
        assert Tenant.objects.get(slug="padaria-sol").name == "Padaria Sol"


class TestProblems:
    @pytest.mark.parametrize(
        ("old", "new", "line", "text"),
        [
            ("name: Padaria Sol", "nome: Padaria Sol", 1, "business.name: field required"),
            ("slug: padaria-sol", "slug: www", 3, "business.slug"),
            ("America/Bahia", "Mars/Base", 4, "business.timezone: there is no time zone 'Mars/Base'"),
            ("pt-br", "klingon", 5, "business.language: must be one of"),
            ("dona@sol.example", "dona", 7, "owner.email"),
            ("vendor: anthropic", "vendor: acme", 11, "providers[0].vendor"),
            ("env:SOL_MODEL_KEY", "sk-live-123456", 13, "providers[0].api_key: is a secret: write env:NAME"),
            ("env:SOL_TEAM", "plain-text", 15, "providers[0].headers.X-Team: is a secret"),
            ("debounce_seconds: 1.5", "debounce_seconds: soon", 20, "assistant.debounce_seconds"),
            ("fast: {provider: claude", "fast: {provider: nobody", 22, "there is no provider 'nobody'"),
            ("fast: {", "furious: {", 21, "assistant.tiers: there is no tier furious"),
            ("env:SOL_URL", "env:SOL_UNSET", 25, "channels[0].base_url: the environment has no SOL_UNSET"),
            ("env:SOL_URL", "file:///etc/passwd", 25, "channels[0].base_url"),
            ("session: sol", "session: sol\n    sesion: x", 27, "channels[0].sesion"),
            ("session: sol", "session: sol\n    watchdog_minutes: 1", 27, "channels[0].watchdog_minutes"),
            ("session: sol", "session: sol\n    session: x", 27, "channels[0].session: stands here twice"),
            ("channels:", "chanels:", 23, "chanels: is not known"),
            ("  name: Padaria Sol", "  name: [Padaria", 3, "is not YAML"),
        ],
    )
    def test_a_wrong_field_is_named_with_its_line(self, write, old, new, line, text):
        assert old in FILE
        with pytest.raises(CommandError) as error:
            apply(write(FILE.replace(old, new, 1)))
        told = str(error.value)
        assert text in told
        assert f"business.yaml:{line}: " in told
        assert "Nothing was changed." in told
        assert "sk-live" not in told
        assert not Tenant.objects.filter(slug="padaria-sol").exists()
        assert not User.objects.filter(email="dona@sol.example").exists()

    @pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "business: 3\n"])
    def test_what_is_no_business_file_is_refused(self, write, text):
        with pytest.raises(CommandError, match=r"business\.yaml:1"):
            apply(write(text))

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            apply(tmp_path / "nowhere.yaml")

    def test_an_error_while_applying_undoes_everything(self, write, monkeypatch):
        undone: list[str] = []

        def fail(value: object, context: blueprints.Context) -> None:
            context.undo(lambda: undone.append("file"))
            raise RuntimeError("disk full")

        broken = blueprints.Section("channels", list, apply=fail, export=lambda context: None)
        monkeypatch.setitem(blueprints._sections, "channels", broken)
        with pytest.raises(RuntimeError):
            apply(write(FILE))
        assert undone == ["file"]
        assert not Tenant.objects.filter(slug="padaria-sol").exists()


class TestExport:
    def test_is_what_was_applied_and_holds_no_secret(self, write):
        apply(write(FILE))
        text = export("padaria-sol")
        assert not any(value in text for name, value in SECRETS.items() if name != "SOL_URL")
        data, before = yaml.safe_load(text), yaml.safe_load(FILE)
        assert data["channels"] == [before["channels"][0] | {"kind": "waha"}]
        assert data["providers"] == before["providers"]
        assert data["business"] == before["business"]
        assert data["assistant"]["tiers"] == before["assistant"]["tiers"]
        assert "nothing to change" in apply(write(text))

    def test_holds_a_channels_own_patience_and_its_answer_to_calls(self, write):
        own = "    session: sol\n    watchdog_minutes: 45\n    call_reply: Escreva, por favor."
        apply(write(FILE.replace("    session: sol", own)))
        channel = yaml.safe_load(export("padaria-sol"))["channels"][0]
        assert (channel["watchdog_minutes"], channel["call_reply"]) == (45, "Escreva, por favor.")
        apply(write(FILE))  # what a file leaves out stays as it is
        with schema_context("padaria_sol"):
            kept = Channel.objects.values_list("watchdog_minutes", "call_reply").get(kind="waha")
        assert kept == (45, "Escreva, por favor.")

    def test_names_a_variable_for_a_secret_that_came_by_another_way(self, alpha):
        with schema_context("alpha"):
            agent = Agent.objects.get()
            Channel.objects.create(
                kind="waha", name="Loja", agent=agent, session="s", base_url="http://127.0.0.1:9",
                api_key="k", hmac_secret="h",
            )  # fmt: skip
        data = yaml.safe_load(blueprints.export(alpha, now=timezone.now()))
        assert data["channels"][0]["api_key"] == "env:FRONTDESK_ALPHA_CHANNELS_LOJA_API_KEY"

    def test_an_unknown_business_is_told(self):
        with pytest.raises(CommandError, match="no business"):
            export("nobody")


def test_the_demo_is_such_a_file(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    for name, value in (("URL", "http://127.0.0.1:3000"), ("KEY", "demo-key"), ("HMAC", "demo-hmac")):
        monkeypatch.setenv(f"FRONTDESK_DEMO_WAHA_{name}", value)
    apply(DEMO)
    assert Tenant.objects.get(slug="aurora").name == "Clínica Aurora"
    assert "nothing to change" in apply(DEMO, check=True)
    exported = yaml.safe_load(export("aurora"))
    assert set(exported) >= {"business", "owner", "assistant", "channels", "knowledge", "credits"}


class TestSpeech:
    HEARING = FILE.replace(
        "    default: true\n",
        "    default: true\n  - name: ears\n    vendor: openai\n    api_key: env:SOL_MODEL_KEY\n"
        "    speech_model: whisper-1\n    reads_images: true\n",
    ).replace("debounce_seconds: 1.5", "debounce_seconds: 1.5\n  debounce_ceiling_seconds: 8")

    def test_a_provider_hears_sees_and_comes_back(self, write):
        apply(write(self.HEARING))
        with schema_context("padaria_sol"):
            ears = ModelProvider.objects.get(name="ears")
            assert (ears.speech_model, ears.sees) == ("whisper-1", True)
            assert Agent.objects.get().published.debounce_ceiling_seconds == 8
        written = export("padaria-sol")
        for words in ("speech_model: whisper-1", "reads_images: true", "debounce_ceiling_seconds: 8.0"):
            assert words in written
        assert "nothing to change" in apply(write(self.HEARING))

    def test_only_one_shape_hears(self, write):
        wrong = self.HEARING.replace("vendor: openai", "vendor: anthropic")
        with pytest.raises(CommandError, match=r"speech_model: only the vendor openai hears voice notes"):
            apply(write(wrong))
