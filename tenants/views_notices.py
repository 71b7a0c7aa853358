"""Notifications: the bell and its list, how a person wants to be told, and the browsers that are."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tenants import access, notice_forms, notice_words, notifying, push_devices, undoing
from tenants.models import Membership

PAGE = 30


@never_cache
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """What happened, the newest first; for the sheet as a part, else as a page."""
    fragment = request.headers.get("HX-Request")
    template = "tenants/_notices.html" if fragment else "tenants/notices.html"
    return render(request, template, _listed(request))


def _listed(request: HttpRequest) -> dict[str, Any]:
    person, before = access.person(request), request.GET.get("before", "")
    rows = notifying.listed(person)
    if before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE + 1])
    return {
        "told": notice_words.told(found[:PAGE]),
        "older": found[PAGE - 1].pk if len(found) > PAGE else 0,
        "any_unseen": notifying.unseen(person).exists(),
    }


@never_cache
@require_GET
def notices_bell(request: HttpRequest) -> HttpResponse:
    """How many are unseen; the frame's script shows it in several places."""
    return render(request, "tenants/_bell.html")


@never_cache
@require_GET
def notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Go where it is dealt with; it was seen by that."""
    row = get_object_or_404(notifying.listed(access.person(request)), pk=pk)
    if row.seen_at is None and access.leaves_traces(request):
        notifying.see(row, now=timezone.now())
    return redirect(row.url if row.url.startswith("/") else "today")


@require_POST
def notices_seen(request: HttpRequest) -> HttpResponse:
    """All seen, with a way back."""
    now = timezone.now()
    count = notifying.see_all(access.person(request), now=now)
    if count:
        words = ngettext("%(n)s is seen.", "%(n)s are seen.", count) % {"n": count}
        undoing.offer(request, words, to=reverse("notices_unseen"), at=now.isoformat())
    return redirect("notices")


@require_POST
def notices_unseen(request: HttpRequest) -> HttpResponse:
    """Undo that."""
    at = _moment(request.GET.get("at", ""))
    if at is not None:
        notifying.unsee(access.person(request), seen_at=at)
    return redirect("notices")


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and timezone.is_aware(found) else None


# -- how a person wants to be told


@require_http_methods(["GET", "POST"])
def account_notifications(request: HttpRequest) -> HttpResponse:
    """Of what, by which way, when not, and in which browsers."""
    seat: Membership = request.membership  # type: ignore[attr-defined]
    if request.method == "GET":
        return _page(request, seat, notice_forms.RulesForm(initial=notice_forms.shown(seat)))
    form = notice_forms.RulesForm(request.POST)
    push, email = request.POST.getlist("push"), request.POST.getlist("email")
    if not form.is_valid():
        return _page(request, seat, form, kept=(push, email))
    notice_forms.keep(seat, rules=form.cleaned_data, push=push, email=email)
    messages.success(request, _("Kept."))
    return redirect("account_notifications")


def _page(
    request: HttpRequest,
    seat: Membership,
    form: notice_forms.RulesForm,
    *,
    kept: tuple[list[str], list[str]] | None = None,
) -> HttpResponse:
    rows = notice_forms.choices_of(seat)
    if kept is not None:
        push, email = kept
        rows = [{**row, "push": row["kind"].name in push, "email": row["kind"].name in email} for row in rows]
    context = {
        "form": form,
        "rows": rows,
        "devices": push_devices.of(seat.user).order_by("-created_at"),
        "session": request.session.session_key,
        "push_key": push_devices.key().public,
    }
    return render(request, "tenants/notifications.html", context, status=422 if form.errors else 200)


# -- browsers


@require_POST
def push_device_add(request: HttpRequest) -> HttpResponse:
    """This browser said yes: its subscription, as it gave it to the page."""
    given = request.POST
    session = request.session.session_key
    if session is None:
        return HttpResponse(status=422)
    try:
        push_devices.remember(
            user=access.person(request),
            session=session,
            endpoint=given.get("endpoint", ""),
            p256dh=given.get("p256dh", ""),
            auth=given.get("auth", ""),
            name=push_devices.browser_named(request.headers.get("User-Agent", "")),
            now=timezone.now(),
        )
    except push_devices.Unfit:
        words = _("This browser's address for notifications cannot be used.")
        return HttpResponse(words, status=422, content_type="text/plain")
    return HttpResponse(status=204)


@require_POST
def push_device_forget(request: HttpRequest, pk: int) -> HttpResponse:
    """This browser is told no more."""
    push_devices.forget(get_object_or_404(push_devices.of(access.person(request)), pk=pk))
    messages.success(request, _("That browser is told no more."))
    return redirect("account_notifications")


@require_POST
def push_try(request: HttpRequest) -> HttpResponse:
    """Tell all browsers of this person something harmless, so that they see it works."""
    count = push_devices.try_all(access.person(request))
    if count:
        words = ngettext("Sent to %(n)s browser.", "Sent to %(n)s browsers.", count) % {"n": count}
        messages.success(request, words)
    else:
        messages.error(request, _("No browser took it. Switch notifications on in this one first."))
    return redirect("account_notifications")


@access.public
@require_GET
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that shows notifications while no page is open; it sees no request of any page."""
    response = render(request, "tenants/service_worker.js", content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@access.public
@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone needs to put the business on its first screen; with that it may count there, too."""
    tenant = request.tenant  # type: ignore[attr-defined]
    icon = {"src": static("logo.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    said = {
        "name": f"{tenant.name} · Frontdesk" if request.membership else "Frontdesk",  # type: ignore[attr-defined]
        "short_name": "Frontdesk",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f6f4ee",
        "theme_color": "#14524a",
        "icons": [icon],
    }
    return JsonResponse(said, content_type="application/manifest+json")
