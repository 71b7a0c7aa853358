"""Customers: segments, and the list as a file."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conversations import customer_export, customer_fields, customer_filters, customer_segments
from conversations.models import Segment
from tenants import access, audit, spreadsheets, undoing


@access.roles(*access.ANSWERERS)
@require_POST
def segment_add(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the list under a name; also the way back of one that was taken away."""
    given = request.POST if "name" in request.POST else request.GET
    filters = customer_filters.of_query(given.get("query", "")[:1000], customer_fields.sheet())
    query = customer_filters.query(customer_filters.without_sort(filters))
    try:
        customer_segments.keep(given.get("name", ""), query, user=access.person(request), now=timezone.now())
    except customer_segments.Refused as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('customers')}?{query}")


@access.roles(*access.ANSWERERS)
@require_POST
def segment_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a segment away; its customers stay."""
    get_object_or_404(Segment, pk=pk)
    gone = customer_segments.remove(pk, user=access.person(request))
    text = _("The segment %(name)s is gone.") % {"name": gone.name}
    undoing.offer(request, text, to=reverse("customer_segment_add"), name=gone.name, query=gone.query)
    return redirect("customers")


@access.roles(*access.MANAGERS)
@require_GET
def customers_export(request: HttpRequest) -> StreamingHttpResponse:
    """The customers of this list as a file; that somebody took it is recorded."""
    sheet, now = customer_fields.sheet(), timezone.now()
    filters = customer_filters.read(request.GET, sheet)
    which = customer_filters.found(filters, now=now, by_number=True).order_by()
    audit.record(
        "contact.export", actor=access.person(request), customers=which.count(), all=not filters.is_narrowed
    )
    name = f"customers-{timezone.localtime(now):%Y-%m-%d}.csv"
    return spreadsheets.streamed(request, name=name, batches=customer_export.batches(filters, sheet, now=now))
