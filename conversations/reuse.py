"""An answer that was given is given again, where nothing could make it another one for this customer.

Reused only when all of these are the same: the question, but for case, accents and punctuation; the passages,
by their ids and their words, in their order; the rules that the model was given, with the published version
that they come from; the language; the audience. And only for the first words of a talk, without files, tools
or a settled answer, when neither question nor answer is about one person or one day: `is_plain`, which would
rather ask a model once too often. So what changes in the knowledge or in the version is asked anew at once.

A reused answer costs no credits, as a settled one: nobody was asked. It is kept for a business alone (the
cache's keys carry the tenant), under a keyed hash: what the customer wrote is in neither key nor value.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac

from agents.models import AgentVersion
from agents.safety import fold
from knowledge import retrieval
from knowledge.embeddings import folded
from knowledge.joining import Found
from knowledge.models import Audience
from providers import llm

if TYPE_CHECKING:
    from conversations.engine import Question
    from conversations.fallback import Answered

SHAPE = 1  # of what is kept: another one is not read
# What a question may have without its answer being another one.
INDIFFERENT = frozenset(
    {"conversation_id", "contact_id", "turn_id", "attempt", "exchange", "asked_at", "value", "trail"}
)
# What the key holds; `greets` by the rules that follow from it.
KEYED = frozenset({"words", "language", "version", "tier", "greets"})
WHOLE = frozenset({"end_turn", "stop_sequence", "stop"})


@dataclass(frozen=True, slots=True)
class Reused:
    """An answer from before, as if given now; `saved` is what it would have used."""

    completion: llm.Completion
    vendor: str
    price_list: str
    saved: llm.Usage


def look(question: "Question", found: retrieval.Retrieved, request: llm.Request) -> Reused | None:
    """What was answered to just this before; None asks a model."""
    if not _may_be_shared(question, found):
        return None
    kept = cache.get(_key(question, found, request))
    return _read(kept) if kept else None


def keep(
    question: "Question", found: retrieval.Retrieved, request: llm.Request, answered: "Answered", *, ran: bool
) -> None:
    """Remember an answer for whoever asks the same; most answers are nothing to remember."""
    if ran or not _may_be_shared(question, found) or not _is_worth(answered):
        return
    if is_plain_answer(answered.completion.text, published=_published(request)):
        cache.set(_key(question, found, request), _written(answered), settings.ANSWERS_REUSED_SECONDS)


def _may_be_shared(question: "Question", found: retrieval.Retrieved) -> bool:
    """Whether the answer can be one for everybody, as far as is known before there is one."""
    if not settings.ANSWERS_REUSED_SECONDS or not found.supported or found.pinned is not None:
        return False
    # A field that somebody adds to questions forbids reuse where it says something, until it is looked at.
    others = (one.name for one in fields(question) if one.name not in KEYED | INDIFFERENT)
    if any(getattr(question, name) for name in others):
        return False
    if question.version.status != AgentVersion.Status.PUBLISHED:  # a draft changes under its number
        return False
    return is_plain(question.words, language=question.language, published=_texts(found.passages))


def _is_worth(answered: "Answered") -> bool:
    """A whole answer of a model, with its sources; what quotes costs nothing and is made anew."""
    said = answered.completion
    return bool(
        answered.price_list
        and said.supported
        and said.citations
        and said.stop_reason in WHOLE
        and not said.calls
    )


def _key(question: "Question", found: retrieval.Retrieved, request: llm.Request) -> str:
    """Keyed: who reads the cache cannot find out what was asked by trying questions."""
    told = [
        SHAPE,
        folded(question.words),
        question.language,
        question.version.pk,
        question.tier,
        Audience.CUSTOMERS.value,
        request.system,
        [[one.chunk_id, one.document_title, one.heading, one.page, one.text] for one in found.passages],
    ]
    secret = salted_hmac("conversations.reuse", json.dumps(told), algorithm="sha256")
    return f"answer:{secret.hexdigest()}"


def _written(answered: "Answered") -> str:
    said = answered.completion
    return json.dumps(
        {
            "text": said.text,
            "model": said.model,
            "stop": said.stop_reason,
            "vendor": answered.vendor,
            "prices": answered.price_list,
            "usage": astuple(said.usage),
            "citations": [astuple(one) for one in said.citations],
            "spans": [astuple(one) for one in said.spans],
        }
    )


def _read(kept: str) -> Reused:
    said: dict[str, Any] = json.loads(kept)
    completion = llm.Completion(
        text=said["text"],
        usage=llm.Usage(),
        model=said["model"],
        citations=tuple(llm.Citation(*one) for one in said["citations"]),
        spans=tuple(llm.Span(start, end, tuple(passages)) for start, end, passages in said["spans"]),
        stop_reason=said["stop"],
    )
    return Reused(completion, said["vendor"], said["prices"], llm.Usage(*said["usage"]))


# -- what is about one person, or one day

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


def _texts(passages: Sequence[Found]) -> str:
    return "\n".join(part for one in passages for part in (one.document_title, *one.heading, one.text))


def _published(request: llm.Request) -> str:
    """All that the model was given to read, but for the customer's words."""
    read = (part for one in request.passages for part in (one.title, one.heading, one.text))
    return "\n".join([request.system, *read])
