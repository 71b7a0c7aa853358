"""Account › API keys: made once, shown once, taken back at once. And the person's own language."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants import access, audit
from tenants.models import LANGUAGES, ApiKey, User


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """List the live keys; a POST makes one and shows its secret, this once."""
    secret, name = "", request.POST.get("name", "").strip()[:80]
    tenant = request.tenant  # type: ignore[attr-defined]
    if request.method == "POST" and name:
        with transaction.atomic():
            key, secret = ApiKey.issue(tenant=tenant, name=name, created_by=request.user)  # type: ignore[arg-type]
            audit.record("key.issue", actor=request.user, target=key.pk)  # type: ignore[arg-type]
    live = ApiKey.objects.filter(tenant=tenant, revoked_at=None).select_related("created_by").order_by("-pk")
    return render(request, "tenants/keys.html", {"keys": live, "secret": secret})


@access.roles(*access.MANAGERS)
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a key back; its next request is refused."""
    key = get_object_or_404(ApiKey, pk=pk, tenant=request.tenant, revoked_at=None)  # type: ignore[attr-defined]
    with transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
        audit.record("key.revoke", actor=request.user, target=key.pk)  # type: ignore[arg-type]
    messages.success(request, _("The key opens nothing any more."))
    return redirect("account_keys")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember the language in which this person reads the pages."""
    chosen, user = request.POST.get("language", ""), request.user
    if chosen in dict(LANGUAGES) and isinstance(user, User):
        user.language = chosen
        user.save(update_fields=["language"])
    return redirect("account")
