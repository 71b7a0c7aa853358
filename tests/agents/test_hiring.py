"""Several assistants: hired, copied, renamed, retired; one on each channel; in the business file."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_tenants.utils import schema_context

from agents import hiring, publishing
from agents.models import Agent
from conversations.models import Channel
from tenants.models import AuditEntry

PAGE = "/assistant/all/"


@pytest.fixture
def owner(in_alpha: Any, client_for: Any, member_of: Any) -> Client:
    return client_for(in_alpha, member_of(in_alpha))


@pytest.fixture
def act(in_alpha: Any, owner: Client) -> Any:
    """`act(path, **form)`: the status of one click, back in the schema."""

    def click(path: str, **form: Any) -> int:
        status = owner.post(path, form).status_code
        connection.set_tenant(in_alpha)
        return status

    return click


def agent(name: str) -> Agent:
    return Agent.objects.get(name=name)


class TestPage:
    def test_hires_one_with_words_of_its_own(self, act: Any, owner: Client) -> None:
        assert act(PAGE, name="  Rui   Sales ") == 302
        made = agent("Rui Sales")
        assert made.published is not None and "receptionist" in made.published.persona
        assert act(PAGE, name="rui sales") == 422 and act(PAGE, name="") == 422
        assert b"Another assistant has this name." in owner.post(PAGE, {"name": "rui sales"}).content

    def test_a_copy_has_the_words_and_the_draft(self, act: Any) -> None:
        first, now = hiring.first(), timezone.now()
        publishing.publish_at_once(first, content={"tone": "dry"}, user=None, now=now)
        publishing.edit_draft(first, content={"persona": "You are new."}, user=None, now=now)
        assert act(f"/assistant/{first.pk}/copy", name="Second") == 302
        copy = agent("Second")
        assert copy.published is not None and copy.published.tone == "dry" and copy.published.number == 1
        assert copy.draft is not None and copy.draft.persona == "You are new."
        assert AuditEntry.objects.filter(action="agent.hire", detail={"like": first.name}).exists()

    def test_renames_but_never_to_a_name_that_is_taken(self, act: Any) -> None:
        act(PAGE, name="Rui")
        assert act(f"/assistant/{agent('Rui').pk}/rename", name="Assistant") == 422
        assert act(f"/assistant/{agent('Rui').pk}/rename", name="Rita") == 302
        assert act(f"/assistant/{agent('Rita').pk}/rename", name="RITA") == 302
        assert agent("RITA").pk

    def test_retires_only_who_answers_nowhere_and_never_the_last(self, act: Any) -> None:
        first = hiring.first()
        act(f"/assistant/{first.pk}/retire")
        assert hiring.at_work() == [first], "somebody has to answer"
        act(PAGE, name="Rui")
        channel = Channel.objects.create(kind="web", name="Site", agent=agent("Rui"), is_active=False)
        act(f"/assistant/{agent('Rui').pk}/retire")
        assert agent("Rui").retired_at is None
        Channel.objects.filter(pk=channel.pk).update(agent=first)
        act(f"/assistant/{agent('Rui').pk}/retire")
        assert agent("Rui").retired_at is not None and hiring.at_work() == [first]
        assert act(f"/assistant/{agent('Rui').pk}/rename", name="X") == 404
        act(f"/assistant/{agent('Rui').pk}/bring-back")
        assert len(hiring.at_work()) == 2

    def test_the_pages_are_about_the_one_that_was_chosen(self, act: Any, owner: Client) -> None:
        act(PAGE, name="Rui")
        assert b"What Rui is told" not in owner.get("/assistant/publish/").content
        with schema_context("alpha"):
            pk = agent("Rui").pk
        assert b"What Rui is told" in owner.get(f"/assistant/publish/?assistant={pk}").content
        assert b"What Rui is told" in owner.get("/assistant/publish/").content
        assert owner.get("/assistant/publish/?assistant=999999999").status_code == 200


class TestChannels:
    def test_each_has_one_and_never_a_retired_one(self, act: Any, owner: Client) -> None:
        act(PAGE, name="Rui")
        act(PAGE, name="Old")
        act(f"/assistant/{agent('Old').pk}/retire")
        channel = Channel.objects.create(kind="web", name="Site", agent=hiring.first())
        url = f"/account/channels/{channel.pk}"
        page = owner.get(f"{url}/").content.decode()
        with schema_context("alpha"):
            rui, old = agent("Rui").pk, agent("Old").pk
        assert f'value="{rui}"' in page and f'value="{old}"' not in page
        assert act(f"{url}/edit", name="Site", agent=old) == 422
        assert act(f"{url}/edit", name="Site", agent=rui) == 302
        assert Channel.objects.get(pk=channel.pk).agent_id == rui


FILE = """
business: {name: Duas Vozes, slug: duas-vozes, language: pt-br}
owner: {email: dona@duas.example, password: uma senha longa}
assistant:
  name: Lia
  persona: Você é Lia.
  language: pt
  rules:
    - Nunca prometa desconto.
    - {rule: Seja breve., example: Claro!}
  topics: [preços, horários]
  greeting: Olá! Sou a Lia.
  handover:
    - when: reclamação
      words: procon, advogado
      say: Já chamei alguém.
  hours: {out_of_hours: text, text: Voltamos logo.}
  routing: {usual: fast, budgets: {premium: 100}}
  tools: [search_knowledge, call_person]
assistants:
  - name: Rui
    tone: comercial
channels:
  - {name: Site, kind: web}
  - {name: Vendas, kind: web, assistant: Rui}
"""


def run(command: str, *args: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, *args, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db
class TestFile:
    def test_holds_everything_and_comes_back_the_same(self, tmp_path: Path) -> None:
        path = tmp_path / "business.yaml"
        path.write_text(FILE)
        run("apply", file=path)
        with schema_context("duas_vozes"):
            lia = agent("Lia").published
            assert lia is not None and lia.hours == {"out_of_hours": "text", "text": "Voltamos logo."}
            assert lia.rules[0] == {"rule": "Nunca prometa desconto.", "example": ""}
            assert lia.routing == {"usual": "fast", "budgets": {"premium": 100}}
            assert Channel.objects.get(name="Vendas").agent.name == "Rui"
            assert Channel.objects.get(name="Site").agent.name == "Lia"
        assert "nothing to change" in run("apply", file=path)
        written = yaml.safe_load(run("export", "duas-vozes"))
        asked = yaml.safe_load(FILE)
        for field, value in asked["assistant"].items():
            if field != "rules":
                assert written["assistant"][field] == value, field
        assert [one["name"] for one in written["assistants"]] == ["Rui"]
        assert {one["name"]: one.get("assistant") for one in written["channels"]} == {
            "Site": None,
            "Vendas": "Rui",
        }

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("assistant: Rui}", "assistant: Ana}", "there is no assistant 'Ana'"),
            ("- name: Rui", "- name: Lia", "another assistant has this name"),
            ("usual: fast", "usual: quick", "there is no tier quick"),
            ("out_of_hours: text", "out_of_hours: never", "hours.out_of_hours"),
            ("when: reclamação", "when: ''", "handover"),
        ],
    )
    def test_tells_what_is_wrong(self, tmp_path: Path, old: str, new: str, told: str) -> None:
        path = tmp_path / "business.yaml"
        path.write_text(FILE.replace(old, new))
        with pytest.raises(CommandError, match=told):
            run("apply", file=path, check=True)
