"""What a business sees of the platform's people, and what it may end; the banner of a look as a member."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenants import access, addresses, announcing, crossing, impersonating, support
from tenants.models import StaffGrant


@access.roles(*access.MANAGERS)
@require_POST
def grant_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Send support staff away: their leave ends at once."""
    now = timezone.now()
    live = StaffGrant.objects.select_related("user", "tenant").filter(expires_at__gt=now)
    grant = get_object_or_404(live, pk=pk, tenant=request.tenant)  # type: ignore[attr-defined]
    with transaction.atomic():
        support.end_grant(grant, by=access.person(request), now=now)
    messages.success(request, _("%(name)s has no access any more.") % {"name": grant.user})
    return redirect("account_team")


@require_POST
def announcement_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """This person has read it; the line goes."""
    if not announcing.dismiss(pk, user=access.person(request), now=timezone.now()):
        raise Http404
    if request.headers.get("HX-Request"):
        return HttpResponse("")
    return redirect("today")


@require_POST
def impersonation_end(request: HttpRequest) -> HttpResponse:
    """Stop seeing the business as a member, and go back to where it was begun."""
    row = getattr(request, "impersonation", None)
    if row is None:
        raise Http404
    impersonating.end(row, now=timezone.now(), by=row.staff)
    del request.session[impersonating.KEY]
    return crossing.to(request, addresses.public_url(f"/admin/tenants/tenant/{row.tenant_id}/change/"))


impersonation_end.ends_impersonation = True  # type: ignore[attr-defined]
