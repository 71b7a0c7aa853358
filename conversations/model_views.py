"""Assistant › Models: who answers, hears, speaks and finds, on whose account, and what was saved."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from conversations import model_overview
from tenants import access


@access.roles(*access.MANAGERS)
@never_cache
@require_GET
def models(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    context = {
        "accounts": model_overview.accounts(now=now),
        "parts": model_overview.parts(),
        "month": model_overview.month(now=now),
        "offers": model_overview.offers(),
    }
    return render(request, "conversations/models.html", context)
