"""Answer without a model: quote the sentences that fit best and name their document, or say "I do not know".

Honest by construction: nothing is written that does not stand in a document of the business.
"""

import re
import unicodedata

from providers import sentences
from providers.llm import Citation, Completion, Passage, Request, Span, Usage

MODEL = "extractive"
LONGEST = 420  # characters of a quote: one bubble on a phone
WORD = re.compile(r"\w{3,}")
# A row of a table as a passage has it: `Cleaning. Price: 190; Duration: 45 min`.
ROW = re.compile(r"^(?P<name>[^:;]+)\. (?P<cells>[^:;]+: [^;]+(?:; [^:;]+: [^;]+)+)$")

FOUND = {
    "pt": "Encontrei isto em “{title}”:\n\n{quote}",
    "en": "I found this in “{title}”:\n\n{quote}",
    "es": "Encontré esto en “{title}”:\n\n{quote}",
    "fr": "J’ai trouvé ceci dans « {title} » :\n\n{quote}",
}
UNKNOWN = {
    "pt": "Não encontrei isso nas informações que tenho. Quer que eu chame uma pessoa da equipe?",
    "en": "I could not find that in the information I have. Shall I call a person from the team?",
    "es": "No encontré eso en la información que tengo. ¿Quiere que llame a una persona del equipo?",
    "fr": "Je n’ai pas trouvé cela dans les informations dont je dispose. Voulez-vous que j’appelle une personne ?",
}
HELLO = {
    "pt": "Olá! Sou o assistente virtual. Como posso ajudar?",
    "en": "Hello! I am the virtual assistant. How can I help?",
    "es": "¡Hola! Soy el asistente virtual. ¿En qué puedo ayudar?",
    "fr": "Bonjour ! Je suis l’assistant virtuel. Comment puis-je aider ?",
}
THANKS = {
    "pt": "De nada! Se precisar de mais alguma coisa, é só escrever.",
    "en": "You are welcome! Write again whenever you need anything.",
    "es": "¡De nada! Si necesita algo más, escríbanos.",
    "fr": "Avec plaisir ! Écrivez-nous si vous avez besoin d’autre chose.",
}
GREETING = re.compile(
    r"^(?:oi+e?|ola|opa|bom dia|boa tarde|boa noite|e ai|tudo bem|hi|hello|hey|good (?:morning|afternoon|evening)"
    r"|hola|buen[oa]s(?: (?:dias|tardes|noches))?|bonjour|bonsoir|salut|coucou)"
    r"(?:[ ,!.?]+(?:tudo (?:bem|bom)|bom dia|boa tarde|boa noite|que tal|there|ca va|como vai|pessoal|gente))*[ ,!.?]*$"
)
GRATITUDE = re.compile(
    r"^(?:(?:muito )?obrigad[oa]|valeu|agradecid[oa]|thank(?:s| you)(?: (?:so|very) much)?|(?:muchas )?gracias"
    r"|merci(?: beaucoup)?)[ ,!.]*$"
)


class Extractive:
    """The local answerer, labelled as such wherever an answer's origin is shown."""

    def complete(self, request: Request) -> Completion:
        """Greet, quote, or refuse; never fails and costs no tokens."""
        lines = _small_talk(request)
        if lines is HELLO and request.greeting:
            return _completion(request.greeting)
        if lines is not None:
            return _completion(_in(lines, request.language))
        if request.attachments or not request.passages:  # what it cannot see it does not answer
            return _completion(_in(UNKNOWN, request.language), supported=False)
        best, quote = _best_quote(request.question, request.passages)
        shown = _readable(quote)
        text = _in(FOUND, request.language).format(title=best.title, quote=shown)
        span = Span(len(text) - len(shown), len(text), (best.ref,))  # the quote stands last in all languages
        return _completion(text, citations=(Citation(passage=best.ref, quote=quote),), spans=(span,))


def _completion(
    text: str, *, citations: tuple[Citation, ...] = (), spans: tuple[Span, ...] = (), supported: bool = True
) -> Completion:
    return Completion(
        text=text, usage=Usage(), model=MODEL, citations=citations, spans=spans, supported=supported
    )


def _small_talk(request: Request) -> dict[str, str] | None:
    said = fold(request.question).strip()
    if GREETING.match(said):
        return HELLO
    return THANKS if GRATITUDE.match(said) else None


def _in(lines: dict[str, str], language: str) -> str:
    return lines.get(language[:2], lines["en"])


def _best_quote(question: str, passages: tuple[Passage, ...]) -> tuple[Passage, str]:
    """The best passage, as retrieval ranked it, and its row or its sentences that share most with the question."""
    wanted, lines = stems(question), passages[0].text.splitlines() or [""]
    closest = max(lines, key=lambda line: _shared(wanted, line))
    if ROW.match(closest):
        return passages[0], closest[: LONGEST * 2]
    return passages[0], _quote(wanted, sentences.split(passages[0].text))


def _quote(wanted: set[str], parts: list[str]) -> str:
    """The best sentence and its neighbours, as much as fits into one bubble."""
    center = max(range(len(parts)), key=lambda i: (_shared(wanted, parts[i]), -i))
    first = last = center
    while True:
        if last + 1 < len(parts) and _length(parts, first, last + 1) <= LONGEST:
            last += 1
        elif first > 0 and _length(parts, first - 1, last) <= LONGEST:
            first -= 1
        else:
            break
    return "\n".join(parts[first : last + 1])[: LONGEST * 2]


def _shared(wanted: set[str], text: str) -> int:
    """How much of a question a text shares: words of three letters, as *que* or *the*, say little."""
    return sum(5 if len(stem) > 3 else 2 for stem in wanted & stems(text))


def _readable(quote: str) -> str:
    """A table's row as a person would write it; anything else as it stands."""
    row = ROW.match(quote)
    return "\n".join([row["name"], *row["cells"].split("; ")]) if row else quote


def _length(parts: list[str], first: int, last: int) -> int:
    return sum(len(part) + 1 for part in parts[first : last + 1])


def fold(text: str) -> str:
    """Lower case without accents."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in plain if not unicodedata.combining(c))


def stems(text: str) -> set[str]:
    """The words of a text, cut to their first five letters: close enough to a stem in all four languages."""
    return {word[:5] for word in WORD.findall(fold(text))}
