"""From the front page to one's own business: sign up, confirm, watch it being made, come in."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django_tenants.utils import schema_context

from agents import scenario_blueprint
from agents.models import Agent
from knowledge.models import Document
from tenants.models import Membership, SignUp, Tenant, User

pytestmark = pytest.mark.django_db
FORM = {"email": "ana@flor.example", "password1": "pass word 1 long", "business": "Flor & Cia", "slug": ""}


@pytest.fixture(autouse=True)
def _no_limits_of_the_last_test():
    cache.clear()


@pytest.fixture
def front(client_for):
    """A browser at the installation's own host."""
    return client_for(None)


def link_in(message: mail.EmailMessage) -> str:
    found = re.search(r"http://[^/\s]+(/\S+)", str(message.body))
    assert found
    return found.group(1)


class TestSignUp:
    def test_leads_to_the_business(self, front, client_for, background):
        assert front.post("/accounts/signup/", FORM).status_code == 302
        assert not Tenant.objects.filter(slug="flor-cia").exists()
        confirmation = link_in(mail.outbox[0])
        assert front.get(confirmation).status_code == 200
        answer = front.post(confirmation)
        assert answer["Location"] == "/creating/"
        assert "hx-get" in front.get("/creating/").content.decode()
        assert background.names() == ["tenants.provisioning.make"]
        background.run()
        progress = front.get("/creating/progress", headers={"HX-Request": "true"})
        ticket = front.get(progress["HX-Redirect"])["Location"]
        assert ticket.startswith("http://flor-cia.localhost:8000/enter/")
        browser = client_for(Tenant.objects.get(slug="flor-cia"))
        path = ticket.partition(":8000")[2]
        assert browser.get(path)["Location"] == "/welcome/"
        assert browser.get("/welcome/").status_code == 200
        assert Membership.objects.get(user__email="ana@flor.example").role == "owner"

    def test_somebody_who_is_signed_in_makes_another(self, front, alpha, member_of, background):
        front.force_login(member_of(alpha), backend="django.contrib.auth.backends.ModelBackend")
        assert front.get("/new/").status_code == 200
        assert front.post("/new/", {"business": "Flor", "slug": "alpha"}).status_code == 422
        assert front.post("/new/", {"business": "Flor 24"})["Location"] == "/creating/"
        background.run()
        assert front.get("/").content.decode().count("/enter/flor-24/") == 1

    def test_begins_with_a_blueprint(self, front, background, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path
        assert "Parish" in front.get("/").content.decode()
        page = front.get("/accounts/signup/?blueprint=parish").content.decode()
        assert re.search(r'value="parish"[^>]*checked', page)
        front.post("/accounts/signup/", FORM | {"blueprint": "parish"})
        front.post(link_in(mail.outbox[0]))
        background.run_one()
        assert "example documents" in front.get("/creating/progress").content.decode()
        tenant = Tenant.objects.get(slug="flor-cia")
        assert (tenant.language, tenant.timezone) == ("fr", "Europe/Paris")
        with schema_context("flor_cia"):
            assert Agent.objects.get().name == "Claire"
            assert set(Document.objects.values_list("status", flat=True)) == {"waiting"}
        assert background.names().count("knowledge.indexing.index") == 6

    def test_a_blueprint_that_fails_leaves_no_business(
        self, front, background, settings, tmp_path, monkeypatch
    ):
        settings.MEDIA_ROOT = tmp_path
        front.post("/accounts/signup/", FORM | {"blueprint": "sales"})
        front.post(link_in(mail.outbox[0]))
        monkeypatch.setattr(scenario_blueprint, "_agent", lambda name: None)
        background.run_one()
        assert not Tenant.objects.filter(slug="flor-cia").exists()
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
        assert SignUp.objects.get().attempts == 1

    def test_a_blueprint_that_is_none_is_told(self, front):
        answer = front.post("/accounts/signup/", FORM | {"blueprint": "bakery"})
        assert answer.status_code == 200 and answer.context["form"].errors["blueprint"]

    def test_unconfirmed_makes_nothing(self, front, background):
        front.post("/accounts/signup/", FORM)
        assert background.run() == 0
        assert SignUp.objects.get().status == "unconfirmed"

    @pytest.mark.parametrize("slug", ["alpha", "www", "pg_x", "Ünï"])
    def test_a_bad_address_is_told(self, front, slug):
        answer = front.post("/accounts/signup/", FORM | {"slug": slug})
        assert answer.status_code == 200
        assert answer.context["form"].errors["slug"]
        assert not User.objects.filter(email="ana@flor.example").exists()

    def test_a_failure_is_shown_and_tried_again(self, front, background):
        front.post("/accounts/signup/", FORM)
        SignUp.objects.update(timezone="Mars/Base")
        front.post(link_in(mail.outbox[0]))
        background.run()
        assert "try again" in front.get("/creating/progress").content.decode()
        SignUp.objects.update(timezone="UTC")
        front.post("/creating/")
        background.run()
        assert Tenant.objects.filter(slug="flor-cia").exists()

    def test_the_link_is_at_hand_in_development_only(self, front, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
        settings.EMAIL_FILE_PATH = settings.DATA / "mail"
        page = front.post("/accounts/signup/", FORM, follow=True).content.decode()
        assert "/accounts/confirm-email/" in page
        settings.PUBLIC_SCHEME = "https"
        assert "/accounts/confirm-email/" not in front.get("/accounts/confirm-email/").content.decode()

    def test_an_address_that_is_known_is_not_told(self, front, member_of, alpha):
        member_of(alpha, email="ana@flor.example")
        first = front.post("/accounts/signup/", FORM)
        assert first.status_code == 302
        assert SignUp.objects.count() == 0

    def test_the_second_factor_can_be_set_up(self, front, member_of, alpha):
        front.force_login(member_of(alpha), backend="django.contrib.auth.backends.ModelBackend")
        assert front.get("/accounts/2fa/").status_code == 200


class TestTeam:
    def test_an_invited_person_signs_up_and_joins(self, alpha, member_of, client_for, background):
        owner = client_for(alpha, member_of(alpha))
        owner.post("/account/team/invite", {"email": "new@x.example", "role": "agent"})
        join = link_in(mail.outbox[0])
        guest = client_for(alpha)
        assert guest.get(join).status_code == 200
        assert guest.get("/accounts/signup/?next=/join/wrong/").context.get("form") is None
        form = {"email": "new@x.example", "password1": "pass word 1 long", "next": join}
        assert guest.post("/accounts/signup/", form).status_code == 302
        guest.post(link_in(mail.outbox[1]))
        user = User.objects.get(email="new@x.example")
        guest.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        assert guest.get("/chats/").status_code == 404
        guest.post(join)
        assert guest.get("/chats/").status_code == 200
        assert Membership.objects.get(user=user).role == "agent"
        assert SignUp.objects.count() == 0
