"""Outgoing events: what happens here, told to the business's own systems.

An event is written with its cause, in one transaction, for every address that wants its kind; after the
commit a task delivers it, signed, until the address takes it or a day is over. Delivery is at least once: the
event's id, also sent as Idempotency-Key, tells repetitions apart.
"""

import hashlib
import hmac
import json
import random
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations.models import Channel, Conversation, HookDelivery, HookEndpoint, Message, Turn
from providers import addresses
from providers import hooks as provider
from providers.errors import ProviderError, ProviderRejected
from tenants import addresses as our_addresses
from tenants import audit, letters
from tenants.background import enqueue, task
from tenants.current import tenant as current_tenant
from tenants.db import connection
from tenants.models import Role, Tenant, User

log = structlog.get_logger(__name__)
Status = HookDelivery.Status
LIFE = timedelta(hours=24)  # after that an event is parked, for a person to replay
OVERLAP = timedelta(hours=24)  # in which the secret before signs too
HOPELESS = timedelta(days=3)  # of failures only: the address is switched off
KEEP = timedelta(days=30)
CLAIM_LIFE = timedelta(seconds=60)
RUN_SECONDS = 20.0  # then others' events are seen to, and this address rung for again
FIRST_WAIT, LONGEST_WAIT = 15.0, 4 * 3600.0
LONGEST_PAUSE = 300.0
QUIET_SECONDS = 5.0
MOST_ENDPOINTS = 20
MOST_EARLIER = 2  # secrets that sign beside the current one
_NAMESPACE = uuid.UUID("1d7c2c92-5a3e-4f0e-8f5a-0a5b7a9e3c55")


@dataclass(frozen=True, slots=True)
class EventKind:
    """Something that can be told: its name, and in a few words when."""

    name: str
    label: str | Promise


_kinds: dict[str, EventKind] = {}
_quiet: dict[str, float] = {}  # businesses without an address, until when that is believed


def register(name: str, label: str | Promise) -> None:
    """Let addresses ask for events of this kind; at import or in AppConfig.ready()."""
    _kinds[name] = EventKind(name, label)


def kinds() -> list[EventKind]:
    """Everything that an address can be told, in the order of registration."""
    return list(_kinds.values())


register("message.received", gettext_lazy("a customer wrote"))
register("message.sent", gettext_lazy("a message went out"))
register("conversation.handed_over", gettext_lazy("a conversation goes to a person"))
register("conversation.closed", gettext_lazy("a conversation was closed"))
register("turn.finished", gettext_lazy("the assistant finished an answer"))
register("channel.health", gettext_lazy("a channel's state changed"))
register("gap.opened", gettext_lazy("a customer asked what the assistant does not know"))
TEST = "test"


# -- writing


def emit(kind: str, cause: object, data: Callable[[], dict[str, Any] | None], *, now: datetime) -> None:
    """Tell every address that wants this kind, in the caller's transaction.

    `cause` makes the event itself: the same kind and cause again is the same event and told once. `data` is
    called only when somebody wants it; None keeps it untold.
    """
    endpoints = [pk for pk, wanted in _addresses() if kind in wanted]
    if endpoints and (told := data()) is not None:
        _write(endpoints, kind, event_id=_event_id(kind, cause), data=told, now=now)


def _addresses() -> list[tuple[int, list[str]]]:
    """The active addresses and what they want. That there is none is remembered for a few seconds."""
    schema = connection.schema_name
    if _quiet.get(schema, 0.0) > time.monotonic():
        return []
    active = HookEndpoint.objects.filter(is_active=True).order_by("pk")
    found = list(active.values_list("pk", "events"))
    if not found:
        # Most businesses have none, and every message comes by here three times.
        _quiet[schema] = time.monotonic() + QUIET_SECONDS
    return found


def wake() -> None:
    """An address was added or switched on in this business: this process looks at once, others in seconds."""
    _quiet.pop(connection.schema_name, None)


def _write(
    endpoints: Sequence[int], kind: str, *, event_id: str, data: dict[str, Any], now: datetime
) -> None:
    body = body_of(event_id, kind, data, now=now)
    HookDelivery.objects.bulk_create(
        (
            HookDelivery(
                endpoint_id=pk,
                event_id=event_id,
                kind=kind,
                body=body,
                next_try_at=now,
                give_up_at=now + LIFE,
                created_at=now,
            )
            for pk in endpoints
        ),
        ignore_conflicts=True,
    )
    for pk in endpoints:
        enqueue(deliver, endpoint_id=pk)


def body_of(event_id: str, kind: str, data: dict[str, Any], *, now: datetime) -> str:
    """The event as it travels: small JSON with everything that a receiver checks inside the signed bytes."""
    event = {
        "id": event_id,
        "type": kind,
        "created_at": now.isoformat(timespec="milliseconds"),
        "tenant": current_tenant().slug,
        "data": data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _event_id(kind: str, cause: object) -> str:
    return f"evt_{uuid.uuid5(_NAMESPACE, f'{connection.schema_name}:{kind}:{cause}').hex}"


def message(kind: str, message: Message, *, now: datetime) -> None:
    """A message came or went."""
    emit(kind, message.pk, lambda: _message_data(message), now=now)


def conversation(kind: str, conversation: Conversation, *, now: datetime) -> None:
    """Something happened to a conversation; it may again."""
    cause = f"{conversation.pk}:{now.isoformat()}"
    emit(kind, cause, lambda: _told_of(conversation, {}), now=now)


def turn(turn: Turn, conversation: Conversation, *, now: datetime) -> None:
    """The assistant has answered, or has not."""
    emit("turn.finished", turn.pk, lambda: _turn_data(turn.pk, conversation), now=now)


def channel(channel: Channel, health: str, *, before: str, reason: str, now: datetime) -> None:
    """A channel's health is another one: green, amber or red, with the reason."""
    data = {**_channel_data(channel), "health": health, "before": before, "reason": reason}
    emit("channel.health", f"{channel.pk}:{now.isoformat()}", lambda: {"channel": data}, now=now)


def _message_data(message: Message) -> dict[str, Any] | None:
    said = {
        "id": message.pk,
        "direction": message.direction,
        "author": message.author_kind,
        "kind": message.kind,
        "text": message.whole_text,
        "turn_id": message.turn_id,
        "created_at": message.created_at.isoformat(timespec="milliseconds"),
    }
    return _told_of(message.conversation, {"message": said})


def _turn_data(turn_id: int, conversation: Conversation) -> dict[str, Any] | None:
    turn = Turn.objects.get(pk=turn_id)
    fields = (
        "status",
        "tier",
        "model",
        "supported",
        "credits",
        "input_tokens",
        "output_tokens",
        "latency_ms",
    )
    data = {"id": turn.pk, **{name: getattr(turn, name) for name in fields}, "error": turn.error}
    return _told_of(conversation, {"turn": data})


def _told_of(conversation: Conversation, more: dict[str, Any]) -> dict[str, Any] | None:
    """What every event of a conversation says of it; nothing of the test chat, which is no customer's."""
    if conversation.channel.kind == Channel.Kind.TEST:
        return None
    contact = conversation.contact
    data = {
        "id": conversation.pk,
        "handler": conversation.handler,
        "status": conversation.status,
        "handoff_reason": conversation.handoff_reason,
        "language": conversation.language,
        "address": conversation.address,
    }
    known = {"id": contact.pk, "name": contact.name, "language": contact.language}
    return {**more, "conversation": data, "contact": known, "channel": _channel_data(conversation.channel)}


def _channel_data(channel: Channel) -> dict[str, Any]:
    return {"id": str(channel.pk), "name": channel.name, "kind": channel.kind}


# -- delivering


@task()
def deliver(endpoint_id: int) -> None:
    """Deliver what is due at one address, oldest first, for a while. One at a time an address."""
    until = time.monotonic() + RUN_SECONDS
    if not _claim(endpoint_id, now=timezone.now()):
        return  # who has it looks again after letting go
    wait = 0.0
    try:
        while (due := _next(endpoint_id, now=timezone.now())) is not None and time.monotonic() < until:
            wait = _attempt(due)
            if wait:
                break
    finally:
        HookEndpoint.objects.filter(pk=endpoint_id).update(claimed_at=None)
    if _next(endpoint_id, now=timezone.now() + timedelta(seconds=wait)) is not None:
        with transaction.atomic():
            enqueue(deliver, countdown=wait, endpoint_id=endpoint_id)


def _claim(endpoint_id: int, *, now: datetime) -> bool:
    """By compare-and-set; a claim that outlived every healthy run is nobody's."""
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM_LIFE)
    awake = Q(paused_until=None) | Q(paused_until__lte=now)
    ready = HookEndpoint.objects.filter(free, awake, pk=endpoint_id, is_active=True)
    return bool(ready.update(claimed_at=now))


def due(*, now: datetime) -> QuerySet[HookDelivery]:
    """What should be on its way by now."""
    return HookDelivery.objects.filter(status=Status.PENDING, next_try_at__lte=now)


def _next(endpoint_id: int, *, now: datetime) -> HookDelivery | None:
    waiting = due(now=now).filter(endpoint=endpoint_id, endpoint__is_active=True)
    return waiting.select_related("endpoint").order_by("pk").first()


def _attempt(delivery: HookDelivery) -> float:
    """One try; returns the seconds for which this address is left alone, 0 for none."""
    endpoint, now = delivery.endpoint, timezone.now()
    connection.close_if_unusable_or_obsolete()  # not ours to keep while the other side thinks
    try:
        answer = provider.post(
            endpoint.url,
            body=delivery.body.encode(),
            headers=headers_of(delivery, endpoint, now=now),
            allow_private=_may_be_private(endpoint.url),
        )
    except ProviderRejected as error:
        return _failed(delivery, None, str(error), silent=False, now=now)
    except ProviderError as error:
        return _failed(delivery, None, str(error), silent=True, now=now)
    if answer.taken:
        _done(delivery, answer, now=now)
        return 0.0
    return _failed(delivery, answer, _refusal(answer), silent=False, now=now)


def headers_of(delivery: HookDelivery, endpoint: HookEndpoint, *, now: datetime) -> dict[str, str]:
    """What goes with the body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Frontdesk-Hooks/1",
        "Idempotency-Key": delivery.event_id,
        "X-Frontdesk-Event": delivery.kind,
        "X-Frontdesk-Signature": signature(endpoint, delivery.body.encode(), now=now),
    }


def signature(endpoint: HookEndpoint, body: bytes, *, now: datetime) -> str:
    """`sha256=<hex HMAC of the raw body>`; while a secret is being replaced, each of them, the new first."""
    keys = [endpoint.secret, *_earlier_secrets(endpoint, now=now)]
    return ",".join(f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}" for key in keys)


def _refusal(answer: provider.Answer) -> str:
    if 300 <= answer.status < 400:
        return f"It answered {answer.status}: a redirect, which is not followed."
    return f"It answered {answer.status}."


@transaction.atomic(durable=True)
def _done(delivery: HookDelivery, answer: provider.Answer, *, now: datetime) -> None:
    HookDelivery.objects.filter(pk=delivery.pk).update(
        status=Status.DONE,
        attempts=delivery.attempts + 1,
        next_try_at=None,
        error="",
        tried_at=now,
        done_at=now,
        **_heard(answer),
    )
    failing = HookEndpoint.objects.filter(pk=delivery.endpoint_id).exclude(failures=0)
    failing.update(failures=0, failing_since=None, paused_until=None)


def _heard(answer: provider.Answer | None) -> dict[str, Any]:
    if answer is None:
        return {"response_status": None, "response": "", "milliseconds": None}
    return {
        "response_status": answer.status,
        "response": answer.text,
        "milliseconds": answer.milliseconds,
    }


@transaction.atomic(durable=True)
def _failed(
    delivery: HookDelivery, answer: provider.Answer | None, reason: str, *, silent: bool, now: datetime
) -> float:
    """Try again later, or park it; and note how the address stands. Seconds of pause for the whole address.

    Who refuses one event may take the next. Who does not answer at all is left alone for a while.
    """
    attempts = delivery.attempts + 1
    wait = backoff(attempts, asked=answer.wait if answer else None)
    over = now >= delivery.give_up_at
    HookDelivery.objects.filter(pk=delivery.pk).update(
        status=Status.PARKED if over else Status.PENDING,
        attempts=attempts,
        next_try_at=None if over else min(now + timedelta(seconds=wait), delivery.give_up_at),
        error=reason[:200],
        tried_at=now,
        **_heard(answer),
    )
    return _note_failure(delivery.endpoint_id, silent=silent, now=now)


def backoff(attempts: int, *, asked: float | None = None) -> float:
    """Seconds until the next try: doubling, spread by a fifth either way so that nothing comes in step."""
    wait = min(FIRST_WAIT * 2.0 ** (attempts - 1), LONGEST_WAIT)
    return max(wait * random.uniform(0.8, 1.2), asked or 0.0)


def _note_failure(endpoint_id: int, *, silent: bool, now: datetime) -> float:
    endpoint = HookEndpoint.objects.select_for_update().filter(pk=endpoint_id).first()
    if endpoint is None:
        return 0.0  # removed while we called
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    pause = min(5.0 * 2.0 ** min(endpoint.failures - 1, 10), LONGEST_PAUSE) if silent else 0.0
    endpoint.paused_until = now + timedelta(seconds=pause) if pause else None
    endpoint.save(update_fields=["failures", "failing_since", "paused_until"])
    if endpoint.is_active and now - endpoint.failing_since > HOPELESS:
        _disable(endpoint, now=now)
    return pause


def _disable(endpoint: HookEndpoint, *, now: datetime) -> None:
    """Days without one success: stop, and tell the owner."""
    endpoint.is_active, endpoint.disabled_at, endpoint.told_at = False, now, None
    endpoint.save(update_fields=["is_active", "disabled_at", "told_at"])
    _park(endpoint, "The address was switched off.")
    enqueue(tell_owner, endpoint_id=endpoint.pk)
    log.warning("hook.switched_off", endpoint_id=endpoint.pk)


def _park(endpoint: HookEndpoint, reason: str) -> None:
    waiting = HookDelivery.objects.filter(endpoint=endpoint, status=Status.PENDING)
    waiting.update(status=Status.PARKED, next_try_at=None, error=reason)


@task()
def tell_owner(endpoint_id: int) -> None:
    """Write to the owners that an address was switched off, once."""
    endpoint = untold().filter(pk=endpoint_id).first()
    # Claimed first: two rounds at once must not write twice. What could not be sent is given back.
    if endpoint is None or not untold().filter(pk=endpoint_id).update(told_at=timezone.now()):
        return
    tenant = current_tenant()
    if not letters.to_each(tenant, lambda: _letter(endpoint, tenant), roles=[Role.OWNER]):
        HookEndpoint.objects.filter(pk=endpoint_id).update(told_at=None)


def _letter(endpoint: HookEndpoint, tenant: Tenant) -> letters.Written:
    link = our_addresses.tenant_url(tenant, f"/account/integrations/{endpoint.pk}/")
    context = {"endpoint": endpoint, "tenant": tenant, "link": link, "days": HOPELESS.days}
    subject = _("%(name)s is not told any more") % {"name": endpoint.name}
    return subject, render_to_string("conversations/email/hook_off.txt", context)


def untold() -> QuerySet[HookEndpoint]:
    """Addresses that were switched off and whose owner does not know."""
    return HookEndpoint.objects.filter(told_at=None).exclude(disabled_at=None)


def forget(*, now: datetime) -> None:
    """Drop the log of a month ago; what still waits stays."""
    old = HookDelivery.objects.filter(created_at__lt=now - KEEP).exclude(status=Status.PENDING)
    old.delete()


# -- what a person does


class Refused(Exception):
    """The address cannot be used; the words are for who typed it."""


def check_url(url: str) -> None:
    """Raises Refused for an address that would not be called."""
    if settings.PUBLIC_SCHEME == "https" and not url.startswith("https://") and not _may_be_private(url):
        raise Refused(_("The address must begin with https://."))
    try:
        addresses.check_outbound(url, allow_private=_may_be_private(url))
    except ProviderError as error:
        raise Refused(str(error)) from error


def _may_be_private(url: str) -> bool:
    return addresses.names_host(url, settings.HOOK_PRIVATE_HOSTS)


def new_secret() -> str:
    return f"fds_{secrets.token_urlsafe(32)}"


@transaction.atomic
def add(
    *, name: str, url: str, events: Sequence[str], actor: User | None, now: datetime, secret: str = ""
) -> HookEndpoint:
    """A new address; its secret is made here unless it is given."""
    endpoint = HookEndpoint.objects.create(
        name=name, url=url, events=sorted(events), secret=secret or new_secret(), created_at=now
    )
    wake()
    audit.record("hook.add", actor=actor, target=endpoint.pk, events=sorted(events))
    return endpoint


@transaction.atomic
def change(
    endpoint: HookEndpoint, *, name: str, url: str, events: Sequence[str], actor: User | None
) -> HookEndpoint:
    endpoint.name, endpoint.url, endpoint.events = name, url, sorted(events)
    endpoint.save(update_fields=["name", "url", "events"])
    audit.record("hook.change", actor=actor, target=endpoint.pk, events=sorted(events))
    return endpoint


@transaction.atomic
def keep(*, name: str, url: str, events: Sequence[str], secret: str, active: bool, now: datetime) -> None:
    """The address of this name as the business file has it, made or changed as a person would do it."""
    endpoint = HookEndpoint.objects.select_for_update().filter(name=name).first()
    if endpoint is None:
        endpoint = HookEndpoint(name=name, secret=secret, is_active=active, created_at=now)
    elif endpoint.secret != secret:
        _replace_secret(endpoint, secret, now=now)
    endpoint.url, endpoint.events = url, sorted(set(events))
    endpoint.save()
    if endpoint.is_active != active:
        _switch(endpoint, on=active)
    wake()


@transaction.atomic
def rotate(endpoint: HookEndpoint, *, actor: User | None, now: datetime) -> str:
    """A new secret, returned this once; the one before signs beside it for a day."""
    secret = new_secret()
    _replace_secret(endpoint, secret, now=now)
    audit.record("hook.rotate", actor=actor, target=endpoint.pk)
    return secret


def _earlier_secrets(endpoint: HookEndpoint, *, now: datetime) -> list[str]:
    """Those that still sign, the latest first."""
    overlaps = endpoint.previous_until is not None and endpoint.previous_until > now
    return endpoint.previous_secret.split("\n") if overlaps and endpoint.previous_secret else []


def _replace_secret(endpoint: HookEndpoint, secret: str, *, now: datetime) -> None:
    # Who replaces one twice in a day may not have told the other side of the first time.
    earlier = [endpoint.secret, *_earlier_secrets(endpoint, now=now)][:MOST_EARLIER]
    endpoint.previous_secret, endpoint.previous_until = "\n".join(earlier), now + OVERLAP
    endpoint.secret = secret
    endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])


@transaction.atomic
def switch(endpoint: HookEndpoint, *, on: bool, actor: User | None) -> None:
    """Switch an address on, as if it had never failed, or off; what waits is parked."""
    _switch(endpoint, on=on)
    audit.record("hook.on" if on else "hook.off", actor=actor, target=endpoint.pk)


def _switch(endpoint: HookEndpoint, *, on: bool) -> None:
    endpoint.is_active = on
    endpoint.failures, endpoint.failing_since, endpoint.paused_until = 0, None, None
    endpoint.disabled_at = endpoint.told_at = None
    endpoint.save()
    wake()
    if not on:
        _park(endpoint, "The address was switched off.")


@transaction.atomic
def remove(endpoint: HookEndpoint, *, actor: User | None) -> None:
    audit.record("hook.remove", actor=actor, target=endpoint.pk)
    endpoint.delete()


@transaction.atomic
def send_test(endpoint: HookEndpoint, *, now: datetime) -> None:
    """An event that says only that it is a test, for this address alone."""
    event_id = f"evt_{uuid.uuid4().hex}"
    _write([endpoint.pk], TEST, event_id=event_id, data={"text": "This is a test."}, now=now)
    HookEndpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)


@transaction.atomic
def replay(delivery: HookDelivery, *, actor: User | None, now: datetime) -> None:
    """Send an event again, byte for byte, under its own id."""
    HookDelivery.objects.filter(pk=delivery.pk).update(
        status=Status.PENDING, attempts=0, next_try_at=now, give_up_at=now + LIFE, done_at=None, error=""
    )
    HookEndpoint.objects.filter(pk=delivery.endpoint_id).update(paused_until=None)
    enqueue(deliver, endpoint_id=delivery.endpoint_id)
    audit.record("hook.replay", actor=actor, target=delivery.pk)
