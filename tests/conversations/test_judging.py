"""What rules make of answers, what is left of a question that is asked again, and what two shares tell."""

from collections.abc import Sequence
from typing import Any

import pytest

from agents.expecting import Expects, problem_of, steps_of
from conversations import judging, redacting, significance
from conversations.judging import Said
from conversations.significance import Share, Verdict

PRICE = Said(text="A limpeza custa R$ 190,00 e dura 45 minutos.", supported=True, sources=("Tabela",))


def answer(text: str, **more: Any) -> Said:
    """An answer from the price list."""
    return Said(text=text, supported=True, **({"sources": ("Tabela",)} | more))


NOTHING = Said(text="Não sei; quer que eu chame uma pessoa?", supported=False)
CALLED = Said(text="Claro, uma pessoa continua.", handed_over=True)
QUOTED = answer("A limpeza custa R$ 190,00.", calls=False)


@pytest.mark.parametrize(
    ("expects", "talk", "why"),
    [
        ({"says": "R$ 190"}, [PRICE], []),
        ({"says": "cento e noventa | R$190"}, [PRICE], []),
        ({"says": "R$ 19"}, [PRICE], ["not_said"]),
        ({"says": ["45 minutos", "R$ 200"]}, [PRICE], ["not_said"]),
        ({"says_not": "R$ 190"}, [PRICE, NOTHING], ["said"]),
        ({"cites": ["tabela", "Guia"]}, [PRICE], []),
        ({"cites": "Guia"}, [PRICE], ["not_cited"]),
        ({"cites": "Guia"}, [Said(text="Sim.", supported=True, settled=3)], []),
        ({"refuses": True}, [NOTHING], []),
        ({"refuses": True}, [Said(text="Não falo disso.", supported=True, refused=True)], []),
        ({"refuses": True}, [PRICE], ["answered"]),
        ({"refuses": False}, [NOTHING], ["refused"]),
        ({"hands_over": True}, [PRICE, CALLED], []),
        ({"hands_over": True}, [NOTHING], ["not_handed_over"]),
        ({"hands_over": False}, [CALLED], ["handed_over"]),
        ({"refuses": True, "hands_over": True}, [CALLED], ["answered"]),
        ({"tool": "send_document"}, [Said(tools=("send_document",)), PRICE], []),
        ({"tool": "send_document"}, [PRICE], ["not_called"]),
        ({"tool": "call_person"}, [CALLED], []),
        ({"tool": "send_document"}, [CALLED], ["not_called"]),
        ({"tool": "send_document"}, [QUOTED], []),
        ({"at_most": 1}, [PRICE, PRICE], ["too_long"]),
        ({"says": "R$ 190"}, [Said(error="The model is away.")], ["error"]),
        ({}, [], ["silent"]),
    ],
)
def test_rules(expects: dict[str, object], talk: Sequence[Said], why: Sequence[str]) -> None:
    found = judging.judge(Expects.model_validate(expects), talk)
    assert [reason["why"] for reason in found] == list(why)
    assert all(judging.in_words(reason) for reason in found)


@pytest.mark.parametrize(
    ("text", "fact", "is_said"),
    [
        ("Abrimos às 08:00.", "8h", True),
        ("Abrimos às 8h30.", "8h", False),
        ("Abrimos às 8h30.", "8:30", True),
        ("Costs $ 1,200.00 in all", "$1200", True),
        ("São R$ 1.200,00", "R$ 1200", True),
        ("São R$ 1.250,00", "R$ 1.200", False),
        ("Não atendemos convênio Amil", "convenio amil", True),
        ("atendemos", "atende", False),
    ],
)
def test_a_fact_is_said_in_many_ways(text: str, fact: str, is_said: bool) -> None:
    assert judging.says(text, fact) is is_said


def test_what_calls_no_tools_is_not_judged_by_them() -> None:
    expected = Expects.model_validate({"tool": ["send_document", "call_person"]})
    told = [reason["words"] for reason in judging.untried(expected, [QUOTED, CALLED])]
    assert told == ["send_document"] and judging.untried(expected, [PRICE]) == []


def test_a_whole_talk_may_say_it_anywhere() -> None:
    expects = Expects(says=["R$ 190"], cites=["Tabela"])
    assert judging.judge(expects, [PRICE, NOTHING], whole=True) == []
    assert judging.judge(expects, [PRICE, NOTHING]) != []


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (PRICE, PRICE, []),
        (PRICE, answer("A limpeza dura 45 minutos e custa R$ 190."), []),
        (PRICE, answer("A limpeza custa R$ 180 e dura 45 minutos."), ["other_numbers"]),
        (PRICE, NOTHING, ["no_longer_answers"]),
        (NOTHING, PRICE, ["now_answers"]),
        (PRICE, CALLED, ["now_hands_over"]),
        (CALLED, PRICE, ["no_longer_hands_over"]),
        (PRICE, answer(PRICE.text, sources=("Folheto",)), ["other_source"]),
        (PRICE, answer(PRICE.text, tools=("call",)), ["other_tools"]),
        (answer("Sim, temos vagas atrás da casa."), answer("Fale com a portaria."), ["other_words"]),
    ],
)
def test_what_a_customer_would_notice(before: Said, after: Said, why: Sequence[str]) -> None:
    assert [reason["why"] for reason in judging.differences([before], [after])] == list(why)


def test_the_shape_of_a_scenario_is_checked_in_words() -> None:
    assert problem_of(["Oi", {"say": "E então?", "when": {"refuses": True}}], {"says": "8h"}) == ""
    assert "nothing" in problem_of([], {})
    assert "no condition" in problem_of([{"say": "Oi", "when": {}}], {})
    assert problem_of(["Oi"], {"sais": "8h"}).startswith("sais")
    assert [step.say for step in steps_of(["a", {"say": "b"}])] == ["a", "b"]


# -- what tells who somebody is

PEOPLE = [
    ("Meu nome é Joana Prado, quanto custa a limpeza?", ["Joana", "Prado"], "quanto custa a limpeza?"),
    ("oi aqui é a marcela, tem vaga amanhã?", ["marcela"], "tem vaga amanhã?"),
    ("Sou o Carlos e meu CPF é 123.456.789-09", ["Carlos", "123", "789"], "CPF"),
    ("Me liga no (41) 99876-5432 por favor", ["99876", "5432"], "Me liga no"),
    ("Moro na Rua das Flores, 123, vocês atendem aqui?", ["Flores", "123"], "vocês atendem aqui?"),
    ("O endereço é Av. Sete de Setembro 1020, certo?", ["Setembro", "1020"], "certo?"),
    ("Meu e-mail é ana.b@exemplo.com.br, recebeu?", ["ana", "exemplo"], "recebeu?"),
    ("Nasci em 12/03/1985, tenho direito?", ["1985"], "tenho direito?"),
    ("My name is Peter Miles. When do you open?", ["Peter", "Miles"], "When do you open?"),
    ("Could you call Sarah Jones back?", ["Sarah", "Jones"], "Could you call"),
    ("I live at 22 Baker Street, do you deliver?", ["Baker", "22"], "do you deliver?"),
    ("Me llamo Lucía Ortega y quiero saber el precio", ["Lucía", "Ortega"], "quiero saber el precio"),
    ("Vivo en la calle Mayor 15, ¿llegan?", ["Mayor", "15"], "¿llegan?"),
    (
        "Je m'appelle Chloé Martin, quels sont vos horaires ?",
        ["Chloé", "Martin"],
        "quels sont vos horaires ?",
    ),
    ("J'habite 12 rue de la Paix, c'est loin ?", ["Paix", "12"], "c'est loin ?"),
    ("Joana Prado quer remarcar", ["Joana", "Prado"], "quer remarcar"),
    ("Meu pedido é AB-99812, já saiu?", ["99812"], "já saiu?"),
    ("O boleto da Beatriz venceu, e agora?", ["Beatriz"], "venceu, e agora?"),
    ("Meu nome é Joana Silveira e quero saber o preço", ["Joana", "Silveira"], "quero saber o preço"),
    ("minha filha joana pode ir?", ["joana"], "pode ir?"),
]


@pytest.mark.parametrize(("question", "gone", "left"), PEOPLE)
def test_nobody_is_told_by_a_question(question: str, gone: Sequence[str], left: str) -> None:
    shown = redacting.redacted(question, names=["Joana Prado"])
    assert not [word for word in gone if word.lower() in shown.lower()], shown
    assert left in shown and redacting.MASK in shown


@pytest.mark.parametrize(
    "question",
    [
        "Quanto custa a limpeza de R$ 1.250,00 à vista?",
        "Vocês abrem às 8h30 no sábado?",
        "Posso parcelar em 10 vezes?",
        "Do you open on Monday at 9:30?",
        "La consulta cuesta 1200 pesos?",
        "A Dra. Helena atende na sexta?",
        "Precisa de RG e CPF?",
        "Vous êtes ouverts le 24 et le 31 ?",
    ],
)
def test_what_it_is_about_stays(question: str) -> None:
    assert redacting.redacted(question, known={"helena", "dra"}) == question


# -- what two shares tell


def test_intervals_of_a_textbook() -> None:
    assert significance.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert significance.wilson(0, 50)[0] == 0.0 and significance.wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (Share(60, 100), Share(40, 100), Verdict.FIRST_HIGHER),  # p = 0.0047
        (Share(400, 1000), Share(460, 1000), Verdict.SECOND_HIGHER),
        (Share(55, 100), Share(45, 100), Verdict.NO_DIFFERENCE),  # p = 0.16
        (Share(58, 100), Share(42, 100), Verdict.NO_DIFFERENCE),  # p = 0.024: not one in a hundred
        (Share(30, 40), Share(2, 40), Verdict.TOO_FEW),
        (Share(2, 60), Share(1, 60), Verdict.TOO_FEW),
        (Share(0, 80), Share(0, 80), Verdict.NO_DIFFERENCE),
    ],
)
def test_shares(first: Share, second: Share, verdict: Verdict) -> None:
    assert significance.compare(first, second).verdict == verdict


def test_the_chance_is_that_of_the_test() -> None:
    found = significance.compare(Share(60, 100), Share(40, 100))
    assert found.chance == pytest.approx(0.00468, abs=1e-4)
    assert found.seen == pytest.approx(0.2416, abs=2e-3)


def test_means() -> None:
    dear, cheap = [10.0, 12.0, 11.0] * 30, [7.0, 8.0, 9.0] * 30
    assert significance.compare_means(dear, cheap).verdict == Verdict.FIRST_HIGHER
    assert significance.compare_means(dear, dear).verdict == Verdict.NO_DIFFERENCE
    assert significance.compare_means(dear[:20], cheap).verdict == Verdict.TOO_FEW
    assert significance.compare_means([3.0] * 60, [3.0] * 60).verdict == Verdict.NO_DIFFERENCE
