"""The test box: what a question finds and why, and that nobody is asked or charged for it."""

import pytest
from django_tenants.utils import schema_context

from billing.models import LedgerEntry
from knowledge.models import Chunk

RULES = b"# House\n\n## Pets\n\nA dog costs 12 euros a night.\n\n## Pool\n\nThe pool opens at 8.\n"


@pytest.fixture
def ask(alpha, upload, owner):
    """`ask(question, **fields)` in the box, as the owner; the part of the page that answers."""
    upload(alpha, "house.md", RULES)

    def post(question, part=True, **fields):
        headers = {"HX-Request": "true", "HX-Target": "box-result"} if part else {}
        return owner(alpha).post("/assistant/test/", {"question": question, **fields}, headers=headers)

    return post


def test_says_what_speaks_for_each_passage_and_whether_it_would_answer(alpha, ask):
    with schema_context(alpha.schema_name):
        before = LedgerEntry.objects.count()
    told = ask("What does a dog cost?").content.decode()
    assert "A dog costs 12 euros" in told and "would answer" in told and "<h1" not in told
    assert "meaning" in told and "words" in told and "in common" in told and "dog" in told
    words = ask("dog", mode="words").content.decode()
    assert 'aria-label="meaning"' not in words and 'aria-label="words"' in words
    assert 'aria-label="words"' not in ask("dog", mode="meaning").content.decode()
    assert "does not know" in ask("Who won the football yesterday?").content.decode()
    assert "<h1" in ask("What does a dog cost?", part=False).content.decode()
    with schema_context(alpha.schema_name):
        assert LedgerEntry.objects.count() == before


def test_asks_as_whom_one_says(alpha, ask):
    with schema_context(alpha.schema_name):
        Chunk.objects.filter(text__contains="dog").update(audience="staff")
    assert "A dog costs" not in ask("What does a dog cost?").content.decode()
    assert "A dog costs" in ask("What does a dog cost?", audience="staff").content.decode()


def test_says_what_is_wrong(alpha, ask, settings, client_for, member_of):
    assert ask(" ").status_code == 422 and ask("x" * 501).status_code == 422
    assert ask("dog", mode="magic").status_code == 422
    settings.EMBEDDING_URL = "http://127.0.0.1:9"
    assert "cannot be understood" in ask("A question that nobody has asked before").content.decode()
    viewer = client_for(alpha, member_of(alpha, "viewer"))
    assert viewer.get("/assistant/test/").status_code == 200
    assert viewer.post("/assistant/test/", {"question": "dog"}).status_code == 403
