"""The web chat: who a visitor is, what they say, and what their page may see.

Every verb enters the schema of its place in the same synchronous call: sockets share threads, and a
connection that was left in another tenant's schema must never answer.
"""

import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django_tenants.utils import schema_context

from conversations import inbox, outbox, web_limits, writing
from conversations.events import Receipt, Said, Typing, clean
from conversations.models import Channel, ContactIdentity, Conversation, Message, Turn
from conversations.widget import Widget
from tenants import addresses, written
from tenants.models import Domain, Tenant, WebhookRoute
from tenants.written import slot

SALT = "conversations.web_chat"
FILE_SALT = "conversations.web_chat.file"
FILE_DAYS = 2  # a file's link is good today and tomorrow; the page gets a new one with its thread
MAX_TEXT = 4000
SHOWN = 50  # messages a page is told at once; earlier ones by `before`
MESSAGE_ID = re.compile(r"[A-Za-z0-9-]{8,40}")
TO_SEE = (Message.Status.SENT, Message.Status.DELIVERED, Message.Status.READ)
KEEP_REFUSED = 7 * 24 * 3600
P = ParamSpec("P")
R = TypeVar("R")


class Refused(Exception):
    """Why the chat says no, in one word for the page; `wait` are seconds, when trying again helps."""

    def __init__(self, word: str, *, wait: int = 0) -> None:
        self.word, self.wait = word, wait
        super().__init__(word)


@dataclass(frozen=True, slots=True)
class Place:
    """One web chat of one business."""

    schema: str
    channel: Channel
    widget: Widget
    title: str
    own_hosts: frozenset[str]

    @property
    def key(self) -> str:
        return str(self.channel.pk.hex)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who holds a good token. `fresh` is a new token when the old one is half spent."""

    id: str
    fresh: str = ""

    @property
    def address(self) -> str:
        return f"{self.id}@web"


def find(channel_id: str) -> Place | None:
    """The open web chat behind an unguessable id, or None."""
    try:
        pk = uuid.UUID(channel_id)
    except ValueError:
        return None
    with schema_context("public"):
        route = WebhookRoute.objects.select_related("tenant").filter(pk=pk).first()
        hosts = (
            Domain.objects.filter(tenant=route.tenant_id).values_list("domain", flat=True) if route else ()
        )
        own = frozenset([settings.BASE_DOMAIN, *hosts])
    if route is None or route.tenant.status != Tenant.Status.READY:
        return None
    with schema_context(route.tenant.schema_name):
        found = Channel.objects.select_related("agent").filter(pk=pk, kind=Channel.Kind.WEB, is_active=True)
        channel = found.first()
        if channel is None:
            return None
        widget = widget_of(channel)
    return Place(route.tenant.schema_name, channel, widget, route.tenant.name, own)


def widget_of(channel: Channel) -> Widget:
    """How this chat looks; without a greeting of its own it greets as its assistant does."""
    widget = Widget.model_validate(channel.widget)
    version = None if widget.greeting else channel.agent.published
    return widget.model_copy(update={"greeting": version.greeting[:300]}) if version else widget


def script_tag(channel: Channel) -> str:
    """What the business puts on its site, as text: our own page shows it and must not run it."""
    source = addresses.public_url("/widget.js")
    return f'<script src="{source}" data-channel="{channel.pk}" defer></script>'


def inside(verb: Callable[Concatenate[Place, P], R]) -> Callable[Concatenate[Place, P], R]:
    """Run the verb in the schema of its place."""

    @wraps(verb)
    def run(place: Place, *args: P.args, **kwargs: P.kwargs) -> R:
        with schema_context(place.schema):
            return verb(place, *args, **kwargs)

    return run


# -- who


@inside
def check_origin(place: Place, origin: str, *, now: datetime) -> None:
    """Raise Refused unless a page of this origin may hold the chat; remember whom we refused."""
    if not place.widget.allows(origin, own=place.own_hosts):
        _remember_refused(place, origin, now=now)
        raise Refused("origin")


def _remember_refused(place: Place, origin: str, *, now: datetime) -> None:
    """For the channel's page, where the owner can allow the site."""
    key, shown = f"web-refused:{place.key}", origin[:200] or "?"
    known: dict[str, str] = cache.get(key) or {}
    latest = {name: at for name, at in known.items() if name != shown} | {shown: now.isoformat()}
    cache.set(key, dict(list(latest.items())[-5:]), KEEP_REFUSED)


def refused_origins(channel: Channel) -> dict[str, datetime]:
    """The sites that were refused in the last week, the latest first; in the tenant's own schema."""
    known: dict[str, str] = cache.get(f"web-refused:{channel.pk.hex}") or {}
    return {origin: datetime.fromisoformat(at) for origin, at in reversed(known.items())}


@inside
def new_visitor(place: Place, *, address: str, now: datetime) -> str:
    """A signed token for somebody who begins to write. No row is made before the first message."""
    limit = settings.WEB_CHAT_VISITORS_AN_HOUR * 3  # who only opens the chat and leaves counts less
    limited("tokens", f"{place.key}:{address}", limit=limit, seconds=3600)
    return _token(place, secrets.token_hex(16), now=now)


def _token(place: Place, visitor: str, *, now: datetime) -> str:
    content = {"t": place.schema, "c": place.key, "v": visitor, "i": int(now.timestamp())}
    return signing.Signer(salt=SALT).sign_object(content)


def visitor_of(place: Place, token: str, *, now: datetime) -> Visitor:
    """Who the token names; raises Refused when it is forged, spent, or another chat's."""
    try:
        content = signing.Signer(salt=SALT).unsign_object(token)
    except (signing.BadSignature, ValueError):
        raise Refused("token") from None
    age = now.timestamp() - content["i"]
    life = timedelta(days=place.widget.remember_days).total_seconds()
    if (content["t"], content["c"]) != (place.schema, place.key) or age > life:
        raise Refused("token")
    return Visitor(content["v"], fresh=_token(place, content["v"], now=now) if age > life / 2 else "")


def limited(what: str, who: str, *, limit: int, seconds: int) -> None:
    """Count one of `what` for `who`; raises Refused above `limit`."""
    try:
        web_limits.take(what, who, limit=limit, seconds=seconds)
    except web_limits.TooMuch as error:
        raise Refused("slow_down", wait=error.wait) from None


@inside
def count_request(place: Place, *, address: str) -> None:
    """One more request of this address; raises Refused when they are too many."""
    limited("requests", f"{place.key}:{address}", limit=settings.WEB_CHAT_REQUESTS_A_MINUTE, seconds=60)


# -- what they say


@inside
def say(place: Place, visitor: Visitor, *, message_id: str, text: str, address: str, now: datetime) -> None:
    """Put one message into the visitor's thread; the same id again changes nothing."""
    text = clean(text).strip()
    if not text or not MESSAGE_ID.fullmatch(message_id):
        raise Refused("bad_request")
    if len(text) > MAX_TEXT:
        raise Refused("too_long")
    count_message(place, visitor, address=address)
    said = Said(
        unique_id=f"{visitor.id}.{message_id}",  # a visitor can only ever repeat their own
        chat=visitor.address,
        from_me=False,
        source="app",
        text=text,
        at=now,
    )
    try:
        receive(place, said, now=now)
    except IntegrityError:
        receive(place, said, now=now)  # another connection was first with it, or with the thread


@transaction.atomic(durable=True)
def receive(place: Place, said: Said, *, now: datetime) -> str:
    """Hand it to the inbox, and say what became of it; raises IntegrityError when somebody else was first."""
    channel = _CHANNEL.one(pk=place.channel.pk)  # as it is now
    return inbox.receive(channel, said, now=now)


_CHANNEL = written.Rows(lambda: Channel.objects.select_related("agent").filter(pk=slot("pk")))


def count_message(place: Place, visitor: Visitor, *, address: str) -> None:
    """One more message of this visitor; raises Refused when they are too many."""
    own, all_of_it = settings.WEB_CHAT_MESSAGES_A_MINUTE, settings.WEB_CHAT_ADDRESS_MESSAGES_A_MINUTE
    limited("messages", f"{place.key}:{visitor.id}", limit=own, seconds=60)
    limited("address", f"{place.key}:{address}", limit=all_of_it, seconds=60)
    if conversation_of(place, visitor) is None:
        limit = settings.WEB_CHAT_VISITORS_AN_HOUR
        limited("conversations", f"{place.key}:{address}", limit=limit, seconds=3600)


@inside
def typing(place: Place, visitor: Visitor, *, now: datetime) -> None:
    """The visitor writes right now: the answer waits, and staff sees it."""
    limited("typing", f"{place.key}:{visitor.id}", limit=40, seconds=60)
    if conversation_of(place, visitor) is not None:
        with transaction.atomic(durable=True):
            inbox.note_typing(place.channel, Typing(chat=visitor.address, at=now), now=now)


@inside
def seen(place: Place, visitor: Visitor, *, upto: str, read: bool, now: datetime) -> None:
    """The visitor's page has shown, or the visitor has read, our messages up to this one."""
    conversation = conversation_of(place, visitor)
    last = _message(place, visitor, conversation, upto) if conversation else None
    if conversation is None or last is None:
        return
    behind = [Message.Status.SENT, Message.Status.DELIVERED][: 2 if read else 1]
    ours = conversation.messages.filter(direction=Message.Direction.OUT, pk__lte=last.pk, status__in=behind)
    with transaction.atomic(durable=True):
        for message in ours.order_by("pk")[: SHOWN * 2]:
            outbox.note_receipt(
                place.channel, Receipt(unique_id=message.unique_id, level=3 if read else 2), now=now
            )


# -- what they see


@inside
def state(place: Place, visitor: Visitor, *, before: str = "", now: datetime) -> dict[str, Any]:
    """The thread as this visitor's page shows it: up to SHOWN messages, oldest first, and who is at work.

    `before` is the id of a message: those that stand before it. `version` is another one when anything in
    the answer is.
    """
    conversation = conversation_of(place, visitor)
    told = _told(place, visitor, conversation, before=before, now=now) if conversation else _NOTHING
    version = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return {**told, "version": version, "conversation": conversation.pk if conversation else None}


_NOTHING: dict[str, Any] = {"messages": [], "earlier": False, "thinking": False, "by": "agent"}


def _told(
    place: Place, visitor: Visitor, conversation: Conversation, *, before: str, now: datetime
) -> dict[str, Any]:
    visible = conversation.messages.exclude(
        direction=Message.Direction.OUT, status__in=set(Message.Status) - set(TO_SEE)
    )
    if before:
        first = _message(place, visitor, conversation, before)
        visible = visible.filter(pk__lt=first.pk) if first else visible.none()
    found = list(visible.select_related("author").order_by("-pk")[: SHOWN + 1])
    shown = found[:SHOWN][::-1]
    return {
        "messages": [_message_told(conversation, message, now=now) for message in shown],
        "earlier": len(found) > SHOWN,
        "thinking": _thinking(conversation),
        "by": conversation.handler,
    }


def _file_url(conversation: Conversation, message: Message, *, now: datetime) -> str:
    """A link that opens this file and no other, for a while: a page cannot send a token with a link."""
    content = {"k": message.provider_key, "d": now.date().toordinal()}
    signed = signing.Signer(salt=FILE_SALT).sign_object(content)
    return f"/chat/{conversation.channel_id}/file/{signed}"


@inside
def file_behind(place: Place, signed: str, *, now: datetime) -> Message:
    """The message whose file the link names; raises Refused when it is forged, old, or another chat's."""
    try:
        content = signing.Signer(salt=FILE_SALT).unsign_object(signed)
    except (signing.BadSignature, ValueError):
        raise Refused("unknown") from None
    age = now.date().toordinal() - content["d"]
    ours = Message.objects.filter(conversation__channel=place.channel, revoked_at=None).exclude(media="")
    message = ours.filter(provider_key=content["k"]).first() if age < FILE_DAYS else None
    if message is None:
        raise Refused("unknown")
    return message


def _message_told(conversation: Conversation, message: Message, *, now: datetime) -> dict[str, Any]:
    mine = message.direction == Message.Direction.IN
    told: dict[str, Any] = {
        "id": message.unique_id.rpartition(".")[2],
        "from": "visitor" if mine else message.author_kind,
        "text": message.body,
        "at": int(message.created_at.timestamp() * 1000),
        "status": ("read" if _taken_up(conversation, message) else "delivered") if mine else message.status,
    }
    if message.revoked_at is not None:
        return told | {"text": "", "gone": True}
    if message.source_line:
        told["source"] = message.source_line
    if message.media:
        told["file"] = {"name": message.media_name, "url": _file_url(conversation, message, now=now)}
    if message.author is not None and message.author.name:
        told["name"] = message.author.get_short_name()
    return told


def _taken_up(conversation: Conversation, message: Message) -> bool:
    """Whether the assistant works on it, or a person has opened the thread since."""
    by_agent = conversation.handler == Conversation.Handler.AGENT
    return bool(message.turn_id) if by_agent else conversation.unread_count == 0 or bool(message.turn_id)


def _thinking(conversation: Conversation) -> bool:
    """Whether somebody makes an answer: the assistant, or a person who writes."""
    if conversation.handler != Conversation.Handler.AGENT:
        return writing.holds(conversation)
    running = conversation.turns.filter(status=Turn.Status.RUNNING)
    return bool(conversation.reply_due_at) or running.exists()


def conversation_of(place: Place, visitor: Visitor) -> Conversation | None:
    """This visitor's thread on this chat; in the schema of the place."""
    return _THREAD.first(channel=place.channel.pk, address=visitor.address)


def _thread() -> QuerySet[Conversation]:
    identity = ContactIdentity.objects.filter(channel=slot("channel"), value=slot("address"))
    threads = Conversation.objects.filter(channel=slot("channel"), contact__in=identity.values("contact"))
    return threads.order_by("pk")[:1]


_THREAD = written.Rows(_thread)


def _message(place: Place, visitor: Visitor, conversation: Conversation, told_id: str) -> Message | None:
    """The message of this thread that its visitor knows by this id."""
    keys = (f"{place.key}:true:{told_id}", f"{place.key}:false:{visitor.id}.{told_id}")
    return conversation.messages.filter(provider_key__in=keys).first()
