"""Pure decisions of the desk: who gets a chat, open time, what is a promise, what is a rating."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from agents import promises
from conversations import desk_choosing, desk_rating_words, desk_summary_words, hours
from conversations.desk_choosing import Colleague
from conversations.desk_summary_words import Known, Spoken, Unreadable

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=SAO_PAULO)
WEEK = {day: ["09:00-12:00", "13:00-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SAO_PAULO)


def test_open_minutes_are_counted_over_breaks_nights_and_holidays() -> None:
    known = hours.parse(
        week=WEEK, exceptions=[{"date": "2026-11-26", "name": "x", "spans": []}], zone=SAO_PAULO
    )
    always = hours.parse(week={}, exceptions=[], zone=SAO_PAULO)
    closed = hours.parse(week={"mon": []}, exceptions=[], zone=SAO_PAULO)
    never = hours.parse(
        week={"mon": ["09:00-10:00"]},
        exceptions=[
            {"date": f"{(TUESDAY + timedelta(days=n)).date()}", "spans": []}
            for n in range(-2, hours.HORIZON_DAYS + 2)
        ],
        zone=SAO_PAULO,
    )
    table = [
        (known, local(24, 10), 60, local(24, 11)),
        (known, local(24, 11, 30), 60, local(24, 13, 30)),  # over lunch
        (known, local(24, 17, 30), 60, local(25, 9, 30)),  # over night
        (known, local(25, 17, 59), 2, local(27, 9, 1)),  # over a holiday
        (known, local(27, 17), 120, local(30, 10)),  # over the weekend
        (known, local(24, 3), 15, local(24, 9, 15)),  # before it opens
        (always, local(24, 23), 120, local(25, 1)),
        (closed, local(24, 23), 120, local(25, 1)),  # a week without times is always open
        (never, local(24, 9), 60, local(24, 10)),  # nothing to count in: the clock on the wall
    ]
    for case in table:
        one, since, minutes, expected = case
        found = hours.later(one, since, minutes=minutes)
        assert found == expected, (since, minutes, found)
        if one is known:
            assert hours.open_time(one, since, found) == timedelta(minutes=minutes)
    assert hours.open_time(known, local(24, 12), local(24, 13)) == timedelta()


def test_who_gets_a_chat() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    ana = Colleague(1, load=2, capacity=10, skills=frozenset({"es", "label:3"}), last_given=early)
    bia = Colleague(2, load=1, capacity=10, last_given=late)
    caio = Colleague(3, load=0, capacity=1)
    full = Colleague(4, load=5, capacity=5, skills=frozenset({"es"}))
    team = [ana, bia, caio, full]
    assert desk_choosing.in_turn(team) == caio  # who never had one
    assert desk_choosing.in_turn(team, without=[3]) == ana
    assert desk_choosing.by_load(team, wanted={"es"}) == ana  # the skill comes before the load
    assert desk_choosing.by_load(team, wanted={"fr"}) == caio  # nobody speaks it: somebody helps all the same
    assert desk_choosing.by_load([ana, bia], wanted=()) == bia
    assert desk_choosing.by_load([full], wanted={"es"}) is None
    assert desk_choosing.in_turn([], without=[1]) is None
    levels = [
        desk_choosing.priority(is_emergency=e, value=v) for e, v in ((True, 0), (False, 70), (False, None))
    ]
    assert levels == [desk_choosing.URGENT, desk_choosing.HIGH, desk_choosing.NORMAL]


# Said on Tuesday the 24th at 10:00, and due (day of November, hour, minute); None: some time.
PROMISED = [
    ("Vou verificar com a equipe e te aviso amanhã.", (25, 9, 0)),
    ("Claro! Vamos te ligar hoje às 15h.", (24, 15, 0)),
    ("Te retorno em 2 horas", (24, 12, 0)),
    ("Bom dia, Ana. Vou confirmar o valor e te mando.", None),
    ("Entraremos em contato na sexta-feira.", (27, 9, 0)),
    ("Retornarei depois de amanhã à tarde.", (26, 15, 0)),
    ("Vou te enviar o orçamento amanhã às 14:30.", (25, 14, 30)),
    ("I'll call you back tomorrow.", (25, 9, 0)),
    ("We will send you the quote by Friday.", (27, 9, 0)),
    ("Thanks! I’ll check and get back to you in 30 minutes.", (24, 10, 30)),
    ("I am going to ask the dentist this afternoon.", (24, 15, 0)),
    ("We'll let you know next week.", (30, 9, 0)),
    ("I will call you at 3 pm", (24, 15, 0)),
    ("Le llamo mañana por la mañana.", (25, 9, 0)),
    ("Voy a consultarlo y le aviso hoy.", (24, 11, 0)),
    ("Le enviaremos la factura el lunes.", (30, 9, 0)),
    ("Je vous rappelle demain à 10h.", (25, 10, 0)),
    ("Nous allons vérifier et nous revenons vers vous.", None),
    ("Je vous envoie le devis dans 2 jours.", (26, 10, 0)),
]
NOT_PROMISED = [
    "Abrimos às 8h.", "Posso te ajudar em algo mais?", "Se quiser, vou verificar com a equipe.",
    "Você vai receber o pedido amanhã.", "Não vou ligar mais, prometo.", "Já te enviei o orçamento ontem.",
    "Would you like me to call you?", "If you like, I'll send you the list.", "We will not call you again.",
    "You will get an e-mail from the bank.", "The doctor will see you at 10.", "I called you yesterday.",
    "Si quiere, le llamo mañana.", "¿Le aviso mañana?", "Abrimos mañana a las 9.",
    "Ya le envié la factura.",
    "Si vous voulez, je vous rappelle demain.", "Nous ne pouvons pas vous appeler.",
    "Nous ouvrons demain à 9h.",
    "", "👍", "Obrigado pela mensagem!",
]  # fmt: skip


def test_promises_are_heard_in_four_languages() -> None:
    for words, due in PROMISED:
        heard = promises.heard(words, now=TUESDAY)
        assert heard is not None, words
        expected = datetime(2026, 11, due[0], due[1], due[2], tzinfo=SAO_PAULO) if due else None
        assert heard.due_at == expected, (words, heard.due_at)
    for words in NOT_PROMISED:
        assert promises.heard(words, now=TUESDAY) is None, words
    kept = promises.heard("Oi Ana! Tudo bem? Te ligo amanhã. Abraço", now=TUESDAY)
    assert kept is not None and kept.text == "Te ligo amanhã."


def test_a_rating_is_read_as_people_write_it() -> None:
    table = [
        ("5", (5, "")), (" 4 ", (4, "")), ("nota 3", (3, "")), ("5/5", (5, "")), ("4 de 5", (4, "")),
        ("5 estrelas", (5, "")), ("⭐⭐⭐", (3, "")), ("cinco", (5, "")), ("Two", (2, "")),
        ("cinq étoiles", (5, "")), ("4️⃣", (4, "")),
        ("1. Ninguém me respondeu", (1, "Ninguém me respondeu")), ("5, ótimo!", (5, "ótimo!")),
        ("10", None), ("0", None), ("2 pizzas grandes", None), ("5 reais?", None),
        ("Quero remarcar", None),
        ("6 estrelas", None), ("às 5", None), ("3, pode ser?", None), ("", None), ("55", None),
        ("⭐⭐⭐⭐⭐⭐", None),
    ]  # fmt: skip
    for said, expected in table:
        assert desk_rating_words.score_of(said) == expected, said
    assert desk_rating_words.score_of("Muito bom", choice="rate:5") == (5, "")
    for language in ("pt-br", "en", "es", "fr", "de"):
        text, content = desk_rating_words.question(language)
        options = content["choices"]["options"]
        assert text and [one["id"] for one in options] == [f"rate:{n}" for n in range(1, 6)]
        assert all(len(one["title"]) <= 24 for one in options)


TALK = [
    Spoken(False, "Quanto custa o corte? Pago até 80."),
    Spoken(True, "O corte custa R$ 70."),
    Spoken(False, "E aos domingos?"),
]
KNOWN = Known(
    reason="pediu uma pessoa", found=["Preços"], unanswered=["E aos domingos?"], next_step="Diga oi."
)


def test_a_summary_says_only_what_the_chat_says() -> None:
    told = desk_summary_words.read(
        'Sure: {"wanted": "Corte no domingo. Quer por R$ 50.", "tried": "Preço de R$ 70 dito.",'
        ' "missing": "Veja https://evil.example/x", "next_step": ""} done',
        talk=TALK, known=KNOWN,
    )  # fmt: skip
    assert (told.wanted, told.tried, told.missing) == ("Corte no domingo.", "Preço de R$ 70 dito.", "")
    assert told.next_step == "Diga oi."
    for bad in ("I cannot.", '{"wanted": ["x"]}', '{"wanted": "Custa 999."}', ""):
        try:
            desk_summary_words.read(bad, talk=TALK, known=KNOWN)
        except Unreadable:
            continue
        raise AssertionError(bad)
    plain = desk_summary_words.taken_from(TALK, KNOWN)
    assert (plain.wanted, plain.tried, plain.missing) == ("E aos domingos?", "Preços", "E aos domingos?")
    asked = desk_summary_words.request([*TALK, Spoken(False, "x" * 9000)], KNOWN, language="Portuguese")
    assert "x" * 1000 in asked.history[0].text and "x" * 1001 not in asked.history[0].text
