"""Whether a question or an answer is about one person, or one day: then it is no one else's. Pure.

By signs in four languages, and rather once too often: what is held for personal is only asked anew.
"""

import re

from agents.safety import fold

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = ".!?…\n:;¿¡•*-"
_NUMBER = re.compile(r"\d+")
# The customer's own: things, states, deeds, and who they are.
_OWN = re.compile(
    r"\b(?:"
    r"meus?|minhas?|noss[oa]s?|comigo|conosco|me cham\w+|sou|somos|estou|estamos|tou|tenho|temos|tive|tava"
    r"|estava|fui|fiz|comprei|paguei|marquei|agendei|reservei|recebi|pedi|perdi|esqueci|mandei|enviei|quebrei"
    r"|moro|trabalho|tomo|sinto|sofro|nasci|aqui (?:e|quem)|a gente (?:tem|esta|comprou|marcou|pagou)"
    r"|m[iy]s?|mine|our|ours|im|i am|i was|i have|ive|i had|i got|i bought|i paid|i booked|i lost|i live"
    r"|i work|i feel|i take|i (?:just|already|never|still)|we are|we have|we had|weve|this is"
    r"|mio|mia|mios|mias|nuestr[oa]s?|conmigo|me llam\w+|soy|estoy|tengo|tenemos|tuve|hice|compre|pague"
    r"|reserve|recibi|perdi|olvide|vivo|trabajo|siento|naci|aqui (?:habla|es)"
    r"|mon|mien(?:ne)?s?|notre|je m ?appelle|je suis|j ?ai|j ?avais|j ?etais|j ?habite|je prends"
    r"|je travaille|je sens|nous sommes|nous avons|ici c ?est|c ?est \w+ qui parle"
    r")\b"
)
# Words that are another one elsewhere: "to" is no English possession.
_OWN_IN = {"pt": re.compile(r"\b(?:to|ta)\b"), "fr": re.compile(r"\b(?:ma|mes|nos)\b")}
# What is true today and not tomorrow.
_DAY = re.compile(
    r"\b(?:hoje|amanha|ontem|agora|daqui a|ainda|nest[ea]|dest[ea]|ess[ea] (?:semana|mes|dia|sabado|domingo)"
    r"|est[ea] (?:semana|mes|dia|sabado|domingo|ano)|proxim[oa]s?|passad[oa]"
    r"|today|tonight|tomorrow|yesterday|now|currently|right now|this (?:week|month|year|weekend|morning"
    r"|evening|afternoon|\w+day)|next|last (?:week|month|year|night|\w+day)"
    r"|hoy|manana|ayer|ahora|todavia|proxim[oa]s?|esta (?:noche|tarde|semana)|este (?:mes|ano|sabado|domingo)"
    r"|aujourd ?hui|demain|hier|maintenant|ce (?:soir|matin|mois|samedi|dimanche)|cette (?:semaine|annee)"
    r"|prochaine?s?)\b"
)
_MONTH = re.compile(
    r"\b(?:janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"
    r"|january|february|march|april|june|july|august|september|october|november|december"
    r"|enero|febrero|marzo|mayo|junio|julio|septiembre|octubre|noviembre|diciembre"
    r"|janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre)\b"
)
# Written with a capital in English, and no names.
_CAPITALS = {
    "i", "m", "d", "ve", "ll", "ok", "english", "monday", "tuesday", "wednesday", "thursday", "friday",
    "saturday", "sunday", "mondays", "tuesdays", "wednesdays", "thursdays", "fridays", "saturdays", "sundays",
}  # fmt: skip
_HERE = re.compile(r"^\W*\w+,? (?:aqui|aca|por aqui|here|ici)\b")


def is_plain(words: str, *, language: str, published: str) -> bool:
    """Whether a question is anybody's on any day: no number, no name, nothing of one's own, no date.

    A name is a capital within a sentence that the business's own texts (`published`) do not have.
    """
    plain = _spaced(words)
    if not plain or _NUMBER.search(words) or "@" in words or "//" in words:
        return False
    own = _OWN_IN.get(language[:2])
    if _OWN.search(plain) or (own and own.search(plain)) or _HERE.search(plain):
        return False
    if _DAY.search(plain) or _MONTH.search(plain):
        return False
    return not _names(words, published=published)


def is_plain_answer(text: str, *, published: str) -> bool:
    """Whether an answer says only what the business has published: its numbers and names stand there."""
    known = set(_NUMBER.findall(published))
    if any(number not in known for number in _NUMBER.findall(text)) or _DAY.search(_spaced(text)):
        return False
    return not _names(text, published=published)


def _names(text: str, *, published: str) -> list[str]:
    """Words with a capital inside a sentence that are in none of the published texts."""
    if text.upper() == text:  # who shouts does not tell names apart
        text = text.lower()
    known = _CAPITALS.union(_spaced(published).split())
    found = [one for one in _WORD.finditer(text) if one.group()[0].isupper()]
    inside = (one.group() for one in found if not _begins_sentence(text, one.start()))
    return [word for word in inside if not set(_spaced(word).split()) <= known]


def _begins_sentence(text: str, place: int) -> bool:
    before = text[:place].rstrip(" \t\"'“”«»()*_")
    return not before or before[-1] in _SENTENCE_END


def _spaced(text: str) -> str:
    """Without case, accents and punctuation; words apart by one space."""
    return " ".join(re.sub(r"[\W_]+", " ", fold(text)).split())
