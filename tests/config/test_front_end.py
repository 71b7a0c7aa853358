"""The front end's own promises: what templates name exists, the lock names no host, a build happens once, no
page carries more script than it may.
"""

import gzip
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.core.management import call_command

from config.management.commands import build_frontend
from config.templatetags import ui
from tenants import notifying

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LANGUAGES = ["pt_BR", "es", "fr"]


def test_every_drawing_is_in_the_sprite():
    sprite = (ROOT / "frontend" / "static" / "icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    named = {name for path in TEMPLATES for name in re.findall(r'{% icon "([\w-]+)"', path.read_text())}
    told = {kind.icon for kind in notifying.kinds()}
    assert (named | told) - drawn == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_templates_keep_to_the_content_policy(path):
    text = path.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|javascript:|hx-on", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


def test_lock_names_no_host():
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert all("resolved" not in facts for facts in packages.values())
    assert all("integrity" in facts for facts in packages.values())


def _strings(said):
    """The one string of a translation, or every form of a plural."""
    return [said] if isinstance(said, str) else said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language):
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as source:
        catalog = read_po(source)
    missing = [message.id for message in catalog if message.id and not all(_strings(message.string))]
    assert missing == []
    assert not [message.id for message in catalog if message.id and message.fuzzy]


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_placeholders(language):
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as source:
        catalog = read_po(source)
    placeholder = re.compile(r"%\(\w+\)0?\d*\w|\{\w*\}|<[^>]+>")
    for message in catalog:
        assert set(placeholder.findall(str(message.id))) == set(placeholder.findall(str(message.string)))


SCRIPT = re.compile(r"""<script[^>]*{%\s*static\s+["']([\w./-]+)["']""")
MOST_SCRIPT = 120_000  # bytes, gzipped, of all that one page loads


def test_no_page_carries_more_script_than_it_may():
    call_command("build_frontend", stdout=StringIO())
    weight = {
        file.relative_to(build_frontend.DIST).as_posix(): len(gzip.compress(file.read_bytes()))
        for file in build_frontend.DIST.rglob("*.js")
    }
    on_every_page = set(SCRIPT.findall((ROOT / "templates" / "layouts" / "html.html").read_text()))
    assert "app.js" in on_every_page
    for path in TEMPLATES:
        loaded = on_every_page | set(SCRIPT.findall(path.read_text()))
        assert sum(weight.get(name, 0) for name in loaded) < MOST_SCRIPT, path.name
    assert weight["widget.js"] < 60_000


ELSEWHERE = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|embed|object|form)\b[^>]*(?:src|href|action)=["'](?:https?:)?//"""
)
IN_STYLES = re.compile(r"""url\(["']?(?:https?:)?//|@import\s+["'](?:https?:)?//""")


def test_no_page_asks_another_host():
    call_command("build_frontend", stdout=StringIO())
    assert [path.name for path in TEMPLATES if ELSEWHERE.search(path.read_text())] == []
    assert not IN_STYLES.search((build_frontend.DIST / "app.css").read_text())


def test_unchanged_sources_are_not_built_again(monkeypatch):
    call_command("build_frontend", stdout=StringIO())
    monkeypatch.setattr(build_frontend, "build", lambda: pytest.fail("built again"))
    said = StringIO()
    call_command("build_frontend", stdout=said)
    assert "up to date" in said.getvalue()


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ana Souza", "AS"), ("ana", "A"), ("Ana Maria de Souza", "AS"), ("☂ 5", "5"), ("", "#"), ("<b>", "#")],
)
def test_faces_have_letters(name, letters):
    assert ui.initials(name) == letters


@pytest.mark.parametrize(("taken", "words"), [(None, ""), (840, "840 ms"), (2310, "2.3 s")])
def test_times_are_readable(taken, words):
    assert ui.seconds(taken) == words
