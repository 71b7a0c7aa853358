"""WhatsApp through a WAHA gateway."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.utils import timezone

from conversations import choices, restrictions, waha_events
from conversations.channels import Limits, Pace
from conversations.events import Event, Identity, SessionStatus, Skipped
from conversations.models import Channel, Conversation, Message
from conversations.numbers import ninth_digit_twin
from providers import addresses, waha
from providers.errors import ProviderError, ProviderRejected

log = structlog.get_logger(__name__)
LEAST_TYPING, TYPED_A_SECOND = 0.6, 40.0  # seconds; characters: a quick writer, since a customer waits
WATCHED_SECONDS = 3600  # a session that connects anew has forgotten whom it watches
NO_LISTS_SECONDS = 24 * 3600  # so long an engine that has no lists is not asked for one again
CLOCKS_DIFFER = timedelta(seconds=90)  # between the gateway's and ours, at most
GONE = "The gateway has this file no more."
PACE = Pace(
    a_second=settings.WAHA_MESSAGES_A_SECOND,
    burst=20,
    person_seconds=settings.WAHA_PERSON_SECONDS,
    bulk_seconds=(settings.WAHA_BULK_SECONDS, 2 * settings.WAHA_BULK_SECONDS),
)


class WahaTransport:
    """Seen, typing, the message, typing ends: as a person would."""

    limits = Limits(
        remote=True,
        markup="whatsapp",
        text=4096,
        file=16 * 2**20,
        files={"document": 64 * 2**20},
        media=frozenset({"image", "audio", "video", "document"}),
        lists=True,
        places=True,
        polls=True,
        pace=PACE,
    )

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        delivery = waha_events.read(body)
        if channel.session and delivery.session != channel.session:
            return [Skipped(reason="another session")]
        return [delivery.content]

    def typing_seconds(self, message: Message) -> float:
        longest = float(settings.WAHA_TYPING_SECONDS)
        return min(longest, LEAST_TYPING + len(message.whole_text) / TYPED_A_SECOND) if longest else 0.0

    def begin(self, channel: Channel, message: Message) -> None:
        if _begin_to_type(channel, message):
            _watch(channel, message)  # now there is time for it

    def send(self, channel: Channel, message: Message) -> str:
        client, where = client_of(channel), _where(channel, message)
        if message.typing_at is None:
            _begin_to_type(channel, message)
        try:
            sent_id = _send(client, where, message)
        except waha.TimeLocked:
            _note_time_lock(channel, client)
            raise
        except ProviderRejected:
            _politely(lambda: client.stop_typing(**where))
            raise
        _politely(lambda: client.stop_typing(**where))
        return sent_id

    def react(self, channel: Channel, message: Message, text: str) -> None:
        client_of(channel).react(session=channel.session, full_id=_full_id(message), reaction=text)

    def edit(self, channel: Channel, message: Message, text: str) -> None:
        where = _where(channel, message)
        client_of(channel).edit_message(**where, full_id=_full_id(message), text=text)

    def take_back(self, channel: Channel, message: Message) -> None:
        client_of(channel).delete_message(**_where(channel, message), full_id=_full_id(message))

    def look_up(self, channel: Channel, message: Message) -> str | bool | None:
        client, where = client_of(channel), _where(channel, message)
        if not _has_own_id(message):
            return _found_by_looks(client, where, message)
        return client.get_message(**where, message_id=message.unique_id, download=False) is not None

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        """The file at its address; when that is gone, the gateway is asked for it by the message."""
        client = client_of(channel)
        url, _, full_id = source.partition("#")
        try:
            if url:
                return client.download_media(url, max_bytes=max_bytes)
        except waha.NotFound:
            if not full_id:
                raise
        return client.download_media(_address_again(channel, client, full_id), max_bytes=max_bytes)

    def find(self, channel: Channel, address: str) -> str:
        """The chat of a phone number, as the gateway knows it: old numbers lack a digit."""
        if re.fullmatch(r"[0-9]{5,20}@(?:c\.us|lid)", address):
            return address
        digits = re.sub(r"[\s().+-]", "", address)
        if not re.fullmatch(r"[0-9]{8,15}", digits):
            raise ProviderRejected("This is no phone number: write it as +55 11 98888-7777.")
        found = client_of(channel).check_exists(session=channel.session, phone=digits)
        if found is None:
            raise ProviderRejected("This number is not on WhatsApp.")
        return found

    def other_names(self, channel: Channel, value: str) -> Sequence[Identity]:
        """The number of a hidden id; of a number, how WhatsApp writes it and its form of before 2012."""
        client, digits = client_of(channel), value.partition("@")[0]
        if value.endswith("@lid"):
            return _identities(client.number_of(session=channel.session, lid=value))
        found = client.check_exists(session=channel.session, phone=digits) or ""
        twin = ninth_digit_twin(value)
        same = found and twin and _is_same(client, channel, twin, found)
        return [one for one in _identities(found, twin if same else "") if one.value != value]

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        return restrictions.refuses(conversation, now=now)

    def probe(self, channel: Channel) -> SessionStatus:
        """With what the gateway knows of WhatsApp's restrictions: it tells by itself only of new states."""
        found = client_of(channel).get_session(session=channel.session)
        told = {"timelock": dict(found.timelock), "capping": dict(found.capping)}
        return SessionStatus(found.status, {name: words for name, words in told.items() if words})


def client_of(channel: Channel) -> waha.Waha:
    """The gateway of this channel; in a private network only where the installation says so."""
    private = addresses.names_host(channel.base_url, settings.GATEWAY_PRIVATE_HOSTS)
    return waha.client(base_url=channel.base_url, api_key=channel.api_key, allow_private=private)


# -- sending, by what the message is


def _send(client: waha.Waha, where: Mapping[str, Any], message: Message) -> str:
    content, quoted = message.content, {"reply_to": _quoted(where, message)}
    own: dict[str, Any] = {"message_id": message.unique_id, **quoted}
    if place := content.get("location"):
        return client.send_location(**where, **_coordinates(place), **own)
    if poll := content.get("poll"):
        return client.send_poll(**where, name=poll["name"], options=poll["options"], **own)
    if message.media:
        return _send_file(client, where, message, quoted)
    if options := choices.options_of(content):
        return _send_options(client, where, message, options)
    return client.send_text(**where, text=message.whole_text, **own)


def _send_file(
    client: waha.Waha, where: Mapping[str, Any], message: Message, quoted: Mapping[str, str]
) -> str:
    with default_storage.open(str(message.media.name)) as stored:
        content = stored.read()
    name = message.media_name or f"file-{message.pk}"
    file = waha.File(content=content, mimetype=message.media_type, filename=name)
    if message.kind == Message.Kind.AUDIO:
        return client.send_voice(**where, file=file, **quoted)
    send = {Message.Kind.IMAGE: client.send_image, Message.Kind.VIDEO: client.send_video}
    return send.get(Message.Kind(message.kind), client.send_file)(
        **where, file=file, caption=message.whole_text, **quoted
    )


def _send_options(
    client: waha.Waha, where: Mapping[str, Any], message: Message, options: Sequence[Mapping[str, str]]
) -> str:
    """A list where the engine has them; else numbers, which mean the same when they are typed back."""
    quoted = _quoted(where, message)
    no_lists = f"waha-no-lists:{message.conversation.channel_id}"
    button = str(message.content["choices"].get("button") or "…")
    if not cache.get(no_lists):
        rows = [waha.Row(one["id"], one["title"], one.get("description", "")) for one in options]
        text = message.whole_text
        try:
            return client.send_list(
                **where, title=button, text=text, button=button, rows=rows, reply_to=quoted
            )
        except waha.NotByEngine:
            cache.set(no_lists, True, NO_LISTS_SECONDS)
    text = choices.numbered(message.whole_text, options)
    return client.send_text(**where, text=text, message_id=message.unique_id, reply_to=quoted)


def _coordinates(place: Mapping[str, Any]) -> dict[str, Any]:
    title = str(place.get("title") or place.get("name") or "")
    return {"latitude": place["latitude"], "longitude": place["longitude"], "title": title}


def _quoted(where: Mapping[str, Any], message: Message) -> str:
    quoted = message.reply_to
    if quoted is None or not quoted.provider_key:
        return ""
    ours = quoted.direction == Message.Direction.OUT
    return waha.full_id(where["chat_id"], quoted.unique_id, from_me=ours)


def _full_id(message: Message) -> str:
    ours = message.direction == Message.Direction.OUT
    return waha.full_id(message.conversation.address, message.unique_id, from_me=ours)


def _note_time_lock(channel: Channel, client: waha.Waha) -> None:
    """WhatsApp has just refused a first message: until when, the gateway may know."""
    told: dict[str, Any] = {}
    try:
        told = client.timelock(session=channel.session)
    except ProviderError as error:
        log.info("waha.timelock_unknown", reason=type(error).__name__)
    restrictions.note(channel, {"timelock": {**told, "isActive": True}}, now=timezone.now())


# -- what became of a send


def _has_own_id(message: Message) -> bool:
    """Whether the gateway let us choose the id: for text, places and polls, not for files and lists."""
    return not message.media and not message.content.get("choices")


def _found_by_looks(client: waha.Waha, where: Mapping[str, Any], message: Message) -> str | bool:
    """The id of the one message of ours in the chat that can only be this; False when there is none."""
    since = ((message.claimed_at or message.created_at) - CLOCKS_DIFFER).timestamp()
    sent = client.sent_since(**where, since=since)
    found = {waha.unique_id_of(one) for one in sent if _looks_like(one, message)} - {""}
    channel_hex = message.conversation.channel_id.hex
    keys = {f"{channel_hex}:true:{unique}": unique for unique in found}
    known = Message.objects.filter(provider_key__in=keys).values_list("provider_key", flat=True)
    ours = [unique for key, unique in keys.items() if key not in set(known)]
    return ours[0] if ours else False


def _looks_like(one: Mapping[str, Any], message: Message) -> bool:
    if message.media:
        caption = "" if message.kind == Message.Kind.AUDIO else message.whole_text
        return bool(one.get("hasMedia")) and str(one.get("body") or "") == caption
    return message.whole_text in str(one.get("body") or "")


# -- files and names


def _address_again(channel: Channel, client: waha.Waha, full_id: str) -> str:
    from_me, chat, unique_id = waha_events.split_id(full_id)
    found = client.get_message(
        session=channel.session, chat_id=chat, message_id=unique_id, from_me=from_me, download=True
    )
    media = (found or {}).get("media")
    url = str(media.get("url") or "") if isinstance(media, dict) else ""
    if not url:
        raise ProviderRejected(GONE)
    return url


def _is_same(client: waha.Waha, channel: Channel, twin: str, found: str) -> bool:
    other = client.check_exists(session=channel.session, phone=twin.partition("@")[0])
    return found == other


def _identities(*values: str) -> list[Identity]:
    known = dict.fromkeys(waha_events.chat_of(value) for value in values)
    return [Identity(kind=value.rpartition("@")[2], value=value) for value in known if value]


def _where(channel: Channel, message: Message) -> dict[str, Any]:
    return {"session": channel.session, "chat_id": message.conversation.address}


def _begin_to_type(channel: Channel, message: Message) -> bool:
    """Whether anybody answers there; manners end with the first silence."""
    client, where = client_of(channel), _where(channel, message)
    if not _politely(lambda: client.send_seen(**where)):
        return False
    return _politely(lambda: client.start_typing(**where))


def _watch(channel: Channel, message: Message) -> None:
    """Have the gateway tell when this customer types: their next bubbles are then waited for."""
    client, where = client_of(channel), _where(channel, message)
    if cache.add(f"waha-watched:{channel.pk}:{message.conversation_id}", True, WATCHED_SECONDS):
        _politely(lambda: client.watch_presence(**where))


def _politely(call: Callable[[], None]) -> bool:
    """Ticks and typing are manners: without them the message still goes. False when nobody answers at all."""
    try:
        call()
    except ProviderError as error:
        log.info("waha.manners_failed", reason=type(error).__name__)
        return isinstance(error, ProviderRejected)
    return True
