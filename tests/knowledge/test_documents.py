"""From a file at the door to passages that answer, and all that can be wrong with a file."""

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from django_tenants.utils import schema_context

from knowledge import indexing, retrieval
from knowledge.models import Chunk, Document, Lexeme
from tests.knowledge import files

HTML = b"<html><body><h1>Casa</h1><h2>Piscina</h2><p>A piscina abre das 8h.</p><script>alert(1)</script>"
MARKDOWN = "# Casa\n\n## Café da manhã\n\nO café é servido das 7h às 10h.\n".encode()
TEXT = "Aceitamos Pix e cartão.\nNão aceitamos cheque.".encode("cp1252")
CSV = "Serviço;Preço\nCorte;R$ 40\nBarba;R$ 30\n".encode("cp1252")
ROWS = [("Prato", "Preço"), ("Feijoada", 45), ("Moqueca", 62)]
WORD = (("Heading 1", "Regras"), ("Heading 2", "Cancelamento"), ("", "Avise com 24 horas."))
GOOD = {
    "guia.pdf": (
        files.price_list,
        "pdf",
        ["Guia da clínica", "Estacionamento"],
        "rua de trás e é gratuito por duas",
    ),
    "regras.docx": (lambda: files.docx(*WORD), "docx", ["Regras", "Cancelamento"], "Avise com 24 horas."),
    "menu.xlsx": (lambda: files.xlsx(ROWS), "xlsx", None, "Moqueca. Preço: 62"),
    "aula.pptx": (lambda: files.pptx("Boas-vindas", "Traga a toalha."), "pptx", None, "Traga a toalha."),
    "casa.html": (lambda: HTML, "html", ["Casa", "Piscina"], "A piscina abre das 8h."),
    "casa.md": (lambda: MARKDOWN, "md", ["Casa", "Café da manhã"], "O café é servido das 7h às 10h."),
    "pagamento.txt": (lambda: TEXT, "txt", None, "Não aceitamos cheque."),
    "tabela.csv": (lambda: CSV, "csv", None, "Barba. Preço: R$ 30"),
}
BAD = {
    "vazio.pdf": (lambda: b"", "empty"),
    "branco.txt": (lambda: b" \n\t ", "empty"),
    "cofre.pdf": (lambda: files.pdf([[(60, 700, 12, "segredo")]], locked=True), "encrypted"),
    "cofre.docx": (files.locked_office, "encrypted"),
    "antigo.doc": (files.old_office, "unknown"),
    "quebrado.pdf": (lambda: files.price_list()[:400], "corrupt"),
    "quebrado.docx": (lambda: b"PK\x03\x04" + b"\x01" * 300, "corrupt"),
    "bomba.docx": (files.bomb, "too_much"),
    "foto.png": (lambda: files.PNG, "corrupt"),
    "programa.txt": (lambda: b"\x7fELF" + bytes(64), "unknown"),
    "musica.docx": (files.not_a_document, "unknown"),
    "escaneado.pdf": (files.scanned, "scanned"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_becomes_passages(alpha, upload, name):
    made, kind, heading, text = GOOD[name]
    document = upload(alpha, name, made())
    assert (document.status, document.problem, document.kind) == ("ready", "", kind)
    assert document.file.name.startswith(f"{alpha.schema_name}/documents/")
    with schema_context(alpha.schema_name):
        chunks = list(document.chunks.order_by("position"))
        assert document.chunk_count == len(chunks) > 0
        told = [chunk for chunk in chunks if text in chunk.text]
        assert told, [chunk.text for chunk in chunks]
        assert heading is None or told[0].heading == heading
        assert "alert" not in " ".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_and_harms_nobody(alpha, upload, owner, name):
    made, problem = BAD[name]
    document = upload(alpha, name, made())
    assert (document.status, document.problem, document.chunk_count) == ("failed", problem, 0)
    page = owner(alpha).get("/assistant/").content.decode()
    assert str(document.get_problem_display()).split(".")[0].replace("'", "&#x27;") in page


def test_a_pdf_keeps_its_pages_rows_and_no_running_foot(alpha, upload):
    document = upload(alpha, "guia.pdf", files.price_list())
    assert (document.pages, document.converter) == (3, "docling, text only")
    with schema_context(alpha.schema_name):
        text = {chunk.page: chunk.text for chunk in document.chunks.order_by("position")}
        assert "Limpeza. Preço: R$ 190; Duração: 45 min" in "\n".join(c.text for c in document.chunks.all())
        assert text[2] == "Animais de serviço são bem-vindos."
        assert not document.chunks.filter(text__contains="Clínica Aurora").exists()


def test_one_that_is_too_large_is_refused_before_it_is_read(alpha, upload, settings):
    settings.DOCUMENT_MAX_BYTES = 1000
    document = upload(alpha, "grande.txt", b"a" * 1001)
    assert (document.status, document.problem, document.file.name) == ("failed", "too_large", "")


def test_the_same_content_is_not_read_twice(alpha, upload):
    first = upload(alpha, "casa.md", MARKDOWN)
    assert upload(alpha, "outra.md", MARKDOWN) is None
    with schema_context(alpha.schema_name):
        assert Document.objects.get().pk == first.pk


def test_a_replacement_with_known_content_is_copied(alpha, upload, monkeypatch):
    upload(alpha, "casa.md", MARKDOWN)
    upload(alpha, "pagamento.txt", TEXT)
    monkeypatch.setattr(indexing.reading, "words", None)
    replaced = upload(alpha, "pagamento.txt", MARKDOWN)
    assert replaced.status == "ready"
    with schema_context(alpha.schema_name):
        texts = Chunk.objects.order_by("pk").values_list("document__title", "text")
        assert sorted(texts) == [
            (name, "O café é servido das 7h às 10h.") for name in ("casa.md", "pagamento.txt")
        ]
        assert set(Lexeme.objects.filter(word="").values_list("language", "chunks")) == {("pt", 2)}


def test_the_old_answers_until_the_new_is_read(alpha, upload, background):
    old = upload(alpha, "horas.txt", "Abrimos às oito.".encode())
    stored = Path(old.file.path)
    upload(alpha, "horas.txt", "Abrimos às nove.".encode(), read=False)
    with schema_context(alpha.schema_name):
        assert Chunk.objects.get().text == "Abrimos às oito."
        background.run()
        assert Chunk.objects.get().text == "Abrimos às nove."
        assert Document.objects.get().pk == old.pk
    assert not stored.exists()


def test_a_refused_replacement_leaves_the_old_answering(alpha, upload):
    old = upload(alpha, "horas.txt", "Abrimos às oito.".encode())
    now = upload(alpha, "horas.txt", b"")
    assert (now.status, now.problem, now.chunk_count) == ("failed", "empty", 1)
    assert Path(old.file.path).exists()


def test_removing_takes_vectors_words_and_file(alpha, upload, owner, background):
    document = upload(alpha, "casa.md", MARKDOWN)
    assert owner(alpha).post(f"/assistant/documents/{document.pk}/delete").status_code == 302
    background.commit()
    with schema_context(alpha.schema_name):
        assert not Document.objects.exists() and not Chunk.objects.exists()
        assert not Lexeme.objects.exclude(chunks=0).exists()
    assert not Path(document.file.path).exists()


def test_several_files_at_once_and_none(alpha, owner, background):
    from django.core.files.uploadedfile import SimpleUploadedFile as File

    pair = [File("a.txt", b"Open at eight."), File("b.txt", b"Closed on Sunday.")]
    answer = owner(alpha).post("/assistant/documents/upload", {"files": pair}, headers={"HX-Request": "true"})
    assert answer.status_code == 200 and b"a.txt" in answer.content and b"b.txt" in answer.content
    assert owner(alpha).post("/assistant/documents/upload").status_code == 422


@pytest.mark.parametrize("role", ["viewer", "finance", "agent"])
def test_only_managers_teach(alpha, client_for, member_of, role):
    browser = client_for(alpha, member_of(alpha, role))
    assert browser.get("/assistant/").status_code == 200
    assert browser.post("/assistant/documents/upload").status_code == 403


def test_a_name_from_outside_is_never_a_path(alpha, upload, owner):
    from django.core.files.uploadedfile import SimpleUploadedFile as File

    evil = File("x.txt", b"Open at eight.")
    evil.name = "..\\..\\evil\n.txt"
    from knowledge import documents

    with schema_context(alpha.schema_name):
        document = documents.add(
            file=evil, name="../../etc/passwd\x00.txt", added_by=None, now=timezone.now()
        )
        assert document.title == "passwd.txt"
        stored = Path(document.file.path).resolve()
        assert stored.is_relative_to(Path(settings.MEDIA_ROOT).resolve() / alpha.schema_name / "documents")


class TestLost:
    """The row is the truth: whoever dies, the sweep finds it."""

    @pytest.fixture
    def waiting(self, alpha, upload, background):
        document = upload(alpha, "casa.md", MARKDOWN, read=False)
        background.commit()
        background.sent.clear()
        return document

    def test_a_lost_doorbell_is_rung_again(self, alpha, waiting, background):
        with schema_context(alpha.schema_name):
            Document.objects.update(created_at=timezone.now() - 2 * indexing.LOST)
        background.run_one(indexing.sweep)
        with schema_context(alpha.schema_name):
            background.run()
            assert Document.objects.get().status == "ready"

    def test_a_dead_reader_is_replaced_and_a_living_one_is_not(self, alpha, waiting):
        with schema_context(alpha.schema_name):
            Document.objects.update(status="reading", claimed_at=timezone.now())
            assert indexing.overdue(now=timezone.now()) == []
            assert indexing.overdue(now=timezone.now() + 2 * indexing.STUCK) == [waiting.pk]

    def test_one_that_kills_every_reader_is_given_up(self, alpha, waiting, background):
        with schema_context(alpha.schema_name):
            Document.objects.update(attempts=indexing.MAX_ATTEMPTS)
            background.run_one(indexing.index, schema=alpha.schema_name, document_id=waiting.pk)
            assert Document.objects.values_list("status", "problem").get() == ("failed", "broken")

    def test_an_embedder_that_is_away_is_waited_for(self, alpha, waiting, background, settings):
        right, settings.EMBEDDING_URL = settings.EMBEDDING_URL, "http://127.0.0.1:9"
        with schema_context(alpha.schema_name):
            background.run_one(indexing.index, schema=alpha.schema_name, document_id=waiting.pk)
            assert Document.objects.get().status == "waiting"
            settings.EMBEDDING_URL = right
            assert [sent.countdown for sent in background.sent if sent.name.endswith("index")] == [10.0]
            background.run()
            assert Document.objects.get().status == "ready"

    def test_a_reader_of_an_older_file_changes_nothing(self, alpha, waiting):
        with schema_context(alpha.schema_name):
            reader = indexing._claim(waiting.pk, now=timezone.now())
            Document.objects.update(sha256="f" * 64)
            indexing._fail(reader, "broken")
            assert Document.objects.get().status == "reading"


def test_a_business_searches_its_own_documents_only(alpha, beta, upload):
    upload(alpha, "casa.md", MARKDOWN)
    upload(beta, "pagamento.txt", TEXT)
    with schema_context(beta.schema_name):
        found = retrieval.search(question="Que horas é servido o café da manhã?", language="pt")
        assert {passage.document_title for passage in found.passages} == {"pagamento.txt"}
