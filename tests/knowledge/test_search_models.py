"""The page and the business file of the search's models: tried first, keys written only, for managers."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django_tenants.utils import schema_context

from knowledge.models import Embedding, Reranker
from tenants.models import AuditEntry
from tests.background import Background
from tests.counterparts.embeddings import KEY, Embeddings

pytestmark = pytest.mark.django_db
PAGE, USE, RANK = "/account/search/", "/account/search/embedding", "/account/search/reranker"


@pytest.fixture(scope="module")
def _vendor() -> Iterator[Embeddings]:
    with Embeddings() as vendor:
        yield vendor


@pytest.fixture
def vendor(_vendor: Embeddings, settings: Any) -> Embeddings:
    _vendor.forget()
    settings.MODEL_PRIVATE_HOSTS = ["*"]
    return _vendor


@pytest.fixture
def browser(alpha: Any, owner: Callable[[Any], Any]) -> Any:
    return owner(alpha)


def typed(vendor: Embeddings, /, **other: str) -> dict[str, str]:
    return {"vendor": "openai", "api_key": KEY, "model": "m", "base_url": f"{vendor.url}/v1"} | other


class TestPage:
    def test_a_model_is_tried_and_nothing_changes(
        self, browser: Any, vendor: Embeddings, in_alpha: Any
    ) -> None:
        answer = browser.post(USE, typed(vendor) | {"test": "1"})
        assert answer.status_code == 200 and "64 " in answer.content.decode()
        assert len(vendor.requests) == 1 and not Embedding.objects.exists()

    def test_a_model_is_used_with_its_progress_and_the_key_is_never_shown(
        self, browser: Any, vendor: Embeddings, in_alpha: Any, background: Background
    ) -> None:
        assert browser.post(USE, typed(vendor, dimensions="32")).status_code == 302
        row = Embedding.objects.get()
        assert (row.status, row.dimensions, row.shortened) == ("building", 32, True)
        assert (
            "embedding_stop" in browser.get(PAGE).content.decode()
            or "/embedding/stop" in browser.get(f"{PAGE}state").content.decode()
        )
        background.run()
        page = browser.get(PAGE).content.decode()
        assert Embedding.objects.get().status == "serving" and "••••" in page
        assert KEY not in page and "openai" in AuditEntry.objects.get(action="embedding.choose").target
        # The key that is there serves for the same vendor and address only.
        assert browser.post(USE, typed(vendor, api_key="")).status_code == 302
        elsewhere = typed(vendor, api_key="", base_url="https://elsewhere.example/v1")
        assert browser.post(USE, elsewhere).status_code == 422

    @pytest.mark.parametrize(
        "wrong",
        [
            {"api_key": "wrong"}, {"api_key": ""}, {"model": "unknown"}, {"model": ""},
            {"dimensions": "4001"}, {"base_url": "x y"}, {"vendor": "other"},
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said_and_nothing_is_lost(
        self, browser: Any, vendor: Embeddings, in_alpha: Any, wrong: dict[str, str]
    ) -> None:
        answer = browser.post(USE, typed(vendor, **wrong))
        assert answer.status_code == 422 and "errorlist" in answer.content.decode()
        assert not Embedding.objects.exists()

    def test_a_failed_change_is_tried_again_or_given_up(
        self, browser: Any, vendor: Embeddings, in_alpha: Any, background: Background
    ) -> None:
        browser.post(USE, typed(vendor))
        Embedding.objects.update(status="failed", problem="so", due_at=None)
        assert "so" in browser.get(f"{PAGE}state").content.decode()
        browser.post(f"{USE}/again")
        assert Embedding.objects.get().status == "building"
        browser.post(f"{USE}/stop")
        assert not Embedding.objects.exists()

    def test_a_reranker_is_tried_kept_and_removed(
        self, browser: Any, vendor: Embeddings, in_alpha: Any
    ) -> None:
        account = typed(vendor, vendor="jina", model="")
        assert browser.post(RANK, account | {"api_key": "wrong"}).status_code == 422
        assert (
            browser.post(RANK, account | {"test": "1"}).status_code == 200 and not Reranker.objects.exists()
        )
        assert browser.post(RANK, account).status_code == 302
        assert Reranker.objects.get().api_key == KEY and KEY not in browser.get(PAGE).content.decode()
        browser.post(RANK, account | {"vendor": ""})
        assert not Reranker.objects.exists()

    @pytest.mark.parametrize("role", ["agent", "viewer", "finance"])
    def test_is_for_managers(
        self, alpha: Any, client_for: Callable[..., Any], member_of: Callable[..., Any], role: str
    ) -> None:
        somebody = client_for(alpha, member_of(alpha, role))
        assert {somebody.get(PAGE).status_code, somebody.post(USE).status_code} == {403}


class TestBusinessFile:
    FILE = """\
business: {{name: Sol, slug: sol}}
owner: {{email: dona@sol.example, password: uma senha longa}}
embedding: {{vendor: openai, base_url: {url}/v1, api_key: env:SOL_KEY, model: {model}}}
reranker: {{vendor: voyage, base_url: {url}/v1, api_key: env:SOL_KEY}}
"""

    @pytest.fixture
    def apply(
        self, vendor: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[str], str]:
        monkeypatch.setenv("SOL_KEY", KEY)

        def run(text: str) -> str:
            path = tmp_path / "business.yaml"
            path.write_text(text)
            out = StringIO()
            call_command("apply", file=path, stdout=out)
            return out.getvalue()

        return run

    def test_is_built_in_the_background_and_again_changes_nothing(
        self, apply: Callable[[str], str], vendor: Embeddings, background: Background
    ) -> None:
        text = self.FILE.format(url=vendor.url, model="m")
        apply(text)
        assert not vendor.requests  # nobody is asked while the file is applied
        with schema_context("sol"):
            background.run()
            row = Embedding.objects.get()
            assert (row.status, row.dimensions, row.shortened) == ("serving", 64, False)
            assert Reranker.objects.get().vendor == "voyage"
        assert "nothing to change" in apply(text)
        out = StringIO()
        call_command("export", "sol", stdout=out)
        written = out.getvalue()
        assert KEY not in written and "env:SOL_KEY" in written and "model: m" in written
        apply(self.FILE.format(url=vendor.url, model="wide").replace("vendor: voyage", "vendor: none"))
        with schema_context("sol"):
            background.run()
            assert Embedding.objects.get().dimensions == 1536 and not Reranker.objects.exists()
        apply("business: {name: Sol, slug: sol}\nembedding: {vendor: local}\n")
        with schema_context("sol"):
            background.run()
            assert not Embedding.objects.exists()
        assert "nothing to change" in apply("business: {name: Sol, slug: sol}\nembedding: {vendor: local}\n")
