"""Customers: two who are one, seen side by side, joined, and parted again."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import customer_fields, customer_filters, customer_person, merging
from conversations.customer_filters import Filters
from conversations.models import Contact, ContactMerge
from tenants import access, undoing

MOST = 20


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def customer_join(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose who else this is, see both side by side with what the one will hold, and join them."""
    contact = get_object_or_404(Contact, pk=pk)
    other = _other(request, contact)
    if request.method == "POST" and other is not None:
        return _joined(request, contact, other)
    context = _choice(request, contact) if other is None else _side_by_side(request, contact, other)
    status = 422 if request.method == "POST" else 200
    return render(request, "conversations/customer_join.html", {"contact": contact, **context}, status=status)


def _other(request: HttpRequest, contact: Contact) -> Contact | None:
    given = request.POST.get("other") or request.GET.get("other", "")
    number = int(given) if given.isdecimal() and len(given) < 19 else 0
    return customer_filters.everybody().filter(pk=number).exclude(pk=contact.pk).first()


def _choice(request: HttpRequest, contact: Contact) -> dict[str, Any]:
    """Who it could be: those with a similar name first, or who was searched for."""
    query = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:60]
    words = query or (contact.name.split() or [""])[0]
    people = customer_filters.found(Filters(q=words), now=timezone.now(), by_number=True).exclude(
        pk=contact.pk
    )
    shown = people.annotate(last_seen=customer_filters.last_seen()).prefetch_related("labels")
    return {"other": None, "query": query, "people": list(shown[:MOST]) if words else []}


def _side_by_side(request: HttpRequest, contact: Contact, other: Contact) -> dict[str, Any]:
    """Both, and the one that they will be; the one who is known longer stays."""
    keep, take = sorted((contact, other), key=lambda one: one.pk)
    sheet, role = customer_fields.sheet(), request.membership.role  # type: ignore[attr-defined]
    sides = [customer_person.of(one, role=role) for one in (keep, take)]
    one = merging.joined(keep, take)
    values = [
        [customer_fields.shown(side, field).shown for side in (keep, take, one)] for field in sheet.fields
    ]
    rows = [(field.label, *shown) for field, shown in zip(sheet.fields, values, strict=True) if any(shown)]
    return {"other": other, "keep": keep, "take": take, "sides": sides, "rows": rows}


def _joined(request: HttpRequest, contact: Contact, other: Contact) -> HttpResponse:
    keep, take = sorted((contact.pk, other.pk))
    try:
        done = merging.merge(keep, take, by=access.person(request), now=timezone.now())
    except merging.Busy:
        messages.error(request, _("An answer is being written to one of them: try again in a moment."))
        return redirect(f"{reverse('customer_join', args=[contact.pk])}?other={other.pk}")
    except merging.CannotMerge as error:
        messages.error(request, str(error))
        return redirect("customer", contact.pk)
    undoing.offer(
        request, _("The two are one customer now."), to=reverse("customer_part_again", args=[done.pk])
    )
    return redirect("customer", keep)


@access.roles(*access.MANAGERS)
@require_POST
def customer_part_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Give each of two their own again."""
    done = get_object_or_404(ContactMerge, pk=pk)
    try:
        merging.unmerge(pk, by=access.person(request), now=timezone.now())
    except merging.Busy:
        messages.error(request, _("An answer is being written to them: try again in a moment."))
    except merging.CannotMerge as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("They are two customers again."))
    return redirect("customer", done.contact_id)
