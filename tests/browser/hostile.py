"""Forty texts that would be code if anything forgot to take them for text, and rows that hold them."""

import itertools
from collections.abc import Callable
from typing import Any

from django.db import models
from django.utils import timezone

from conversations.models import Channel, Contact, ContactIdentity, Conversation, Message

# Each calls pwn(), asks another host for something, or leads a click there.
PAYLOADS = [
    "<script>pwn(1)</script>",
    "</script><script>pwn(2)</script>",
    "<img src=x onerror=pwn(3)>",
    "<svg onload=pwn(4)>",
    "<svg/onload=pwn(5)//",
    '"><script>pwn(6)</script>',
    "'><img src=x onerror=pwn(7)>",
    '" onmouseover="pwn(8)" x="',
    "' onfocus='pwn(9)' autofocus='",
    '" autofocus onfocus=pwn(10) x="',
    "` onclick=`pwn(11)",
    "<body onload=pwn(12)>",
    "<iframe src=javascript:pwn(13)>",
    "<iframe srcdoc='<script>parent.pwn(14)</script>'>",
    "<a href=javascript:pwn(15)>x</a>",
    "javascript:pwn(16)",
    "JaVaScRiPt:pwn(17)",
    "java\tscript:pwn(18)",
    "data:text/html,<script>pwn(19)</script>",
    "<form action=javascript:pwn(20)><input type=submit autofocus>",
    "<button formaction=javascript:pwn(21)>x",
    "<details open ontoggle=pwn(22)>",
    "<video><source onerror=pwn(23)></video>",
    "<input autofocus onfocus=pwn(24)>",
    "<marquee onstart=pwn(25)>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/26'>",
    "<base href=http://evil.example/27/>",
    "<link rel=stylesheet href=http://evil.example/28.css>",
    "<img src=http://evil.example/29.png>",
    "<style>@import'http://evil.example/30'</style>",
    "<object data=http://evil.example/31></object>",
    "<div style=background:url(http://evil.example/32)>",
    "<div hx-get=http://evil.example/33 hx-trigger=load>",
    "<div hx-on:click=pwn(34) hx-on::load=pwn(34)>",
    "<div x-data x-init=pwn(35) @click=pwn(35)>",
    "{{constructor.constructor('pwn(36)')()}}${pwn(36)}",
    "&lt;img src=x onerror=pwn(37)&gt;&#60;svg onload=pwn(37)&#62;",
    "<!--><img src=x onerror=pwn(38)>-->",
    "<math><mtext><table><mglyph><style><img src=x onerror=pwn(39)>",
    "\u202e<scr\u0000ipt>pwn(40)</scr\u0000ipt>\ud7ff<ſcript>pwn(40)</ſcript>".replace("\u0000", ""),
]
ALL = "\n".join(PAYLOADS)
# Fields that hold what a customer, a colleague, a model or another server said, or the name of something.
SAID = {
    "name", "title", "text", "body", "note", "question", "draft", "persona", "greeting", "tone", "summary",
    "reason", "words", "wanted", "tried", "missing", "next_step", "given", "quote", "document_title",
    "heading", "detail", "problem", "error", "response", "media_name", "media_source", "source_line",
    "last_message_text", "original", "when", "call_reply", "out_of_hours_text", "overridden_because",
    "route_reason", "value", "number", "origin", "shortcut", "source", "text_en", "text_pt", "text_es",
    "text_fr", "place", "category",
}  # fmt: skip
HOSTILE_PAGE = """
window.pwned = [];
window.pwn = (number) => window.pwned.push(`payload ${number} ran`);
document.addEventListener("securitypolicyviolation", (event) =>
  window.pwned.push(`refused: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# Nothing that a payload says has become markup, whether or not the policy would have stopped it.
COME_TO_LIFE = r"""() => {
  const found = [];
  for (const el of document.querySelectorAll("*")) {
    if (["script", "style"].includes(el.localName) && /pwn\(|evil\.example/.test(el.textContent)) {
      found.push(el.outerHTML.slice(0, 120));
    }
    for (const { name, value } of el.attributes) {
      const hostile = /pwn\(|evil\.example/.test(value);
      const acts = /^(on|hx-|x-|@|:|style$|srcdoc$|http-equiv$)/.test(name) && hostile;
      const leads = /^(href|src|action|formaction|data|poster|xlink:href)$/.test(name) &&
        (/^[\s\u0000-\u001f]*(java\s*script|vbscript|data:text)/i.test(value) || /evil\.example/.test(value));
      if (acts || leads) found.push(`${name}: ${el.outerHTML.slice(0, 120)}`);
    }
  }
  return [...found, ...window.pwned];
}"""


def words() -> Callable[[Any], str | None]:
    """What stands in a row's fields: each time the next payload that fits, or all where there is room."""
    turns = itertools.count()

    def say(field: Any) -> str | None:
        is_text = isinstance(field, models.CharField | models.TextField) and not field.choices
        if not is_text or field.name not in SAID or isinstance(field, models.SlugField):
            return None
        room = field.max_length or 100_000
        if room > len(ALL):
            return ALL
        fitting = [one for one in PAYLOADS if len(one) <= room]
        return fitting[next(turns) % len(fitting)] if fitting else None

    return say


def customers(channel: Channel) -> Conversation:
    """Forty customers, each named after a payload, and one who says and sends all of them; their chat."""
    now = timezone.now()
    for number, payload in enumerate(PAYLOADS):
        contact = Contact.objects.create(name=payload, note=payload, details={"about": payload})
        value = f"{number} {payload}"[:190]
        ContactIdentity.objects.create(contact=contact, channel=channel, kind="lid", value=value)
        chat = Conversation.objects.create(
            contact=contact,
            channel=channel,
            address=f"{number}@c.us",
            last_message_at=now,
            last_message_text=payload[:160],
            status="open",
            waiting_since=now,
        )
    for payload in PAYLOADS:
        said = {"conversation": chat, "direction": "in", "author_kind": "contact", "status": "received"}
        Message.objects.create(**said, body=payload)
        Message.objects.create(**said, kind="document", media="1.pdf", media_name=payload, body=payload)
    for content in _contents():
        Message.objects.create(**said, content=content)
    return chat


def _contents() -> list[dict[str, Any]]:
    """What customers send that is no text, with a payload in every place."""
    one, two = PAYLOADS[2], PAYLOADS[5]
    return [
        {"location": {"latitude": 1.0, "longitude": 1.0, "title": one, "address": two}},
        {"poll": {"name": one, "options": [two, one]}, "votes": [one]},
    ]
