"""Account, Business: its name, language and time zone."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tenants import access, business_forms
from tenants.business_forms import BusinessForm


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def account_business(request: HttpRequest) -> HttpResponse:
    """What the business is called, speaks, and which clock it goes by."""
    tenant = request.tenant  # type: ignore[attr-defined]
    shown = {"name": tenant.name, "language": tenant.language, "timezone": tenant.timezone}
    form = BusinessForm(request.POST or None, initial=shown)
    if request.method == "POST" and form.is_valid():
        business_forms.keep(tenant, form.cleaned_data, user=access.person(request))
        messages.success(request, _("Kept."))
        return redirect("account_business")
    context = {"form": form, "zones": business_forms.zones()}
    return render(request, "tenants/business.html", context, status=422 if form.errors else 200)
