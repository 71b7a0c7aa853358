"""Assistant › Teach › To look at: passages that contradict each other or may be out of date."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from knowledge import corrections, flags
from knowledge.models import Flag
from tenants import access

PAGE = 20


@require_GET
def teach_flags(request: HttpRequest) -> HttpResponse:
    """Everything that is flagged, or what is flagged in one document."""
    wanted = request.GET.get("document", "")
    document_id = int(wanted) if wanted.isdigit() and len(wanted) < 19 else None
    page = Paginator(flags.open_flags(document_id), PAGE).get_page(request.GET.get("page"))
    return render(request, "knowledge/flags.html", {"page_obj": page, "document_id": document_id})


@access.roles(*access.MANAGERS)
@require_POST
def flag_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    flags.dismiss(get_object_or_404(Flag.objects.select_related("chunk"), pk=pk), now=timezone.now())
    messages.success(request, _("It is not shown again."))
    return redirect("teach_flags")


@access.roles(*access.MANAGERS)
@require_POST
def flag_disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep one of its passages from answering; the other one goes on."""
    flag = get_object_or_404(Flag, pk=pk)
    chunk_id = flag.other_id if request.POST.get("side") == "other" and flag.other_id else flag.chunk_id
    corrections.switch(chunk_id, enabled=False)
    messages.success(
        request, _("This passage answers nothing any more. It can be switched on in its document.")
    )
    return redirect("teach_flags")
