"""Assistant › Publish through its pages: a draft keeps itself, is compared, published, taken back."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test import Client
from django.utils import timezone

from agents import gates, publishing
from agents.forms import DraftForm
from agents.models import Agent, AgentVersion
from tenants.models import AuditEntry

HTMX = {"HX-Request": "true"}
FILLED = {
    "persona": "You are Lia.",
    "tone": "warm",
    "language": "",
    "greeting": "",
    "out_of_hours": "",
    "hours_text": "",
    "source_line": "on",
    "memory_messages": "20",
    "memory_minutes": "30",
    "debounce_seconds": "",
    "debounce_ceiling_seconds": "",
}


class Editor:
    """One person with the page open: what it showed, and what they type."""

    def __init__(self, client: Client, tenant: Any) -> None:
        self.client, self.tenant = client, tenant
        self.agent = Agent.objects.order_by("pk")[0]
        self.open()

    def open(self) -> str:
        page = self.client.get("/assistant/publish/").content.decode()
        connection.set_tenant(self.tenant)
        self.seen = dict(re.findall(r'name="(seen-\w+)"\s+value="(\w+)"', page))
        return page

    def type(self, **changed: Any) -> Any:
        """Keep the form with these changes, as the page does by itself."""
        url = f"/assistant/{self.agent.pk}/draft"
        answer = self.client.post(url, FILLED | self.seen | changed, headers=HTMX)
        connection.set_tenant(self.tenant)
        told = re.findall(r'id="(seen-\w+)"\s+name="\w+-\w+"\s+value="(\w+)"', answer.content.decode())
        self.seen |= dict(told)
        return answer

    @property
    def draft(self) -> AgentVersion:
        return AgentVersion.objects.get(agent=self.agent, status="draft")

    def review(self) -> str:
        answer = self.client.get(f"/assistant/{self.agent.pk}/review")
        connection.set_tenant(self.tenant)
        return answer.content.decode()

    def publish(self, **said: str) -> Any:
        draft = Agent.objects.get(pk=self.agent.pk).draft
        seen = publishing.fingerprint(draft) if draft else "none"
        answer = self.client.post(f"/assistant/{self.agent.pk}/review", {"seen": seen} | said)
        connection.set_tenant(self.tenant)
        return answer

    @property
    def published(self) -> AgentVersion:
        version = Agent.objects.get(pk=self.agent.pk).published
        assert version is not None
        return version


@pytest.fixture
def editor_of(in_alpha: Any, client_for: Any, member_of: Any) -> Callable[..., Editor]:
    """Somebody of alpha's team with the page open, once its words are those of FILLED."""
    first = Agent.objects.order_by("pk")[0]
    content = {"persona": "You are Lia.", "tone": "warm"}
    publishing.publish_at_once(first, content=content, user=None, now=timezone.now())

    def open_page(role: str = "owner", email: str = "") -> Editor:
        return Editor(client_for(in_alpha, member_of(in_alpha, role=role, email=email)), in_alpha)

    return open_page


@pytest.fixture
def owner(editor_of: Any) -> Editor:
    return editor_of()


@pytest.fixture
def gate() -> Iterator[list[gates.Objection]]:
    """A check that says what the test puts into the list."""
    said: list[gates.Objection] = []

    def check(version: AgentVersion) -> list[gates.Objection]:
        return said

    gates.register(check)
    yield said
    gates._checks.remove(check)


class TestDraft:
    def test_keeps_itself_and_customers_see_nothing_of_it(self, owner: Editor) -> None:
        before = owner.published
        answer = owner.type(
            tone="brief", **{"rules-rule": ["Be kind.", ""], "rules-example": ["Of course!", ""]}
        )
        assert answer.status_code == 200
        assert owner.draft.tone == "brief"
        assert owner.draft.rules == [{"rule": "Be kind.", "example": "Of course!"}]
        assert owner.published.pk == before.pk and owner.published.tone == "warm"
        assert "How it speaks, Rules" in answer.content.decode()

    def test_every_field_comes_back_as_it_was_typed(self, owner: Editor) -> None:
        typed = {
            "persona": "You are Rui.\nFrom Porto.", "tone": "calm", "language": "fr", "greeting": "Bonjour !",
            "out_of_hours": "text", "hours_text": "Closed {back}", "source_line": "", "memory_messages": "7",
            "memory_minutes": "9", "debounce_seconds": "1.5", "debounce_ceiling_seconds": "8",
            "topics-topic": ["prices", "hours"], "rules-rule": ["a", "b"], "rules-example": ["", "so"],
            "handover-when": ["a complaint"], "handover-words": ["lawyer, court"], "handover-say": ["Wait."],
        }  # fmt: skip
        assert owner.type(**typed).status_code == 200
        draft = owner.draft
        assert (draft.topics, draft.language, draft.source_line) == (["prices", "hours"], "fr", False)
        assert draft.hours == {"out_of_hours": "text", "text": "Closed {back}"}
        assert draft.handover == [{"when": "a complaint", "words": "lawyer, court", "say": "Wait."}]
        page = owner.open()
        for words in ("From Porto.", "Bonjour !", "lawyer, court", "Closed {back}", ">b</textarea>"):
            assert words in page
        changed_at = owner.draft.edited_at
        again = {"source_line": ""} | typed
        assert owner.type(**again).status_code == 200 and owner.draft.edited_at == changed_at

    @pytest.mark.parametrize(
        ("bad", "field", "note"),
        [
            ({"memory_messages": "many"}, "memory_messages", "Enter a whole number."),
            ({"memory_minutes": ""}, "memory_minutes", "This field is required."),
            ({"tone": "x" * 201}, "tone", "at most 200"),
            (
                {"rules-rule": ["ok", ""], "rules-example": ["", "alone"]},
                "rules",
                "Number 2 says nothing yet",
            ),
            ({"topics-topic": ["y" * 121]}, "topics", "Number 1 is too long"),
            ({"hours_text": "z" * 1001}, "hours", "at most 1000"),
        ],
    )
    def test_a_bad_field_says_so_and_the_others_are_kept(
        self, owner: Editor, bad: dict[str, Any], field: str, note: str
    ) -> None:
        answer = owner.type(persona="You are Rui.", **bad)
        text = answer.content.decode()
        assert answer.status_code == 422 and note in text
        assert f'id="note-{field}"' in text and "is not kept yet" in text
        assert owner.draft.persona == "You are Rui."
        assert publishing.digest(getattr(owner.draft, field)) == publishing.digest(
            getattr(owner.published, field)
        )

    def test_without_script_the_page_shows_what_was_typed(self, owner: Editor) -> None:
        bad = FILLED | owner.seen | {"memory_messages": "many", "tone": "dry"}
        answer = owner.client.post(f"/assistant/{owner.agent.pk}/draft", bad)
        connection.set_tenant(owner.tenant)
        assert answer.status_code == 422 and b'value="many"' in answer.content
        assert owner.draft.tone == "dry"
        answer = owner.client.post(f"/assistant/{owner.agent.pk}/draft", FILLED | {"tone": "wry"})
        connection.set_tenant(owner.tenant)
        assert answer.status_code == 302 and owner.draft.tone == "wry"

    def test_thrown_away_it_is_what_is_published(self, owner: Editor) -> None:
        owner.type(tone="brief")
        assert owner.client.post(f"/assistant/{owner.agent.pk}/draft/discard").status_code == 302
        connection.set_tenant(owner.tenant)
        assert publishing.changed(owner.draft, owner.published) == []

    def test_nobody_else_may_write(self, editor_of: Any, owner: Editor) -> None:
        for role in ("agent", "viewer", "finance"):
            assert editor_of(role).type(tone="brief").status_code == 403
        assert not AgentVersion.objects.filter(status="draft").exists()


class TestTwoEditors:
    def test_different_fields_are_both_kept(self, owner: Editor, editor_of: Any) -> None:
        other = editor_of("manager")
        assert owner.type(tone="brief").status_code == 200
        assert other.type(persona="You are Rui.").status_code == 200
        assert (owner.draft.tone, owner.draft.persona) == ("brief", "You are Rui.")
        assert other.type(persona="You are Rui!").status_code == 200
        assert owner.draft.tone == "brief", "the other page, still open on the old tone, left it alone"

    def test_the_same_field_tells_the_second_and_loses_neither(self, owner: Editor, editor_of: Any) -> None:
        other = editor_of("manager")
        owner.type(tone="brief")
        answer = other.type(tone="long", persona="You are Rui.")
        text = answer.content.decode()
        assert answer.status_code == 422
        assert "written something else here" in text and "brief" in text
        assert (owner.draft.tone, owner.draft.persona) == ("brief", "You are Rui.")
        assert other.type(tone="long", persona="You are Rui.").status_code == 422, "told until it is decided"
        assert other.type(tone="long", persona="You are Rui.", keep="tone").status_code == 200
        assert owner.draft.tone == "long"

    def test_who_has_the_page_open_is_told_of_the_others_change(self, owner: Editor, editor_of: Any) -> None:
        other = editor_of("manager", email="bea@alpha.example")
        owner.type(tone="brief")
        url = f"/assistant/{owner.agent.pk}/draft/state"
        told = other.client.get(url, other.seen).content.decode()
        assert "owner@alpha.example has changed: How it speaks." in told
        connection.set_tenant(owner.tenant)
        assert "has changed" not in owner.client.get(url, owner.seen).content.decode()


class TestPublishing:
    def test_shows_the_words_that_change_and_then_answers_with_them(self, owner: Editor) -> None:
        owner.type(persona="You are Lia, the new one.", tone="warm")
        page = " ".join(owner.review().split())
        assert "You are Lia<ins" in page and ">, the new one</ins>." in page and "How it speaks" not in page
        assert owner.publish(note="A new name").status_code == 302
        assert (owner.published.persona, owner.published.note) == ("You are Lia, the new one.", "A new name")
        assert owner.published.number == 3 and owner.published.published_by.email == "owner@alpha.example"
        entry = AuditEntry.objects.filter(action="agent.publish").latest("pk")
        assert entry.target == "Assistant 3"

    def test_an_edit_meanwhile_asks_to_look_again(self, owner: Editor) -> None:
        owner.type(tone="brief")
        seen = publishing.fingerprint(owner.draft)
        owner.type(tone="very brief")
        answer = owner.client.post(f"/assistant/{owner.agent.pk}/review", {"seen": seen})
        connection.set_tenant(owner.tenant)
        assert answer.status_code == 422 and b"was changed meanwhile" in answer.content
        assert owner.published.tone == "warm"

    def test_what_speaks_against_it_only_an_owner_overrides(
        self, owner: Editor, editor_of: Any, gate: list[gates.Objection]
    ) -> None:
        gate += [gates.Objection("Costs more.", blocks=False)]
        owner.type(tone="brief")
        assert "Costs more." in owner.review()
        gate += [gates.Objection("Says the wrong price.", blocks=True)]
        manager = editor_of("manager")
        assert "Only an owner" in manager.review()
        assert manager.publish(override="I want it").status_code == 422
        assert owner.publish().status_code == 422
        assert owner.published.tone == "warm"
        assert owner.publish(override="The price is new").status_code == 302
        entry = AuditEntry.objects.filter(action="agent.publish").latest("pk")
        assert entry.detail == {"override": "The price is new", "objections": ["Says the wrong price."]}

    def test_nothing_to_publish_says_so(self, owner: Editor) -> None:
        assert owner.publish().status_code == 302
        owner.type(tone="brief")
        owner.type(tone="warm")
        assert owner.publish().status_code == 302
        assert owner.published.number == 2

    def test_a_file_applied_meanwhile_leaves_the_drafts_own_changes(self, owner: Editor) -> None:
        owner.type(tone="brief")
        content = {"persona": "You are Rui.", "tone": "loud"}
        publishing.publish_at_once(owner.agent, content=content, user=None, now=timezone.now())
        assert (owner.draft.tone, owner.draft.persona) == ("brief", "You are Rui.")
        assert publishing.changed(owner.draft, owner.published) == ["tone"]


class TestVersions:
    def test_a_published_one_never_changes(self, owner: Editor) -> None:
        for change in (
            lambda: AgentVersion.objects.filter(pk=owner.published.pk).update(tone="other"),
            lambda: AgentVersion.objects.filter(pk=owner.published.pk).delete(),
            lambda: AgentVersion.objects.filter(pk=owner.published.pk).update(status="draft"),
        ):
            with pytest.raises(IntegrityError, match="refused"), transaction.atomic():
                change()

    def test_one_click_leads_back_and_the_draft_keeps_its_own(self, owner: Editor) -> None:
        old = owner.published
        owner.type(tone="brief")
        owner.publish()
        owner.open()
        owner.type(tone="brief", persona="You are Rui.")
        assert owner.client.post(f"/assistant/versions/{old.pk}/revert").status_code == 302
        connection.set_tenant(owner.tenant)
        assert (owner.published.number, owner.published.tone) == (old.number + 2, "warm")
        assert owner.published.note == f"As version {old.number}"
        assert (owner.draft.tone, owner.draft.persona) == ("warm", "You are Rui.")
        assert AgentVersion.objects.filter(pk=old.pk).exists()

    def test_its_page_shows_what_it_said_to_everybody(self, owner: Editor, editor_of: Any) -> None:
        owner.type(tone="brief", **{"rules-rule": ["Be kind."], "rules-example": ["Gladly!"]})
        owner.publish(note="Shorter")
        page = owner.client.get(f"/assistant/versions/{owner.published.pk}/").content.decode()
        for words in ("Be kind. For example: “Gladly!”", "Shorter", "answers now", "<del", "warm"):
            assert words in page
        viewer = editor_of("viewer")
        assert viewer.client.get(f"/assistant/versions/{owner.published.pk}/").status_code == 200
        connection.set_tenant(owner.tenant)
        assert viewer.client.post(f"/assistant/versions/{owner.published.pk}/revert").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_published_twice_at_once_makes_one_version(alpha: Any) -> None:
    connection.set_tenant(alpha)
    agent, now = Agent.objects.order_by("pk")[0], timezone.now()
    draft = publishing.edit_draft(agent, content={"tone": "brief"}, user=None, now=now).draft
    together, made, failed = threading.Barrier(4), list[int](), list[Exception]()

    def press() -> None:
        try:
            connection.set_tenant(alpha)
            together.wait(10)
            made.append(publishing.publish(draft, user=None, now=now).pk)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == [] and made == [draft.pk] * 4
    assert list(agent.versions.order_by("number").values_list("number", flat=True)) == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_write_the_same_field_at_once_one_is_told(alpha: Any) -> None:
    connection.set_tenant(alpha)
    agent = Agent.objects.order_by("pk")[0]
    seen = {"tone": publishing.digest(publishing.working(agent).tone)}
    together, edits = threading.Barrier(2), dict[str, publishing.Edited]()

    def write(tone: str) -> None:
        try:
            connection.set_tenant(alpha)
            together.wait(10)
            now = timezone.now()
            edits[tone] = publishing.edit_draft(agent, content={"tone": tone}, user=None, seen=seen, now=now)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(tone,)) for tone in ("brief", "long")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (told,) = [tone for tone, edited in edits.items() if edited.clashes]
    kept = ({"brief", "long"} - {told}).pop()
    assert edits[told].clashes == {"tone": kept} and agent.draft is not None and agent.draft.tone == kept


def test_the_form_covers_what_can_be_edited_here() -> None:
    elsewhere = {"tiers", "routing", "tools"}  # pages of their own
    assert set(DraftForm.parts()) == set(publishing.EDITABLE) - elsewhere
