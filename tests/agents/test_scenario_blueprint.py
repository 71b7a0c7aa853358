"""Scenarios in the business file: applied twice the same, known by name, wrong ones told by line."""

from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError
from django_tenants.utils import schema_context

from agents.models import Scenario
from tests.tenants.test_blueprints import apply, export

pytestmark = pytest.mark.django_db
FILE = """\
business: {name: Padaria Sol, slug: padaria-sol}
owner: {email: dona@sol.example}
assistant: {name: Sol}
scenarios:
  - name: hours
    language: en
    says: When do you open?
    expects: {cites: Hours, says: ["8h | eight"], refuses: false}
  - name: angry
    kind: customer
    says:
      - Where is my bread?!
      - {say: A person, when: {hands_over: false}}
    expects: {hands_over: true, at_most: 2}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "business.yaml"
    found.write_text(FILE)
    return found


def test_are_applied_twice_the_same_and_come_back(file: Path) -> None:
    apply(file)
    with schema_context("padaria_sol"):
        first = list(Scenario.objects.order_by("pk").values())
    assert [(one["name"], one["kind"], one["from_blueprint"]) for one in first] == [
        ("hours", "case", True), ("angry", "customer", True),
    ]  # fmt: skip
    assert first[0]["says"] == ["When do you open?"]
    assert first[0]["expects"] == {"cites": ["Hours"], "says": ["8h | eight"], "refuses": False}
    assert "nothing to change" in apply(file, check=True)
    apply(file)
    with schema_context("padaria_sol"):
        assert list(Scenario.objects.order_by("pk").values()) == first
    written = yaml.safe_load(export("padaria-sol"))["scenarios"]
    assert written[1]["says"][1] == {"say": "A person", "when": {"hands_over": False}}
    file.write_text(FILE.replace("When do you open?", "When do you close?"))
    assert "scenarios.hours: change" in apply(file, check=True)


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("name: angry", "name: hours", 9, "stands here twice"),
        ("name: angry", "name: Very angry", 9, "scenarios[1].name"),
        ("cites: Hours", "site: Hours", 8, "scenarios[0].expects.site"),
        ("language: en", "assistant: Lua", 6, "there is no assistant 'Lua'"),
        ("- Where is my bread?!", "- {say: Bread, when: {refuses: true}}", 11, "can have no condition"),
    ],
)
def test_a_wrong_one_is_named_with_its_line(file: Path, old: str, new: str, line: int, text: str) -> None:
    assert old in FILE
    file.write_text(FILE.replace(old, new, 1))
    with pytest.raises(CommandError) as error:
        apply(file)
    assert text in str(error.value) and f"business.yaml:{line}: " in str(error.value)
