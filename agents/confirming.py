"""Ask whether a voice note was understood, and read the customer's yes or no, in four languages. Pure."""

import re

from agents.safety import fold

LONGEST = 600  # characters of what was heard that are read back
_QUESTIONS = {
    "pt": "Entendi: “{said}”. É isso?",
    "en": "I understood: “{said}”. Is that right?",
    "es": "Entendí: “{said}”. ¿Es correcto?",
    "fr": "J’ai compris : « {said} ». C’est bien cela ?",
}
_AGAIN = {
    "pt": "Desculpe, entendi errado. Pode escrever ou gravar de novo, por favor?",
    "en": "Sorry, I misunderstood. Could you write it or record it again, please?",
    "es": "Disculpe, entendí mal. ¿Puede escribirlo o grabarlo de nuevo, por favor?",
    "fr": "Désolé, j’ai mal compris. Pouvez-vous l’écrire ou l’enregistrer encore une fois ?",
}
_END = r"(?=$|[ ,.!;:])"
_YES = re.compile(
    r"(?:sim|s|isso(?: mesmo| ai)?|e isso|exat[oa](?:mente)?|certo|correto|perfeito|claro|positivo"
    r"|ok(?:ay)?|uhum|aham"
    r"|yes|yep|yeah|y|right|correct|exactly|that'?s (?:it|right|correct)|sure"
    r"|si|asi es|correcto|exacto|eso(?: es)?|claro que si|vale|dale"
    r"|oui|ouais|c'?est (?:ca|bien ca|exact|bien cela|cela)|exactement|tout a fait|d'?accord)" + _END
)
_NO = re.compile(
    r"(?:nao(?: e isso| foi isso)?|n|nada disso|errado|negativo|incorreto"
    r"|no(?:pe)?|not (?:really|quite|that)|wrong|that'?s not (?:it|right)|incorrect"
    r"|no es eso|incorrecto|equivocado"
    r"|non|pas du tout|ce n'?est pas (?:ca|cela)|c'?est (?:pas ca|faux)|faux)" + _END
)
_SIGNS = {"👍": True, "👌": True, "✅": True, "🙏": True, "👎": False, "❌": False, "🚫": False}
_MORE = re.compile(r"\w{2,}")
# What may stand beside a yes or no without saying anything else.
_POLITE = re.compile(
    r"\b(?:por favor|obrigad[oa]|please|thanks|thank you|gracias|merci|s'?il (?:te|vous) plait|senhor"
    r"|senhora|mesmo"
    r"|isso|e|that|it|is|ca|eso|es|sir|madam)\b"
)


def question(said: str, language: str) -> str:
    """What was heard, read back with a question."""
    short = " ".join(said.split())
    short = short if len(short) <= LONGEST else short[: LONGEST - 1].rsplit(" ", 1)[0] + "…"
    return _QUESTIONS.get(language[:2], _QUESTIONS["en"]).format(said=short)


def again(language: str) -> str:
    """Please say it once more."""
    return _AGAIN.get(language[:2], _AGAIN["en"])


def reads(text: str) -> bool | None:
    """Whether this says yes (True) or no (False) to the question; None when it says something else."""
    said = _folded(text)
    for sign, meaning in _SIGNS.items():
        if text.strip().startswith(sign):
            return meaning
    # "no" before "yes": "nao, e isso que..." and "no, that's right" are rare, a wrong yes is dear.
    if _NO.match(said):
        return False
    return True if _YES.match(said) else None


def says_more(text: str) -> bool:
    """Whether there is more in it than the yes or no."""
    said = _folded(text)
    found = _NO.match(said) or _YES.match(said)
    rest = said[found.end() :] if found else said
    return bool(_MORE.search(_POLITE.sub(" ", rest)))


def _folded(text: str) -> str:
    return fold(text[:300].replace("’", "'")).strip(" ¡¿!.,")
