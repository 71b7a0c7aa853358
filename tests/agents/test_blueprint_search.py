"""The documents of the five businesses are read, and found by what their scenarios ask; no model is asked.

Read in this process and embedded by the counterpart, whose vectors know words only: what is found so is found
by the real one, too. `manage.py evaluate` asks everything with both. Two of the five in CI, all of them by
`make blueprints`.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django_tenants.utils import schema_context

from agents.models import Agent, Scenario
from knowledge import convert, reading, retrieval
from knowledge.models import Audience, Document
from tenants import catalogue
from tenants.db import connection
from tenants.models import Tenant
from tests.background import Background
from tests.counterparts.embedder import Embedder
from tests.tenants.test_blueprints import apply

pytestmark = pytest.mark.django_db
AMONG = 6  # so many passages a model reads
IN_CI = ("parish", "sales")


@pytest.fixture(autouse=True)
def _read_here(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(reading, "words", convert.words)
    with Embedder() as embedder:
        settings.EMBEDDING_URL = embedder.url
        yield


def test_what_scenarios_cite_is_found(background: Background) -> None:
    missed = {}
    for name, blueprint in catalogue.known().items():
        if os.environ.get("BLUEPRINTS") != "all" and name not in IN_CI:
            continue
        apply(blueprint.file)
        background.run(limit=500)
        slug = blueprint.file.read_text().partition("slug: ")[2].split()[0]
        tenant = Tenant.objects.get(slug=slug)
        with schema_context(tenant.schema_name):
            connection.set_tenant(tenant)
            assert set(Document.objects.values_list("status", flat=True)) == {"ready"}, name
            agent = Agent.objects.get()
            cases = Scenario.objects.filter(agent=agent, kind=Scenario.Kind.CASE, expects__has_key="cites")
            assert cases.count() >= 8
            missed |= {f"{name}/{case.name}": found for case in cases if (found := not_found(case, agent))}
            if staff := Document.objects.filter(audience=Audience.STAFF).first():
                asked = retrieval.search(
                    question=staff.title, language=tenant.language[:2], agent_id=agent.pk
                )
                assert staff.pk not in {passage.document_id for passage in asked.passages}
    assert missed == {}


def not_found(case: Scenario, agent: Agent) -> list[str]:
    """The titles that were found, when none of the cited ones is among them and nothing was settled."""
    found = retrieval.search(question=case.says[-1], language=case.language, agent_id=agent.pk, limit=AMONG)
    titles = [passage.document_title for passage in found.passages]
    return [] if found.pinned or set(titles) & set(case.expects["cites"]) else titles or ["nothing"]
