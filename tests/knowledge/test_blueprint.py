"""What a business knows, in its business file: applied again and again, and written back without secrets."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError
from django_tenants.utils import schema_context

from knowledge import pairs, texts
from knowledge.models import Document, Source
from tests.counterparts.google_drive import Google
from tests.tenants.test_blueprints import apply, export

pytestmark = pytest.mark.django_db
KNOWLEDGE = """\
business: {name: Padaria Sol, slug: padaria-sol}
owner: {email: dona@sol.example, password: uma senha longa}
assistant: {name: Sol}
knowledge:
  - path: menu.md
    title: Cardápio
    audience: staff
  - name: Regras
    text: |
      # Piscina

      A piscina abre das 8h.
    assistants: [Sol]
  - name: FAQ
    pairs:
      - {question: "Abrem hoje?", answer: "Sim."}
      - {question: "Tem wi-fi?", answer: "Tem."}
  - name: Preços
    page: 127.0.0.1:9/precos
    refresh_hours: 6
  - name: Site
    site: http://127.0.0.1:9/
    pages: 50
    exclude: [blog]
  - name: Pasta
    drive: https://drive.google.com/drive/folders/folder-0001
    key: env:SOL_GOOGLE
  - name: Pratos
    baserow: http://127.0.0.1:9/database/1/table/345
    token: env:SOL_BASEROW
    audience: staff
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    key = Google().key(token_uri="http://127.0.0.1:9/token")
    monkeypatch.setenv("SOL_GOOGLE", key)
    monkeypatch.setenv("SOL_BASEROW", "baserow-secret-9")
    (tmp_path / "menu.md").write_text("# Menu\n\nMoqueca 62.\n")
    found = tmp_path / "business.yaml"
    found.write_text(KNOWLEDGE)
    return found


def test_is_applied_twice_the_same_and_comes_back(file: Path) -> None:
    apply(file)
    with schema_context("padaria_sol"):
        first = list(Source.objects.order_by("pk").values()), list(Document.objects.order_by("pk").values())
        by_name = {source.title: source for source in Source.objects.all()}
        assert (by_name["Site"].options["exclude"], by_name["Site"].options["pages"]) == (["/blog"], 50)
        assert (by_name["Pratos"].address, by_name["Pratos"].audience) == ("345", "staff")
        assert by_name["Pratos"].secret == "baserow-secret-9" and by_name["Preços"].refresh_hours == 6
        assert texts.of(Document.objects.get(title="Regras")).startswith("# Piscina")
        assert len(Document.objects.get(title="Regras").agent_ids) == 1
        assert len(pairs.of(Document.objects.get(title="FAQ"))) == 2
    assert "nothing to change" in apply(file, check=True)
    apply(file)
    with schema_context("padaria_sol"):
        again = list(Source.objects.order_by("pk").values()), list(Document.objects.order_by("pk").values())
    assert again == first
    text = export("padaria-sol")
    assert "PRIVATE KEY" not in text and "baserow-secret-9" not in text
    written = {part.get("name", part.get("path")): part for part in yaml.safe_load(text)["knowledge"]}
    assert written["Pasta"]["key"] == "env:SOL_GOOGLE" and written["Pratos"]["token"] == "env:SOL_BASEROW"
    assert written["menu.md"]["audience"] == "staff" and written["Regras"]["assistants"] == ["Sol"]
    assert written["FAQ"]["pairs"][1] == {"question": "Tem wi-fi?", "answer": "Tem."}
    (file.parent / "again.yaml").write_text(text)
    assert "nothing to change" in apply(file.parent / "again.yaml", check=True)


def test_a_change_is_told_and_made(file: Path) -> None:
    apply(file)
    file.write_text(KNOWLEDGE.replace("8h", "9h").replace("pages: 50", "pages: 60").replace("Tem.", "Não."))
    told = apply(file, check=True)
    assert "Regras" in told and "Site" in told and "FAQ" in told and "Pasta" not in told
    apply(file)
    with schema_context("padaria_sol"):
        assert "9h" in texts.of(Document.objects.get(title="Regras"))
        assert Source.objects.get(title="Site").options["pages"] == 60


WRONG: list[tuple[str, str, str]] = [
    ("name: FAQ", "name: Regras", "something else has this name"),
    ("assistants: [Sol]", "assistants: [Lua]", "there is no assistant Lua"),
    ('answer: "Tem."', 'answer: ""', "at least 1"),
    ('question: "Tem wi-fi?"', 'question: "abrem hoje"', "another answer"),
    ("folders/folder-0001", "file/x", "no link to a Google Drive folder"),
    ("table/345", "345", "neither the link"),
    ("pages: 50", "pages: 0", "greater than or equal"),
    ("token: env:SOL_BASEROW", "token: plain", "is a secret"),
    ("refresh_hours: 6", "refresh: 6", "not permitted"),
]


@pytest.mark.parametrize("old,new,words", WRONG, ids=[words for _o, _n, words in WRONG])
def test_what_is_wrong_is_named_with_its_line(file: Path, old: str, new: str, words: str) -> None:
    file.write_text(KNOWLEDGE.replace(old, new))
    with pytest.raises(CommandError, match=words) as refused:
        apply(file)
    line = int(str(refused.value).split("business.yaml:")[1].split(":")[0])
    near = file.read_text().splitlines()[max(0, line - 3) : line + 2]
    assert any(new.strip() in one for one in near), (line, str(refused.value))


def test_a_key_that_google_did_not_make_is_named(file: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SOL_GOOGLE", json.dumps({"type": "other"}))
    with pytest.raises(CommandError, match="not the key file of a service account"):
        apply(file)
