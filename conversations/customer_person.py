"""One customer as shown beside a chat and on their own page: the same, in a constant number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from conversations import customer_consent, customer_fields, customer_identities, profiles
from conversations.models import Consent, Contact, ContactProfile, Conversation, Label, Note
from tenants import access, audit, live
from tenants.models import User

MOST_THREADS = 10
MOST_ALIKE = 5
MOST_NOTES = 3


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as a member of this role sees them."""

    contact: Contact
    may_write: bool
    identities: list[customer_identities.Shown]
    fields: list[customer_fields.Known]
    labels: list[Label]
    other_labels: list[Label]  # which could be put on
    consents: list[Consent]
    standing: list[customer_consent.Standing]
    threads: Sequence[Conversation]  # the others, where one is open
    profile: ContactProfile | None
    notes: list[Note]  # what colleagues wrote among themselves, the latest first


def of(contact: Contact, *, role: str, opened: Conversation | None = None) -> Person:
    """Everything on the pane; `opened` is the thread beside it."""
    may_write = role in access.ANSWERERS
    labels, others = labels_of(contact)
    said = customer_consent.history(contact)
    return Person(
        contact=contact,
        may_write=may_write,
        identities=customer_identities.of(contact),
        fields=customer_fields.known(contact, customer_fields.sheet()),
        labels=labels,
        other_labels=others if may_write else [],
        consents=said,
        standing=customer_consent.standing(contact, said),
        threads=_threads(contact, opened),
        profile=ContactProfile.objects.filter(contact=contact).defer("embedding").first(),
        notes=list(_notes(contact)[:MOST_NOTES]),
    )


def beside(conversation: Conversation, *, role: str) -> dict[str, Any]:
    """What the pane beside a thread draws."""
    person = of(conversation.contact, role=role, opened=conversation)
    return {"person": person, "contact": person.contact, "consent_form": None}


def labels_of(contact: Contact) -> tuple[list[Label], list[Label]]:
    """The labels on a customer and the others, both by name; two statements."""
    on = set(contact.labels.values_list("pk", flat=True))
    every = list(Label.objects.order_by("name"))
    return [one for one in every if one.pk in on], [one for one in every if one.pk not in on]


def _notes(contact: Contact) -> QuerySet[Note]:
    """In any of their threads."""
    return Note.objects.filter(conversation__contact=contact).select_related("author").order_by("-pk")


def _threads(contact: Contact, opened: Conversation | None) -> Sequence[Conversation]:
    threads = contact.conversations.select_related("channel", "assigned_to", "contact")
    if opened is not None:
        threads = threads.exclude(pk=opened.pk)
    return list(threads.order_by("-last_message_at", "-pk")[:MOST_THREADS])


def remembered(person: Person) -> dict[str, Any]:
    """What a customer's own page says beyond the pane of what is remembered of them."""
    profile = person.profile
    with_vector = ContactProfile.objects.filter(pk=profile.pk).first() if profile else None
    return {
        "value_reasons": profiles.reasons_in_words(profile) if profile else [],
        "alike": profiles.alike(with_vector, most=MOST_ALIKE) if with_vector else [],
        "may_be_remembered": not (person.contact.is_minor or person.contact.opted_out_at),
    }


@transaction.atomic(durable=True)
def label(contact_id: int, label_id: int, *, on: bool, user: User) -> None:
    """Put a label on a customer, or take it off; raises Contact.DoesNotExist and Label.DoesNotExist."""
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    one = Label.objects.get(pk=label_id)
    if on:
        contact.labels.add(one)
    else:
        contact.labels.remove(one)
    audit.record("contact.label" if on else "contact.unlabel", actor=user, target=contact_id, label=one.pk)
    live.publish("contact.changed", id=contact_id)
