"""A business that is there begins with a blueprint: in place while it is empty, else beside what it has."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent, AgentVersion, OwnTool, RecordRow, RecordTable, Scenario
from conversations.models import ChatRules
from knowledge import documents, settling
from knowledge.models import Document, PinnedAnswer, PinnedQuestion
from tenants.models import AuditEntry

pytestmark = pytest.mark.django_db
BEGIN, FORGET, PAGE = (
    "/assistant/blueprints/begin",
    "/assistant/blueprints/forget-examples",
    "/assistant/blueprints/",
)


@pytest.fixture(autouse=True)
def _room(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def owner(alpha: Any, client_for: Callable[..., Any], member_of: Callable[..., Any]) -> Any:
    return client_for(alpha, member_of(alpha))


def test_an_empty_business_takes_it_in_place(alpha: Any, owner: Any) -> None:
    assert "takes the place" in owner.get(PAGE).content.decode()
    assert owner.post(BEGIN, {"blueprint": "clinic"})["Location"] == "/welcome/"
    with schema_context("alpha"):
        agent = Agent.objects.get()
        version = agent.published
        assert agent.name == "Lia" and version is not None
        assert alpha.name in version.persona and "Aurora" not in version.persona
        assert Document.objects.filter(origin__startswith="blueprint:").count() == 7
        assert not Document.objects.exclude(agent_ids=[]).exists()
        assert ChatRules.objects.get().week["sat"] == ["08:00-13:00"]
        assert Scenario.objects.filter(agent=agent).count() >= 17
    page = owner.get("/welcome/").content.decode()
    assert "Its documents are examples" in page
    assert AuditEntry.objects.filter(action="blueprint.begin", target="clinic").count() == 1


def test_what_is_there_stays_as_it_is(alpha: Any, owner: Any) -> None:
    now = timezone.now()
    with schema_context("alpha"):
        documents.add(file=ContentFile(b"ours"), name="p.txt", title="Catálogo", added_by=None, now=now)
        settling.make(
            questions=["Tem algum cupom de desconto?"], text="Nunca.", language="pt", made_by=None, now=now
        )
        before = snapshot()
    assert "beside yours" in owner.get(PAGE).content.decode()
    answer = owner.post(BEGIN, {"blueprint": "sales"})
    with schema_context("alpha"):
        assert {name: rows for name, rows in snapshot().items() if name in before} == before
        agent = Agent.objects.get(name="Caetano")
        assert answer["Location"] == f"/assistant/publish/?assistant={agent.pk}"
        theirs = Document.objects.filter(agent_ids=[agent.pk])
        assert theirs.count() == 6 and theirs.filter(title="Catálogo (Caetano)").exists()
        assert list(PinnedAnswer.objects.filter(agent_ids=[agent.pk]).values_list("language", flat=True)) == [
            "en"
        ]
        price = Scenario.objects.get(agent=agent, name="preco-de-um-cafe")
        assert price.expects["cites"] == ["Catálogo (Caetano)"]
        assert not ChatRules.objects.exists()


def snapshot() -> dict[str, Any]:
    """What stands in a business's rows, by name; of what came later there are more."""
    texts = {str(row["id"]): row for row in PinnedAnswer.objects.order_by("pk").values()}
    known = {f"d{row['id']}": row for row in Document.objects.order_by("pk").values()}
    asked = {f"q{row['id']}": row["text"] for row in PinnedQuestion.objects.order_by("pk").values()}
    told = {f"v{row['id']}": row for row in AgentVersion.objects.order_by("pk").values()}
    return {**texts, **known, **asked, **told}


def test_the_same_one_twice_reads_nothing_twice(alpha: Any, owner: Any) -> None:
    with schema_context("alpha"):
        documents.add(file=ContentFile(b"ours"), name="p.txt", added_by=None, now=timezone.now())
    owner.post(BEGIN, {"blueprint": "parish"})
    owner.post(BEGIN, {"blueprint": "parish"})
    with schema_context("alpha"):
        pks = list(Agent.objects.order_by("pk").values_list("pk", flat=True))
        assert list(Agent.objects.order_by("pk").values_list("name", flat=True))[1:] == ["Claire", "Claire 2"]
        assert Document.objects.count() == 7
        both = Document.objects.exclude(agent_ids=[])
        assert {tuple(row) for row in both.values_list("agent_ids", flat=True)} == {tuple(pks[1:])}
        assert both.get(title="Consignes de l'équipe").audience == "staff"
        assert Scenario.objects.filter(agent=pks[1]).count() == Scenario.objects.filter(agent=pks[2]).count()


def test_examples_go_and_what_is_ones_own_stays(alpha: Any, owner: Any) -> None:
    owner.post(BEGIN, {"blueprint": "secretary"})
    now = timezone.now()
    with schema_context("alpha"):
        documents.add(file=ContentFile(b"# Casa"), name="c.md", title="O escritório", added_by=None, now=now)
        own = PinnedAnswer.objects.order_by("pk")[0]
        settling.change(own, text="Rua Nova, 1.", now=now)
    assert "4 example documents are in use" in owner.get(PAGE).content.decode()
    assert "are examples" in owner.get("/assistant/").content.decode()
    owner.post(FORGET)
    with schema_context("alpha"):
        assert list(Document.objects.values_list("title", flat=True)) == ["O escritório"]
        assert list(PinnedAnswer.objects.values_list("text", flat=True)) == ["Rua Nova, 1."]
    assert "are examples" not in owner.get("/assistant/").content.decode()


def test_an_invented_table_goes_with_its_tool_and_a_filled_one_stays(alpha: Any, owner: Any) -> None:
    for name in ("parish", "help-desk"):
        owner.post(BEGIN, {"blueprint": name})
    with schema_context("alpha"):
        assert OwnTool.objects.count() == 2
        RecordRow.objects.create(table=RecordTable.objects.get(name="contas"), values={"empresa": "Nossa"})
    owner.post(FORGET)
    with schema_context("alpha"):
        assert list(RecordTable.objects.values_list("name", flat=True)) == ["contas"]
        assert list(OwnTool.objects.values_list("name", flat=True)) == ["saldo_de_creditos"]


def test_nobody_else_and_nothing_else(
    alpha: Any, client_for: Callable[..., Any], member_of: Callable[..., Any], owner: Any
) -> None:
    assert owner.post(BEGIN, {"blueprint": "bakery"}).status_code == 404
    agent = client_for(alpha, member_of(alpha, role="agent"))
    for path in (BEGIN, FORGET):
        assert agent.post(path, {"blueprint": "clinic"}).status_code == 403
    with schema_context("alpha"):
        assert not Document.objects.exists()


def test_a_full_disk_leaves_nothing_behind(
    alpha: Any, owner: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    add, done = documents.add, 0

    def until_full(**given: Any) -> Document:
        nonlocal done
        done += 1
        if done > 3:
            raise documents.StorageFull
        return add(**given)

    monkeypatch.setattr(documents, "add", until_full)
    assert owner.post(BEGIN, {"blueprint": "sales"})["Location"] == PAGE
    with schema_context("alpha"):
        assert Agent.objects.get().versions.count() == 1
        assert not Document.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
