"""The test chat: draft and published, asked anew, for nothing, and nowhere among customers."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents import publishing
from agents.models import Agent
from billing.models import CreditAccount, Hold, LedgerEntry, Usage
from conversations import handoff
from conversations.models import Contact, Conversation, Message, ToolRun, Trial, Turn, Unanswered

SEND = "/assistant/try/send"


@pytest.fixture
def bench(shop: Any, client_for: Any, member_of: Any) -> "Bench":
    return Bench(shop, client_for(shop.tenant, member_of(shop.tenant)))


class Bench:
    """A member at the test chat."""

    def __init__(self, shop: Any, browser: Any) -> None:
        self.shop, self.browser = shop, browser
        self.agent = Agent.objects.order_by("pk")[0]

    def ask(self, text: str, **more: Any) -> Any:
        """Ask, and let the assistant answer."""
        answer = self.browser.post(SEND, {"text": text, **more}, headers={"HX-Request": "true"})
        self.shop.work()
        return answer

    def page(self, query: str = "") -> str:
        answer = self.browser.get(f"/assistant/try/{query}")
        connection.set_tenant(self.shop.tenant)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def post(self, path: str, **data: Any) -> int:
        answer = self.browser.post(path, data)
        connection.set_tenant(self.shop.tenant)
        return int(answer.status_code)

    def edit(self, **content: Any) -> None:
        publishing.edit_draft(self.agent, content=content, user=None, now=timezone.now())

    def said(self, side: str = "published") -> list[str]:
        """What stands in the thread of this side now."""
        thread = Trial.objects.get(side=side, of=None).conversation
        return list(thread.messages.order_by("pk").values_list("body", flat=True))

    def asked(self) -> list[Any]:
        return self.shop.models.requests  # type: ignore[no-any-return]


def question(text: str) -> int:
    return int(Message.objects.filter(direction="in", body=text).latest("pk").pk)


class TestForNothing:
    def test_an_answer_takes_no_credits_and_tells_what_a_customers_would(self, bench: Bench) -> None:
        before = CreditAccount.objects.get().balance
        bench.shop.models.answer_with("Às oito.")
        assert bench.ask("Que horas abre?").status_code == 200
        turn = Turn.objects.get()
        assert (turn.status, turn.credits, turn.hold) == ("done", 0, None)
        assert CreditAccount.objects.get().balance == before and CreditAccount.objects.get().held == 0
        assert not Hold.objects.exists() and not LedgerEntry.objects.filter(kind="turn").exists()
        assert Usage.objects.get().credits == 0 and Usage.objects.get().input_tokens > 0
        page = bench.page()
        assert "Às oito." in page and "a customer's: 1 credit" in page

    def test_works_where_nothing_is_left_to_spend(self, bench: Bench) -> None:
        bench.shop.spend_everything()
        bench.shop.models.answer_with("Às oito.")
        bench.ask("Que horas abre?")
        assert "Às oito." in bench.page()

    def test_at_the_limit_it_says_so_and_keeps_the_words(self, bench: Bench, settings: Any) -> None:
        settings.TRIAL_QUESTIONS_A_DAY = 1
        bench.ask("Que horas abre?")
        refused = bench.ask("E no domingo?")
        assert refused.status_code == 422
        assert "That were the 1 free test questions of today" in refused.content.decode()
        whole = bench.browser.post(SEND, {"text": "E no domingo?"})
        assert whole.status_code == 422 and "E no domingo?</textarea>" in whole.content.decode()
        connection.set_tenant(bench.shop.tenant)
        assert Message.objects.filter(direction="in").count() == len(bench.asked()) == 1

    def test_the_same_request_again_asks_once(self, bench: Bench) -> None:
        key = "0b9f2f7e-3c55-4f6f-9a51-0d5a4b1f0c11"
        bench.ask("Que horas abre?", key=key)
        bench.ask("Que horas abre?", key=key)
        assert Message.objects.filter(direction="in").count() == 1


class TestSides:
    def test_the_draft_is_asked_with_its_own_words(self, bench: Bench) -> None:
        bench.edit(persona="You are Captain Draft.")
        bench.shop.models.answer_with("Ahoy.")
        bench.ask("Que horas abre?", **{"with": "draft"})
        [asked] = bench.asked()
        assert "Captain Draft" in str(asked["body"]["messages"][0])
        assert Turn.objects.get().agent_version.status == "draft"
        bench.shop.say("Que horas abre?")
        bench.shop.work()
        assert "Captain Draft" not in str(bench.asked()[-1]["body"]["messages"][0])

    def test_both_answer_one_question_beside_each_other(self, bench: Bench) -> None:
        bench.edit(persona="You are Captain Draft.")
        bench.shop.models.answer_with("One thing.", "Another thing.")
        bench.ask("Que horas abre?", **{"with": "both"})
        drafts = ["Captain Draft" in str(one["body"]["messages"][0]) for one in bench.asked()]
        assert sorted(drafts) == [False, True]
        page = bench.page(f"?agent={bench.agent.pk}&with=both")
        assert "One thing." in page and "Another thing." in page
        assert page.count('<span class="whitespace-pre-line">Que horas abre?</span>') == 1
        assert "What the draft says differently" in page

    def test_an_answer_of_before_an_edit_says_so(self, bench: Bench) -> None:
        bench.edit(persona="You are Captain Draft.")
        bench.ask("Que horas abre?", **{"with": "draft"})
        assert "before the last edit" not in bench.page()
        bench.edit(persona="You are Admiral Draft.")
        assert "before the last edit" in bench.page()

    def test_the_side_that_was_not_asked_is_asked_by_one_click(self, bench: Bench) -> None:
        bench.edit(persona="You are Captain Draft.")
        bench.shop.models.answer_with("One thing.", "Another thing.")
        bench.ask("Que horas abre?", **{"with": "published"})
        page = bench.page("?with=both")
        assert "Not asked here." in page
        pair = page.partition('name="key"')[2].partition('value="')[2].partition('"')[0]
        bench.ask("Que horas abre?", only="draft", key=pair, **{"with": "both"})
        page = bench.page("?with=both")
        assert "Another thing." in page and "Not asked here." not in page
        assert (bench.said(), bench.said("draft")[1:]) == (
            ["Que horas abre?", "One thing."],
            ["Another thing."],
        )


class TestSteps:
    def test_stand_under_the_answer_in_words(self, bench: Bench) -> None:
        bench.shop.models.answer_with("Às oito.")
        bench.ask("Que horas abre?")
        page = bench.page()
        for words in ("Which model", "Looked in the documents", "Asked a model: m", "tokens read"):
            assert words in page
        assert "{" not in page.partition("Which model")[2].partition("</li>")[0]

    def test_a_tool_only_rehearses_and_shows_what_it_was_given(self, bench: Bench) -> None:
        bench.edit(tools=["call_person"])
        bench.shop.models.call("call_person", reason="wants a discount")
        bench.ask("Faz um desconto?", **{"with": "draft"})
        run = ToolRun.objects.get()
        assert (run.tool, run.status, run.test) == ("call_person", "done", True)
        thread = Conversation.objects.get()
        assert thread.handler == "agent" and len(bench.said("draft")) == 2
        page = bench.page()
        assert "Used a tool: Call a person of the team" in page and "wants a discount" in page


class TestAskedAnew:
    def test_what_followed_is_set_aside_and_forgotten_by_the_model(self, bench: Bench) -> None:
        bench.shop.models.answer_with("Às oito.", "Não.", "Às nove.")
        bench.ask("Que horas abre?")
        bench.ask("E no domingo?")
        first = question("Que horas abre?")
        answer = bench.ask("Que horas abre no sábado?", instead_of=first)
        assert answer.status_code == 200 and "Que horas abre no sábado?" in answer.content.decode()
        assert bench.said() == ["Que horas abre no sábado?", "Às nove."]
        told = str(bench.asked()[-1]["body"]["messages"])
        assert "domingo" not in told and "Às oito." not in told
        take = Trial.objects.get(of__isnull=False)
        kept = list(take.conversation.messages.order_by("pk").values_list("body", flat=True))
        assert kept == ["Que horas abre?", "Às oito.", "E no domingo?", "Não."]
        assert take.conversation.turns.count() == 2 and "1 part was set aside" in bench.page()

    def test_what_was_set_aside_comes_back_and_the_other_goes(self, bench: Bench) -> None:
        bench.shop.models.answer_with("Às oito.", "Não.", "Sim.")
        bench.ask("Que horas abre?")
        bench.ask("E no domingo?")
        bench.ask("E no domingo?", instead_of=question("E no domingo?"))
        assert bench.said() == ["Que horas abre?", "Às oito.", "E no domingo?", "Sim."]
        take = Trial.objects.get(of__isnull=False)
        assert bench.post(f"/assistant/try/aside/{take.pk}") == 302
        assert bench.said() == ["Que horas abre?", "Às oito.", "E no domingo?", "Não."]
        [other] = Trial.objects.filter(of__isnull=False)
        assert [m.body for m in other.conversation.messages.order_by("pk")] == ["E no domingo?", "Sim."]
        bench.shop.models.answer_with("Claro.")
        bench.ask("Tem certeza?")
        told = str(bench.asked()[-1]["body"]["messages"])
        assert "Não." in told and "Sim." not in told

    def test_on_both_sides_both_are_asked_again(self, bench: Bench) -> None:
        bench.edit(persona="You are Captain Draft.")
        bench.shop.models.answer_with("1", "2", "3", "4")
        bench.ask("Que horas abre?", **{"with": "both"})
        bench.ask("Que horas abre?", instead_of=question("Que horas abre?"), **{"with": "both"})
        assert sorted(bench.said("draft") + bench.said()) == ["3", "4", "Que horas abre?", "Que horas abre?"]
        assert Trial.objects.filter(of__isnull=False).count() == 2

    def test_nothing_is_moved_while_an_answer_is_made(self, bench: Bench) -> None:
        bench.ask("Que horas abre?")
        Turn.objects.create(conversation=Conversation.objects.get(), status="running")
        answer = bench.ask("Outra", instead_of=question("Que horas abre?"))
        assert answer.status_code == 422 and "still answering" in answer.content.decode()
        assert not Trial.objects.filter(of__isnull=False).exists()

    def test_another_members_chat_is_nobodys_to_change(
        self, bench: Bench, client_for: Any, member_of: Any
    ) -> None:
        bench.ask("Que horas abre?")
        first = question("Que horas abre?")
        bench.ask("Outra", instead_of=first)
        take = Trial.objects.get(of__isnull=False)
        other = Bench(bench.shop, client_for(bench.shop.tenant, member_of(bench.shop.tenant, "manager")))
        assert other.post(f"/assistant/try/aside/{take.pk}") == 422
        assert other.ask("x", instead_of=question("Outra")).status_code == 422
        assert bench.said()[0] == "Outra"
        viewer = Bench(bench.shop, client_for(bench.shop.tenant, member_of(bench.shop.tenant, "viewer")))
        assert viewer.post(SEND, text="Oi") == 403 and viewer.post("/assistant/try/anew") == 403


class TestNoCustomer:
    def test_who_asks_for_a_person_here_waits_nowhere(self, bench: Bench) -> None:
        bench.ask("Quero falar com uma pessoa")
        assert Conversation.objects.get().handler == "queue"
        today = bench.browser.get("/").content.decode()
        connection.set_tenant(bench.shop.tenant)
        assert "is waiting for a person" not in today
        for kind in ("all", "waiting"):
            assert bench.browser.get(f"/chats/list?filter={kind}").content.decode().count("chat-row") == 0
        assert "chat-row" in bench.browser.get("/chats/list?filter=tests").content.decode()
        connection.set_tenant(bench.shop.tenant)
        assert bench.post("/assistant/try/go-on") == 302
        bench.shop.models.answer_with("Às oito.")
        bench.ask("Que horas abre?")
        assert bench.said()[-1] == "Às oito."

    def test_a_question_without_an_answer_opens_no_gap(self, bench: Bench) -> None:
        bench.ask("Vocês alugam helicópteros?")
        assert not Turn.objects.get().supported and not Unanswered.objects.exists()
        bench.shop.say("Vocês alugam helicópteros?")
        bench.shop.work()
        assert Unanswered.objects.count() == 1

    def test_a_new_chat_begins_empty_and_the_old_one_stays(self, bench: Bench) -> None:
        bench.ask("Que horas abre?")
        assert bench.post("/assistant/try/anew") == 302
        assert bench.said() == [] and Message.objects.count() == 2
        bench.ask("sair")  # a word that a customer of a real chat is obeyed for, here too
        assert bench.post("/assistant/try/anew") == 302
        assert not Contact.objects.exclude(opted_out_at=None).exists()

    def test_a_person_who_takes_over_has_it(self, bench: Bench, member_of: Any) -> None:
        bench.ask("Que horas abre?")
        user = member_of(bench.shop.tenant, "agent")
        handoff.take_over(Conversation.objects.get().pk, user=user, now=timezone.now())
        bench.ask("E no domingo?")
        assert "the assistant is silent" in bench.page()
