"""The door of a business for somebody who signed in at the installation's host."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tenants import access, entry, impersonating, support
from tenants.models import EntryTicket

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
# Where staff may be on their way to.
DOORS = {
    "inbox": f"{support.PREFIX}/chats/?filter=waiting",
    "admin": "/admin/",
    "trouble": "/admin/trouble/",
}


@access.public
@never_cache
@require_GET
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in the bearer of a good ticket; anybody else is asked to sign in."""
    ticket = entry.redeem(token, tenant=request.tenant, now=timezone.now())  # type: ignore[attr-defined]
    if ticket is None:
        return redirect("account_login")
    login(request, ticket.user, backend=BACKEND)
    request.session.pop(impersonating.KEY, None)
    if ticket.impersonation is not None:
        return _as_member(request, ticket)
    door = DOORS.get(request.GET.get("to", "")) if ticket.user.is_staff else None
    return redirect(door or ("welcome" if "first" in request.GET else "today"))


def _as_member(request: HttpRequest, ticket: EntryTicket) -> HttpResponse:
    assert ticket.impersonation is not None  # asked before
    impersonating.enter(ticket.impersonation, now=timezone.now())
    request.session[impersonating.KEY] = ticket.impersonation.pk
    return redirect("today")
