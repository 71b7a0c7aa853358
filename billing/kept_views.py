"""The back office of money: what was kept of businesses that are erased, and its files."""

from typing import Any

from django.contrib import admin
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import access, audit
from tenants.backoffice import Page, add_page
from tenants.models import KeptLedger

PAGE = 50
SEES = "billing.view_ledgerentry"
Site: Any = admin.site


def kept(request: HttpRequest) -> HttpResponse:
    """Every erased business whose ledger is still kept, the latest first."""
    asked = request.GET.get("q", "").replace("\x00", "").strip()[:63]
    rows = KeptLedger.objects.order_by("-pk")
    rows = rows.filter(slug__icontains=asked) | rows.filter(name__icontains=asked) if asked else rows
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return Site.show(
        request,
        "admin/billing/kept.html",
        title=_("Ledgers of erased businesses"),
        page_obj=page,
        asked=asked,
    )


def kept_file(request: HttpRequest, pk: int, name: str) -> Any:
    """One file of it; that somebody took it is recorded."""
    row = get_object_or_404(KeptLedger, pk=pk)
    if name not in {told["name"] for told in row.files}:
        raise Http404
    audit.record("ledger.read", actor=access.person(request), target=row.slug, row=row.pk, file=name)
    file = default_storage.open(f"{row.folder}/{name}")
    return FileResponse(file, as_attachment=True, filename=f"{row.slug}-{name}")


for _page in (
    Page(
        "finance/kept/",
        "finance_kept",
        gettext_lazy("Erased businesses"),
        kept,
        SEES,
        on_public=True,
        icon="inventory_2",
        about=gettext_lazy("Ledgers and statements that outlast a business, for as long as the law asks."),
    ),
    Page("finance/kept/<int:pk>/<str:name>", "finance_kept_file", "", kept_file, SEES, on_public=True),
):
    add_page(_page)
