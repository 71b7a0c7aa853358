"""One person under several names: a number, a hidden id (LID), a number of before 2012.

What a delivery says of its sender is believed at once. What it leaves open, the gateway is asked later, by a
task and never in a transaction: `ContactIdentity.resolve_at` is the moment. Two customers who turn out to be
one are joined by `conversations.merging`, and that can be undone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from conversations import channels, merging
from conversations.events import Identity, Said
from conversations.models import Channel, Contact, ContactIdentity, ContactMerge, Conversation
from conversations.numbers import ninth_digit_twin
from providers.errors import ProviderError, ProviderRejected
from tenants import live, written
from tenants.background import enqueue, task
from tenants.written import slot

MAX_ATTEMPTS = 5
FIRST_TRY = timedelta(seconds=2)  # after the message itself has been dealt with
LID, NUMBER = "lid", "c.us"


def thread_of(channel: Channel, said: Said, *, now: datetime) -> Conversation:
    """The conversation with this person on this channel, locked; a new one is nobody else's yet.

    Answers go to the chat in which the person wrote last.
    """
    thread = (None if said.also else _by_name(channel, said.chat)) or _by_names(channel, said, now=now)
    if thread.address != said.chat and not said.from_me:
        Conversation.objects.filter(pk=thread.pk).update(address=said.chat)
        thread.address = said.chat
    thread.channel = channel  # with what is known of it already
    return thread


def _by_name(channel: Channel, name: str) -> Conversation | None:
    return _NAMED.first(channel=channel.pk, name=name)


def _named() -> QuerySet[Conversation]:
    ours = {"contact__identities__channel": slot("channel"), "contact__identities__value": slot("name")}
    threads = Conversation.objects.select_for_update(of=("self",)).filter(channel=slot("channel"), **ours)
    return threads.order_by("pk")[:1]


_NAMED = written.Rows(_named)


def _by_names(channel: Channel, said: Said, *, now: datetime) -> Conversation:
    """By all that the delivery says of the person: what is new in it is kept."""
    names = [Identity(said.chat.partition("@")[2] or channel.kind, said.chat), *said.also]
    known = _known(channel, names)
    people = list(dict.fromkeys(known[name.value] for name in names if name.value in known))
    if not people:
        return _new_thread(channel, _new_contact(channel, names, said, now=now), said, now=now)
    for other_id in people[1:]:
        merging.plan(people[0], other_id, now=now)
    _add(channel, people[0], [name for name in names if name.value not in known])
    threads = Conversation.objects.select_for_update(of=("self",))
    thread = threads.filter(channel=channel, contact_id=people[0]).first()
    return thread or _new_thread(channel, people[0], said, now=now)


def _known(channel: Channel, names: Sequence[Identity]) -> dict[str, int]:
    """Which contact has each of these names."""
    rows = ContactIdentity.objects.filter(channel=channel, value__in=[name.value for name in names])
    return dict(rows.values_list("value", "contact_id"))


def _new_thread(channel: Channel, contact_id: int, said: Said, *, now: datetime) -> Conversation:
    thread = Conversation(channel=channel, contact_id=contact_id, address=said.chat, created_at=now)
    written.add(thread)
    return thread


def _new_contact(channel: Channel, names: Sequence[Identity], said: Said, *, now: datetime) -> int:
    contact = Contact(name="" if said.from_me else said.name, created_at=now)
    written.add(contact)
    for name in names:
        identity = ContactIdentity(contact=contact, channel=channel, kind=name.kind[:12], value=name.value)
        if _is_open(identity, names):
            identity.resolve_at = now + FIRST_TRY
        written.add(identity)
        if identity.resolve_at:
            enqueue(resolve, countdown=FIRST_TRY.total_seconds(), identity_id=identity.pk)
    return contact.pk


def _is_open(identity: ContactIdentity, names: Sequence[Identity]) -> bool:
    """Whether somebody else here may be the same person: a hidden id without its number, or a twin number."""
    if identity.kind == LID:
        return not any(name.kind == NUMBER for name in names)
    twin = ninth_digit_twin(identity.value)
    return bool(twin) and ContactIdentity.objects.filter(channel=identity.channel, value=twin).exists()


def _add(channel: Channel, contact_id: int, names: Sequence[Identity]) -> None:
    rows = [
        ContactIdentity(contact_id=contact_id, channel=channel, kind=name.kind[:12], value=name.value)
        for name in names
    ]
    if rows:
        ContactIdentity.objects.bulk_create(rows, ignore_conflicts=True)
        live.publish("contact.changed", id=contact_id)


# -- asking the gateway


@task()
def resolve(identity_id: int) -> None:
    """Ask the gateway who else this is, and keep what it says."""
    identity = _claim(identity_id, now=timezone.now())
    if identity is None:
        return
    transport = channels.transport(identity.channel)
    if not isinstance(transport, channels.Namer):
        return _close(identity)
    try:
        names = transport.other_names(identity.channel, identity.value)
    except ProviderRejected:
        _close(identity)
    except ProviderError:
        _ask_later(identity, now=timezone.now())
    else:
        _keep(identity, names, now=timezone.now())


def due(*, now: datetime) -> Sequence[int]:
    """The identities of which the gateway should have been asked by now."""
    return list(ContactIdentity.objects.filter(resolve_at__lt=now).values_list("pk", flat=True)[:200])


def _claim(identity_id: int, *, now: datetime) -> ContactIdentity | None:
    """Ours by compare-and-set, for as long as the call may take."""
    mine = ContactIdentity.objects.filter(pk=identity_id, resolve_at__lte=now + FIRST_TRY)
    if not mine.update(resolve_at=now + timedelta(seconds=60)):
        return None
    return ContactIdentity.objects.select_related("channel").get(pk=identity_id)


def _close(identity: ContactIdentity) -> None:
    ContactIdentity.objects.filter(pk=identity.pk).update(resolve_at=None)


def _ask_later(identity: ContactIdentity, *, now: datetime) -> None:
    attempts = identity.resolve_attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return _close(identity)
    wait = 10.0 * 3**attempts
    with transaction.atomic(durable=True):
        ContactIdentity.objects.filter(pk=identity.pk).update(
            resolve_attempts=attempts, resolve_at=now + timedelta(seconds=wait)
        )
        enqueue(resolve, countdown=wait, identity_id=identity.pk)


@transaction.atomic(durable=True)
def _keep(identity: ContactIdentity, names: Sequence[Identity], *, now: datetime) -> None:
    """The names that nobody has become this person's; who has one of them is the same person."""
    current = ContactIdentity.objects.select_for_update().filter(pk=identity.pk).first()
    if current is None:
        return
    values = [name.value for name in names]
    theirs = ContactIdentity.objects.filter(channel=current.channel_id, value__in=values)
    for other_id in set(theirs.values_list("contact_id", flat=True)) - {current.contact_id}:
        merging.plan(current.contact_id, other_id, now=now)
    _add(identity.channel, current.contact_id, names)
    ContactIdentity.objects.filter(pk=current.pk).update(resolve_at=None)


def history(contact: Contact) -> Sequence[ContactMerge]:
    """The customers that were found to be this one, the latest first."""
    done = ~Q(record={})
    return list(contact.merges.filter(done, undone_at=None).select_related("by").order_by("-pk"))
