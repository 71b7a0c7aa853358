"""The installation's own pages: the front page, a business in the making, and the way into it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from tenants import addresses, catalogue, entry, provisioning
from tenants.accounts import BusinessForm
from tenants.models import Membership, SignUp, Tenant, User


@require_GET
def landing(request: HttpRequest) -> HttpResponse:
    """What Frontdesk is; for a member, the doors to their businesses."""
    return render(
        request,
        "tenants/landing.html",
        {"memberships": _seats(request), "blueprints": catalogue.known().values()},
    )


@login_required
@require_http_methods(["GET", "POST"])
def creating(request: HttpRequest) -> HttpResponse:
    """The business is being made; a POST tries again after a failure."""
    sign_up = _sign_up(request)
    if sign_up is None:
        return redirect("landing")
    if request.method == "POST" and sign_up.status == SignUp.Status.FAILED:
        provisioning.start(sign_up, now=timezone.now())
        return redirect("creating")
    return render(request, "tenants/creating.html", _state(sign_up))


@login_required
@require_http_methods(["GET", "POST"])
def new_business(request: HttpRequest) -> HttpResponse:
    """Somebody who is signed in and wants a business, their first or another."""
    form = BusinessForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = request.user
        assert isinstance(user, User)
        provisioning.start(form.ask(user), now=timezone.now())
        return redirect("creating")
    return render(request, "tenants/new.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@never_cache
@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """The changing part of that page; sends the browser on when the business is ready."""
    sign_up = _sign_up(request)
    if sign_up is None:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("landing")})
    response = render(request, "tenants/_creating.html", _state(sign_up))
    if sign_up.status == SignUp.Status.DONE:
        response["HX-Redirect"] = _state(sign_up)["enter_url"]
    return response


@login_required
@never_cache
@require_GET
def enter(request: HttpRequest, slug: str) -> HttpResponse:
    """Send a member to the business's own host, with a ticket instead of a second password."""
    user = request.user
    assert isinstance(user, User)
    seats = Membership.objects.select_related("tenant").filter(tenant__status=Tenant.Status.READY)
    seat = get_object_or_404(seats, user=user, tenant__slug=slug)
    token = entry.ticket(user=user, tenant=seat.tenant, now=timezone.now())
    first = "?first=1" if "first" in request.GET else ""
    return redirect(addresses.tenant_url(seat.tenant, f"/enter/{token}{first}"))


def _seats(request: HttpRequest) -> list[Membership]:
    if not request.user.is_authenticated:
        return []
    seats = Membership.objects.filter(user=request.user, tenant__status=Tenant.Status.READY)
    return list(seats.select_related("tenant").order_by("created_at"))


def _sign_up(request: HttpRequest) -> SignUp | None:
    return SignUp.objects.select_related("tenant").filter(user=request.user.pk).order_by("-pk").first()


def _state(sign_up: SignUp) -> dict[str, Any]:
    tenant = sign_up.tenant if sign_up.status == SignUp.Status.DONE else None
    return {
        "business": sign_up,
        "ready": tenant is not None,
        "failed": sign_up.status == SignUp.Status.FAILED,
        "enter_url": f"{reverse('enter', args=[tenant.slug])}?first=1" if tenant else "",
    }
