"""Questions and answers from whatever a spreadsheet makes of them."""

import pytest

from knowledge import pairs, pairs_csv
from knowledge.pairs import Pair

TWO = [Pair("Abrem hoje?", "Sim, até às 18h."), Pair("Onde fica?", "Rua Direita, 10")]


def read(content: bytes) -> pairs.Checked:
    return pairs.checked(pairs_csv.read(content).rows)


GOOD = {
    "pt, semicolons": 'Pergunta;Resposta\nAbrem hoje?;Sim, até às 18h.\nOnde fica?;"Rua Direita, 10"\n',
    "en, commas": 'question,answer\nAbrem hoje?,"Sim, até às 18h."\nOnde fica?,"Rua Direita, 10"\n',
    "es, tabs": "Pregunta\tRespuesta\nAbrem hoje?\tSim, até às 18h.\nOnde fica?\tRua Direita, 10\n",
    "fr, other order": "Réponse;Question\nSim, até às 18h.;Abrem hoje?\nRua Direita, 10;Onde fica?",
    "no header": "Abrem hoje?;Sim, até às 18h.\nOnde fica?;Rua Direita, 10\n",
    "said separator": "sep=|\nPergunta|Resposta\nAbrem hoje?|Sim, até às 18h.\nOnde fica?|Rua Direita, 10\n",
    "empty lines": "\nDúvida;Resposta\n;\nAbrem hoje?;Sim, até às 18h.\n\nOnde fica?;Rua Direita, 10\n;;\n",
    "more columns": "Id;Pergunta;Resposta;X\n1;Abrem hoje?;Sim, até às 18h.;\n2;Onde fica?;Rua Direita, 10;y",
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_what_spreadsheets_write_is_read(name: str, encoding: str) -> None:
    for text in (GOOD[name], GOOD[name].replace("\n", "\r\n")):
        found = read(text.encode(encoding))
        assert (found.pairs, found.wrong) == (TWO, [])


def test_a_cell_may_have_lines_quotes_and_separators() -> None:
    text = 'Pergunta;Resposta\n"Tem TV de 40""?";"Sim.\nE também; de 50"\nTela 15" serve?;Serve\n'
    assert read(text.encode()).pairs == [
        Pair('Tem TV de 40"?', "Sim.\nE também; de 50"),
        Pair('Tela 15" serve?', "Serve"),
    ]


def test_bad_lines_are_told_by_number_and_the_others_are_kept() -> None:
    text = (
        "Pergunta;Resposta\n"
        "Abrem hoje?;Sim\n"
        "Sem resposta?;\n"
        ";Sem pergunta\n"
        "abrem hoje;Não\n"
        "ABREM  HOJE?;Sim\n"
        "Muita coisa;a;b\n"
        '"Aberta;x\n'
        "Onde fica?;Aqui\n" + "x" * 201 + ";longa\n"
    )
    found = read(text.encode())
    assert found.pairs == [Pair("Abrem hoje?", "Sim"), Pair("Onde fica?", "Aqui")] and found.repeated == 1
    assert [(row.number, row.question[:12], row.answer) for row in found.wrong] == [
        (3, "Sem resposta", ""), (4, "", "Sem pergunta"), (5, "abrem hoje", "Não"), (7, "Muita coisa", "a;b"),
        (8, '"Aberta;x', ""), (10, "x" * 12, "longa"),
    ]  # fmt: skip
    assert "line 2" in found.wrong[2].problem and "quotation mark" in found.wrong[4].problem


def test_what_was_not_used_is_named() -> None:
    assert pairs_csv.read(b"Tema;Pergunta;Resposta\na;b;c\n").unused == ["Tema"]


@pytest.mark.parametrize(
    "content,words",
    [
        (b"", "nothing"),
        (b"\n \n;;\n", "nothing"),
        (b"one\ntwo\n", "one column"),
        (b"a;b\n" * (pairs.MOST + 2), "too many lines"),
        (b"x" * (pairs_csv.MOST_BYTES + 1), "too large"),
        (b'"open;a\nb"c;"d\n' * 40_000, ""),
        (b"\x00\xff\xfe" * 1000, ""),
        (b'"a\n\n' * 20_000, ""),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_in_words_and_soon(content: bytes, words: str) -> None:
    with pytest.raises(pairs_csv.Unreadable) as refused:
        read(content)
    assert words in str(refused.value)


def test_new_answers_take_the_place_of_old_ones() -> None:
    new = [Pair("abrem HOJE", "Não"), Pair("Novo?", "Sim")]
    assert pairs.merged(TWO, new) == [Pair("abrem HOJE", "Não"), TWO[1], Pair("Novo?", "Sim")]
