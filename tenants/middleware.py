"""The way of a request: which business, may this person, in which language."""

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound
from django.shortcuts import redirect, render
from django.urls import set_urlconf
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from tenants import access, addresses, crossing, impersonating, problems, support
from tenants.db import connection
from tenants.models import ApiKey, Domain, Impersonation, Tenant, digest

GetResponse = Callable[[HttpRequest], HttpResponse]
SYSTEM_PATHS = ("/health", "/static/")


class TenantMiddleware:
    """Enter the schema of the host or of the API key, and of nothing else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection.set_schema_to_public()
        host = host_named(request.META.get("HTTP_HOST", ""))
        tenant = _tenant_of(request, host)
        if tenant is None and not _is_public_host(host) and not request.path.startswith(SYSTEM_PATHS):
            return _nobody(request)
        request.tenant = tenant  # type: ignore[attr-defined]
        if tenant is None:
            return self._on_public(request)
        if tenant.status != Tenant.Status.READY and not request.path.startswith(SYSTEM_PATHS):
            return _closed(request, tenant)
        connection.set_tenant(tenant)
        return self.get_response(request)

    def _on_public(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
        set_urlconf(settings.PUBLIC_SCHEMA_URLCONF)
        return self.get_response(request)


def _nobody(request: HttpRequest) -> HttpResponse:
    text = "This address leads to no business."
    if request.path.startswith("/api/"):
        return problems.answer(404, text)
    return HttpResponseNotFound(text, content_type="text/plain")


def host_named(header: str) -> str:
    """The host without port, case or trailing dot. X-Forwarded-Host is not asked."""
    return header.rsplit(":", 1)[0].lower().rstrip(".")


def _is_public_host(host: str) -> bool:
    return host in {settings.BASE_DOMAIN, "127.0.0.1", "localhost", "[::1]"}


def _tenant_of(request: HttpRequest, host: str) -> Tenant | None:
    by_host = Domain.objects.select_related("tenant").filter(domain=host).first()
    tenant = by_host.tenant if by_host else None
    key = bearer(request) if request.path.startswith("/api/") else None
    if key is None:
        return tenant
    request.api_key = key  # type: ignore[attr-defined]
    if tenant is not None and tenant.pk != key.tenant_id:
        return None  # a key opens its own business only, whatever the host says
    return key.tenant


def bearer(request: HttpRequest) -> ApiKey | None:
    """The live API key in the Authorization header, if there is one."""
    scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.startswith(ApiKey.PREFIX):
        return None
    keys = ApiKey.objects.select_related("tenant").filter(revoked_at=None)
    return keys.filter(key_hash=digest(secret.strip())).first()


def _closed(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """A suspended or unfinished business answers plainly; what arrives at its webhooks is kept."""
    suspended = tenant.status == Tenant.Status.SUSPENDED
    if request.path.startswith("/api/"):
        return problems.answer(503, f"This business is {tenant.status}.")
    text = _("This business is paused.") if suspended else _("This business is being set up.")
    return render(request, "tenants/closed.html", {"text": text, "suspended": suspended}, status=503)


class ContentSecurityPolicyMiddleware:
    """No script, style, image or socket of a stranger on any page."""

    POLICY = (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; font-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'self'; object-src 'none'"
    )
    # The admin theme writes inline styles and evaluates Alpine expressions; no script of it stands in a page.
    ADMIN_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
        "script-src 'self'", "script-src 'self' 'unsafe-eval'"
    )

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = self.ADMIN_POLICY if request.path_info.startswith("/admin/") else self.POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        return response


class AccessMiddleware:
    """On a business's host: members only, by role, unless the view is marked public.

    Staff comes in by two more doors: the inbox inside the back office (`tenants.support`), and as one of the
    members (`tenants.impersonating`).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.membership = request.impersonation = None  # type: ignore[attr-defined]
        tenant = getattr(request, "tenant", None)
        if tenant is None or not request.user.is_authenticated:
            return self.get_response(request)
        if request.inside:  # type: ignore[attr-defined]
            request.membership = support.seat(request.user, tenant)  # type: ignore[attr-defined]
            return self.get_response(request)
        row = None if request.path_info.startswith("/admin/") else impersonating.of_session(request)
        if row is not None:
            return self._as_member(request, row)
        request.membership = access.membership_of(request.user, tenant)  # type: ignore[attr-defined]
        return self.get_response(request)

    def _as_member(self, request: HttpRequest, row: Impersonation) -> HttpResponse:
        """The pages are the member's; who does something is the staff person."""
        seat = impersonating.seat(row, now=timezone.now())
        if seat is None:
            del request.session[impersonating.KEY]
            return _elsewhere(request, addresses.public_url(f"/admin/tenants/tenant/{row.tenant_id}/change/"))
        request.impersonation, request.membership = row, seat  # type: ignore[attr-defined]
        request.acting, request.user = row.staff, row.member  # type: ignore[attr-defined]
        with impersonating.acting(row):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: access.View, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if getattr(request, "tenant", None) is None:
            return None
        if (row := getattr(request, "impersonation", None)) is not None:
            if impersonating.refuses(row, request, view):
                raise PermissionDenied
            impersonating.note(row, request)
        if access.is_public_view(view, request):
            return None
        if request.path.startswith("/api/"):
            return None  # REST framework authenticates and asks for membership there
        if not request.user.is_authenticated:
            return _to_login(request)
        if request.membership is None:  # type: ignore[attr-defined]
            raise Http404  # a stranger learns nothing, not even that the page exists
        if request.membership.role not in access.allowed_roles(view):  # type: ignore[attr-defined]
            raise PermissionDenied
        if request.inside:  # type: ignore[attr-defined]
            support.note_visit(request)
        return None


def _elsewhere(request: HttpRequest, url: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": url})
    return redirect(url) if request.method == "GET" else crossing.to(request, url)


def _to_login(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": settings.LOGIN_URL and "/accounts/login/"})
    if request.method == "GET":
        return redirect_to_login(request.get_full_path())
    return redirect(settings.LOGIN_URL)


class LanguageMiddleware:
    """The person's language and the business's clock."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = _language(request)
        zone = getattr(getattr(request, "tenant", None), "timezone", "UTC")
        with translation.override(language), timezone.override(zoneinfo.ZoneInfo(zone)):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


def _language(request: HttpRequest) -> str:
    own = getattr(request.user, "language", "") if request.user.is_authenticated else ""
    return own or translation.get_language_from_request(request)
