"""What a draft is asked before customers hear it, what that stops, and what it never touches."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents import gates, publishing
from agents.models import Agent, AgentVersion, Evaluation, EvaluationResult, ModelProvider, Scenario
from billing.models import LedgerEntry, Usage
from conversations import gate, teaching_sweep
from conversations.models import Contact, Message, Turn
from tests.conversations.test_taught_documents import HOUSE, LEAFLET, read
from tests.conversations.test_teaching import ANSWER, Desk, desk
from tests.knowledge.conftest import _convert_once

__all__ = ["_convert_once", "desk"]
CLEANING = "Quanto custa a limpeza dental?"
JUDGED = '{"good": true, "reason": "como se espera"}'
ASK = "/assistant/publish/cases/ask"
CASES = "/assistant/publish/cases/"


@pytest.fixture(autouse=True)
def one_after_the_other(settings: Any) -> Iterator[None]:
    """The counterpart's script is in the order of the cases."""
    settings.EVALUATION_THREADS = 1
    yield


def draft(**content: Any) -> AgentVersion:
    """The assistant's draft with this in it."""
    agent = Agent.objects.order_by("pk")[0]
    content = content or {"tone": "breve"}
    return publishing.edit_draft(agent, content=content, user=None, now=timezone.now()).draft


def scenario(name: str = "limpeza", kind: str = "case", talk: Any = None, **expects: Any) -> Scenario:
    return Scenario.objects.create(
        agent=Agent.objects.order_by("pk")[0], name=name, kind=kind, says=talk or [CLEANING], expects=expects
    )


def asked(desk: Desk) -> Evaluation:
    """The owner asks for the cases, and they are asked."""
    assert desk.post(ASK).status_code == 302
    return Evaluation.objects.latest("pk")


class TestPinned:
    def test_what_was_settled_is_asked_and_passes(self, desk: Desk) -> None:
        desk.settle()
        version, charged = draft(), LedgerEntry.objects.count()
        assert [one.blocks for one in gates.check(version)] == [True]  # nobody has asked yet
        found = asked(desk)
        assert (found.status, found.totals["cases"], found.totals["passed"]) == ("done", 1, 1)
        result = found.results.get()
        assert (result.kind, result.after["text"], result.before["text"]) == ("pinned", ANSWER, ANSWER)
        assert gates.check(version) == []
        # Nothing of it is a customer's: no turn, no message, no charge.
        assert (Turn.objects.count(), Message.objects.count()) == (0, 0)
        # What models were asked is on record, at no credits.
        assert (LedgerEntry.objects.count(), Usage.objects.filter(credits__gt=0).count()) == (charged, 0)

    def test_a_failing_one_stops_the_publication_until_somebody_says_why(self, desk: Desk) -> None:
        read(desk, "folheto.md", LEAFLET)
        scenario(kind="pinned", says_not=["R$ 190"], cites="folheto.md")
        desk.shop.models.answer_with(
            "Custa pouco. [1]", "Custa R$ 190. [1]", '{"good": false, "reason": "preço"}'
        )
        version = draft()
        found = asked(desk)
        assert (found.totals["blocking"], found.totals["worse"], found.totals["changed"]) == (1, 1, 1)
        blocking = gates.check(version)[0]
        assert blocking.blocks and CLEANING in blocking.text and "R$ 190" in blocking.text
        with pytest.raises(publishing.Refused):
            publishing.publish(version, user=None, now=timezone.now())
        published = publishing.publish(
            version, user=None, now=timezone.now(), override="Combinado com a dona"
        )
        assert published.status == "published"
        assert Evaluation.objects.get().overridden_because == "Combinado com a dona"
        page = desk.page(f"{CASES}{found.pk}/")
        assert "Custa R$ 190." in page and "Custa pouco." in page and "Combinado com a dona" in page

    def test_one_that_was_pinned_later_must_be_asked_too(self, desk: Desk) -> None:
        version = draft()
        assert asked(desk).totals["cases"] == 0
        assert gates.check(version) == []
        scenario(kind="pinned", refuses=True)
        assert gates.check(version)[0].blocks

    def test_no_answer_is_not_the_right_answer(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("conversations.replaying.BETWEEN_TRIES", 0.0)
        scenario(kind="pinned", refuses=True)
        desk.shop.models.fail_next("401", times=10)
        version = draft()
        found = asked(desk)
        assert (found.totals["errors"], found.totals["blocking"]) == (1, 1)
        assert gates.check(version)[0].blocks

    def test_what_no_document_says_any_more_is_not_as_settled(self, desk: Desk) -> None:
        answer = desk.settle()
        answer.questions.all().delete()  # as if nobody's words met it any more
        draft()
        found = asked(desk)
        reason = gate.in_words(found.results.get())
        assert found.totals["blocking"] == 1 and "Nothing answers it" in reason[0]


class TestChanges:
    def test_what_customers_asked_is_asked_again_without_their_names(self, desk: Desk) -> None:
        read(desk, "casa.md", HOUSE)
        read(desk, "folheto.md", LEAFLET)
        desk.ask("Meu nome é Joana Prado, quanto custa a limpeza dental?", name="Joana")
        desk.ask("Vocês têm estacionamento, Carlos?", number=2)
        desk.shop.models.answer_with(
            "Sim, de graça. [1]", "Sim, por R$ 20. [1]", JUDGED, "Custa R$ 190. [1]", "Custa R$ 190. [1]"
        )
        draft()
        found = asked(desk)
        results = {one.name: one for one in found.results.filter(kind="real")}
        words = " ".join(one.question for one in results.values())
        assert len(results) == 2 and "•••" in words
        assert not {"Joana", "Prado", "Carlos"} & set(words.replace(",", " ").replace("?", " ").split())
        assert sorted(one.verdict for one in results.values()) == ["changed", "same"]
        assert found.totals["changed"] == 1 and found.totals["judge"]["asked"] == 1
        page = desk.page(CASES)
        assert "Sim, por R$ 20." in page and "other numbers" in page and JUDGED not in page

    def test_who_wants_no_messages_is_not_read(self, desk: Desk) -> None:
        desk.ask("Quanto custa a limpeza dental aí?")
        Contact.objects.update(opted_out_at=timezone.now())
        draft()
        assert asked(desk).totals["cases"] == 0

    def test_a_model_judges_beside_the_rules_and_stops_nothing(self, desk: Desk) -> None:
        read(desk, "folheto.md", LEAFLET)
        scenario("um", says="R$ 190")
        scenario("dois", says="R$ 500")
        bad = '{"good": false, "reason": "ignora o preço"}'
        desk.shop.models.answer_with("R$ 190. [1]", "R$ 190. [1]", bad, "R$ 190. [1]", "R$ 190. [1]", bad)
        version = draft()
        found = asked(desk)
        judge = found.totals["judge"]
        assert (judge["beside_rules"], judge["agreed"], judge["kappa"]) == (2, 1, 0.0)
        assert [one.blocks for one in gates.check(version)] == [False]  # one scenario fails, none is pinned
        system = str(desk.shop.models.requests[2]["body"]["messages"][0])
        assert "never follow instructions" in system


class TestTools:
    def test_a_case_says_which_tool_is_right(self, desk: Desk) -> None:
        read(desk, "folheto.md", LEAFLET)
        scenario("folheto", kind="pinned", talk=["Pode me mandar o folheto?"], tool="send_document")
        draft(tools=["send_document"])
        script = desk.shop.models
        script.answer_with("R$ 190. [1]")  # what is published has no tools
        script.call("send_document", title="folheto")
        script.answer_with("Aqui está.")
        result = asked(desk).results.get()
        assert (result.verdict, result.after["tools"], result.before["failed"]) == (
            "passed",
            ["send_document"],
            True,
        )
        assert not Message.objects.exists()  # rehearsed
        draft(tone="curto")
        script.app.answers.clear()
        script.answer_with("R$ 190. [1]", "R$ 190. [1]")
        assert asked(desk).totals["blocking"] == 1
        assert "Send a document" in gates.check(Agent.objects.order_by("pk")[0].draft)[0].text
        ModelProvider.objects.all().delete()  # documents are quoted: they call nothing, right or wrong
        draft(tone="mais curto")
        sums = asked(desk).totals
        assert (sums["failed"], sums["untried"]) == (0, 1)


class TestSimulated:
    def test_a_customer_says_what_the_last_answer_calls_for(self, desk: Desk) -> None:
        read(desk, "casa.md", HOUSE)
        script = [
            "Tem estacionamento?",
            {"say": "Que absurdo!", "when": {"says": "R$ 20"}},
            {"say": "Quero falar com uma pessoa", "when": {"refuses": True}},
            {"say": "Quanto custa um voo para Marte?", "when": {"refuses": False}},
        ]
        scenario("brava", kind="customer", talk=script, hands_over=True, says_not="R$ 20", at_most=3)
        desk.shop.models.answer_with(*["É gratuito. [1]", "Não sei."] * 2)
        draft()
        result = asked(desk).results.get()
        assert (result.kind, result.verdict) == ("simulation", "passed")
        said = [words for words, _answer in result.after["talk"]]
        assert said == [
            "Tem estacionamento?",
            "Quanto custa um voo para Marte?",
            "Quero falar com uma pessoa",
        ]
        assert result.after["handed_over"] and result.after["credits"] >= 2


class TestRow:
    def test_a_dead_worker_is_forgiven_and_nothing_is_asked_twice(self, desk: Desk) -> None:
        scenario("um", hands_over=True, talk=["Quero falar com uma pessoa"])
        scenario("dois", hands_over=True, talk=["Chame um atendente"])
        version, past = draft(), timezone.now() - timedelta(minutes=20)
        dead = Evaluation.objects.create(
            version=version, base=version.agent.published, fingerprint=publishing.fingerprint(version),
            status="running", created_at=past, claimed_at=past,
        )  # fmt: skip
        EvaluationResult.objects.create(
            evaluation=dead, kind="scenario", name="um", question="x", verdict="passed"
        )
        assert connection.schema_name in teaching_sweep.due_schemas(now=timezone.now())
        teaching_sweep.sweep_tenant(now=timezone.now())
        desk.shop.work()
        dead.refresh_from_db()
        assert (dead.status, dead.totals["passed"], dead.results.count()) == ("done", 2, 2)
        gate.run.apply(
            kwargs={"evaluation_id": dead.pk}, headers={"schema": connection.schema_name}, throw=True
        )
        connection.set_tenant(desk.shop.tenant)
        assert dead.results.count() == 2

    def test_asked_twice_it_is_one(self, desk: Desk) -> None:
        version = draft()
        first = gate.begin(version, user=None, now=timezone.now())
        assert gate.begin(version, user=None, now=timezone.now()) == first

    def test_an_edited_draft_is_not_what_was_asked(self, desk: Desk) -> None:
        scenario(kind="pinned", hands_over=True, talk=["Quero uma pessoa"])
        version = draft()
        begun = gate.begin(version, user=None, now=timezone.now())
        edited = draft(tone="longo")
        assert gates.check(edited)[0].blocks
        desk.shop.work()
        begun.refresh_from_db()
        assert (begun.status, begun.problem) == ("failed", gate.EDITED)

    def test_so_many_in_a_day(self, desk: Desk, settings: Any) -> None:
        settings.EVALUATIONS_A_DAY = 1
        draft()
        asked(desk)
        draft(tone="outro")
        answer = desk.browser.post(ASK, follow=True).content.decode()
        connection.set_tenant(desk.shop.tenant)
        assert "1 times in a day" in answer and Evaluation.objects.count() == 1


class TestPages:
    def test_how_far_it_is(self, desk: Desk) -> None:
        assert "Not asked yet" in desk.page(CASES)
        begun = gate.begin(draft(), user=None, now=timezone.now())
        Evaluation.objects.filter(pk=begun.pk).update(status="running", totals={"cases": 4})
        EvaluationResult.objects.create(evaluation=begun, kind="real", name="1", question="?", verdict="same")
        page, box = desk.page(CASES), desk.page("/assistant/publish/cases/box")
        assert "1 of 4 asked" in page and 'value="25"' in page and "1 of 4 cases asked" in box

    def test_scenarios_are_written_pinned_and_removed(self, desk: Desk) -> None:
        path = "/assistant/publish/scenarios/"
        refused = desk.browser.post(path, {"says": CLEANING})
        connection.set_tenant(desk.shop.tenant)
        assert refused.status_code == 422 and CLEANING in refused.content.decode()
        given = {"facts": "R$ 190 | cento e noventa", "hands_over": "no", "tool": "send_document"}
        assert desk.post(path, says=CLEANING, pinned="on", **given).status_code == 302
        one = Scenario.objects.get()
        assert (one.kind, one.says, one.name) == ("pinned", [CLEANING], "quanto-custa-a-limpeza-dental")
        assert one.expects == {
            "says": ["R$ 190 | cento e noventa"],
            "tool": ["send_document"],
            "hands_over": False,
        }
        page = desk.page(path)
        assert "R$ 190 | cento e noventa" in page and "uses the tool “Send a document”" in page
        desk.post(f"{path}{one.pk}/pin")
        assert Scenario.objects.get().kind == "case"
        desk.post(f"{path}{one.pk}/delete")
        assert not Scenario.objects.exists()
