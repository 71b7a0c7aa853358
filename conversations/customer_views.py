"""Customers: the list, each one's page, and what is remembered of them."""

from dataclasses import dataclass
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conversations import (
    customer_fields,
    customer_filters,
    customer_person,
    customer_person_views,
    customer_segments,
    customer_timeline,
    merging,
    profile_forms,
    profiles,
    remembering,
)
from conversations.customer_filters import Filters
from conversations.models import Channel, Contact, ContactProfile, Label
from providers.errors import ProviderError
from tenants import access
from tenants.models import LANGUAGES

log = structlog.get_logger(__name__)
PAGE = 50
MOST = 30
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Found:
    """Customers whose notes are near to something; `by_words` where no meaning could be compared."""

    profiles: list[ContactProfile]
    like: Contact | None = None
    by_words: bool = False


@require_GET
def customers(request: HttpRequest) -> HttpResponse:
    """Everybody who wrote, filtered and in order; or who is near in meaning to something or somebody."""
    sheet, now = customer_fields.sheet(), timezone.now()
    filters, by_number = customer_filters.read(request.GET, sheet), sees_numbers(request)
    people = customer_filters.found(filters, now=now, by_number=by_number)
    shown = people.annotate(last_seen=customer_filters.last_seen()).select_related("profile")
    shown = shown.defer("profile__embedding").prefetch_related("labels")
    page = Paginator(shown, PAGE).get_page(request.GET.get("page"))
    segments = customer_segments.counted(sheet, now=now, by_number=by_number)
    query = customer_filters.query(customer_filters.without_sort(filters))
    context = {
        "customers": page.object_list,
        "page_obj": page,
        "filters": filters,
        "query": customer_filters.query(filters),
        "narrowing": query,
        "found": _found(request),
        "person_may_keep": by_number,
        "about": request.GET.get("about", "").strip()[:LONGEST],
        "segments": segments,
        "segment": customer_segments.chosen(segments, query),
        **_choices(filters, sheet),
    }
    return render(request, "conversations/customers.html", context)


def sees_numbers(request: HttpRequest) -> bool:
    """Whether this member may see numbers whole, and so look for them."""
    return request.membership.role in access.ANSWERERS  # type: ignore[attr-defined]


def _choices(filters: Filters, sheet: customer_fields.Sheet) -> dict[str, Any]:
    """What can be chosen in the list's filters."""
    asked = {about.field.of: about for about in filters.own}
    return {
        "all_labels": Label.objects.order_by("name"),
        "all_channels": Channel.objects.exclude(kind=Channel.Kind.TEST).order_by("name"),
        "languages": [(code[:2], name) for code, name in LANGUAGES],
        "seen_words": customer_filters.SEEN_WORDS.items(),
        "consent_words": customer_filters.CONSENTS.items(),
        "values": customer_filters.VALUES,
        "sorts": customer_filters.SORTS.items(),
        "own_fields": [(one, customer_filters.name_of(one), asked.get(one.of)) for one in sheet.own],
    }


@require_GET
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    """One customer's page; of somebody who was taken into another, that one's."""
    contact = Contact.objects.filter(pk=pk).first()
    if contact is None:
        kept = merging.became(pk)
        if kept is None:
            raise Http404
        return redirect("customer", kept)
    return render(request, "conversations/customer.html", _context(request, contact))


def _context(request: HttpRequest, contact: Contact, *, profile_form: Any = None) -> dict[str, Any]:
    """Everything on a customer's page; with the form that was filled in, if one was."""
    role = request.membership.role  # type: ignore[attr-defined]
    person = customer_person.of(contact, role=role)
    usual = profile_forms.of(person.profile) if person.profile else profile_forms.AgreedForm()
    return {
        "contact": contact,
        "person": person,
        "identities": person.identities,
        "may_write": person.may_write,
        "may_join": role in access.MANAGERS,
        "consent_form": None,
        "editing": _editing(request, contact) if person.may_write else None,
        "profile": person.profile,
        "profile_form": (profile_form or usual) if person.may_write else None,
        "timeline": customer_timeline.page(contact, before=request.GET.get("before", "")),
        **customer_person.remembered(person),
    }


def _editing(request: HttpRequest, contact: Contact) -> Any:
    """The form of a field that was asked for without script."""
    field = customer_fields.sheet().get(request.GET.get("edit", "")) if "edit" in request.GET else None
    if field is None:
        return None
    return customer_person_views.FieldForm(None, field=field, stands=customer_fields.stored(contact, field))


@require_GET
def customer_timeline_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened before: the next part of the timeline."""
    contact = get_object_or_404(Contact, pk=pk)
    context = {
        "contact": contact,
        "timeline": customer_timeline.page(contact, before=request.GET.get("before", "")),
        "may_join": request.membership.role in access.MANAGERS,  # type: ignore[attr-defined]
    }
    return render(request, "conversations/_customer_timeline.html", context)


@access.roles(*access.ANSWERERS)
@require_POST
def customer_profile(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct what is remembered."""
    profile = get_object_or_404(ContactProfile.objects.select_related("contact"), pk=pk)
    form = profile_forms.NotesForm(request.POST)
    if not form.is_valid():
        return _again(request, profile.contact, form)
    profiles.correct(pk, form.notes, user=access.person(request), now=timezone.now())
    messages.success(request, _("Saved."))
    return redirect("customer", pk)


@access.roles(*access.ANSWERERS)
@require_POST
def customer_remember(request: HttpRequest, pk: int) -> HttpResponse:
    """They have agreed to be remembered: from now on, and what was said since yesterday."""
    contact = get_object_or_404(Contact, pk=pk)
    form = profile_forms.AgreedForm(request.POST)
    if not form.is_valid():
        return _again(request, contact, form)
    try:
        words = form.cleaned_data["words"]
        profiles.allow(pk, words=words, user=access.person(request), now=timezone.now())
    except remembering.NotAllowed:
        messages.error(request, _("Nothing may be remembered of this customer."))
    return redirect("customer", pk)


@access.roles(*access.ANSWERERS)
@require_POST
def customer_forget(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete it, and remember nothing more."""
    get_object_or_404(Contact, pk=pk)
    user, now = access.person(request), timezone.now()
    profiles.forget(pk, words=str(_("by a person of the team"))[:80], user=user, now=now)
    messages.success(request, _("Nothing is remembered any more."))
    return redirect("customer", pk)


def _found(request: HttpRequest) -> Found | None:
    """What a search by meaning finds; None where it was not asked for."""
    like = request.GET.get("like", "")
    if like.isdigit() and len(like) < 19:
        profile = get_object_or_404(ContactProfile.objects.select_related("contact"), pk=int(like))
        return Found(profiles.alike(profile, most=MOST), like=profile.contact)
    about = request.GET.get("about", "").strip()[:LONGEST]
    if not about:
        return None
    near: list[ContactProfile] = []
    by_words = False
    try:
        near = profiles.search(about, most=MOST)
    except ProviderError as error:
        log.warning("profiles.words_only", reason=type(error).__name__)
        by_words = True
    worded = ContactProfile.objects.filter(profiles.with_words(about)).exclude(
        pk__in=[one.pk for one in near]
    )
    others = list(worded.select_related("contact").defer("embedding").order_by("-value", "pk")[:MOST])
    return Found([*near, *others][:MOST], by_words=by_words)


def _again(request: HttpRequest, contact: Contact, form: forms.Form) -> HttpResponse:
    """The customer's page with what is wrong; nothing that was typed is lost."""
    context = _context(request, contact, profile_form=form)
    return render(request, "conversations/customer.html", context, status=422)
