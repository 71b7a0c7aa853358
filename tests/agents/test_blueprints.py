"""The five businesses that ship: whole, honest about what works, and applied as they stand."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import translation
from django_tenants.utils import schema_context
from pydantic import TypeAdapter

from agents import tools
from agents.blueprint import AssistantPart
from agents.blueprints import write_documents
from agents.models import Agent, Scenario
from agents.scenario_blueprint import ScenarioPart
from conversations import tooling
from knowledge.models import Document, PinnedAnswer
from tenants import blueprint_files, catalogue
from tenants.models import Tenant
from tests.tenants.test_blueprints import apply

NAMES = ("clinic", "help-desk", "sales", "secretary", "parish")
LATER = ("agendei", "certificado", "ligação gravada")  # what no assistant does yet, and none may promise


def data_of(name: str) -> dict[str, Any]:
    """A blueprint's file as plain data."""
    loaded = blueprint_files.load(catalogue.known()[name].file)
    assert not loaded.problems
    return loaded.data


def test_these_ship():
    assert tuple(catalogue.known()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_is_whole(name):
    data = data_of(name)
    told = AssistantPart.model_validate(data["assistant"])
    assert len(told.rules) >= 5 and all(rule.example for rule in told.rules)
    assert told.topics and told.greeting and all(case.say for case in told.handover)
    talks = TypeAdapter(list[ScenarioPart]).validate_python(data["scenarios"])
    customers = [one for one in talks if one.kind == Scenario.Kind.CUSTOMER]
    assert len(talks) - len(customers) >= 12 and len(customers) >= 5
    assert not any(one.expects.is_empty for one in talks)
    titles = {part["title"] for part in data["knowledge"] if part.get("audience") != "staff"}
    assert {title for one in talks for title in one.expects.cites} <= titles
    assert 4 <= len(data["knowledge"]) <= 8
    assert len({part["path"].rpartition(".")[2] for part in data["knowledge"]}) >= 4
    assert data["answers"] and {"ask", "book"}.isdisjoint(told.tools)
    called = {name for one in talks for name in one.expects.tool}
    assert {"call_person", "collect_fields"} <= called <= {*told.tools, *tooling.VERIFIERS}


@pytest.mark.parametrize("name", NAMES)
def test_each_offers_only_what_works(name):
    data = data_of(name)
    told, own = data["assistant"], data.get("tools", [])
    assert set(told["tools"]) <= set(tools.built_in()) | {one["name"] for one in own}
    assert all(one["needs_verified"] and one["records"]["owner_column"] for one in own)
    words = " ".join([*map(str, told["topics"]), told["greeting"], told["persona"]]).lower()
    assert not any(word in words for word in LATER)


def test_catechism_and_credits_are_gated():
    own = {name: [one["name"] for one in data_of(name).get("tools", [])] for name in NAMES}
    assert own["parish"] == ["catechisme_de_mon_enfant"] and own["help-desk"] == ["saldo_de_creditos"]


def test_cards_say_three_lines_in_the_readers_language():
    with translation.override("en"):
        for blueprint in catalogue.known().values():
            assert len({str(line) for line in blueprint.does}) == 3
            assert str(blueprint.title)


def test_binary_documents_are_what_their_sources_say():
    found = write_documents.sources()
    assert len(found) >= 10
    stale = [
        one.name for one in found if write_documents.target_of(one).read_bytes() != write_documents.made(one)
    ]
    assert stale == []


@pytest.mark.parametrize(
    "path",
    ["blueprint:clinic/../../apps.py", "blueprint:nobody/documents/a.md", "documents/a.md"],
)
def test_a_path_leads_only_into_what_ships(path):
    assert catalogue.path_of(path) is None


@pytest.mark.django_db
class TestApplied:
    @pytest.fixture(autouse=True)
    def _room(self, settings, tmp_path):
        settings.MEDIA_ROOT = tmp_path

    def test_all_five_and_again_without_a_change(self):
        for name in NAMES:
            file, data = catalogue.known()[name].file, data_of(name)
            apply(file)
            assert "nothing to change" in apply(file, check=True), name
            tenant = Tenant.objects.get(slug=data["business"]["slug"])
            with schema_context(tenant.schema_name):
                assert Document.objects.count() == len(data["knowledge"])
                assert PinnedAnswer.objects.count() == len(data["answers"])
                assert Scenario.objects.filter(from_blueprint=True).count() == len(data["scenarios"])
                version = Agent.objects.get().published
                assert version is not None and version.tools == data["assistant"]["tools"]
                assert version.rules == data["assistant"]["rules"]

    def test_is_written_back_and_applied_elsewhere(self, tmp_path):
        apply(catalogue.known()["sales"].file)
        out = StringIO()
        call_command("export", "vendas-modelo", stdout=out)
        written = out.getvalue().replace("vendas-modelo", "outra-loja")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        file = elsewhere / "business.yaml"
        # Its documents ship with the installation; only the name of the folder has to be said.
        file.write_text(written.replace("path: documents/", "path: blueprint:sales/documents/"))
        apply(file)
        with schema_context("outra_loja"):
            assert Document.objects.filter(origin__startswith="blueprint:sales/").count() == 6
            assert Scenario.objects.count() == len(data_of("sales")["scenarios"])
        assert "nothing to change" in apply(file, check=True)
