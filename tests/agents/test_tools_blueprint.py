"""Tools, keys and tables in the business file: there and back, and what is wrong is said with its line."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import OwnTool, RecordTable, ToolSecret
from agents.tools import offered
from tenants import blueprints

FILE = """
business: {name: Shop, slug: tools-shop, language: en}
owner: {email: owner@tools-shop.example}
tool_keys:
  - {name: shop, value: "env:SHOP_KEY"}
record_tables:
  - name: courses
    file: courses.csv
tools:
  - name: order_status
    title: Order status
    when: When a customer asks where the order is.
    http:
      url: "http://127.0.0.1:9/orders/{order}"
      arguments: [{name: order, about: its number}]
      sign_in: {how: bearer, secret: shop}
      picks: [{name: status, path: data.status}]
      reveals: business
  - name: find_course
    title: Course
    when: When a customer asks for a course.
    enabled: false
    records:
      table: courses
      columns: [{name: Course, search: part, shown: true}]
assistant:
  name: Lia
  tools: [order_status, find_course]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None) -> Path:
    monkeypatch.setenv("SHOP_KEY", "top secret")
    (tmp_path / "courses.csv").write_text("Course;Places\nEnglish;3\n")
    path = tmp_path / "business.yaml"
    path.write_text(FILE)
    return path


def test_there_and_back_and_again(file: Path, tmp_path: Path) -> None:
    made = blueprints.apply(file, now=timezone.now()).tenant
    assert made is not None
    with schema_context(made.schema_name):
        assert ToolSecret.objects.get().value == "top secret"
        assert RecordTable.objects.get().rows.get().values == {"Course": "English", "Places": "3"}
        assert list(offered().keys() & {"order_status", "find_course"}) == ["order_status"]
        ids = list(OwnTool.objects.order_by("name").values_list("pk", flat=True))
    written = blueprints.export(made, now=timezone.now())
    assert "top secret" not in written and "env:SHOP_KEY" in written
    again = tmp_path / "again.yaml"
    again.write_text(written)
    assert blueprints.apply(again, now=timezone.now(), check=True).changes == []
    blueprints.apply(again, now=timezone.now())
    with schema_context(made.schema_name):
        assert list(OwnTool.objects.order_by("name").values_list("pk", flat=True)) == ids


@pytest.mark.parametrize(
    "before,after,words",
    [
        ('value: "env:SHOP_KEY"', "value: plain", "env:NAME"),
        ("secret: shop", "secret: other", "no key 'other'"),
        ("table: courses\n", "table: cars\n", "no table 'cars'"),
        ("courses.csv", "gone.csv", "no such file"),
        ("{order}", "{what}", "no argument"),
        ("    http:\n      url", "    nothing:\n      url", "not permitted"),
        ("127.0.0.1:9", "127.0.0.1:8", "private network"),
        ("name: find_course", "name: order_status", "twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_is_made(
    file: Path, before: str, after: str, words: str, settings: Any
) -> None:
    settings.TOOL_PRIVATE_HOSTS = ["127.0.0.1:9"]
    file.write_text(FILE.replace(before, after))
    with pytest.raises(blueprints.BlueprintError) as failed:
        blueprints.apply(file, now=timezone.now())
    assert any(words in str(problem) and problem.line for problem in failed.value.problems), failed.value
