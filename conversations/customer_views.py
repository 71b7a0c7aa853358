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
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import listing, profile_forms, profiles, remembering
from conversations.forms import ContactForm
from conversations.models import Contact, ContactProfile
from providers.errors import ProviderError
from tenants import access

log = structlog.get_logger(__name__)
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
    """Everybody who wrote, by name or number; or who is near in meaning to something or somebody."""
    query, found = request.GET.get("q", "").strip()[:60], _found(request)
    page = Paginator(listing.customers(query), listing.PAGE).get_page(request.GET.get("page"))
    context = {
        "customers": page.object_list,
        "page_obj": page,
        "query": query,
        "found": found,
        "about": request.GET.get("about", "").strip()[:LONGEST],
    }
    return render(request, "conversations/customers.html", context)


@require_http_methods(["GET", "POST"])
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    contact = get_object_or_404(Contact, pk=pk)
    may_write = request.membership.role in access.ANSWERERS  # type: ignore[attr-defined]
    form = ContactForm(request.POST or None, instance=contact) if may_write else None
    if request.method == "POST" and form is None:
        raise Http404
    if request.method == "POST" and form is not None and form.is_valid():
        form.save()
        profiles.settle(pk, now=timezone.now())
        messages.success(request, _("Saved."))
        return redirect("customer", pk)
    context = _context(contact, may_write=may_write, form=form)
    status = 422 if form and form.errors else 200
    return render(request, "conversations/customer.html", context, status=status)


def _context(
    contact: Contact, *, may_write: bool, form: ContactForm | None = None, profile_form: Any = None
) -> dict[str, Any]:
    """Everything on a customer's page; with the form that was filled in, if one was."""
    threads = contact.conversations.select_related("channel", "assigned_to", "contact")
    return {
        "contact": contact,
        "form": form or (ContactForm(instance=contact) if may_write else None),
        "conversations": threads.order_by("-last_message_at"),
        **_remembered(contact, may_write=may_write, form=profile_form),
    }


def _remembered(contact: Contact, *, may_write: bool, form: forms.Form | None) -> dict[str, Any]:
    """The part of the page that shows what is remembered."""
    profile = ContactProfile.objects.filter(contact=contact).first()
    usual = profile_forms.of(profile) if profile else profile_forms.AgreedForm()
    return {
        "profile": profile,
        "profile_form": (form or usual) if may_write else None,
        "value_reasons": profiles.reasons_in_words(profile) if profile else [],
        "alike": profiles.alike(profile, most=5) if profile else [],
        "may_be_remembered": not (contact.is_minor or contact.opted_out_at),
    }


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
    context = _context(contact, may_write=True, profile_form=form)
    return render(request, "conversations/customer.html", context, status=422)
