"""Answers fit the medium."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.wording import Markup, fit

PIECES = st.sampled_from(
    ["# ", "## Preços\n", "**bold**", "__under__", "*one*", "_it_", "[site](https://a.example/x)",
    "![p](https://a/i.png)",
     "| a | b |\n|---|---|\n| 1 | 2 |\n", "```py\n", "`code`", "\n", "\n\n\n", "- item\n", "* item\n",
     "1. um\n", "2) dois\n",
     "Olá, tudo bem?", "R$ 10,00. ", "a * b", "***", "---\n", "> quote\n", "<br>", "<b>x</b>", "\\*",
     "~~old~~", "é", "👍",
     "|", "**", "](", "<", "#1 ", "\x00", "\u200b"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=20), max_size=25).map("".join)
MARKUPS = st.sampled_from(["plain", "whatsapp"])


@pytest.mark.parametrize(
    ("said", "whatsapp", "plain"),
    [
        ("**Preço:** R$ 10", "*Preço:* R$ 10", "Preço: R$ 10"),
        ("Já *com desconto* e _hoje_", "Já *com desconto* e _hoje_", "Já com desconto e hoje"),
        ("## Horários\nSeg a sex", "*Horários*\nSeg a sex", "Horários\nSeg a sex"),
        ("Veja [o site](https://a.example/)", "Veja o site: https://a.example/",
        "Veja o site: https://a.example/"),
        ("[a.example](https://a.example)", "https://a.example", "https://a.example"),
        ("1. um\n2. dois\n10. dez", "1. um\n2. dois\n10. dez", "1. um\n2. dois\n10. dez"),
        ("* um\n* dois", "- um\n- dois", "- um\n- dois"),
        ("| Serviço | Preço |\n|---|---|\n| Corte | 50 |", "- Corte: 50", "- Corte: 50"),
        ("| S | P | D |\n|---|---|---|\n| Corte | 50 | 30 min |", "- Corte: P 50, D 30 min",
        "- Corte: P 50, D 30 min"),
        ("a\n\n\n\nb  \n---\nc", "a\n\nb\n\nc", "a\n\nb\n\nc"),
        ("***forte***", "*forte*", "forte"),
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("ana_maria@x.example e snake_case_name", "ana_maria@x.example e snake_case_name",
        "ana_maria@x.example e snake_case_name"),
        ("~~R$ 20~~ R$ 10", "~R$ 20~ R$ 10", "R$ 20 R$ 10"),
        ("linha<br>outra &amp; `x`", "linha\noutra &amp; x", "linha\noutra &amp; x"),
    ],
)  # fmt: skip
def test_says_it_as_the_medium_shows_it(said: str, whatsapp: str, plain: str) -> None:
    assert fit(said, markup="whatsapp", limit=4096) == whatsapp
    assert fit(said, markup="plain", limit=4096) == plain


def test_is_cut_at_a_sentence() -> None:
    text = "Abrimos às 8h. Fechamos às 18h. " * 20
    cut = fit(text, markup="plain", limit=100)
    assert len(cut) <= 100 and cut.endswith("18h.") and len(cut) > 60
    assert fit("a" * 300, markup="plain", limit=50) == "a" * 49 + "…"


def test_a_list_is_cut_between_its_items() -> None:
    text = "\n".join(f"{n}. item {n}" for n in range(1, 50))
    lines = fit(text, markup="whatsapp", limit=120).split("\n")
    assert lines == [f"{n}. item {n}" for n in range(1, len(lines) + 1)]


@given(TEXTS, MARKUPS, st.integers(20, 300))
def test_never_longer_than_the_bubble(text: str, markup: Markup, limit: int) -> None:
    assert len(fit(text, markup=markup, limit=limit)) <= limit


@given(TEXTS, MARKUPS)
def test_leaves_no_markdown(text: str, markup: Markup) -> None:
    said = fit(text, markup=markup, limit=4096)
    assert "**" not in said and "```" not in said and "\n\n\n" not in said
    assert not re.search(r"^#{1,6} ", said, re.M)
    assert not re.search(r"\[[^\[\]\n]+\]\(https?://[^()\s<>]+\)", said)
    assert not re.search(r"^[ \t]*\|.*\|[ \t]*$", said, re.M)


@given(st.lists(st.text(alphabet="abcçéã ,0123456789", min_size=1, max_size=30), min_size=1, max_size=8))
def test_plain_words_and_numbers_stay_as_they_are(lines: list[str]) -> None:
    said = [f"{number}. {' '.join(line.split()) or 'x'}" for number, line in enumerate(lines, start=1)]
    assert fit("\n".join(said), markup="whatsapp", limit=4096).split("\n") == [s.rstrip() for s in said]


@given(TEXTS, MARKUPS)
def test_twice_is_once(text: str, markup: Any) -> None:
    once = fit(text, markup=markup, limit=4096)
    assert fit(once, markup=markup, limit=4096) == once
