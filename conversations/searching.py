"""Find chats by the people in them and messages by their words, with the words that were found marked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_, or_

from django.contrib.postgres.search import CombinedSearchQuery, SearchQuery
from django.db.models import F, Func, Q, Subquery, TextField

from agents.language import SPOKEN
from agents.safety import fold
from conversations import cursors, filters, search_index
from conversations.filters import Filters
from conversations.models import ContactIdentity, Conversation, Message, MessageWords
from tenants.background import enqueue
from tenants.db import connection

PAGE = 25
PEOPLE = 8
WRITTEN_DOWN = 1_000  # messages whose words are still missing, written down before the search
WINDOW = 150  # characters around the first word that was found
PART = 3  # from so many letters on, the beginning of a word finds it
DIGITS = re.compile(r"\d")
BEGIN, END = "\x02", "\x03"
_MARKS = f"HighlightAll=true,StartSel={BEGIN},StopSel={END}"
_HEADLINES = """
SELECT asked.id, ts_headline(coalesce(nullif('public.fd_' || asked.language, 'public.fd_'),
  'pg_catalog.simple')::regconfig, asked.words, {query}, %s)
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS asked(id, language, words)
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, and whether it was looked for."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A message with the words that were found, around the first of them."""

    message: Message
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The chats of people with that name, number or address, and messages; `following` as in a list."""

    people: list[Conversation]
    hits: list[Hit]
    following: str = ""
    unfinished: bool = False  # older messages have no words yet; they are being written down


def found(wanted: Filters, cursor: str = "", *, now: datetime) -> Found:
    """What these filters leave of it, the newest first; beforehand it writes down what came meanwhile."""
    unfinished = search_index.write(now=now, most=WRITTEN_DOWN)
    if unfinished:
        enqueue(search_index.catch_up)
    words = _words(wanted.words)
    people = [] if cursor else _people(wanted, words)
    messages = _messages(wanted, words, before=filters.number(cursor)) if words else []
    hits = _hits(messages[:PAGE], wanted.words, words)
    following = str(hits[-1].message.pk) if len(messages) > PAGE else ""
    return Found(people, hits, following, unfinished)


def _words(text: str) -> list[str]:
    """The words that are looked for, without case and accents."""
    return list(dict.fromkeys(re.findall(r"[^\W_]+", fold(text))))[:12]


# -- people


def _people(wanted: Filters, words: Sequence[str]) -> list[Conversation]:
    """Every word is in the name; or the digits are in a number, or it is how an address begins."""
    known = ContactIdentity.objects.values("contact")  # asked once, not for each chat
    digits, typed = "".join(DIGITS.findall(wanted.words)), wanted.words.strip().lower()
    named = reduce(and_, (Q(plain__contains=word) for word in words), Q()) if words else Q(pk=None)
    looks = [named]
    if len(digits) >= PART and not re.search(r"[^\W\d_]", wanted.words):
        looks.append(Q(contact__in=known.filter(value__contains=digits)))
    if "@" in typed:
        looks.append(Q(contact__details__email__istartswith=typed))
        looks.append(Q(contact__in=known.filter(value__istartswith=typed)))
    name = Func(F("contact__name"), function="public.unaccent", output_field=TextField())
    chats = filters.chosen(wanted).annotate(plain=Func(name, function="lower", output_field=TextField()))
    chats = chats.filter(reduce(or_, looks))
    related = chats.select_related("contact", "channel", "assigned_to").prefetch_related("labels")
    return list(related.order_by(*cursors.LATEST.columns)[:PEOPLE])


# -- messages


def _query(text: str, words: Sequence[str]) -> CombinedSearchQuery | SearchQuery:
    """All of the words, as they are written or begin; or their stems in any of our languages."""
    plain = " & ".join(f"'{word}':*" if len(word) >= PART else f"'{word}'" for word in words)
    as_written = SearchQuery(plain, config="pg_catalog.simple", search_type="raw")
    stems = [SearchQuery(text, config=f"public.fd_{language}", search_type="plain") for language in SPOKEN]
    return reduce(or_, stems, as_written)


def _messages(wanted: Filters, words: Sequence[str], *, before: int) -> list[int]:
    """The numbers of the newest messages with these words, one more than a page."""
    chats = filters.chosen(wanted).values("pk")
    found = MessageWords.objects.filter(search=_query(wanted.words, words))
    found = found.filter(message__conversation__in=Subquery(chats))
    if before:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk").values_list("pk", flat=True)[: PAGE + 1])


def _hits(numbers: Sequence[int], text: str, words: Sequence[str]) -> list[Hit]:
    related = ("conversation__contact", "conversation__channel", "transcript", "findable", "author")
    messages = Message.objects.select_related(*related).defer("findable__search").in_bulk(numbers)
    told = [messages[pk] for pk in numbers if pk in messages]
    marked = _headlines(told, text, words)
    return [Hit(one, tuple(pieces(marked.get(one.pk, ""), words))) for one in told]


def _headlines(messages: Sequence[Message], text: str, words: Sequence[str]) -> dict[int, str]:
    """The texts with BEGIN and END around what has the stem of a word."""
    if not messages:
        return {}
    compiler = Message.objects.all().query.get_compiler(connection=connection)
    query, parameters = compiler.compile(_query(text, words).resolve_expression(compiler.query))
    values = [*parameters, _MARKS, [one.pk for one in messages]]
    values += [[one.findable.language for one in messages], [_shown(one) for one in messages]]
    with connection.cursor() as cursor:
        cursor.execute(_HEADLINES.format(query=query), values)
        return dict(cursor.fetchall())


def _shown(message: Message) -> str:
    """What was said, on one line; or the name of its file."""
    words = " ".join((message.words or message.media_name).split())
    return words.replace(BEGIN, "").replace(END, "")


# -- marking


def pieces(headline: str, words: Sequence[str]) -> Iterator[Piece]:
    """A text with its marks, and with every word that begins as one looked for, cut to what matters."""
    text, marks = _unmarked(headline)
    marks = _joined([*marks, *_begun(text, words)])
    start, end = _window(text, marks)
    if start:
        yield Piece("…", False)
    at = start
    for first, last in marks:
        if first >= end or last <= start:
            continue
        if first > at:
            yield Piece(text[at:first], False)
        yield Piece(text[first:last], True)
        at = last
    if at < end:
        yield Piece(text[at:end], False)
    if end < len(text):
        yield Piece("…", False)


def _unmarked(headline: str) -> tuple[str, list[tuple[int, int]]]:
    """The text itself, and where in it the marks stood."""
    text, marks, begun = "", [], 0
    for part in re.split(f"([{BEGIN}{END}])", headline):
        if part == BEGIN:
            begun = len(text)
        elif part == END:
            marks.append((begun, len(text)))
        else:
            text += part
    return text, marks


def _begun(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where words stand that are one of these, or begin as one."""
    for match in re.finditer(r"[^\W_]+", text):
        plain = fold(match.group())
        if any(plain == word or (len(word) >= PART and plain.startswith(word)) for word in words):
            yield match.span()


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """In their order, and none over another."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first < found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def _window(text: str, marks: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """From where to where it is shown: WINDOW characters, the first mark early in them, words whole."""
    if len(text) <= WINDOW:
        return 0, len(text)
    first = marks[0][0] if marks else 0
    start = max(0, min(first - WINDOW // 4, len(text) - WINDOW))
    end = min(len(text), start + WINDOW)
    if start:
        start = min(text.find(" ", start, first) + 1 or start, first)
    if end < len(text):
        end = max(text.rfind(" ", start, end), marks[0][1] if marks else 0) or end
    return start, end
