"""Google Drive folders and Baserow tables as sources: added on the page, read by tasks, kept up to date."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from knowledge import sources
from knowledge.models import Chunk, Document, Source
from tests.counterparts.baserow import Server
from tests.counterparts.google_drive import EMAIL, Google
from tests.knowledge.test_sources_pages import embedded

FOLDER = "folder-0001"


@pytest.fixture
def browser(alpha: Any, owner: Any) -> Any:
    return owner(alpha)


@pytest.fixture
def google(settings: Any) -> Iterator[Google]:
    with Google() as server:
        settings.GOOGLE_API_URL = server.url
        server.folder(FOLDER, "Preços")
        server.put("regras", "regras.md", b"A piscina abre das 8h.", parent=FOLDER)
        yield server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.fill(
            ["Prato", "Preço", "Serve", "Alergênicos"],
            ["Moqueca", "62.00", 2, [{"id": 1, "value": "peixe"}, {"id": 2, "value": "coentro"}]],
            ["Feijoada", {"id": 4, "value": "45", "color": "red"}, None, []],
        )
        yield running


def drive_form(google: Google, **changed: Any) -> dict[str, Any]:
    typed = {
        "address": f"https://drive.google.com/drive/folders/{FOLDER}?usp=sharing", "secret": google.key(),
        "title": "Pasta", "refresh_hours": "24", "audience": "customers",
    }  # fmt: skip
    return typed | changed


def baserow_form(server: Server, **changed: Any) -> dict[str, Any]:
    typed = {
        "address": server.link, "secret": server.app.token, "title": "Pratos", "refresh_hours": "6",
        "audience": "customers",
    }  # fmt: skip
    return typed | changed


def look_again(background: Any) -> Source:
    """As when a person asks; everything that follows is done."""
    source = Source.objects.get()
    assert sources.refresh(source.pk, now=timezone.now())
    background.run()
    source.refresh_from_db()
    return source


class TestDrive:
    def test_a_folder_is_read_changed_and_emptied(
        self, browser: Any, google: Google, in_alpha: Any, background: Any
    ) -> None:
        google.put("video", "festa.mp4", b"mp4", mimetype="video/mp4", parent=FOLDER)
        assert browser.post("/assistant/add/drive", drive_form(google)).status_code == 302
        background.run()
        source = Source.objects.get()
        assert (source.status, source.address, source.options) == ("ready", FOLDER, {"account": EMAIL})
        assert "festa.mp4" in source.problem and google.downloads() == ["regras"]
        assert Chunk.objects.get().text == "A piscina abre das 8h."
        look_again(background)
        assert google.downloads() == ["regras"]
        google.put("regras", "normas.md", b"A piscina abre das 9h.", parent=FOLDER)
        look_again(background)
        assert (Document.objects.get().title, Chunk.objects.get().text) == (
            "normas.md",
            "A piscina abre das 9h.",
        )
        del google.app.files["regras"]
        google.put("outro", "outro.txt", b"Aceitamos Pix.", parent=FOLDER)
        look_again(background)
        assert dict(Document.objects.values_list("key", "status")) == {"regras": "retired", "outro": "ready"}
        assert Chunk.objects.get().text == "Aceitamos Pix."

    def test_what_is_wrong_is_said_and_nothing_is_retired(
        self, browser: Any, google: Google, in_alpha: Any, background: Any
    ) -> None:
        browser.post("/assistant/add/drive", drive_form(google))
        background.run()
        google.app.shared.clear()
        source = look_again(background)
        assert source.status == "failed" and EMAIL in source.problem and "Share it" in source.problem
        google.app.is_revoked = True
        assert "refused the key" in look_again(background).problem
        assert Document.objects.get().status == "ready" and Chunk.objects.count() == 1
        page = browser.get("/assistant/").content.decode()
        assert "needs attention" in page and "refused the key" in page

    def test_a_huge_file_is_named_and_the_others_are_read(
        self, browser: Any, google: Google, in_alpha: Any, background: Any, settings: Any
    ) -> None:
        settings.DOCUMENT_MAX_BYTES = 1000
        google.put("livro", "livro.txt", b"x" * 5000, parent=FOLDER)
        browser.post("/assistant/add/drive", drive_form(google))
        background.run()
        source = Source.objects.get()
        assert source.status == "ready" and "“livro.txt” is too large" in source.problem
        assert list(Document.objects.values_list("key", flat=True)) == ["regras"]

    def test_is_tried_before_it_is_kept(self, browser: Any, google: Google, in_alpha: Any) -> None:
        htmx = {"HX-Request": "true"}

        def tried(**changed: Any) -> str:
            typed = drive_form(google, **changed) | {"try": "1"}
            return browser.post("/assistant/add/drive", typed, headers=htmx).content.decode()

        assert "“Preços”" in tried() and "1 files" in tried()
        assert EMAIL in tried(address="folder-0002")
        assert "no link to a Google Drive folder" in tried(address="https://example.com/")
        assert "no JSON" in tried(secret="abc")
        google.app.is_revoked = True
        assert "refused the key" in tried()
        assert not Source.objects.exists()

    def test_a_key_is_remembered_and_never_shown(self, browser: Any, google: Google, in_alpha: Any) -> None:
        key = google.key()
        wrong = browser.post("/assistant/add/drive", drive_form(google, title=""))
        page = wrong.content.decode()
        assert wrong.status_code == 422 and "PRIVATE KEY" not in page and "The key is remembered" in page
        kept = re.search(r'name="secret_kept"\s+value="([^"]+)"', page)
        assert kept and json.loads(key)["private_key"][40:80] not in page
        again = drive_form(google, secret="", secret_kept=kept[1])
        assert browser.post("/assistant/add/drive", again).status_code == 302
        source = Source.objects.get()
        assert source.secret == key
        settings_page = browser.get(f"/assistant/sources/{source.pk}").content.decode()
        assert "PRIVATE KEY" not in settings_page and "••••" in settings_page
        forged = drive_form(google, secret="", secret_kept="gAAAAAB", address="folder-0002", title="B")
        assert browser.post("/assistant/add/drive", forged).status_code == 422

    def test_an_address_for_tokens_inside_the_house_is_refused(
        self, browser: Any, google: Google, in_alpha: Any, background: Any, settings: Any
    ) -> None:
        settings.WEB_PRIVATE_HOSTS = [""]
        answer = browser.post("/assistant/add/drive", drive_form(google))
        assert answer.status_code == 422 and "private network" in answer.content.decode()
        assert not google.app.requests


class TestBaserow:
    def test_each_row_is_a_passage_and_a_changed_one_alone_is_embedded(
        self, browser: Any, server: Server, in_alpha: Any, background: Any, monkeypatch: Any
    ) -> None:
        assert browser.post("/assistant/add/baserow", baserow_form(server)).status_code == 302
        background.run()
        source, document = Source.objects.get(), Document.objects.get()
        assert (source.status, source.options) == ("ready", {"base_url": server.url})
        assert (document.form, document.title, document.chunk_count) == ("table", "Pratos", 2)
        assert list(Chunk.objects.order_by("position").values_list("text", flat=True)) == [
            "Moqueca. Preço: 62.00; Serve: 2; Alergênicos: peixe, coentro", "Feijoada. Preço: 45",
        ]  # fmt: skip
        told = embedded(monkeypatch)
        look_again(background)
        assert told == []
        server.app.rows[1]["Preço"] = "48"
        look_again(background)
        assert told == ["Pratos\nFeijoada. Preço: 48"]
        assert "ready with 2 rows" in browser.get("/assistant/").content.decode()

    def test_what_is_wrong_is_said_and_what_was_read_answers_on(
        self, browser: Any, server: Server, in_alpha: Any, background: Any
    ) -> None:
        browser.post("/assistant/add/baserow", baserow_form(server))
        background.run()
        server.app.may_read = False
        assert "may not read this table" in look_again(background).problem
        server.app.may_read, server.app.token = True, "another"
        assert "refused the token" in look_again(background).problem
        assert Chunk.objects.count() == 2

    def test_a_busy_server_is_asked_again_later(
        self, browser: Any, server: Server, in_alpha: Any, background: Any
    ) -> None:
        server.app.faults.append((429, "ERROR_THROTTLED"))
        browser.post("/assistant/add/baserow", baserow_form(server))
        background.run_one()
        source = Source.objects.get()
        assert (source.status, source.problem) == ("waiting", "Baserow asks to wait.")
        Source.objects.update(due_at=timezone.now())  # the wait is over
        background.run()
        assert Source.objects.get().status == "ready"

    def test_a_long_table_is_read_in_parts(
        self, browser: Any, server: Server, in_alpha: Any, background: Any, monkeypatch: Any
    ) -> None:
        from knowledge import baserow_reader

        monkeypatch.setattr(baserow_reader, "ROWS_A_DOCUMENT", 2)
        monkeypatch.setattr(baserow_reader, "MOST_ROWS", 5)
        server.fill(["Prato"], *([f"Prato {n}"] for n in range(7)))
        browser.post("/assistant/add/baserow", baserow_form(server))
        background.run()
        counts = Document.objects.order_by("key").values_list("title", "chunk_count")
        assert list(counts) == [("Pratos", 2), ("Pratos (2)", 2), ("Pratos (3)", 1)]
        assert "after the first 5" in Source.objects.get().problem

    def test_a_server_in_the_house_is_refused_when_it_is_typed(
        self, browser: Any, server: Server, in_alpha: Any, settings: Any
    ) -> None:
        settings.WEB_PRIVATE_HOSTS = [""]
        for typed in (baserow_form(server), baserow_form(server, address="345", base_url=server.url)):
            answer = browser.post("/assistant/add/baserow", typed)
            assert answer.status_code == 422 and "private network" in answer.content.decode()
        assert not server.app.requests and not Source.objects.exists()

    def test_removing_takes_everything_and_pausing_stops_looking(
        self, browser: Any, server: Server, in_alpha: Any, background: Any
    ) -> None:
        browser.post("/assistant/add/baserow", baserow_form(server))
        background.run()
        source = Source.objects.get()
        browser.post(f"/assistant/sources/{source.pk}/pause")
        assert Source.objects.values_list("refresh_hours", "due_at").get() == (0, None)
        browser.post(f"/assistant/sources/{source.pk}/pause")
        assert Source.objects.get().refresh_hours == 24
        assert browser.post(f"/assistant/sources/{source.pk}/remove").status_code == 302
        assert not Source.objects.exists() and not Document.objects.exists() and not Chunk.objects.exists()
