"""Account, Credits: the limits of a day are set."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing import limits, views
from billing.spending import LimitsForm
from tenants import access


@access.roles(*access.MONEY)
@require_POST
def set_limits(request: HttpRequest) -> HttpResponse:
    """Keep the limits of the day; from the next answer on they hold."""
    now, user = timezone.now(), access.person(request)
    form = LimitsForm(list(limits.listed(now=now)), request.POST)
    if not form.is_valid():
        return views.credits_page(request, limits_form=form, status=422)
    for limit in form.found:
        limits.set_limit(limit.agent_id, form.cleaned_data[limit.field], actor=user, now=now)
    messages.success(request, _("The limits are kept. They hold from the next answer on."))
    return redirect(limits.page())
