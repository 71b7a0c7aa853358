"""One document on its page: passages to find, switch off and correct, pages to see, the file to open."""

import io
import json
import re

import pytest
from django.core.files.storage import default_storage
from django_tenants.utils import schema_context
from PIL import Image

from knowledge import corrections, pictures, retrieval
from knowledge.models import Chunk, Document, Lexeme
from tests.knowledge import files

HOUSE = b"# House\n\n## Breakfast\n\nBreakfast is served from 7 to 10.\n\n## Pool\n\nThe pool opens at 8.\n"


@pytest.fixture
def house(alpha, upload):
    return upload(alpha, "house.md", HOUSE)


def chunk(alpha, text):
    with schema_context(alpha.schema_name):
        return Chunk.objects.get(text__contains=text)


def without_tokens(page):
    return re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page)


def found(alpha, question, mode="both"):
    with schema_context(alpha.schema_name):
        return [one.text for one in retrieval.explain(question, mode=mode, language="en").passages]


def test_says_what_is_known_of_it(alpha, house, owner):
    page = owner(alpha).get(f"/assistant/documents/{house.pk}/").content.decode()
    for words in (
        "house.md",
        "ready",
        "MD",
        "Breakfast is served",
        "House › Pool",
        "customers and staff",
        "English",
    ):
        assert words.lower() in page.lower(), words


def test_passages_are_found_by_their_words(alpha, house, owner):
    url = f"/assistant/documents/{house.pk}/?q=POOL"
    part = owner(alpha).get(url, headers={"HX-Request": "true", "HX-Target": "passages"}).content.decode()
    assert "The pool opens" in part and "Breakfast is" not in part and "<h1" not in part
    assert without_tokens(part).strip() in without_tokens(owner(alpha).get(url).content.decode())


def test_a_passage_that_is_switched_off_answers_nothing(alpha, house, owner):
    pool = chunk(alpha, "pool")
    client = owner(alpha)
    assert client.post(f"/assistant/passages/{pool.pk}/switch", {"enabled": "off"}).status_code == 302
    assert not any("pool" in text for text in found(alpha, "When does the pool open?"))
    row = client.post(
        f"/assistant/passages/{pool.pk}/switch", {"enabled": "on"}, headers={"HX-Request": "true"}
    )
    assert "The pool opens at 8" in row.content.decode()
    assert "The pool opens at 8." in found(alpha, "When does the pool open?")[0]


def test_a_corrected_passage_is_found_by_its_new_words_and_meaning(alpha, house, owner, background):
    pool = chunk(alpha, "pool")
    before = list(pool.embedding)
    url = f"/assistant/passages/{pool.pk}/edit"
    assert owner(alpha).post(url, {"text": "The sauna is heated on Fridays."}).status_code == 302
    assert "sauna" in found(alpha, "sauna", mode="words")[0]
    with schema_context(alpha.schema_name):
        assert Lexeme.objects.get(language="en", word="sauna").chunks == 1
        background.run()
        pool.refresh_from_db()
        assert (pool.edited, pool.original, pool.enabled) == (True, "The pool opens at 8.", True)
        assert len(pool.digest) == 64 and list(pool.embedding) != before
        assert set(Lexeme.objects.filter(word="").values_list("chunks", flat=True)) == {2}
    page = owner(alpha).get(f"/assistant/documents/{house.pk}/").content.decode()
    assert "edited" in page and "The pool opens at 8." in page
    owner(alpha).post(url, {"restore": "1"})
    with schema_context(alpha.schema_name):
        background.run()
        pool.refresh_from_db()
        assert (pool.text, pool.edited, pool.original) == ("The pool opens at 8.", False, "")
        assert list(pool.embedding) == before
        assert not Lexeme.objects.filter(word="sauna").exclude(chunks=0).exists()


def test_a_lost_doorbell_of_a_correction_is_rung_again(alpha, house, owner, background):
    pool = chunk(alpha, "pool")
    owner(alpha).post(f"/assistant/passages/{pool.pk}/edit", {"text": "The sauna is warm."})
    background.commit()
    background.sent.clear()
    background.run_one(corrections.sweep)
    with schema_context(alpha.schema_name):
        background.run()
        assert not Chunk.objects.filter(digest=corrections.WAITS).exists()


@pytest.mark.parametrize("text", ["", "  \n", "x" * 2001])
def test_a_correction_of_nothing_or_too_much_loses_nothing(alpha, house, owner, text):
    pool = chunk(alpha, "pool")
    answer = owner(alpha).post(f"/assistant/passages/{pool.pk}/edit", {"text": text})
    assert answer.status_code == 422 and "2,000 characters" in answer.content.decode()
    assert chunk(alpha, "pool").text == pool.text


@pytest.mark.parametrize("role", ["viewer", "finance", "agent"])
def test_only_managers_correct(alpha, house, client_for, member_of, role):
    browser, pool = client_for(alpha, member_of(alpha, role)), chunk(alpha, "pool")
    assert browser.get(f"/assistant/documents/{house.pk}/").status_code == 200
    assert browser.get(f"/assistant/passages/{pool.pk}").status_code == 200
    for action in ("edit", "switch"):
        assert browser.post(f"/assistant/passages/{pool.pk}/{action}", {"text": "x"}).status_code == 403


class TestViewer:
    @pytest.fixture
    def guide(self, alpha, upload):
        return upload(alpha, "guia.pdf", files.price_list())

    def test_opens_at_the_page_with_the_passage_marked(self, alpha, guide, owner):
        cats = chunk(alpha, "Animais de serviço")
        page = owner(alpha).get(f"/assistant/passages/{cats.pk}").content.decode()
        assert "Page 2 of 3" in page and "page=2&amp;file=" in page and "<rect" in page
        assert "Animais de serviço são bem-vindos." in page and "senha da rede" not in page
        other = owner(alpha).get(f"/assistant/passages/{cats.pk}?page=3").content.decode()
        assert "Page 3 of 3" in other and "<rect" not in other and "senha da rede" in other
        for beyond in ("0", "99999", "x", "-1"):
            assert "Page" in owner(alpha).get(f"/assistant/passages/{cats.pk}?page={beyond}").content.decode()

    def test_marks_where_the_words_are_when_their_place_was_not_read(self, alpha, guide):
        cats = chunk(alpha, "Animais de serviço")
        cats.boxes = []
        with schema_context(alpha.schema_name):
            [box] = pictures.boxes(guide, cats)
        number, left, top, right, bottom = box
        assert number == 2 and left == pytest.approx(60 / 595, abs=0.01) and right > left + 0.2
        assert top < 1 - 755 / 842 < bottom + 0.005 and bottom - top < 0.03

    def test_draws_a_page_once_and_keeps_it(self, alpha, guide, owner, monkeypatch):
        url = f"/assistant/documents/{guide.pk}/page?page=1"
        first = owner(alpha).get(url)
        assert (first.status_code, first["Content-Type"]) == (200, "image/webp")
        shown = Image.open(io.BytesIO(first.content))
        assert shown.format == "WEBP" and shown.width == 1240
        monkeypatch.setattr(pictures, "_in_child", None)
        assert owner(alpha).get(url).content == first.content
        [kept] = default_storage.listdir(f"{alpha.schema_name}/pages/{guide.pk}")[1]
        assert kept.startswith(guide.sha256[:16])

    def test_draws_a_picture_on_white_paper(self, tmp_path):
        picture = Image.new("RGBA", (3000, 1500), (0, 0, 0, 0))
        picture.save(tmp_path / "x.png")
        done = pictures._run([str(tmp_path / "x.png"), "png", "1"], b"")
        shown = Image.open(io.BytesIO(done))
        assert shown.size == (1240, 620) and shown.getpixel((5, 5)) == (255, 255, 255)
        with pytest.raises(pictures.NoPicture):
            pictures._run([str(tmp_path / "x.png"), "png", "2"], b"")

    def test_forgets_the_pages_of_what_is_removed(self, alpha, guide, owner, background):
        owner(alpha).get(f"/assistant/documents/{guide.pk}/page")
        owner(alpha).post(f"/assistant/documents/{guide.pk}/delete")
        background.commit()
        assert default_storage.listdir(f"{alpha.schema_name}/pages/{guide.pk}")[1] == []

    def test_is_bounded_in_how_many_pages_it_draws(self, alpha, guide, owner, monkeypatch):
        monkeypatch.setattr(pictures, "A_MINUTE", 0)
        answer = owner(alpha).get(f"/assistant/documents/{guide.pk}/page?page=3")
        assert (answer.status_code, answer["Retry-After"]) == (503, "10")

    def test_one_that_cannot_be_drawn_is_said(self, alpha, guide, owner):
        with schema_context(alpha.schema_name):
            with default_storage.open(guide.file.name, "wb") as file:
                file.write(b"%PDF-1.4 nothing more")
        answer = owner(alpha).get(f"/assistant/documents/{guide.pk}/page?page=2")
        assert answer.status_code == 422 and b"cannot be shown" in answer.content

    def test_of_a_text_shows_the_passages_in_order(self, alpha, house, owner):
        page = owner(alpha).get(f"/assistant/passages/{chunk(alpha, 'pool').pk}").content.decode()
        assert page.index("Breakfast is served") < page.index("this passage") < page.index("The pool opens")
        assert f"/documents/{house.pk}/page" not in page

    def test_pages_and_file_are_of_the_own_business(self, alpha, beta, guide, owner):
        cats = chunk(alpha, "Animais de serviço")
        paths = (f"documents/{guide.pk}/page", f"documents/{guide.pk}/file", f"passages/{cats.pk}")
        assert {owner(beta).get(f"/assistant/{path}").status_code for path in paths} == {404}


@pytest.mark.parametrize(("kind", "shown"), [("pdf", False), ("html", False), ("txt", True)])
def test_the_file_is_given_so_that_it_can_do_nothing(alpha, owner, kind, shown):
    content = b"<script>alert(1)</script>"
    with schema_context(alpha.schema_name):
        name = default_storage.save("alpha/documents/x/document", io.BytesIO(content))
        document = Document.objects.create(title="Ficha\n", kind=kind, file=name, bytes=25, sha256="a" * 64)
    answer = owner(alpha).get(f"/assistant/documents/{document.pk}/file")
    assert b"".join(answer.streaming_content) == content
    assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert answer["Content-Type"] == ("text/plain; charset=utf-8" if shown else "application/octet-stream")


def test_programs_read_switch_and_correct_passages(alpha, beta, house, program, background):
    client, path = program(alpha), f"/api/v1/knowledge/documents/{house.pk}/passages"
    listed = client.get(f"{path}?limit=1").json()
    assert [one["text"] for one in listed["results"]] == ["Breakfast is served from 7 to 10."]
    [pool] = client.get(listed["next"]).json()["results"]
    assert (pool["heading"], pool["enabled"], pool["edited"]) == (["House", "Pool"], True, False)

    def change(who=client, **wanted):
        body = json.dumps(wanted)
        return who.patch(f"/api/v1/knowledge/passages/{pool['id']}", body, content_type="application/json")

    assert change(enabled=False).json()["enabled"] is False
    assert not any("pool" in text for text in found(alpha, "When does the pool open?"))
    changed = change(enabled=True, text="The sauna is warm.").json()
    assert (changed["enabled"], changed["edited"], changed["original"]) == (
        True,
        True,
        "The pool opens at 8.",
    )
    assert "sauna" in found(alpha, "sauna", mode="words")[0]
    assert {change(text="x" * 2001).status_code, change(enabled="perhaps").status_code} == {400}
    assert change(program(beta), enabled=False).status_code == 404
    assert program(beta).get(path).status_code == 404
