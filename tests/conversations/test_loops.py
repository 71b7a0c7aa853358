"""A machine on the other side, and people who must not be taken for one."""

from datetime import UTC, datetime, timedelta

import pytest

from conversations.loops import MOST_TURNS, Sign, Spoken, judge

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def talk(*texts: str, seconds: float = 30.0, ours: str = "Abrimos às 8h.") -> list[Spoken]:
    """Their texts, each `seconds` after an answer of ours that came 10 seconds after the one before."""
    said: list[Spoken] = []
    at = NOW - timedelta(seconds=(seconds + 10) * len(texts))
    for number, text in enumerate(texts):
        said += [
            Spoken(f"{ours} ({number})", True, at),
            Spoken(text, False, at + timedelta(seconds=seconds)),
        ]
        at += timedelta(seconds=seconds + 10)
    return said


def cut_after(texts: list[str], *, seconds: float) -> int:
    """After how many of their messages the loop is seen."""
    for count in range(1, len(texts) + 1):
        if judge(talk(*texts[:count], seconds=seconds), now=NOW):
            return count
    return len(texts) + 1


MENU = "Olá! Para falar com vendas digite 1, para suporte digite 2."
MACHINES = {
    "a menu": ([MENU] * 20, 20),
    "an absence": (["Estou fora do escritório até segunda. Resposta automática."] * 20, 60),
    "a ticket system": ([f"Seu protocolo é {n:06}. Em breve retornaremos o contato." for n in range(20)], 20),
    "another assistant, quick": (
        [f"{word}! Que bom. Posso ajudar em algo mais hoje?" for word in "abcdefghijklmnopqrst"],
        1,
    ),
    "another model, inventive": (
        [f"{'xyz' * n} {n * 7919} nova frase diferente" for n in range(1, 21)],
        2.9,
    ),
    "yes and yes": (["Sim"] * 20, 4),
    "an English robot": (["Thank you for contacting us. This is an automated message."] * 20, 30),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_is_seen_within_ten_answers(name: str) -> None:
    texts, seconds = MACHINES[name]
    assert cut_after(texts, seconds=seconds) <= MOST_TURNS


PEOPLE = {
    "asks about days": ([f"Vocês abrem no dia {day}?" for day in (24, 25, 26)], 20),
    "says ok": (["Ok", "Qual o preço da limpeza?", "ok", "E do clareamento?", "Ok"], 15),
    "is asked twice": (["Quero marcar uma limpeza na sexta"] * 2, 20),
    "has one automatic greeting": ([MENU, "Oi, quero marcar uma consulta", "Pode ser às dez"], 10),
    "is lively": ([f"pergunta {word} diferente {word * 3}?" for word in "abcdefghi"], 12),
    "answers two buttons at once": (["Limpeza", "Sexta-feira", "10:00"], 2),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_is_left_alone(name: str) -> None:
    texts, seconds = PEOPLE[name]
    assert cut_after(texts, seconds=seconds) == len(texts) + 1


def test_what_a_sign_is_called() -> None:
    assert judge(talk(*[MENU] * 3), now=NOW) is Sign.SAME
    assert judge(talk(MENU, "Resposta automática: voltamos logo"), now=NOW) is Sign.AUTOMATIC
    different = [f"{chr(97 + n) * 20} {n}" for n in range(5)]
    assert judge(talk(*different, seconds=1), now=NOW) is Sign.QUICK
    assert judge(talk(*MACHINES["another model, inventive"][0][:10], seconds=4), now=NOW) is Sign.MANY


def test_many_bubbles_before_an_answer_are_no_loop() -> None:
    bubbles = [Spoken("Quero marcar", False, NOW - timedelta(seconds=n)) for n in range(20, 0, -1)]
    assert judge(bubbles, now=NOW) is None


def test_yesterday_is_forgotten() -> None:
    old = [Spoken(one.text, one.mine, one.at - timedelta(days=1)) for one in talk(*[MENU] * 10)]
    assert judge(old, now=NOW) is None
