"""Assistant › Teach › Sources through the browser: the list, texts, pairs, and whom it all is for."""

import io
import re
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent
from knowledge.models import Chunk, Document, Source

TEXT = {"title": "Regras", "text": "# Piscina\n\nA piscina abre das 8h às 20h.", "audience": "customers"}


@pytest.fixture
def browser(alpha: Any, owner: Any) -> Any:
    return owner(alpha)


@pytest.fixture
def read(alpha: Any, background: Any) -> Any:
    """Everything that waits is read."""

    def run() -> None:
        with schema_context(alpha.schema_name):
            background.run()

    return run


def write(browser: Any, **changed: Any) -> Any:
    return browser.post("/assistant/add/text", TEXT | changed)


def pairs_of(*rows: tuple[str, str], title: str = "Perguntas", **more: Any) -> dict[str, Any]:
    typed = {"question": [q for q, _a in rows], "answer": [a for _q, a in rows], "line": ["0"] * len(rows)}
    return {"title": title, "audience": "customers", **typed, **more}


def make(count: int, **more: Any) -> list[Document]:
    rows = [
        Document(title=f"lista {n}.md", bytes=10, sha256=f"{n:064}", status="ready", chunk_count=3, **more)
        for n in range(count)
    ]
    return Document.objects.bulk_create(rows)


class TestText:
    def test_is_written_read_and_changed_under_its_name(self, browser: Any, read: Any, in_alpha: Any) -> None:
        assert write(browser).status_code == 302
        read()
        document = Document.objects.get()
        assert (document.form, document.status, document.title) == ("text", "ready", "Regras")
        page = browser.get(f"/assistant/texts/{document.pk}").content.decode()
        assert "A piscina abre das 8h às 20h." in page
        changed = TEXT | {
            "title": "Regras/2027",
            "text": "A piscina abre das 9h às 20h.",
            "audience": "staff",
        }
        assert browser.post(f"/assistant/texts/{document.pk}", changed).status_code == 302
        read()
        assert Document.objects.get().title == "Regras-2027"
        assert Chunk.objects.values_list("text", "audience").get() == (
            "A piscina abre das 9h às 20h.",
            "staff",
        )

    def test_what_is_wrong_is_said_and_nothing_typed_is_lost(self, browser: Any, in_alpha: Any) -> None:
        write(browser)
        for changed, words in [
            ({"text": "Outro texto."}, "Another document has this name."),
            ({"title": " "}, "required"),
            ({"text": " ", "title": "Novo"}, "required"),
        ]:
            answer = write(browser, **changed)
            page = answer.content.decode()
            assert answer.status_code == 422 and words in page and changed.get("text", "20h") in page
        assert Document.objects.count() == 1


class TestPairs:
    def test_each_pair_is_a_passage_with_its_question(self, browser: Any, read: Any, in_alpha: Any) -> None:
        typed = pairs_of(("Abrem hoje?", "Sim."), ("", ""), ("Tem estacionamento?", "Temos dez vagas."))
        assert browser.post("/assistant/add/pairs", typed).status_code == 302
        read()
        document = Document.objects.get()
        assert (document.form, document.status, document.chunk_count) == ("pairs", "ready", 2)
        rows = Chunk.objects.order_by("position").values_list("heading", "text")
        assert list(rows) == [(["Abrem hoje?"], "Sim."), (["Tem estacionamento?"], "Temos dez vagas.")]

    def test_a_changed_pair_alone_is_embedded_again(
        self, browser: Any, read: Any, in_alpha: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser.post("/assistant/add/pairs", pairs_of(("Abrem hoje?", "Sim."), ("Tem wi-fi?", "Tem.")))
        read()
        document = Document.objects.get()
        url, version = f"/assistant/pairs/{document.pk}", document.sha256
        told = embedded(monkeypatch)
        changed = pairs_of(("Abrem hoje?", "Sim."), ("Tem wi-fi?", "Tem, e de graça."), version=version)
        assert browser.post(url, changed | {"page": "1"}).status_code == 302
        read()
        assert told == ["Tem wi-fi?\nTem, e de graça."]
        again = browser.post(url, changed | {"page": "1"})
        assert again.status_code == 422 and "Somebody changed this list" in again.content.decode()

    def test_what_is_wrong_stands_beside_its_pair(self, browser: Any, in_alpha: Any) -> None:
        typed = pairs_of(("Abrem hoje?", "Sim."), ("Sem resposta?", ""), ("abrem HOJE", "Não."))
        answer = browser.post("/assistant/add/pairs", typed)
        page = answer.content.decode()
        assert answer.status_code == 422 and not Document.objects.exists()
        assert "The answer is missing." in page and "another answer in line 1" in page
        assert all(words in page for words in ("Sem resposta?", "Não.", "Abrem hoje?"))

    def test_a_page_of_a_long_list_is_changed_in_its_place(self, browser: Any, in_alpha: Any) -> None:
        rows = [(f"Pergunta {n}?", f"Resposta {n}.") for n in range(90)]
        browser.post("/assistant/add/pairs", pairs_of(*rows[:90]))
        document = Document.objects.get()
        url = f"/assistant/pairs/{document.pk}"
        second = [(q, a.replace("50", "cinquenta")) for q, a in rows[40:80] if q != "Pergunta 41?"]
        typed = pairs_of(*second, version=document.sha256, page="2")
        assert browser.post(url, typed).status_code == 302
        from knowledge import pairs

        kept = pairs.of(Document.objects.get())
        assert (
            len(kept) == 89 and kept[49].answer == "Resposta cinquenta." and kept[88].question == rows[89][0]
        )
        elsewhere = pairs_of(("Pergunta 3?", "Outra."), version=Document.objects.get().sha256, page="2")
        assert "on another page" in browser.post(url, elsewhere).content.decode()


class TestImport:
    CSV = "Pergunta;Resposta\nAbrem hoje?;Sim.\nSem resposta?;\nTem wi-fi?;Tem.\nAbrem hoje;Sim.\n"

    def preview(self, browser: Any, csv: str = CSV, **more: Any) -> Any:
        file = io.BytesIO(csv.encode())
        file.name = "faq loja.csv"
        return browser.post("/assistant/add/pairs/import", {"file": file, **more})

    def carried(self, page: str) -> str:
        import html

        found = re.search(r'name="read"\s+value="([^"]*)"', page)
        assert found
        return html.unescape(found[1])

    def test_shows_first_and_keeps_what_was_mended(self, browser: Any, in_alpha: Any) -> None:
        page = self.preview(browser).content.decode()
        assert "2 pairs read" in page and "1 line needs you" in page and "1 said the same twice" in page
        assert "Line 3:" in page and "faq loja" in page and not Document.objects.exists()
        carried = {"read": self.carried(page)}
        still = browser.post(
            "/assistant/add/pairs/import", pairs_of(("Sem resposta?", ""), title="", **carried)
        )
        assert still.status_code == 422 and "Sem resposta?" in still.content.decode()
        carried = {"read": self.carried(still.content.decode())}
        mended = pairs_of(("Sem resposta?", "Agora tem."), title="FAQ", **carried)
        assert browser.post("/assistant/add/pairs/import", mended).status_code == 302
        from knowledge import pairs

        assert [pair.question for pair in pairs.of(Document.objects.get())] == [
            "Abrem hoje?", "Tem wi-fi?", "Sem resposta?",
        ]  # fmt: skip

    def test_may_leave_the_bad_lines_and_adds_to_a_list(self, browser: Any, in_alpha: Any) -> None:
        browser.post("/assistant/add/pairs", pairs_of(("Abrem hoje", "Não."), ("Onde?", "Aqui.")))
        into = Document.objects.get().pk
        page = self.preview(browser, into=into).content.decode()
        assert "1 gets a new answer" in page
        typed = pairs_of(("Sem resposta?", ""), into=into, leave="1", read=self.carried(page))
        assert browser.post("/assistant/add/pairs/import", typed).status_code == 302
        from knowledge import pairs

        kept = {pair.question: pair.answer for pair in pairs.of(Document.objects.get())}
        assert kept == {"Abrem hoje?": "Sim.", "Onde?": "Aqui.", "Tem wi-fi?": "Tem."}

    @pytest.mark.parametrize("csv,words", [("só uma coluna\n", "only one column"), ("", "Choose a file")])
    def test_what_is_no_list_is_said(self, browser: Any, in_alpha: Any, csv: str, words: str) -> None:
        answer = self.preview(browser, csv) if csv else browser.post("/assistant/add/pairs/import")
        assert answer.status_code == 422 and words in answer.content.decode()

    def test_what_was_tampered_with_is_no_error_of_ours(self, browser: Any, in_alpha: Any) -> None:
        for read in ("{", "[1]", '[["a"]]', "[" * 5000, "null"):
            answer = browser.post("/assistant/add/pairs/import", pairs_of(read=read))
            assert answer.status_code == 422


class TestList:
    def test_is_searched_filtered_and_turned(self, browser: Any, in_alpha: Any) -> None:
        make(30)
        Document.objects.filter(title="lista 7.md").update(status="failed", problem="scanned")
        source = Source.objects.create(
            kind="site", title="Site", address="https://padaria.example/", status="ready"
        )
        make(1, source=source, key="https://padaria.example/cardapio")
        Document.objects.filter(source=source).update(title="Cardápio de outono", status="review")
        first = browser.get("/assistant/").content.decode()
        assert "1 / 2" in first and "padaria.example" in first and first.count('id="document-') == 24
        assert browser.get("/assistant/?page=2").content.decode().count('id="document-') == 6
        found = browser.get("/assistant/?q=outono").content.decode()
        assert f'id="source-{source.pk}"' in found and "lista" not in found
        attention = browser.get("/assistant/?state=attention").content.decode()
        assert "lista 7.md" in attention and "Scan it anew" in attention and "lista 8.md" not in attention
        assert f'id="source-{source.pk}"' in browser.get("/assistant/?state=review").content.decode()
        assert "Nothing fits" in browser.get("/assistant/?q=nada").content.decode()
        for odd in ("?page=x", "?open=x", "?state=x", "?q=%00", "?inside=-1", f"?open={10**30}"):
            assert browser.get(f"/assistant/{odd}").status_code == 200

    def test_a_place_folds_out_and_stays_so_when_something_changes(self, browser: Any, in_alpha: Any) -> None:
        source = Source.objects.create(
            kind="site", title="Site", address="https://padaria.example/", status="ready"
        )
        for n in range(20):
            make(1, source=source, key=f"/{n}")
        Document.objects.filter(source=source).update(credits=2)
        Document.objects.filter(source=source, key="/3").update(status="reading", pages=40, pages_done=12)
        shut = browser.get("/assistant/").content.decode()
        assert "19 of 20 pages" in shut and "40 credits" in shut and shut.count('id="document-') == 0
        opened = browser.get(f"/assistant/?open={source.pk}").content.decode()
        assert opened.count('id="document-') == 15 and "1 / 2" in opened
        assert f'hx-get="/assistant/?open={source.pk}"' in opened and "reading page 12 of 40" in opened
        more = browser.get(f"/assistant/?open={source.pk}&inside=2").content.decode()
        assert more.count('id="document-') == 5

    def test_costs_the_same_queries_however_long(
        self, browser: Any, in_alpha: Any, django_assert_max_num_queries: Any
    ) -> None:
        for n in range(10):
            source = Source.objects.create(kind="page", title=f"S{n}", address=f"https://a.example/{n}")
            make(1, source=source, key="x")
        make(15)
        with django_assert_max_num_queries(17):
            browser.get("/assistant/")

    @pytest.mark.parametrize("role", ["viewer", "finance", "agent"])
    def test_others_look_and_change_nothing(
        self, role: str, alpha: Any, in_alpha: Any, client_for: Any, member_of: Any
    ) -> None:
        source = Source.objects.create(kind="site", title="Site", address="https://padaria.example/")
        (document,) = make(1, form="text")
        browser = client_for(alpha, member_of(alpha, role))
        page = browser.get("/assistant/").content.decode()
        assert "Site" in page and "<form" not in page.split('id="shelf"')[1]
        for path in ("add/site", "add/text", "add/pairs", "add/pairs/import", f"sources/{source.pk}",
                     f"texts/{document.pk}", f"documents/{document.pk}/reach"):  # fmt: skip
            assert browser.get(f"/assistant/{path}").status_code == 403
        for verb in ("refresh", "pause", "remove"):
            assert browser.post(f"/assistant/sources/{source.pk}/{verb}").status_code == 403


class TestWhom:
    def test_a_document_is_for_staff_or_for_one_assistant(self, browser: Any, in_alpha: Any) -> None:
        (document,) = make(1)
        piece = {"text": "x", "language": "pt", "embedding": [1.0], "embedding_model": "m"}
        Chunk.objects.create(document=document, position=0, **piece)
        url = f"/assistant/documents/{document.pk}/reach"
        agents = [
            Agent.objects.first() or Agent.objects.create(name="Ana"),
            Agent.objects.create(name="Beto"),
        ]
        assert "Beto" in browser.get(url).content.decode()
        chosen = {"audience": "staff", "agent_ids": [agents[1].pk]}
        assert browser.post(url, chosen).status_code == 302
        for kept in (Document.objects.get(), Chunk.objects.get()):
            assert (kept.audience, kept.agent_ids) == ("staff", [agents[1].pk])
        page = browser.get("/assistant/").content.decode()
        assert "staff only" in page and "only Beto" in page
        Agent.objects.filter(pk=agents[1].pk).delete()
        assert "an assistant that is gone" in browser.get(url).content.decode()
        assert browser.post(url, chosen | {"agent_ids": [99]}).status_code == 422

    def test_a_place_is_so_with_everything_in_it(self, browser: Any, in_alpha: Any) -> None:
        source = Source.objects.create(
            kind="page", title="P", address="https://a.example/", status="ready", refreshed_at=timezone.now()
        )
        make(1, source=source, key="x")
        typed = {"title": "Página", "refresh_hours": "0", "audience": "staff"}
        assert browser.post(f"/assistant/sources/{source.pk}", typed).status_code == 302
        source.refresh_from_db()
        assert (source.title, source.refresh_hours, source.audience) == ("Página", 0, "staff")
        assert Document.objects.get().audience == "staff" and source.due_at is None


def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are embedded from now on."""
    from knowledge import embeddings

    told: list[str] = []
    known = embeddings.passages

    def heard(texts: Any, *args: Any, **kwargs: Any) -> Any:
        told.extend(texts)
        return known(texts, *args, **kwargs)

    monkeypatch.setattr(embeddings, "passages", heard)
    return told
