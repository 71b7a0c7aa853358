"""Chats over ten thousand conversations: its first paint in a real browser, and what its parts take.

`python -m bench.inbox [--short]` prints JSON. A business of its own is filled from a seed: each conversation
has fifteen messages of twelve words, drawn with the frequencies of a language. The product's web server
answers on loopback; the browser's cache is empty (`cold`) or has the scripts and styles of the page before
(`warm`). Parts are timed in a process of the product, statements and objects together, without the page
around them.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

from bench import measure
from bench.measure import progress
from bench.stack import SLUG, Stack

CHATS, MESSAGES_A_CHAT = 10_000, 15
LOADS, CALLS = 9, 30
COMMON, RARE, PART = "consulta", "orçamentos", "palavr"
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"

_CONTACTS = """
INSERT INTO conversations_contact (name, language, note, details, is_minor, created_at)
SELECT (ARRAY['Ana', 'João', 'Márcia', 'Zé', 'Inês', 'Luís', 'Conceição', 'Rui'])[1 + n %% 8]
  || ' Souza ' || n, 'pt', '', '{}', false, now() FROM generate_series(1, %(chats)s) AS n
"""
_IDENTITIES = """
INSERT INTO conversations_contactidentity (contact_id, channel_id, kind, value, resolve_attempts)
SELECT id, %(channel)s, 'c.us', (5511900000000 + id)::text || '@c.us', 0 FROM conversations_contact
"""
_CHATS = """
INSERT INTO conversations_conversation (contact_id, channel_id, address, handler, status, handoff_reason,
  language, unread_count, priority, sentiment, waiting_since, last_message_at, last_message_text, created_at)
SELECT id, %(channel)s, (5511900000000 + id)::text || '@c.us',
  CASE WHEN id %% 100 = 0 THEN 'queue' WHEN id %% 40 = 0 THEN 'person' ELSE 'agent' END,
  CASE WHEN id %% 7 = 0 THEN 'closed' ELSE 'open' END, '', 'pt', CASE WHEN id %% 20 = 0 THEN 2 ELSE 0 END,
  CASE WHEN id %% 500 = 0 THEN 2 ELSE 0 END, (id %% 3) - 1,
  CASE WHEN id %% 100 = 0 THEN now() - id * interval '1 second' END,
  now() - id * interval '40 seconds', 'Queria marcar uma consulta', now() FROM conversations_contact
"""
_LABELS = """
INSERT INTO conversations_conversation_labels (conversation_id, label_id)
SELECT chat.id, label.id FROM conversations_conversation AS chat
JOIN conversations_label AS label ON (chat.id + label.id) %% 6 = 0
"""
# The first words of the list are said most; every fiftieth message has the rare one.
_MESSAGES = """
INSERT INTO conversations_message (conversation_id, direction, author_kind, kind, body, source_line, media,
  media_type, media_name, media_source, status, outcome, outcome_reason, attempts, error, created_at)
SELECT chat.id, CASE WHEN n %% 2 = 0 THEN 'out' ELSE 'in' END,
  CASE WHEN n %% 2 = 0 THEN 'agent' ELSE 'contact' END,
  'text', (SELECT string_agg((%(words)s::text[])[1 + floor(%(many)s * random() ^ 3)::int], ' ')
    FROM generate_series(1, 12) AS word WHERE chat.id > 0 AND n > 0)
    || CASE WHEN (chat.id * 15 + n) %% 3000 = 0 THEN ' orçamentos' ELSE '' END,
  '', '', '', '', '', CASE WHEN n %% 2 = 0 THEN 'read' ELSE 'received' END,
  CASE WHEN n %% 2 = 0 THEN '' ELSE 'answered' END, '', 0, '',
  chat.last_message_at - (15 - n) * interval '1 minute'
FROM conversations_conversation AS chat, generate_series(1, %(each)s) AS n ORDER BY n, chat.id
"""
_NOTE = """
UPDATE conversations_conversation SET last_message_at = clock_timestamp(), unread_count = unread_count + 1,
  last_message_text = 'Quero', sentiment = 0 WHERE id = %s
"""
_USUAL = [
    "a",
    "o",
    "que",
    "de",
    "e",
    "para",
    "com",
    "uma",
    "um",
    "não",
    "quero",
    "consulta",
    "marcar",
    "horário",
    "amanhã",
    "hoje",
    "tarde",
    "manhã",
    "preço",
    "valor",
    "quanto",
    "custa",
    "aceita",
    "cartão",
    "cachorro",
    "gato",
    "vacina",
    "banho",
    "tosa",
    "exame",
    "retorno",
    "doutora",
    "clínica",
    "endereço",
    "estacionamento",
    "obrigada",
    "bom",
    "dia",
    "boa",
    "noite",
    "posso",
    "levar",
    "documento",
    "receita",
    "remédio",
    "entrega",
    "prazo",
    "pedido",
    "nota",
    "fiscal",
]
WORDS = [*_USUAL, *(f"palavra{number}" for number in range(4_000))]


def main() -> None:
    options = _options()
    if options.inside:
        return measure.print_json(_inside(options.chats))
    chats = options.chats or (1_000 if options.short else CHATS)
    stack = Stack("bench-inbox")
    try:
        progress("servers, tables, web")
        stack.start_services()
        stack.manage("migrate_schemas", "-v", "0", seconds=900)
        stack.start("web")
        progress(f"{chats} conversations")
        words = ("-m", "bench.inbox", "--inside", "--chats", str(chats))
        found = json.loads(stack.run(*words, seconds=1_800))
        progress(f"parts: {found['parts']}")
        paint = _painted(stack, found.pop("session"), loads=3 if options.short else LOADS)
        measure.print_json({"machine": measure.machine(), "chats": chats, "first_paint": paint, **found})
    finally:
        stack.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Chats over many conversations.")
    parser.add_argument("--short", action="store_true", help="1,000 conversations, three loads")
    parser.add_argument("--chats", type=int, default=0, help="how many conversations")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


# -- in the browser


def _painted(stack: Stack, session: str, *, loads: int) -> dict[str, Any]:
    """First contentful paint of Chats, of its queue and of an open chat, by a browser of this machine."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        return {"left_out": "no Chromium on this machine"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--headless=new", "--no-sandbox"])
        host = f"{SLUG}.localhost"
        cookie = {"name": "sessionid", "value": session, "domain": host, "path": "/"}
        pages = {"chats": "/chats/", "queue": "/chats/?filter=waiting", "search": f"/chats/?q={COMMON}"}
        found = {}
        for name, where in pages.items():
            url = f"http://{host}:{stack.port}{where}"
            cold = [_paint(browser, cookie, url) for _ in range(loads)]
            warm = [_paint(browser, cookie, url, before=url) for _ in range(loads)]
            found[name] = {"cold": measure.milliseconds(cold), "warm": measure.milliseconds(warm)}
            progress(f"{name}: {found[name]}")
        browser.close()
    return found


def _paint(browser: Any, cookie: dict[str, Any], url: str, *, before: str = "") -> float:
    """Seconds from the navigation's begin until something of the page is seen."""
    context = browser.new_context(viewport={"width": 1280, "height": 844})
    context.add_cookies([cookie])
    page = context.new_page()
    if before:
        page.goto(before, wait_until="load")
    page.goto(url, wait_until="load")
    while (painted := page.evaluate(PAINT)) is None:  # the page's policy lets no condition of ours wait in it
        page.wait_for_timeout(50)
    found = float(painted) / 1000
    assert page.locator("#chat-list li").count(), "no list is shown"
    context.close()
    return found


# -- inside the product


def _inside(chats: int) -> dict[str, Any]:
    """A filled business; a session of its owner, and what the parts of the list take there."""
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.utils import timezone
    from django_tenants.utils import schema_context

    from tenants import provisioning
    from tenants.models import User

    owner = User.objects.create_user(f"owner@{SLUG}.example", "not used")
    tenant = provisioning.create(name="Bench", slug=SLUG, owner=owner, now=timezone.now())
    session = SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.create()
    with schema_context(tenant.schema_name):
        messages = _fill(chats)
        written = _write_down()
        parts, noted = _parts(owner), _noted()
    index = {
        "messages": messages,
        "seconds": round(written, 2),
        "us_each": round(written / messages * 1e6, 1),
    }
    found = {"search_index": index, "parts": parts, "noting_us": noted, "mood_us": _mood()}
    return {"session": session.session_key, **found}


def _fill(chats: int) -> int:
    from agents.models import Agent
    from conversations.models import Channel, Label, Message
    from tenants.db import connection

    channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=Agent.objects.order_by("pk")[0])
    Label.objects.bulk_create([Label(name=name) for name in ("Fatura", "VIP", "Retorno")])
    values = {
        "chats": chats,
        "channel": channel.pk,
        "words": WORDS,
        "many": len(WORDS),
        "each": MESSAGES_A_CHAT,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        for statement in (_CONTACTS, _IDENTITIES, _CHATS, _LABELS, _MESSAGES):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE")
    return Message.objects.count()


def _write_down() -> float:
    """Seconds for the words of all messages."""
    from django.utils import timezone

    from conversations import search_index
    from tenants.db import connection

    began = time.perf_counter()
    while search_index.write(now=timezone.now()):
        pass
    took = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return took


def _parts(owner: Any) -> dict[str, Any]:
    """What each part of the page takes, in milliseconds."""
    from django.utils import timezone

    from conversations import filters, listing, searching
    from conversations.filters import Filters
    from conversations.models import Label

    me = Filters(owner.pk)
    label = Label.objects.order_by("pk")[0].pk
    page = listing.conversations(me)
    for _ in range(19):
        page = listing.conversations(me, page.following)
    deep = page.following

    def search(words: str) -> Callable[[], Any]:
        return lambda: searching.found(me.but(words=words), now=timezone.now())

    parts: dict[str, Callable[[], Any]] = {
        "list": lambda: listing.conversations(me),
        "list_page_20": lambda: listing.conversations(me, deep),
        "queue": lambda: listing.conversations(me.but(kind="waiting")),
        "by_label_and_mood": lambda: listing.conversations(me.but(labels=(label,), mood="unhappy")),
        "counts": lambda: listing.counts(owner),
        "search_common": search(COMMON),
        "search_rare": search(RARE),
        "search_part": search(PART),
        "search_name": search("conceicao souza"),
        "search_number": search("11900000777"),
    }
    assert filters.chosen(me).exists() and search(RARE)().hits and search("11900000777")().people
    return {name: _timed(part) for name, part in parts.items()}


def _timed(part: Callable[[], Any]) -> measure.Figures:
    part()
    took = []
    for _ in range(CALLS):
        began = time.perf_counter()
        part()
        took.append(time.perf_counter() - began)
    return measure.milliseconds(took)


def _noted() -> dict[str, float]:
    """Microseconds to note a message in its conversation, with the index of what is unread and without it."""
    from django.db import transaction

    from conversations.models import Conversation
    from tenants.db import connection

    chats = list(Conversation.objects.order_by("pk").values_list("pk", flat=True)[:500])
    took: dict[str, list[float]] = {"with": [], "without": []}
    for side in ("with", "without") * measure.ROUNDS:
        with transaction.atomic(), connection.cursor() as cursor:
            if side == "without":
                cursor.execute("DROP INDEX conversation_unread")
            began = time.perf_counter()
            for pk in chats:
                cursor.execute(_NOTE, [pk])
            took[side].append((time.perf_counter() - began) / len(chats) * 1e6)
            transaction.set_rollback(True)
    return {side: round(min(each), 1) for side, each in took.items()}


def _mood() -> float:
    """Microseconds of a core for how a customer feels, by a message of twelve words."""
    from agents import mood

    texts = [" ".join(WORDS[number : number + 12]) for number in range(0, 1200, 12)]
    mood.of(texts[0])
    began = time.process_time()
    for text in texts:
        mood.of(text)
    return round((time.process_time() - began) / len(texts) * 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
