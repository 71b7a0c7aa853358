"""How documents are read: every kind of file, portion by portion, nothing embedded twice, what it costs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from django_tenants.utils import schema_context

from billing.models import CreditAccount, LedgerEntry, Usage
from knowledge import (
    convert,
    corrections,
    counting,
    documents,
    indexing,
    passages,
    reading,
    retrieval,
    reviewing,
)
from knowledge.models import Chunk, Document, DraftChunk, Lexeme, Middle, Source
from knowledge.passages import Passage
from knowledge.reaching import Reach
from tests.counterparts.embedder import Embedder
from tests.knowledge import files

TEXTS = [f"Regra {n}: silêncio depois das {n} horas." for n in range(1, 13)]


@pytest.fixture(scope="module")
def _counterpart() -> Iterator[Embedder]:
    with Embedder() as embedder:
        yield embedder


@pytest.fixture
def embedder(_counterpart: Embedder, settings: Any, alpha: Any) -> Iterator[Embedder]:
    """Stands in for the embedding process and counts; the test stands in alpha's schema."""
    settings.EMBEDDING_URL = _counterpart.url
    _counterpart.app.passages.clear()
    with schema_context(alpha.schema_name):
        yield _counterpart


def told(*texts: str) -> bytes:
    return passages.written(Passage(("Casa",), text) for text in texts)


def add(content: bytes, name: str = "casa.passages", **more: Any) -> Document:
    now = timezone.now()
    return documents.add(file=ContentFile(content), name=name, added_by=None, now=now, **more)


def live() -> list[str]:
    return list(Chunk.objects.order_by("document_id", "position").values_list("text", flat=True))


# -- every kind of file


def read(tmp_path: Path, name: str, content: bytes) -> tuple[dict[str, Any], list[dict[str, Any]], list[Any]]:
    """What the child would say of it: the first word and the last as one, the chunks, the pages."""
    path = tmp_path / f"document{Path(name).suffix}"
    path.write_bytes(content)
    words = list(convert.words(path))
    chunks = [word["chunk"] for word in words if "chunk" in word]
    head = next(word for word in words if "kind" in word)
    return {**head, **words[-1]}, chunks, [word["page"] for word in words if "page" in word]


KINDS = {
    "carta.eml": (lambda: files.mail("Natal", "No Natal abrimos das 9h.", attached="menu.pdf"), "eml"),
    "mail.txt": (lambda: files.mail("Natal", "No Natal abrimos das 9h.", attached="menu.pdf"), "eml"),
    "aula.pptx": (lambda: files.with_notes("Aula", "Traga a toalha.", "No Natal não há menu.pdf."), "pptx"),
    "precos.xlsx": (lambda: files.xlsx([("Prato", "Natal"), ("Sopa", 9), ("menu.pdf", "=B2*2")]), "xlsx"),
    "tabela.pdf": (lambda: b"Prato;Natal\nSopa;9\nmenu.pdf;(=B2*2)\n", "csv"),
    "regras.pdf": (lambda: files.docx(("", "No Natal não há menu.pdf.")), "docx"),
}


@pytest.mark.parametrize("name", KINDS)
def test_nothing_in_a_file_is_lost_and_its_name_may_lie(tmp_path: Path, name: str) -> None:
    made, kind = KINDS[name]
    head, chunks, _pages = read(tmp_path, name, made())
    text = "\n".join(" ".join([*chunk["heading"], chunk["text"]]) for chunk in chunks)
    assert (head["kind"], head["converter"]) == (kind, "docling")
    assert "Natal" in text and "menu.pdf" in text
    assert kind != "xlsx" or "(=B2*2)" in text


def test_only_pages_without_letters_are_recognised_and_every_piece_has_its_place(tmp_path: Path) -> None:
    head, chunks, pages = read(tmp_path, "meio.pdf", files.half_scanned())
    assert (head["pages"], pages) == (2, [1, 2])
    assert head["converter"] == "docling and text recognition (OCR)"
    by_page = {box[0]: chunk["text"] for chunk in chunks for box in chunk["boxes"]}
    assert "A piscina abre das 8h as 22h" in by_page[1]
    assert "O estacionamento fica na rua de trás." in by_page[2]
    for _page, left, top, right, bottom in (box for chunk in chunks for box in chunk["boxes"]):
        assert 0.05 < left < right < 0.7 and 0.13 < top < bottom < 0.2  # 700 of 842 points from below


def test_pictures_are_read_page_by_page_with_their_headings_and_rows(tmp_path: Path) -> None:
    guide = files.price_list()
    seen = files.saved_picture("TIFF", *(files.picture_of(guide, page=page) for page in (0, 1)))
    head, chunks, pages = read(tmp_path, "guia.tiff", seen)
    assert (head["kind"], head["pages"], head["converter"]) == ("tiff", 2, "text recognition (OCR)")
    assert pages == [1, 2]
    prices = next(chunk for chunk in chunks if "Limpeza" in chunk["text"])
    assert prices["heading"][-1] == "Preços" and "Limpeza. Preço: R$ 190; Duração: 45 min" in prices["text"]
    assert any(chunk["page"] == 2 and "Animais de serviço" in chunk["text"] for chunk in chunks)


def test_headings_and_sentences_go_on_from_one_portion_of_pages_to_the_next(tmp_path: Path) -> None:
    """Six pages are two portions; a paragraph runs over the seam between the fourth and the fifth."""
    body = [(60, 700 - 13 * n, 10, f"linha {n} de um texto que fala de coisas da casa") for n in range(8)]
    content = [[(60, 780, 20, "Casa"), (60, 750, 14, "Piscina"), (60, 720, 10, "Ela abre"), *body]]
    content += [[(60, 780 - 13 * n, 10, f"e segue na linha {n} da casa") for n in range(9)] for _ in range(3)]
    content += [[(60, 780, 10, "e fecha aos domingos.")], [(60, 780, 14, "Gatos"), (60, 750, 10, "Podem.")]]
    head, chunks, pages = read(tmp_path, "casa.pdf", files.pdf(content))
    assert (head["pages"], pages) == (6, [1, 2, 3, 4, 5, 6])
    assert chunks[-1]["heading"] == ["Casa", "Gatos"] and chunks[-1]["boxes"][0][0] == 6
    assert all(chunk["heading"] == ["Casa", "Piscina"] for chunk in chunks[:-1])
    assert chunks[-2]["text"].endswith("e fecha aos domingos.") and len(chunks[-2]["text"]) > 40


# -- portion by portion


def test_the_first_pages_answer_before_the_last_are_read(
    embedder: Embedder,
    background: Any,
    monkeypatch: pytest.MonkeyPatch,
    client_for: Any,
    member_of: Any,
    alpha: Any,
) -> None:
    document = add(b"%PDF-1.4", "guia.pdf")
    browser = client_for(alpha, member_of(alpha))

    def words(path: Path) -> Iterator[dict[str, Any]]:
        yield {"kind": "pdf", "converter": "docling, text only", "pages": 12}
        for page, text in enumerate(TEXTS, start=1):
            if page == 10:
                assert live() == TEXTS[:8]
                found = retrieval.search(question="Regra 3: silêncio depois das 3 horas")
                assert found.passages[0].document_id == document.pk
                row = browser.get(f"/assistant/documents/{document.pk}").content.decode()
                assert "reading page 8 of 12" in row
            yield {"page": page}
            yield {"chunk": {"heading": [], "page": page, "text": text, "boxes": []}}
        yield {"end": True, "converter": "text recognition (OCR)"}

    monkeypatch.setattr(reading, "words", words)
    background.run()
    document.refresh_from_db()
    assert (document.status, document.pages_done, document.pages) == ("ready", 12, 12)
    assert (live(), document.converter) == (TEXTS, "text recognition (OCR)")
    assert Middle.objects.get().passages == Lexeme.objects.get(word="").chunks == 12


def test_a_new_document_that_ends_badly_answers_nothing(
    embedder: Embedder, background: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def words(path: Path) -> Iterator[dict[str, Any]]:
        yield {"kind": "pdf", "converter": "docling, text only", "pages": 12}
        yield from ({"chunk": {"heading": [], "page": 1, "text": text, "boxes": []}} for text in TEXTS)
        yield {"problem": "too_much"}

    monkeypatch.setattr(reading, "words", words)
    document = add(b"%PDF-1.4", "guia.pdf")
    background.run()
    document.refresh_from_db()
    assert (document.status, document.problem, document.chunk_count, live()) == ("failed", "too_much", 0, [])
    assert not Lexeme.objects.exclude(chunks=0).exists() and not Middle.objects.exists()


# -- nothing twice


def test_what_is_known_is_not_embedded_again(embedder: Embedder, background: Any) -> None:
    add(told(*TEXTS))
    background.run()
    before = dict(Chunk.objects.values_list("text", "pk"))
    assert len(embedder.app.passages) == 12
    corrections.switch(before[TEXTS[5]], enabled=False)
    embedder.app.passages.clear()
    add(told("Animais são bem-vindos.", *TEXTS[2:]))
    add(told(*reversed(TEXTS)), "outra.passages")
    background.run()
    assert embedder.app.passages == ["Casa\nAnimais são bem-vindos."] + [
        f"Casa\n{text}" for text in TEXTS[1::-1]
    ]
    replaced = Document.objects.get(title="casa.passages").chunks.order_by("position")
    assert [chunk.text for chunk in replaced] == ["Animais são bem-vindos.", *TEXTS[2:]]
    assert [chunk.pk for chunk in replaced][1:] == [before[text] for text in TEXTS[2:]]
    assert [chunk.enabled for chunk in replaced] == [True] * 4 + [False] + [True] * 6


def test_a_correction_outlives_a_new_version_with_the_same_passage(
    embedder: Embedder, background: Any
) -> None:
    add(told(*TEXTS[:3]))
    background.run()
    corrections.edit(Chunk.objects.get(text=TEXTS[0]).pk, text="Silêncio sempre.")
    background.run()
    add(told("Animais são bem-vindos.", *TEXTS[:3]))
    background.run()
    assert live() == ["Animais são bem-vindos.", "Silêncio sempre.", *TEXTS[1:3]]


def test_of_many_passages_a_sample_tells_what_they_have_in_common(
    embedder: Embedder, background: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(told(*TEXTS))
    background.run()
    exact = Middle.objects.get()
    monkeypatch.setattr(counting, "SAMPLE", 4)
    counting.find_middle()
    sampled = Middle.objects.get()
    assert (exact.passages, sampled.passages) == (12, 12)
    assert float(np.dot(exact.vector, sampled.vector)) > 0.5


# -- a person's word, and the end


@pytest.fixture
def awaiting(embedder: Embedder, background: Any, monkeypatch: pytest.MonkeyPatch) -> Document:
    """A document whose second version would change answers."""
    add(told(*TEXTS[:2]), reviews=True)
    background.run()
    monkeypatch.setattr(reviewing, "changes", lambda document: ["a change"])
    document = add(told(*TEXTS[1:3]), reviews=True)
    background.run()
    document.refresh_from_db()
    assert (document.status, live()) == ("review", TEXTS[:2])
    assert DraftChunk.objects.count() == 2 and Path(document.answering_file).name == "document.passages"
    return document


def test_accepted_it_answers(awaiting: Document, background: Any) -> None:
    old = Path(documents.default_storage.path(awaiting.answering_file))
    assert documents.accept(awaiting.pk) and not documents.accept(awaiting.pk)
    background.commit()
    awaiting.refresh_from_db()
    assert (awaiting.status, live(), awaiting.earlier) == ("ready", TEXTS[1:3], {})
    assert not old.exists() and Path(awaiting.file.path).exists() and not DraftChunk.objects.exists()


def test_discarded_everything_is_as_before(awaiting: Document, background: Any) -> None:
    new = Path(awaiting.file.path)
    assert documents.discard(awaiting.pk)
    background.commit()
    awaiting.refresh_from_db()
    assert (awaiting.status, live(), DraftChunk.objects.count()) == ("ready", TEXTS[:2], 0)
    assert awaiting.file.read() == told(*TEXTS[:2]) and not new.exists()
    again = add(told(*TEXTS[1:3]), reviews=True)
    assert again.status == "waiting"  # it was discarded, not forgotten: who uploads it again is asked again


def test_what_vanished_is_retired_and_may_come_back(embedder: Embedder, background: Any) -> None:
    source = Source.objects.create(kind="site", title="Site", address="https://example.org")
    reach = Reach(audience="staff")
    page = {"source": source, "key": "https://example.org/a", "form": "page", "reach": reach}
    first = add(told(TEXTS[0]), title="A", **page)
    add(told(TEXTS[0]), title="A", **page | {"key": "https://example.org/b"})
    background.run()
    assert add(told(TEXTS[0]), title="A, renamed", **page).title == "A, renamed"
    assert (Document.objects.count(), live(), background.names()) == (2, [TEXTS[0]] * 2, [])
    assert set(Chunk.objects.values_list("audience", flat=True)) == {"staff"}
    documents.retire(first.pk, timezone.now())
    first.refresh_from_db()
    assert (first.status, first.chunk_count, len(live())) == ("retired", 0, 1)
    add(told(TEXTS[0]), title="A", **page)
    background.run()
    first.refresh_from_db()
    assert (first.status, len(live()), embedder.app.most_often) == ("ready", 2, 1)


# -- credits


def letters(count: int, letter: str) -> str:
    return letter * count


def test_reading_is_paid_once_and_only_for_what_is_new(embedder: Embedder, background: Any) -> None:
    had = CreditAccount.objects.get().balance
    pages = [letters(1200, letter) for letter in "abcdefghijklmnopqrstuvwxyzABCDE"]  # 12.4 pages
    document = add(told(*pages))
    assert (CreditAccount.objects.get().balance, document.credits) == (had, 0)
    background.run()
    document.refresh_from_db()
    assert (document.status, document.credits, CreditAccount.objects.get().balance) == ("ready", 2, had - 2)
    entry, usage = LedgerEntry.objects.get(kind="reading"), Usage.objects.get(pages__gt=0)
    assert (entry.amount, entry.key, usage.key, usage.pages) == (-2, usage.key, entry.key, 13)
    add(told(*pages[:-1], "Uma frase nova."))
    add(told(*pages[:-1]), "outra.passages")
    background.run()
    document.refresh_from_db()
    twin = Document.objects.get(title="outra.passages")
    assert (document.credits, twin.credits, CreditAccount.objects.get().balance) == (3, 0, had - 3)


def test_without_credits_nothing_is_lost(embedder: Embedder, background: Any) -> None:
    CreditAccount.objects.update(balance=0, held=0)
    document = add(told(*TEXTS))
    background.run()
    document.refresh_from_db()
    assert (document.status, document.problem, live()) == ("failed", "no_credits", [])
    CreditAccount.objects.update(balance=10)
    documents.try_again(document.pk)
    background.run()
    document.refresh_from_db()
    assert (document.status, document.credits, live()) == ("ready", 1, TEXTS)
    assert embedder.app.most_often == 1


def test_what_cannot_be_paid_is_not_even_embedded(
    embedder: Embedder, background: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    CreditAccount.objects.update(balance=3, held=0)
    head = {"kind": "pdf", "converter": "docling, text only", "pages": 300}
    chunk = {"chunk": {"heading": [], "page": 1, "text": TEXTS[0], "boxes": []}}
    monkeypatch.setattr(reading, "words", lambda path: (word for word in [head, chunk, {"end": True}]))
    document = add(b"%PDF-1.4", "guia.pdf")
    background.run()
    document.refresh_from_db()
    assert (document.problem, embedder.app.passages) == ("no_credits", [])
    assert indexing.overdue(now=timezone.now()) == []
