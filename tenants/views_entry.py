"""The door of a business for somebody who signed in at the installation's host."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tenants import access, entry

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@access.public
@never_cache
@require_GET
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in the bearer of a good ticket; anybody else is asked to sign in."""
    user = entry.redeem(token, tenant=request.tenant, now=timezone.now())  # type: ignore[attr-defined]
    if user is None:
        return redirect("account_login")
    login(request, user, backend=BACKEND)
    return redirect("welcome" if "first" in request.GET else "today")
