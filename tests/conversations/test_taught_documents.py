"""What documents say beside what was settled: drafts, cases that fail, contradictions, and what is over."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from billing.models import LedgerEntry
from conversations import drafting, teaching_sweep
from conversations.models import Message
from knowledge import cases, documents, flags
from knowledge.models import Chunk, Document, Flag, Gap, PinnedAnswer, RegressionCase
from tests.conversations.test_teaching import PARKING, Desk, desk
from tests.knowledge.conftest import _convert_once

__all__ = ["_convert_once", "desk"]
HOUSE = "# Casa\n\n## Estacionamento\nO estacionamento é gratuito e fica atrás da casa.\n"
CHANGED = "# Casa\n\n## Estacionamento\nO estacionamento custa R$ 20 por dia e fica atrás da casa.\n"
PRICES = "# Tabela de preços 2023\n\n## Limpeza dental\nA limpeza dental custa R$ 180.\n"
LEAFLET = "# Folheto\n\n## Limpeza dental\nA limpeza dental custa R$ 190, com raio X.\n"


def read(desk: Desk, name: str, text: str) -> Document:
    """The document, read and looked at as the next sweep would."""
    file = SimpleUploadedFile(name, text.encode())
    made = documents.add(file=file, name=name, added_by=None, now=timezone.now())
    desk.shop.work()
    teaching_sweep.sweep_tenant(now=timezone.now())
    desk.shop.work()
    return Document.objects.get(pk=made.pk)


def ask_cases(desk: Desk) -> None:
    """The moment of quiet after a change has passed."""
    RegressionCase.objects.exclude(due_at=None).update(due_at=timezone.now() - timedelta(minutes=2))
    teaching_sweep.sweep.apply(throw=True)
    desk.shop.work()


class TestDrafts:
    def test_a_draft_of_the_nearest_documents_by_the_model(self, desk: Desk) -> None:
        read(desk, "casa.md", HOUSE)
        desk.shop.models.answer_with("Não sei.", "Sim, atrás da casa. [1]")
        desk.ask(PARKING)
        gap = Gap.objects.get()
        assert gap.draft == "Sim, atrás da casa." and gap.draft_from[0]["title"] == "casa.md"
        request = str(desk.shop.models.requests[-1]["body"])
        assert "draft for the owner" in request and "O estacionamento é gratuito" in request
        page = desk.page("/assistant/gaps/")
        assert "Sim, atrás da casa." in page and "casa.md" in page
        desk.shop.models.answer_with("Fica atrás da casa e é gratuito. [1]")
        desk.post(f"/assistant/gaps/{gap.pk}/draft")
        assert Gap.objects.get().draft == "Fica atrás da casa e é gratuito."
        assert LedgerEntry.objects.filter(kind="draft").count() == 2

    def test_beyond_the_days_bound_customers_make_no_model_write(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drafting, "PAID_A_DAY", 0)
        read(desk, "casa.md", HOUSE)
        desk.shop.models.answer_with("Não sei.")
        desk.ask(PARKING)
        assert "O estacionamento é gratuito" in Gap.objects.get().draft
        assert len(desk.shop.models.requests) == 1
        assert not LedgerEntry.objects.filter(kind="draft").exists()

    def test_without_a_model_it_is_quoted(self, desk: Desk) -> None:
        read(desk, "casa.md", HOUSE)
        desk.shop.models.answer_with("Não sei.")
        desk.shop.models.app.before_answer = lambda: (
            len(desk.shop.models.requests) == 1 or (desk.shop.models.fail_next("500"))
        )
        desk.ask(PARKING)
        assert "O estacionamento é gratuito" in Gap.objects.get().draft


class TestCases:
    def test_it_fails_after_a_document_says_otherwise(self, desk: Desk) -> None:
        read(desk, "casa.md", HOUSE)
        desk.settle(PARKING, "Sim, o estacionamento custa R$ 0 por dia, atrás da casa.")
        ask_cases(desk)
        case = RegressionCase.objects.get()
        assert (case.result, case.due_at) == ("passed", None)
        read(desk, "casa.md", CHANGED)
        case.refresh_from_db()
        assert case.due_at is not None and case.result == "passed"  # asked when it is quiet
        ask_cases(desk)
        case.refresh_from_db()
        assert case.result == "failed" and "R$ 20" in case.detail
        assert "The documents now say otherwise" in desk.page("/assistant/settled/?show=failed")
        assert "Not answered as you settled it" in desk.page("/")

    def test_switched_off_or_by_another_answer_it_is_told(self, desk: Desk) -> None:
        answer = desk.settle("Posso levar meu cachorro?", "Sim.")
        desk.post("/assistant/settled/ask-again")
        assert RegressionCase.objects.get().result == "passed"
        PinnedAnswer.objects.filter(pk=answer.pk).update(enabled=False)
        desk.post("/assistant/settled/ask-again")
        assert RegressionCase.objects.get().detail == cases.SWITCHED_OFF

    def test_a_burst_of_changes_is_asked_once(self, desk: Desk) -> None:
        desk.settle()
        ask_cases(desk)
        for _ in range(3):
            cases.knowledge_changed(now=timezone.now())
        desk.shop.work()
        assert cases.due(now=timezone.now()).count() == 0  # not before it has been quiet
        due = RegressionCase.objects.get().due_at
        assert due is not None and due > timezone.now() + cases.QUIET / 2


class TestFlags:
    def test_documents_that_contradict_each_other_and_are_over(self, desk: Desk) -> None:
        prices = read(desk, "precos.md", PRICES)
        leaflet = read(desk, "folheto.md", LEAFLET)
        found = {flag.kind: flag for flag in Flag.objects.all()}
        assert set(found) == {"contradiction", "stale"} and Flag.objects.count() == 2
        assert found["contradiction"].chunk.document == leaflet and "190" in found["contradiction"].detail
        assert found["stale"].chunk.document == prices and "2023" in found["stale"].detail
        assert flags.counts() == {prices.pk: 2, leaflet.pk: 1}
        assert f"/assistant/flags/?document={prices.pk}" in desk.page("/assistant/")
        page = desk.page("/assistant/flags/")
        assert "A limpeza dental custa R$ 180." in page and "A limpeza dental custa R$ 190" in page
        desk.post(f"/assistant/flags/{found['stale'].pk}/dismiss")
        desk.post(f"/assistant/flags/{found['contradiction'].pk}/disable", side="other")
        assert flags.counts() == {}
        assert Chunk.objects.get(enabled=False).document == prices
        teaching_sweep.sweep_tenant(now=timezone.now())
        desk.shop.work()
        assert Flag.objects.count() == 2 and not flags.open_flags().exists()

    def test_prices_that_nobody_has_renewed_for_a_year(self, desk: Desk) -> None:
        document = read(desk, "folheto.md", LEAFLET)
        assert not Flag.objects.exists()
        old = timezone.now() - timedelta(days=400)
        Document.objects.filter(pk=document.pk).update(ready_at=old, created_at=old, looked_at=old)
        teaching_sweep.sweep.apply(throw=True)
        desk.shop.work()
        assert Flag.objects.get().detail == flags.OLD_VALUES


def test_teach_it_closes_the_gap(desk: Desk) -> None:
    desk.ask(PARKING)
    message = Message.objects.get(direction="out")
    desk.post(f"/messages/{message.pk}/teach", question=PARKING, answer="Sim.", language="pt")
    assert Gap.objects.get().status == "answered"
