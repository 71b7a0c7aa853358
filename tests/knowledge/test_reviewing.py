"""A document that would change answers says so before it goes live, and a person decides."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context

from agents.models import Agent
from conversations.models import Channel, Contact, Conversation, Message, Turn, TurnPassage
from knowledge import asked, corrections, reading, reviewing
from knowledge.models import Chunk, Document, DraftChunk

FOLD = "# Clínica\n\n## Preços\n\nA limpeza custa R$ 190 à vista.\n\n## Horário\n\nAbrimos às 8h.\n"
DEARER = FOLD.replace("R$ 190", "R$ 240")
QUESTION = "Quanto custa a limpeza?"


@pytest.fixture(autouse=True)
def _quick_reader(monkeypatch):
    """Headings and paragraphs at once: the converter takes seconds and has tests of its own."""

    def words(path):
        yield {"kind": "md", "converter": "docling", "pages": None}
        heading = []
        for part in path.read_text().split("\n\n"):
            level = len(part) - len(part.lstrip("#"))
            if level:
                heading = [*heading[: level - 1], part.strip("# ")]
            else:
                yield {"chunk": {"heading": heading, "page": None, "text": part.strip(), "boxes": []}}
        yield {"end": True}

    monkeypatch.setattr(reading, "words", words)


@pytest.fixture
def answered(alpha, upload):
    """A business whose document has answered a customer what a cleaning costs."""
    document = upload(alpha, "clinica.md", FOLD.encode())
    with schema_context(alpha.schema_name):
        told(QUESTION, Chunk.objects.get(text__contains="190"))
    return document


def told(question, chunk, **turn):
    """A customer asked, and was answered from this passage."""
    contact = Contact.objects.create(name="Ana")
    channel = Channel.objects.filter(name="WhatsApp").first() or Channel.objects.create(
        kind="waha",
        name="WhatsApp",
        agent=Agent.objects.order_by("pk")[0],
        session="s",
        base_url="http://127.0.0.1:9",
    )
    talk = Conversation.objects.create(
        channel=channel, contact=contact, address=f"{contact.pk}@c.us", language="pt"
    )
    answer = Turn.objects.create(conversation=talk, **{"status": "done", "supported": True, **turn})
    Message.objects.create(
        conversation=talk,
        direction="in",
        author_kind="contact",
        status="received",
        body=question,
        turn=answer,
    )
    TurnPassage.objects.create(
        turn=answer, chunk_id=chunk.pk, document_id=chunk.document_id, document_title="x", text=chunk.text,
        score=1.0, rank=0, cited=True,
    )  # fmt: skip
    return answer


def test_knowledge_hears_what_was_asked_and_answered(alpha, answered):
    with schema_context(alpha.schema_name):
        chunk = Chunk.objects.get(text__contains="190")
        told("Ninguém sabe", chunk, supported=False)
        told("Ainda não", chunk, status="failed")
        [one] = asked.recent(10)
        assert (one.question, one.language, one.chunk_id, one.text) == (QUESTION, "pt", chunk.pk, chunk.text)
        told("Outra vez?", chunk)
        assert [one.question for one in asked.recent(1)] == ["Outra vez?"]


def test_a_new_price_waits_for_a_person_and_then_answers(alpha, answered, upload, owner):
    document = upload(alpha, "clinica.md", DEARER.encode())
    assert document.status == "review"
    with schema_context(alpha.schema_name):
        assert Chunk.objects.filter(text__contains="190").exists()
        assert not Chunk.objects.filter(text__contains="240").exists()
        [change] = reviewing.changes(document)
        assert (change.question, change.kind) == (QUESTION, "answer")
        assert [piece for piece in change.before_pieces if piece[1]] == [("190", True)]
        assert [piece for piece in change.after_pieces if piece[1]] == [("240", True)]
    client = owner(alpha)
    page = client.get(f"/assistant/documents/{document.pk}/review").content.decode()
    assert QUESTION in page and ">190</del>" in page and ">240</ins>" in page
    assert f"/assistant/documents/{document.pk}/review" in client.get("/").content.decode()
    assert client.post(f"/assistant/documents/{document.pk}/accept").status_code == 302
    with schema_context(alpha.schema_name):
        assert Chunk.objects.filter(text__contains="240").exists()
        assert not Chunk.objects.filter(text__contains="190").exists() and not DraftChunk.objects.exists()
        assert Document.objects.get().status == "ready"


def test_what_is_discarded_changes_nothing(alpha, answered, upload, owner):
    document = upload(alpha, "clinica.md", DEARER.encode())
    assert owner(alpha).post(f"/assistant/documents/{document.pk}/discard").status_code == 302
    with schema_context(alpha.schema_name):
        assert Chunk.objects.filter(text__contains="190").exists() and not DraftChunk.objects.exists()
        assert Document.objects.get().status == "ready"


def test_a_removed_passage_is_a_change(alpha, answered, upload):
    document = upload(
        alpha, "clinica.md", FOLD.replace("A limpeza custa R$ 190 à vista.", "Consulte.").encode()
    )
    assert document.status == "review"
    with schema_context(alpha.schema_name):
        assert [change.question for change in reviewing.changes(document)] == [QUESTION]


def test_what_contradicts_another_document_is_a_change(alpha, answered, upload):
    document = upload(alpha, "tabela.md", b"# Tabela\n\nA limpeza custa R$ 300.\n")
    assert document.status == "review"
    with schema_context(alpha.schema_name):
        [change] = reviewing.changes(document)
        assert "190" in change.before and "300" in change.after


@pytest.mark.parametrize(
    "content",
    [
        FOLD.replace("Abrimos às 8h.", "Abrimos às 9h, também aos sábados."),  # nobody asked when
        FOLD.replace("à vista.", "à vista,\nsem juros."),  # the old words stand there still
        "# Estacionamento\n\nO estacionamento é gratuito.\n",
    ],
    ids=["another-passage", "more-of-the-same", "something-new"],
)
def test_what_changes_no_answer_goes_live_by_itself(alpha, answered, upload, content):
    name = "outro.md" if "Estacionamento" in content else "clinica.md"
    assert upload(alpha, name, content.encode()).status == "ready"


def test_a_correction_that_would_be_lost_is_told(alpha, upload, owner):
    upload(alpha, "clinica.md", FOLD.encode())
    with schema_context(alpha.schema_name):
        corrections.edit(Chunk.objects.get(text__contains="190").pk, text="A limpeza custa R$ 200.")
    assert upload(alpha, "clinica.md", FOLD.replace("8h", "9h").encode()).status == "ready"
    with schema_context(alpha.schema_name):
        assert Chunk.objects.get(edited=True).text == "A limpeza custa R$ 200."
    document = upload(alpha, "clinica.md", DEARER.encode())
    assert document.status == "review"
    page = owner(alpha).get(f"/assistant/documents/{document.pk}/review").content.decode()
    assert "corrections that would be lost" in page and "A limpeza custa R$ 200." in page


def test_all_questions_are_compared_with_the_draft_by_one_statement(alpha, answered):
    with schema_context(alpha.schema_name):
        chunk = Chunk.objects.get(text__contains="190")
        for number in range(9):
            told(f"Quanto custa a limpeza número {number}?", chunk)
        fields = {
            name: getattr(chunk, name) for name in ("language", "embedding", "embedding_model", "search")
        }
        DraftChunk.objects.bulk_create(
            DraftChunk(document=answered, position=n, text=f"A limpeza custa R$ {n}.", **fields)
            for n in range(200)
        )
        with CaptureQueriesContext(connection) as queries:
            assert len(reviewing.changes(answered)) == 10
        of_drafts = [one for one in queries if "knowledge_draftchunk" in one["sql"]]
        assert len(of_drafts) == 1 and len(queries) < 50
