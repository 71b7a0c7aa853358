"""What is kept of customers, what they allowed, and who else works on it: as the law wants it answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from conversations import model_overview
from conversations.models import Channel, Consent, Contact, ContactProfile, Message
from knowledge.models import Document
from tenants import notice_delivery
from tenants.current import tenant
from tenants.models import AuditEntry
from tenants.notices import PushDevice


@dataclass(frozen=True, slots=True)
class Kept:
    """One sort of data: how much there is, why, and for how long."""

    title: str
    count: int
    why: str
    how_long: str


def kept() -> list[Kept]:
    """What this business keeps, in numbers of now."""
    until_deleted, own = _("until you delete it"), tenant()
    people = Contact.objects.aggregate(all=Count("pk"), out=Count("pk", filter=Q(opted_out_at__isnull=False)))
    said = Message.objects.aggregate(all=Count("pk"), files=Count("pk", filter=~Q(media="")))
    return [
        Kept(_("Customers"), people["all"], _("to know who writes, and to answer"), until_deleted),
        Kept(_("Messages"), said["all"], _("the talk itself, for customer and team"), until_deleted),
        Kept(_("Files in messages"), said["files"], _("what customers and team sent"), until_deleted),
        Kept(
            _("Profiles"),
            ContactProfile.objects.count(),
            _("what is remembered of customers who agreed, from one talk to the next"),
            _("until they withdraw"),
        ),
        Kept(
            _("Customers who want no messages"),
            people["out"],
            _("so that nobody writes to them unasked"),
            _("as long as they are customers"),
        ),
        Kept(_("Documents"), Document.objects.count(), _("what the assistant answers from"), until_deleted),
        Kept(
            _("Entries in the audit trail"),
            AuditEntry.objects.filter(tenant=own).count(),
            _("who of the team and of support did what"),
            _("as long as the business is here"),
        ),
        Kept(
            _("Browsers that are told"),
            PushDevice.objects.filter(tenant=own).count(),
            _("notifications of the team"),
            _("while the session lasts; notifications %(n)s days") % {"n": notice_delivery.KEPT.days},
        ),
    ]


@dataclass(frozen=True, slots=True)
class Consents:
    """How often something was allowed and withdrawn."""

    purpose: str
    given: int
    withdrawn: int


def consents() -> list[Consents]:
    """Every purpose, also one that nobody was asked about yet."""
    counted = (
        Consent.objects.values("purpose")
        .order_by()
        .annotate(given_n=Count("pk", filter=Q(given=True)), withdrawn_n=Count("pk", filter=Q(given=False)))
    )
    found: dict[str, Any] = {row["purpose"]: row for row in counted}
    return [
        Consents(
            str(label),
            found.get(purpose, {}).get("given_n", 0),
            found.get(purpose, {}).get("withdrawn_n", 0),
        )
        for purpose, label in Consent.Purpose.choices
    ]


@dataclass(frozen=True, slots=True)
class Processor:
    """Somebody who works on the data for the business: what for, and what they get to see."""

    name: str
    what: str
    sees: str
    is_own: bool = False  # by a contract of the business itself


def processors(*, now: datetime) -> list[Processor]:
    """Everybody outside of the business who gets to see something, as it is set up now."""
    return [
        Processor(_("Frontdesk"), _("runs this product"), _("everything that stands here, for you only")),
        *_models(now=now),
        *_channels(),
        *_others(),
    ]


def _models(*, now: datetime) -> Iterator[Processor]:
    """Whoever answers, hears, speaks, finds and orders, elsewhere; nobody where that is done in the house."""
    words = _("the words of the talk that it works on")
    for account in model_overview.accounts(now=now):
        yield Processor(account.label, ", ".join(account.does), words, is_own=True)
    for part in model_overview.parts():
        if part.own and part.url:  # finding and ordering, which have pages of their own
            yield Processor(part.who, part.title, _("questions, and the texts of documents"), is_own=True)
    for name, key in (("Anthropic", settings.ANTHROPIC_API_KEY), ("OpenAI", settings.OPENAI_API_KEY)):
        if key:
            yield Processor(name, _("answers where you have no account of your own"), words)


def _channels() -> Iterator[Processor]:
    kinds = set(Channel.objects.filter(is_active=True).values_list("kind", flat=True))
    if Channel.Kind.CLOUD in kinds:
        yield Processor("Meta (WhatsApp)", _("carries messages"), _("messages and numbers"), is_own=True)
    if Channel.Kind.WAHA in kinds:
        yield Processor("WhatsApp", _("carries messages"), _("messages and numbers"), is_own=True)


def _others() -> Iterator[Processor]:
    if str(settings.STORAGES["default"]["BACKEND"]).startswith("storages."):
        yield Processor(_("The store of files"), _("keeps files"), _("files, unread"))
    yield Processor(_("The mail server"), _("carries letters to the team"), _("names of customers who wait"))
    if PushDevice.objects.filter(tenant=tenant()).exists():
        yield Processor(
            _("Makers of browsers"), _("carry notifications"), _("nothing: it is sealed for the browser")
        )
