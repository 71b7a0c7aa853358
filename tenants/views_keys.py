"""Account › API keys: made once, shown once, taken back at once. And the person's own language."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tenants import access, audit
from tenants.api import SCOPES
from tenants.models import LANGUAGES, ApiKey, User


class KeyForm(forms.Form):
    """A new key: what it is for, and no more rights than that needs."""

    name = forms.CharField(label=gettext_lazy("What is it for?"), max_length=80)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What may it do?"),
        choices=list(SCOPES.items()),
        initial=["conversations:read"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one right.")},
    )


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """List the live keys; a POST makes one and shows its secret, this once."""
    tenant = request.tenant  # type: ignore[attr-defined]
    form = KeyForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        secret = _issue(request, **form.cleaned_data)
        form = KeyForm()
    live = ApiKey.objects.filter(tenant=tenant, revoked_at=None).select_related("created_by").order_by("-pk")
    context = {"keys": [(key, _rights(key)) for key in live], "secret": secret, "form": form}
    return render(request, "tenants/keys.html", context, status=422 if form.errors else 200)


def _issue(request: HttpRequest, *, name: str, scopes: list[str]) -> str:
    user = access.person(request)
    with transaction.atomic():
        key, secret = ApiKey.issue(
            tenant=request.tenant,  # type: ignore[attr-defined]
            name=name,
            scopes=scopes,
            created_by=user,
        )
        audit.record("key.issue", actor=user, target=key.pk, scopes=scopes)
    return secret


def _rights(key: ApiKey) -> list[str]:
    """What a key may, in words; empty for one from before there were rights, which may everything."""
    return [str(SCOPES[scope]) for scope in key.scopes or [] if scope in SCOPES]


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
    """Remember how this person is called, and the language in which they read the pages."""
    given, user = request.POST, request.user
    if not isinstance(user, User):
        return redirect("account")
    if given.get("language", "") in dict(LANGUAGES):
        user.language = given["language"]
    if "name" in given:
        user.name = " ".join(given["name"].replace("\x00", "").split())[:120]
    user.save(update_fields=["language", "name"])
    return redirect("account_you")
