"""What is left of a page when its furniture is gone: all that customers ask for, with its headings."""

import re

import pytest

from knowledge.main_content import answer, read

MENU = '<div class="top"><a href="/">Início</a> <a href="/quartos">Quartos</a> <a href="/c">C</a></div>'
BUILDER = f"""<!doctype html><html><head><title>Pousada do Vale</title></head><body>{MENU}
<div class="row"><h2>Perguntas</h2>
<div><button class="accordion-button">Aceitam animais?</button>
<div><p>Sim, até 10 kg, por R$ 50.</p></div></div>
<div><h3><button>Qual o horário?</button></h3><div><p>Das 14h às 22h.</p></div></div>
<details><summary>Tem estacionamento?</summary><p>Sim, gratuito e coberto.</p></details></div>
<div class="card"><h3>Quarto duplo</h3><span>R$ 320</span><div>Cama de casal, vista para o vale</div></div>
<div class="hours"><div>Sábado</div><div>9h - 12h</div></div>
<div class="cookie-banner">Usamos cookies.</div><div class="footer"><p>© 2026</p></div></body></html>"""
SMALL = """<html><head><title>Contato</title></head><body><nav><a href=/>Início</a></nav><section>
<h1>Contato</h1><p>Telefone: (11) 4002-8922</p><address>Rua do Vale, 100</address>
<form><label>Seu nome</label><input></form>
</section><footer>Todos os direitos</footer></body></html>"""
ARTICLE = """<html><head><title>Blog</title></head><body><article><h1>Como cuidar da horta</h1>
<p>Regue a horta pela manhã, antes das oito, e nunca com o sol alto, para que as folhas não queimem.</p>
<h2>Adubo</h2><p>Adube uma vez por mês, com o composto da casa, e cubra a terra com palha seca depois.</p>
</article><div><h2>Mais lidos</h2><h3>10 receitas de bolo</h3><p>Veja já</p></div></body></html>"""


def lines(html: str) -> list[str]:
    """The text, line by line, headings with a hash."""
    marked = re.sub(r"<h[2-6][^>]*>", "\n# ", html.partition("<body>")[2])
    return [line.strip() for line in re.sub(r"<[^>]+>", "\n", marked).splitlines() if line.strip(" #")]


def test_a_builder_s_page_keeps_questions_prices_and_hours() -> None:
    said = lines(read(BUILDER.encode(), url="http://x/", charset="")["html"])
    for question in ("# Aceitam animais?", "# Tem estacionamento?", "# Quarto duplo"):
        assert question in said
    assert "Qual o horário?" in " ".join(said)
    assert said[said.index("# Quarto duplo") + 1] == "R$ 320" and "9h - 12h" in said
    assert not {"Início", "Quartos", "Usamos cookies.", "© 2026"} & set(said)


def test_a_small_page_is_taken_whole_but_for_its_furniture() -> None:
    assert lines(read(SMALL.encode(), url="http://x/", charset="")["html"]) == [
        "Contato", "Telefone: (11) 4002-8922", "Rua do Vale, 100",
    ]  # fmt: skip


def test_an_article_goes_without_what_stands_beside_it() -> None:
    said = lines(read(ARTICLE.encode(), url="http://x/", charset="")["html"])
    assert "# Adubo" in said and not any("bolo" in line for line in said)


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<p>Promoção até sexta</p>".encode("latin-1"), "iso-8859-1"),
        ("<p>Promoção até sexta</p>".encode("latin-1"), ""),
        ("<p>Promoção até sexta</p>".encode(), ""),
        ("<p>Promoção até sexta</p>".encode(), "no-such-charset"),
        ('<meta charset="windows-1252"><p>Promoção até sexta</p>'.encode("cp1252"), ""),
        ('<?xml version="1.0" encoding="utf-8"?><html><p>Promoção até sexta</p></html>'.encode(), ""),
    ],
)
def test_letters_are_read_as_they_were_written(body: bytes, charset: str) -> None:
    assert "Promoção até sexta" in read(body, url="http://x/", charset=charset)["html"]


def test_what_a_page_says_to_programs() -> None:
    head = (
        '<base href="/sub/"><link rel="Canonical" href="page"><meta name="Robots" content="noindex, NOFOLLOW"'
        "><title>A\n title </title>"
    )
    body = (
        '<a href="a">a</a><a href="b" rel="nofollow">b</a><a href="mailto:x@y">m</a><a href="http://[">n</a>'
    )
    said = read(f"<html><head>{head}</head><body>{body}".encode(), url="http://x.test/", charset="")
    assert (said["title"], said["canonical"]) == ("A title", "http://x.test/sub/page")
    assert said["noindex"] and said["nofollow"] and said["links"] == ["http://x.test/sub/a"]


@pytest.mark.parametrize(
    "body", [b"", b" \n", b"\x00\x01\x02", b"<div>" * 20_000, b"<html><body></body></html>"]
)
def test_nothing_is_nothing(body: bytes) -> None:
    assert read(body, url="http://x/", charset="")["html"] == ""


def test_passages_stand_under_their_headings() -> None:
    said = answer(BUILDER.encode(), url="http://x/", charset="")["passages"]
    told = {one["heading"][-1]: (one["heading"][:-1], one["text"]) for one in said}
    assert told["Aceitam animais?"] == (["Pousada do Vale", "Perguntas"], "Sim, até 10 kg, por R$ 50.")
    assert told["Quarto duplo"][1].startswith("R$ 320\nCama de casal")
    table = "<tr><th>Prato</th><th>Preço</th></tr><tr><td>Moqueca</td><td>R$ 62</td></tr>"
    body = f"<h1>Casa</h1><p>Olá,<br>bem-vindos.</p><h2>Menu</h2><table>{table}</table><ul><li>Pix</li></ul>"
    assert answer(body.encode(), url="http://x/", charset="")["passages"] == [
        {"heading": ["Casa"], "text": "Olá,\nbem-vindos."},
        {"heading": ["Casa", "Menu"], "text": "Moqueca. Preço: R$ 62\n- Pix"},
    ]


def test_a_long_page_is_cut_between_its_lines() -> None:
    body = "<h1>Regras</h1>" + "".join(f"<p>{number} {'palavra ' * 30}</p>" for number in range(20))
    said = answer(body.encode(), url="http://x/", charset="")["passages"]
    assert 5 < len(said) < 20 and all(len(one["text"]) < 1000 for one in said)
    assert [one["text"].split()[0] for one in said][:2] == ["0", "3"]
