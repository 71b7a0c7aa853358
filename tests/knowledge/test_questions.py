"""What people type on a phone, written out; and the words that say what a question is about."""

import pytest

from knowledge import questions


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("pt", "qnto custa hj?", "quanto custa hoje?"),
        ("pt", "oq vcs fazem, k horas abrem?", "o que vocês fazem, que horas abrem?"),
        ("pt", "Qnto custaaaa", "quanto custa"),
        ("en", "r u open tmrw pls", "are you open tomorrow please"),
        ("es", "xfa kiero saber k hrs abren", "por favor quiero saber que horas abren"),
        ("fr", "cmb pr 2 pers, dispo auj?", "combien pour 2 pers, disponible aujourd'hui?"),
        (None, "qnto custa? cmb ça coûte?", "quanto custa? combien ça coûte?"),
        ("pt", "kkkk k horas vcs abrem hj KKK?", "que horas vocês abrem hoje?"),
        ("es", "jajaja y el precio", "y el precio"),
        ("pt", "rsrsrs", "rsrsrs"),  # nothing else was said
        (None, "k n u", "k n u"),  # in which language?
        ("pt", "www.casa.com.br III XK-204", "www.casa.com.br III XK-204"),
        ("en", "what is a vc", "what is a vc"),  # a spelling of another language
    ],
)
def test_chat_spelling_is_written_out(language, typed, meant):
    assert questions.written_out(typed, language=language) == meant


def test_asking_words_are_left_out_unless_nothing_else_is_there():
    assert questions.telling("quanto custa a limpeza?") == "a limpeza"
    assert questions.telling("quanto custa?") == "quanto custa?"
