"""Account, Privacy."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from conversations import privacy
from tenants import access, business_forms
from tenants.business_forms import PrivacyForm

FIELDS = ("privacy_name", "privacy_email", "privacy_url")


@require_http_methods(["GET", "POST"])
def account_privacy(request: HttpRequest) -> HttpResponse:
    """What is kept, what was allowed, who works on it; owners and managers say who answers for it."""
    tenant = request.tenant  # type: ignore[attr-defined]
    form = PrivacyForm(request.POST or None, initial={name: getattr(tenant, name) for name in FIELDS})
    if request.method == "POST":
        if request.membership.role not in access.MANAGERS:  # type: ignore[attr-defined]
            raise PermissionDenied
        if form.is_valid():
            business_forms.keep(tenant, form.cleaned_data, user=access.person(request))
            messages.success(request, _("Kept."))
            return redirect("account_privacy")
    context = {
        "form": form,
        "kept": privacy.kept(),
        "consents": privacy.consents(),
        "processors": privacy.processors(now=timezone.now()),
    }
    return render(request, "conversations/privacy.html", context, status=422 if form.errors else 200)
