"""The settings of the web chat: made and changed on its page, and by the business file."""

from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from django_tenants.utils import schema_context

from conversations import web_chat
from conversations.models import Channel
from tenants.models import AuditEntry, WebhookRoute

pytestmark = pytest.mark.django_db
LOOK = {
    "domains": "https://www.Shop.example/a\n*.shop.example",
    "title": "Ask us",
    "greeting": "Hello",
    "colour": "#aa3300",
    "theme": "dark",
    "position": "left",
    "language": "fr",
    "remember_days": "7",
}
FILE = """
business: {{name: Sol, slug: sol-site, language: en}}
owner: {{email: dona@sol.example, password: uma senha longa}}
channels:
  - name: Site
    kind: web
    domains: [{domain}]
    colour: "#aa3300"
"""


@pytest.fixture
def owner(alpha: Any, client_for: Any, member_of: Any) -> Client:
    return client_for(alpha, member_of(alpha))


@pytest.fixture
def made(owner: Client, alpha: Any) -> Channel:
    """A chat that the owner has made on the page."""
    response = owner.post("/account/web-chat/new", LOOK | {"name": "Site"})
    with schema_context(alpha.schema_name):
        channel = Channel.objects.get(kind="web")
    assert response["Location"] == f"/account/web-chat/{channel.pk}"
    return channel


class TestPage:
    def test_a_chat_is_made_with_its_door(self, made, alpha):
        assert WebhookRoute.objects.get(pk=made.pk).tenant == alpha
        place = web_chat.find(str(made.pk))
        assert place.widget.domains == ["www.shop.example", "*.shop.example"]
        assert place.widget.look(title=place.title)["title"] == "Ask us"
        assert AuditEntry.objects.filter(action="channel.add", target=str(made.pk)).exists()

    def test_its_line_is_shown_and_not_run(self, made, owner):
        page = owner.get(f"/account/web-chat/{made.pk}").content.decode()
        assert f"&quot; data-channel=&quot;{made.pk}&quot; defer&gt;&lt;/script&gt;" in page
        assert f'data-channel="{made.pk}"' not in page

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("domains", "no domain!"),
            ("domains", "http://"),
            ("domains", "\n".join(f"a{n}.example" for n in range(51))),
            ("colour", "red"),
            ("colour", "#12345"),
            ("theme", "pink"),
            ("remember_days", "0"),
            ("greeting", "x" * 301),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_changes(self, made, owner, alpha, field, value):
        response = owner.post(f"/account/web-chat/{made.pk}", LOOK | {field: value})
        assert response.status_code == 422
        with schema_context(alpha.schema_name):
            assert Channel.objects.get(pk=made.pk).widget == made.widget

    def test_a_change_is_kept(self, made, owner, alpha):
        assert owner.post(f"/account/web-chat/{made.pk}", LOOK | {"title": ""}).status_code == 302
        place = web_chat.find(str(made.pk))
        assert place.widget.look(title=place.title)["title"] == "Alpha Clinic"

    def test_a_name_is_one_channels(self, made, owner):
        assert owner.post("/account/web-chat/new", LOOK | {"name": "Site"}).status_code == 422

    def test_without_a_site_in_production_the_page_says_so(self, made, owner, settings):
        settings.WEB_CHAT_ANY_ORIGIN = False
        owner.post(f"/account/web-chat/{made.pk}", LOOK | {"domains": ""})
        assert "shows itself nowhere" in owner.get(f"/account/web-chat/{made.pk}").content.decode()

    def test_there_is_a_page_to_try_it(self, made, owner):
        page = owner.get("/widget-demo", follow=True).content.decode()
        assert f'data-channel="{made.pk}"' in page and "/widget.js" in page
        made.delete()
        assert owner.get("/widget-demo")["location"] == "/account/web-chat/new"


class TestBusinessFile:
    def apply(self, tmp_path: Any, domain: str) -> str:
        path, said = tmp_path / "business.yaml", StringIO()
        path.write_text(FILE.format(domain=domain))
        call_command("apply", file=path, json=True, stdout=said, stderr=said)
        return said.getvalue()

    def test_a_chat_comes_from_the_file_and_goes_back_into_one(self, tmp_path):
        said = self.apply(tmp_path, "Shop.example")
        with schema_context("sol_site"):
            channel = Channel.objects.get(kind="web")
        assert f'data-channel=\\"{channel.pk}\\"' in said and "webhook_url" not in said
        assert web_chat.find(str(channel.pk)).widget.domains == ["shop.example"]
        self.apply(tmp_path, "other.example")
        with schema_context("sol_site"):
            assert Channel.objects.get(kind="web").pk == channel.pk
        out = StringIO()
        call_command("export", "sol-site", stdout=out)
        (written,) = yaml.safe_load(out.getvalue())["channels"]
        assert written["kind"] == "web" and written["domains"] == ["other.example"]
        assert written["colour"] == "#aa3300"

    def test_a_wrong_domain_is_named_by_its_line(self, tmp_path):
        with pytest.raises(CommandError, match=r"business.yaml:7: channels\[0\].domains\[0\]: is no domain"):
            self.apply(tmp_path, "not+a+domain")
