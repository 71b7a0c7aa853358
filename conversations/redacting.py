"""Take out of a customer's question who they are, so that it can be asked again. Pure.

What tells a person goes: names, numbers that are long enough to be somebody's, addresses, days with a year.
What the question is about stays: prices, times, short numbers, and words that the business itself uses. In
doubt a word goes: a question that reads worse costs little.
"""

import re
from collections.abc import Collection, Iterable

from agents.safety import fold

MASK = "•••"
_NAME = r"[A-ZÀ-ÖØ-Þ][\w'’-]*"
_NAMES = rf"{_NAME}(?:\s+(?:(?:d[aeo]s?|del|de la|du|van|von|e|y)\s+)?{_NAME})*"
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*")
_HANDLE = re.compile(r"(?<![\w.])@\w{2,}")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.I)
_MONEY_BEFORE = re.compile(r"(?:r\$|us\$|\$|€|£)\s*$", re.I)
_MONEY_AFTER = re.compile(r"^\s*(?:r\$|\$|€|£|reais|real|euros?|d[oó]lar\w*|dollars?|pesos?)", re.I)
_LONG_NUMBER = re.compile(r"(?<![\w•])\+?\(?\d(?:[\s().,/–-]{0,2}\d){4,}(?!\w)")
_MIXED = re.compile(
    r"(?<!\w)(?=[\w-]*\d[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{6,}(?!\w)"
)  # plates, orders, passports
_DAY_OF_A_YEAR = re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\b\d{4}[./-]\d{1,2}[./-]\d{1,2}\b")
_STREET = (
    r"(?:rua|r\.|av\.?|avenida|travessa|alameda|pra[cç]a|rodovia|estrada|calle|avda\.?|carrera|plaza|paseo"
    r"|rue|avenue|boulevard|bd|chemin|impasse|place|all[ée]e|street|st\.?|road|rd\.?|lane|drive)"
)
_ADDRESS = re.compile(
    rf"\b{_STREET}\s+(?:[\w'’.-]+\s+){{0,5}}?[\w'’.-]+,?\s*(?:n[ºo°.]{{0,2}}\s*)?\d+\w?\b"
    rf"|\b\d+\w?,?\s+(?:bis\s+)?{_STREET}\s+(?:[\w'’-]+\s+){{0,4}}?{_NAME}"
    rf"|\b\d+\s+(?:{_NAME}\s+){{1,3}}(?i:street|st|road|rd|avenue|ave|lane|drive)\b",
    re.I,
)
_SURELY = re.compile(
    r"(?i:\b(?:meu nome (?:é|e)|me chamo|aqui (?:é|e) [oa]|quem fala (?:é|e)(?: [oa])?|sou [oa]|my name is"
    r"|me llamo|mi nombre es|je m['’]appelle|mon nom est|moi c['’]est))\s+"
    rf"(?P<name>[\w'’-]+(?:\s+(?:d[aeo]s?\s+|de\s+)?{_NAME})*)"
)
_PERHAPS = re.compile(
    r"(?i:\b(?:sou|aqui (?:é|e)|i am|i['’]m|this is|soy|je suis|c['’]est|at[te]*,|abra[cç]os?,|saludos,"
    r"|regards,))"
    rf"\s+(?P<name>{_NAMES})"
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n…]\s*|[-–*]\s+)$")
_WORD = re.compile(rf"(?<![\w•]){_NAME}")
# Written with a capital, and nobody's name.
_USUAL = frozenset(
    """i monday tuesday wednesday thursday friday saturday sunday january february march april may june july
    august september october november december english french spanish portuguese christmas easter whatsapp pix
    visa mastercard google instagram facebook iphone android brasil brazil espana france portugal sao segunda
    terca quarta quinta sexta sabado domingo natal pascoa""".split()  # noqa: SIM905 - a list of words
)


def redacted(text: str, *, names: Iterable[str] = (), known: Collection[str] = frozenset()) -> str:
    """The question without what tells a person.

    `names` are the customer's own, `known` the words (folded) that the business's own documents use.
    """
    for pattern in (_MAIL, _LINK, _HANDLE, _ADDRESS, _DAY_OF_A_YEAR):
        text = pattern.sub(MASK, text)
    text = _LONG_NUMBER.sub(lambda found: _unless_money(found, text), text)
    text = _MIXED.sub(MASK, text)
    text = _without_names(text, names)
    for pattern in (_SURELY, _PERHAPS):
        text = pattern.sub(_masked_name, text)
    return re.sub(rf"{MASK}(?:[\s,]*{MASK})+", MASK, _without_strangers(text, known))


def capitals(text: str) -> set[str]:
    """The words that might be names by their first letter."""
    return {word for word in _WORD.findall(text) if fold(word) not in _USUAL}


def _unless_money(found: re.Match[str], text: str) -> str:
    before, after = text[: found.start()], text[found.end() :]
    is_price = _MONEY_BEFORE.search(before[-6:]) or _MONEY_AFTER.match(after)
    return found.group() if is_price else MASK


def _without_names(text: str, names: Iterable[str]) -> str:
    """The customer's own name, each of its words, in any case and with or without accents."""
    own = {fold(word) for name in names for word in re.findall(r"[^\W\d_]{3,}", name)}
    return re.sub(r"[^\W\d_]{3,}", lambda word: MASK if fold(word.group()) in own else word.group(), text)


def _masked_name(found: re.Match[str]) -> str:
    whole, name = found.group(), found.group("name")
    return whole if name.startswith(MASK[0]) else whole[: len(whole) - len(name)] + MASK


def _without_strangers(text: str, known: Collection[str]) -> str:
    """Words with a capital that neither begin a sentence nor are the business's own."""

    def judged(found: re.Match[str]) -> str:
        word = found.group()
        if word.isupper() and len(word) <= 5:
            return word  # CPF, RG, MRI
        if fold(word) in known or fold(word) in _USUAL:
            return word
        starts = _SENTENCE_START.search(text[: found.start()]) is not None
        return word if starts and not _name_follows(text[found.end() :], known) else MASK

    return _WORD.sub(judged, text)


def _name_follows(rest: str, known: Collection[str]) -> bool:
    """Whether the next word has a capital, too, and is a stranger."""
    following = re.match(rf"\s+({_NAME})", rest)
    return following is not None and fold(following[1]) not in known and not following[1].isupper()
