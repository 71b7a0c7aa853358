"""Assistant › Models: accounts at vendors, tried before they are used, in words; and a vendor of one file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

import providers
from agents import publishing, replies
from agents.models import Agent, ModelProvider
from conversations.models import Breaker, Turn
from tenants.models import AuditEntry, VendorPrice

PAGE = "/assistant/models/"
NEW = f"{PAGE}new/openai/"
KEY = "sk-secret-of-this-business-4321"

# What is typed otherwise, what the vendor answers, and what the page says.
WRONG: list[tuple[dict[str, str], str, str]] = [
    ({}, "401", "refuses the key"),
    ({}, "402", "no money left"),
    ({}, "spent", "no money left"),
    ({}, "broke", "no money left"),
    ({}, "503", "busy"),
    ({}, "html", "not as a model does"),
    ({}, "moved", "address is not right"),
    ({"base_url": "/v2"}, "", "address is not right"),
    ({"model": "no such model"}, "no model", "no model named “no such model”"),
    ({"base_url": "http://127.0.0.1:9"}, "", "cannot be reached"),
    ({"api_key": "clé-ou-pas"}, "", "refuses the key"),
    ({"api_key": ""}, "", "needs your key"),
    ({"base_url": "x y"}, "", "errorlist"),
]


@pytest.fixture
def browser(shop: Any, client_for: Callable[..., Any], member_of: Callable[..., Any]) -> Any:
    """An owner's; the shop has no account yet."""
    ModelProvider.objects.all().delete()
    return client_for(shop.tenant, member_of(shop.tenant))


def typed(shop: Any, **other: str) -> dict[str, str]:
    return {
        "name": "mine", "api_key": KEY, "model": "some-model", "base_url": f"{shop.models.url}/v1",
        "sees": "", "speech_model": "", "speaking_model": "", "voice": "", "is_default": "on",
    } | other  # fmt: skip


def body(answer: Any) -> str:
    connection.set_tenant(answer.wsgi_request.tenant)
    return str(answer.content.decode())


class TestAccounts:
    def test_is_tried_kept_and_its_key_never_shown(self, shop: Any, browser: Any) -> None:
        everything = typed(shop, speech_model="whisper-1", speaking_model="tts-1", voice="ana")
        page = body(browser.post(NEW, everything | {"test": "1"}))
        assert page.count("It ") >= 3 and not ModelProvider.objects.exists()
        paths = [one["path"] for one in shop.models.requests]
        assert paths == ["/v1/chat/completions", "/v1/audio/transcriptions", "/v1/audio/speech"]
        assert {one["headers"]["authorization"] for one in shop.models.requests} == {f"Bearer {KEY}"}
        assert browser.post(NEW, everything).status_code == 302
        connection.set_tenant(shop.tenant)
        row = ModelProvider.objects.get()
        assert (row.vendor, row.model, row.api_key, row.is_default) == ("openai", "some-model", KEY, True)
        assert (row.speech_model, row.speaking_model, row.voice) == ("whisper-1", "tts-1", "ana")
        shown = body(browser.get(PAGE)) + body(browser.get(f"{PAGE}{row.pk}/"))
        assert "••••4321" in shown and KEY not in shown and "some-model" in shown
        assert "mine" in AuditEntry.objects.get(action="model_provider.keep").target

    def test_what_is_wrong_is_said_in_words_and_nothing_is_lost(self, shop: Any, browser: Any) -> None:
        for change, fault, said in WRONG:
            if change.get("base_url", "").startswith("/"):
                change = {"base_url": shop.models.url + change["base_url"]}
            if fault:
                shop.models.fail_next(fault)
            answer = browser.post(NEW, typed(shop, **change))
            page = body(answer)
            assert answer.status_code == 422 and said in page, (change, fault)
            assert not ModelProvider.objects.exists()
            assert f'value="{change.get("model", "some-model")}"' in page
        assert "Save it all the same" not in page  # what cannot be an address is not even tried
        shop.models.fail_next("503")
        assert "Save it all the same" in body(browser.post(NEW, typed(shop)))
        assert browser.post(NEW, typed(shop) | {"anyway": "1"}).status_code == 302

    def test_a_key_serves_no_other_address_than_its_own(self, shop: Any, browser: Any) -> None:
        browser.post(NEW, typed(shop))
        connection.set_tenant(shop.tenant)
        url = f"{PAGE}{ModelProvider.objects.get().pk}/"
        assert browser.post(url, typed(shop, api_key="", model="other")).status_code == 302
        connection.set_tenant(shop.tenant)
        assert (ModelProvider.objects.get().api_key, ModelProvider.objects.get().model) == (KEY, "other")
        shop.models.requests.clear()
        elsewhere = browser.post(url, typed(shop, api_key="", base_url=f"{shop.models.url}/v1/x"))
        assert "given for another address" in body(elsewhere) and shop.models.requests == []

    def test_a_kept_one_is_tested_made_the_default_and_removed(self, shop: Any, browser: Any) -> None:
        browser.post(NEW, typed(shop))
        browser.post(NEW, typed(shop, name="second", is_default=""))
        connection.set_tenant(shop.tenant)
        first, second = ModelProvider.objects.order_by("pk")
        shop.models.fail_next("401")
        tried = browser.post(reverse("assistant_model_try", args=[first.pk]), headers={"HX-Request": "true"})
        assert "refuses the key" in body(tried) and "<html" not in body(tried)
        assert "It answers" in body(
            browser.post(reverse("assistant_model_try", args=[first.pk]), headers={"HX-Request": "true"})
        )
        browser.post(reverse("assistant_model_default", args=[second.pk]))
        connection.set_tenant(shop.tenant)
        assert list(ModelProvider.objects.filter(is_default=True)) == [second]
        Breaker.objects.create(vendor="second", failures=3, detail="It is away.", opened_at=shop.now())
        assert "It is away." in body(browser.get(PAGE))
        browser.post(reverse("assistant_model_remove", args=[first.pk]))
        connection.set_tenant(shop.tenant)
        assert list(ModelProvider.objects.all()) == [second]

    def test_a_name_that_a_version_names_stays(self, shop: Any, browser: Any) -> None:
        browser.post(NEW, typed(shop))
        connection.set_tenant(shop.tenant)
        agent = Agent.objects.order_by("pk")[0]
        tiers = {"premium": {"provider": "mine"}}
        publishing.publish_at_once(agent, content={"tiers": tiers}, user=None, now=shop.now())
        url = f"{PAGE}{ModelProvider.objects.get().pk}/"
        answer = browser.post(url, typed(shop, name="other"))
        assert answer.status_code == 422 and "premium" in body(answer)

    def test_is_for_managers(self, shop: Any, client_for: Any, member_of: Any) -> None:
        for role in ("agent", "viewer", "finance"):
            client = client_for(shop.tenant, member_of(shop.tenant, role))
            assert [client.get(url).status_code for url in (PAGE, NEW)] == [403, 403], role

    def test_an_unknown_vendor_has_no_page(self, browser: Any) -> None:
        assert browser.get(f"{PAGE}new/oracle/").status_code == 404
        assert browser.get(f"{PAGE}new/voyage/").status_code == 404  # it neither answers, hears nor speaks


class TestMonth:
    def test_says_what_was_saved_and_what_vendors_took(self, shop: Any, browser: Any) -> None:
        ModelProvider.objects.create(name="vendor", vendor="openai", model="m", api_key="k", is_default=True)
        VendorPrice.objects.create(
            price_list="openai", model="m", effective_from="2020-01-01T00:00Z", input_per_million=500_000,
            output_per_million=2_500_000,
        )  # fmt: skip
        shop.say("Oi")
        shop.work()
        turn = Turn.objects.get()
        done = {"status": "done", "vendor": "openai", "cache_read_tokens": 25, "input_tokens": 75}
        Turn.objects.update(**done, provider_cost=3_500_000)
        for _ in range(3):
            turn.pk, turn.cached, turn.provider_cost, turn.provider_saved = None, True, 0, 1_250_000
            turn.status, turn.vendor, turn.hold, turn.input_tokens = "done", "openai", None, 0
            turn.cache_read_tokens = 0
            turn.save(force_insert=True)
        page = body(browser.get(PAGE))
        for said in ("75 %", "3 answers", "US$ 3.75", "US$ 3.50", "25 %", "US$ 0.50", "US$ 2.50"):
            assert said in page, said


class TestWhoPays:
    """A business that brought a key is never answered with the installation's."""

    @pytest.fixture
    def ours(self, shop: Any, settings: Any, monkeypatch: Any) -> Any:
        """The installation has keys of its own, in its settings and in its environment."""
        settings.ANTHROPIC_API_KEY = settings.OPENAI_API_KEY = "ours"
        settings.ANTHROPIC_BASE_URL = shop.models.url
        settings.OPENAI_BASE_URL = f"{shop.models.url}/v1"
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY", "ELEVENLABS_API_KEY"):
            monkeypatch.setenv(name, "ours")
        return shop

    @pytest.mark.parametrize(
        "tiers",
        [
            {},
            {"fast": {"model": "x"}, "balanced": {"provider": "vendor"}, "premium": {"model": "y"}},
            {"balanced": {"provider": "was removed", "model": "z"}},
        ],
    )
    @pytest.mark.parametrize("is_default", [True, False])
    def test_not_even_when_its_own_fails(self, ours: Any, tiers: dict[str, Any], is_default: bool) -> None:
        ModelProvider.objects.update(is_default=is_default)
        agent = Agent.objects.order_by("pk")[0]
        publishing.publish_at_once(agent, content={"tiers": tiers}, user=None, now=ours.now())
        ours.models.fail_next("500", times=2)
        ours.say("Quanto custa?")
        ours.work()
        ours.later()
        assert ours.models.requests
        assert {one["headers"]["authorization"] for one in ours.models.requests} == {"Bearer tenant key"}

    def test_a_tier_of_a_removed_account_gets_the_others_own_model(self, ours: Any) -> None:
        version = Agent.objects.order_by("pk")[0].published
        version.tiers = {"balanced": {"provider": "was removed", "model": "z"}}
        assert replies.speaker_for(version, "balanced").model == "m"

    def test_without_a_key_of_its_own_ours_answers(self, ours: Any) -> None:
        ModelProvider.objects.all().delete()
        ours.say("Quanto custa?")
        ours.work()
        assert ours.models.requests[0]["headers"]["authorization"] == "Bearer ours"


ACME = '''
"""A vendor that this installation has added itself."""

from providers.llm import Citation, Completion, Usage
from providers.registry import Vendor


class Acme:
    def __init__(self, *, api_key, base_url, headers=(), allow_private=None):
        self.account = {"api_key": api_key, "allow_private": allow_private}
        self.url = base_url

    def complete(self, request):
        from providers import json_http

        asked = {"model": request.model, "messages": [{"role": "user", "content": request.question}]}
        url = f"{self.url}/chat/completions"
        answer = json_http.post(url, asked, seconds=request.timeout, **self.account)
        text = answer["choices"][0]["message"]["content"]
        used = answer["usage"]
        usage = Usage(input_tokens=used["prompt_tokens"], output_tokens=used["completion_tokens"])
        cited = (Citation(0, ""),) if request.passages else ()
        return Completion(f"Acme: {text}", usage, request.model, cited)


VENDOR = Vendor(name="acme", label="Acme", llm=Acme, usual={"llm": "acme-1"}, price_lists={"": "acme"})
'''


class TestAddingAVendor:
    @pytest.fixture
    def acme(self, tmp_path: Path, monkeypatch: Any) -> Any:
        """One more file in the folder, and nothing else."""
        (tmp_path / "vendor_acme.py").write_text(ACME)
        monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
        yield
        sys.modules.pop("providers.vendor_acme", None)

    def test_one_file_is_offered_tried_and_answers_customers(
        self, shop: Any, browser: Any, acme: Any
    ) -> None:
        page = body(browser.get(PAGE))
        assert "Acme" in page and f"{PAGE}new/acme/" in page
        form = body(browser.get(f"{PAGE}new/acme/"))
        assert "acme-1" in form and 'name="model"' in form
        assert 'name="speech_model"' not in form and 'name="voice"' not in form
        account = {"name": "", "api_key": KEY, "base_url": f"{shop.models.url}/v1", "is_default": "on"}
        shop.models.fail_next("401")
        assert "refuses the key" in body(browser.post(f"{PAGE}new/acme/", account))
        assert browser.post(f"{PAGE}new/acme/", account).status_code == 302
        connection.set_tenant(shop.tenant)
        assert ModelProvider.objects.get().get_vendor_display() == "Acme"
        shop.models.requests.clear()
        shop.models.answer_with("Das 8h às 18h.")
        shop.say("Que horas abrem?")
        shop.work()
        assert shop.texts() == ["Acme: Das 8h às 18h."]
        turn = Turn.objects.get()
        assert (turn.vendor, turn.model, turn.status) == ("acme", "acme-1", "done")
        assert shop.models.requests[0]["headers"]["authorization"] == f"Bearer {KEY}"
