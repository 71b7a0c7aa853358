"""`manage.py evaluate`: a file is asked all that it must get right, and nothing of it stays."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from config import preparation
from tenants.models import Tenant, User
from tests.knowledge.conftest import _convert_once

__all__ = ["_convert_once"]
ANSWER = {"questions": ["Vocês vendem escova de dentes?"], "answer": "Sim, na recepção.", "language": "pt"}


@pytest.fixture(autouse=True)
def here(transactional_db: None, embedding: str, settings: Any, tmp_path: Path) -> None:
    settings.EMBEDDING_URL, settings.MEDIA_ROOT = embedding, tmp_path / "media"


@pytest.fixture
def demo() -> dict[str, Any]:
    """The demo's file with documents that are read in a moment, what these answer, and a settled answer."""
    said, folder = preparation.demo_file(), preparation.DEMO.parent
    kept = [one for one in said["knowledge"] if one["path"].endswith((".csv", ".txt"))]
    titles = {one["title"] for one in kept}
    said["scenarios"] = [one for one in said["scenarios"] if one["expects"].get("cites") in (*titles, None)]
    said["knowledge"] = [one | {"path": str(folder / one["path"])} for one in kept]
    return said | {"answers": [ANSWER]}


def evaluate(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """The command's end, and what it told."""
    try:
        call_command("evaluate", str(file), "--json")
    except SystemExit as ended:
        return int(str(ended.code)), json.loads(capsys.readouterr().out)
    return 0, json.loads(capsys.readouterr().out)


def test_all_is_asked_and_nothing_stays(
    demo: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "business.yaml").write_text(yaml.safe_dump(demo, allow_unicode=True))
    before = set(Tenant.objects.values_list("slug", flat=True))
    code, told = evaluate(file, capsys)  # although nobody has set what its channels refer to
    results = told["assistants"][0]["results"]
    assert (code, told["unread"]) == (0, []), [one for one in results if one["verdict"] == "failed"]
    assert {one["kind"] for one in results} == {"pinned", "scenario", "simulation"}
    assert len(results) == len(demo["scenarios"]) + 1 >= 5
    assert set(Tenant.objects.values_list("slug", flat=True)) == before
    assert not User.objects.filter(email=demo["owner"]["email"]).exists()
    assert not [path for path in (tmp_path / "media").rglob("*") if path.is_file()]


def test_what_fails_is_told_and_ends_with_one(
    demo: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"name": "preco", "says": "Quanto custa uma limpeza dental?", "expects": {"says": "R$ 15"}}
    demo = demo | {"scenarios": [wrong], "answers": []}
    demo["knowledge"] = [one for one in demo["knowledge"] if one["path"].endswith(".csv")]
    (file := tmp_path / "business.yaml").write_text(yaml.safe_dump(demo, allow_unicode=True))
    with pytest.raises(SystemExit) as ended:
        call_command("evaluate", str(file))
    told = capsys.readouterr().out
    assert ended.value.code == 1 and "FAILED" in told and "R$ 15" in told and "0 of 1 as expected" in told


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    (file := tmp_path / "business.yaml").write_text(
        "business: {name: Sol, slug: sol}\nscenarios: [{name: a, says: Oi, expects: {sais: 8h}}]\n"
    )
    with pytest.raises(CommandError, match="sais"):
        call_command("evaluate", str(file))
    assert not Tenant.objects.filter(slug__startswith="evaluated-").exists()
