"""Four languages: nothing that people read is outside of the translations, counts have their plurals, dates
and numbers are the language's own.
"""

import re
from datetime import UTC, datetime
from functools import cache

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.template import Context, Template
from django.utils import translation

from tests.config.words import ROOT, bare_strings, bare_words, marked, sources

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
LANGUAGES = ["pt_BR", "es", "fr"]
# In English for whoever operates it, programs against it, or is a model.
IN_ENGLISH = re.compile(r"/management/|/(\w+_)?api(_\w+)?\.py$|/tools_\w+\.py$")


@cache
def catalog(language: str) -> Catalog:
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as source:
        return read_po(source)


def test_what_is_found_in_a_template():
    """The finder finds: otherwise the test below would pass by finding nothing."""
    html = (
        '<p>{% translate "Yes" %} {{ name }}</p>\n<p>Left over</p><a title="{{ x }} of"></a>'
        "<code>make run</code>{# a word #}{% blocktranslate %}A <b>b</b>{% endblocktranslate %} WhatsApp"
    )
    assert bare_words(html) == [(2, "Left over"), (2, "of")]


def test_no_words_stand_bare_in_templates():
    found = {
        f"{path.relative_to(ROOT)}:{line}": words
        for path in TEMPLATES
        for line, words in bare_words(path.read_text())
    }
    assert found == {}


def test_no_words_stand_bare_in_python():
    found = {
        f"{path.relative_to(ROOT)}:{line}": words
        for path in sources()
        if not IN_ENGLISH.search(path.as_posix())
        for line, words in bare_strings(path)
    }
    assert found == {}


def test_every_string_that_is_marked_is_in_every_language():
    missing: dict[str, list[object]] = {}
    for message, file in marked().items():
        for language in LANGUAGES:
            entry = catalog(language).get(message[0] if isinstance(message, tuple) else message)
            whole = entry is not None and entry.string and not entry.fuzzy
            if not whole or (isinstance(message, tuple) and not _has_forms(entry.string, language)):
                missing.setdefault(f"{file}: {message}", []).append(language)
    assert missing == {}


def _has_forms(said: object, language: str) -> bool:
    return isinstance(said, tuple | list) and len(said) == catalog(language).num_plurals and all(said)


COUNTED = re.compile(
    r"%\((?:count|counter|n|number|total|days|hours|minutes|seats|rows)\)[sd] ([a-z]+s)\b|^(\d+|%d) [a-z]+s\b"
)
# English words in -s that are no plural.
SINGULAR = {"is", "was", "has", "less", "its", "this", "us", "as", "yes", "does", "ms", "unless", "always"}


# With one form so far. The first are limits and the like, which are never one; the others can be, and are
# to get a plural when they are next touched. Nothing is added here.
WITH_ONE_FORM = {
    "%(done)s of %(total)s cases asked",
    "%(done)s of %(total)s texts are embedded. Until all are, everything is found as before.",
    "%(n)s dimensions",
    "7 days",
    "A table has at most %(rows)s rows and %(columns)s columns.",
    "Choose at most %(n)d chats at a time.",
    "It says what version %(n)s says.",
    "The last %(n)s days",
    "There are %(n)d labels: delete one first.",
    "Version %(number)s answers from now on, with the words of version %(old)s.",
    "Version %(number)s answers from now on.",
    "while the session lasts; notifications %(n)s days",
    # -- can be one
    "%(count)s rows are there.",
    "%(n)s credits in all",
    "%(n)s days",
    "%(n)s seconds",
    "%(price)s in all; no price is known of %(n)s answers",
    "It works. At least %(count)s rows were read; the columns are %(columns)s.",
    "It works. The folder is “%(name)s”, with %(count)s files.",
    "It works. The server has %(count)s tools.",
    "It works. The table has %(count)s rows; its columns are %(columns)s.",
    "It works. There are %(count)s rows; the columns are %(columns)s.",
    "That tier's budget of today (%(n)s credits) is spent; the next cheaper: %(tier)s.",
    "every %(hours)s hours",
}


def test_what_is_counted_has_a_plural():
    """A count before a plural word, in a string with one form only, is wrong for one."""
    wrong = [
        (message, file)
        for message, file in marked().items()
        if isinstance(message, str)
        and message not in WITH_ONE_FORM
        and "for %(minutes)s minutes" not in message
        for hit in COUNTED.finditer(message)
        if hit[1] not in SINGULAR
    ]
    assert wrong == []


# Formats that are the same for machines and for everybody: seconds of a log, a date for a form field.
MACHINES = {"c", "l", "Y-m-d", "Y-m", "Ymd", "H:i:s", "U", "Y-m-d\\TH:i", "Y-m-d H:i"}
NAMED = re.compile(r"^(SHORT_)?(DATE|TIME|DATETIME|MONTH_DAY|YEAR_MONTH)_FORMAT$")
WRITTEN = re.compile(r"""\|(?:date|time):["']([^"']+)["']|{%\s*now\s+["']([^"']+)["']""")


def test_dates_are_in_the_languages_own_order():
    """A format that is spelled out puts month and day in one language's order."""
    wrong = [
        (path.relative_to(ROOT).as_posix(), spelled)
        for path in TEMPLATES
        for groups in WRITTEN.findall(path.read_text())
        for spelled in [groups[0] or groups[1]]
        if spelled not in MACHINES and not NAMED.match(spelled)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("language", "date", "number"),
    [
        ("en", "11/02/2026", "1,234.5"),
        ("pt-br", "02/11/2026", "1.234,5"),
        ("es", "02/11/2026", "1 234,5"),
        ("fr", "02/11/2026", "1 234,5"),
    ],
)
def test_dates_and_numbers_as_people_write_them(language, date, number):
    page = Template("{% load humanize l10n %}{{ at|date:'SHORT_DATE_FORMAT' }} | {{ n|floatformat:'1g' }}")
    with translation.override(language):
        said = page.render(Context({"at": datetime(2026, 11, 2, 9, tzinfo=UTC), "n": 1234.5}))
    assert said.replace("\xa0", " ").replace("\u202f", " ") == f"{date} | {number}"
