"""The second factor at sign-in, by allauth: kept encrypted, and asked of staff by STAFF_SECOND_FACTOR.

Whoever has one is asked for it at every sign-in. Staff without one reach no page of the back office, and hear
no business, before they have set it up.
"""

from collections.abc import Callable
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from tenants import addresses, secrets

GetResponse = Callable[[HttpRequest], HttpResponse]
GUARDED = "/admin/"
OPEN = ("/admin/login/", "/admin/logout/", "/admin/jsi18n/")
SET_UP = "/accounts/2fa/totp/activate/"


class Adapter(DefaultMFAAdapter):
    """Where allauth asks us."""

    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Also what was written before it was encrypted."""
        is_ours = encrypted_text.startswith(secrets.SIGN)
        return secrets.decrypt(encrypted_text) if is_ours else encrypted_text

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not is_asked_of(authenticator.user)


def is_asked_of(user: Any) -> bool:
    """Whether this person must have one."""
    return bool(settings.STAFF_SECOND_FACTOR and user.is_authenticated and user.is_staff)


def is_missing(user: Any) -> bool:
    return is_asked_of(user) and not Authenticator.objects.filter(user=user, type="totp").exists()


def middleware(get_response: GetResponse) -> GetResponse:
    """Lead staff that lacks it to where it is set up, on the installation's own host."""

    def respond(request: HttpRequest) -> HttpResponse:
        is_guarded = request.path.startswith(GUARDED) and not request.path.startswith(OPEN)
        if not is_guarded or not is_missing(request.user):
            return get_response(request)
        url = addresses.public_url(SET_UP)
        if request.headers.get("HX-Request"):
            return HttpResponse(status=401, headers={"HX-Redirect": url})
        messages.info(request, _("Staff signs in with a second factor here. Set yours up to go on."))
        return redirect(url)

    return respond
