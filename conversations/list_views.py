"""Chats, the pane on the left: the list, what narrows it, and what is found in messages."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from conversations import filters, listing, searching
from conversations.filters import Filters
from conversations.models import Channel, Conversation, Label
from tenants import access
from tenants.current import tenant
from tenants.models import Membership, User

MOOD_WORDS = {
    "unhappy": gettext_lazy("Unhappy"),
    "neutral": gettext_lazy("Neutral"),
    "happy": gettext_lazy("Happy"),
}
PRIORITY_WORDS = {"high": gettext_lazy("High or urgent"), "urgent": gettext_lazy("Urgent")}


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing that narrows the list, in words, and the address without it."""

    text: str
    url: str


@require_GET
def chats(request: HttpRequest) -> HttpResponse:
    """The inbox without a conversation opened."""
    everything = {**context(request), **beside(request), "conversation": None}
    return render(request, "conversations/chats.html", everything)


@require_GET
def chat_list(request: HttpRequest) -> HttpResponse:
    """The part of it that changes by itself."""
    opened = filters.number(request.GET.get("open", ""))
    conversation = Conversation.objects.filter(pk=opened).first() if opened else None
    return render(
        request, "conversations/_chat_list.html", {**context(request), "conversation": conversation}
    )


def context(request: HttpRequest) -> dict[str, Any]:
    """The tabs with their counts, and the chats or what was found; the same for the page and the part."""
    user = access.person(request)
    wanted = filters.of(request.GET, me=user.pk)
    common = {
        "filters": wanted,
        "filter": wanted.kind,
        "counts": listing.counts(user),
        "tabs": _tabs(wanted),
        "list_after": request.GET.get("after", ""),
        "can_sort": request.membership.role in access.ANSWERERS,  # type: ignore[attr-defined]
    }
    if wanted.words:
        found = searching.found(wanted, request.GET.get("after", ""), now=timezone.now())
        return {**common, "found": found, "conversations": found.people, "list_following": found.following}
    size = min(max(filters.number(request.GET.get("rows", "")), listing.PAGE), listing.MOST)
    listed = listing.conversations(wanted, request.GET.get("after", ""), size=size)
    return {**common, "conversations": listed.chats, "list_following": listed.following}


def _tabs(wanted: Filters) -> list[tuple[str, str, str]]:
    """Which part of the chats: its name, its words, and its address with everything else as it is."""
    words = {
        "all": _("All"),
        "waiting": _("Waiting"),
        "mine": _("Mine"),
        "closed": _("Closed"),
        "tests": _("Tests"),
    }
    return [(kind, text, wanted.but(kind=kind).query) for kind, text in words.items()]


def beside(request: HttpRequest) -> dict[str, Any]:
    """What stands above the list and does not change by itself: what one can narrow it by."""
    wanted = filters.of(request.GET, me=access.person(request).pk)
    labels, people = list(Label.objects.all()), colleagues()
    channels = list(Channel.objects.exclude(kind=Channel.Kind.TEST).order_by("name"))
    return {
        "all_labels": labels,
        "colleagues": people,
        "list_channels": channels,
        "moods": MOOD_WORDS.items(),
        "priorities": PRIORITY_WORDS.items(),
        "chips": _chips(wanted, labels=labels, people=people, channels=channels),
    }


def colleagues() -> list[User]:
    """Who of the team may answer."""
    seats = Membership.objects.filter(tenant=tenant(), role__in=access.ANSWERERS, user__is_active=True)
    return [seat.user for seat in seats.select_related("user").order_by("user__name", "user__email")]


def _chips(
    wanted: Filters, *, labels: list[Label], people: list[User], channels: list[Channel]
) -> list[Chip]:
    """Everything that narrows the list, each with the way out of it."""
    found: list[tuple[str, Filters]] = []
    found += [(one.name, wanted.but(channel=None)) for one in channels if one.pk == wanted.channel]
    for label in labels:
        if label.pk in wanted.labels:
            rest = tuple(pk for pk in wanted.labels if pk != label.pk)
            found.append((label.name, wanted.but(labels=rest)))
    if wanted.mood:
        found.append((str(MOOD_WORDS[wanted.mood]), wanted.but(mood="")))
    if wanted.unread:
        found.append((_("Unread"), wanted.but(unread=False)))
    found += [(str(one), wanted.but(person=0)) for one in people if one.pk == wanted.person]
    if wanted.priority:
        found.append((str(PRIORITY_WORDS[wanted.priority]), wanted.but(priority="")))
    return [Chip(text, f"?{rest.query}" if rest.query else "?") for text, rest in found]
