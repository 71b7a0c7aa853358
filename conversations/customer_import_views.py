"""Customers › Import: a file, its columns, what would become of it, the work, and the way back."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import customer_columns, customer_fields, customer_import
from conversations.customer_columns import Table, Unreadable
from conversations.models import ContactImport, ContactImportRow
from tenants import access

MOST_REFUSED = 200
Status = ContactImport.Status


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """The files that came before; a POST takes a new one."""
    problem = ""
    if request.method == "POST":
        try:
            made = _taken(request)
        except Unreadable as error:
            problem = str(error)
        else:
            return redirect("customer_import", made.pk)
    rows = ContactImport.objects.select_related("author")[: customer_import.KEPT]
    context = {"imports": rows, "problem": problem, "kept": customer_columns.targets(customer_fields.sheet())}
    return render(request, "conversations/customer_imports.html", context, status=422 if problem else 200)


def _taken(request: HttpRequest) -> ContactImport:
    file: Any = request.FILES.get("file")
    if file is None:
        raise Unreadable(_("Choose a file first."))
    if (file.size or 0) > customer_columns.MOST_BYTES:
        raise Unreadable(_("The file is larger than 5 MB."))
    return customer_import.receive(
        name=str(file.name), content=file.read(), user=access.person(request), now=timezone.now()
    )


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def one_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Where one file stands: its columns, a preview, the progress, or what became of it."""
    row = get_object_or_404(ContactImport.objects.select_related("author", "channel"), pk=pk)
    if row.status not in (Status.NEW, Status.CHECKED):
        return _progress_page(request, row)
    try:
        table = customer_import.table_of(row)
    except Unreadable as error:
        messages.error(request, str(error))
        return redirect("customer_imports")
    if request.method == "POST":
        return _matched(request, row, table)
    if row.status == Status.NEW or "columns" in request.GET:
        return _columns_page(request, row, table, columns=row.columns)
    return _preview_page(request, row, table)


def _matched(request: HttpRequest, row: ContactImport, table: Table) -> HttpResponse:
    known = {target for target, _label in customer_columns.targets(customer_fields.sheet())}
    chosen = [request.POST.get(f"column-{number}", "") for number in range(len(table.heading))]
    columns = [target if target in known else "" for target in chosen]
    channel = next(
        (one for one in customer_import.number_channels() if str(one.pk) == request.POST.get("channel")), None
    )
    source, replaces = request.POST.get("source", ""), request.POST.get("replaces") == "1"
    try:
        customer_import.match(row.pk, columns=columns, channel=channel, source=source, replaces=replaces)
    except customer_import.Refused as error:
        row.source, row.replaces, row.channel = source[:80], replaces, channel
        return _columns_page(request, row, table, columns=columns, problem=str(error))
    return redirect("customer_import", row.pk)


def _columns_page(
    request: HttpRequest, row: ContactImport, table: Table, *, columns: Sequence[str], problem: str = ""
) -> HttpResponse:
    examples = [_example(table, number) for number in range(len(table.heading))]
    chosen = [*columns, *[""] * (len(table.heading) - len(columns))]
    context = {
        "row": row,
        "columns": list(zip(range(len(table.heading)), table.heading, chosen, examples, strict=False)),
        "targets": customer_columns.targets(customer_fields.sheet()),
        "channels": customer_import.number_channels(),
        "problem": problem,
    }
    return render(
        request, "conversations/customer_import_columns.html", context, status=422 if problem else 200
    )


def _example(table: Table, number: int) -> str:
    """The first thing that stands in a column."""
    return next((cells[number] for _line, cells in table.rows if cells[number]), "")[:60]


def _preview_page(request: HttpRequest, row: ContactImport, table: Table) -> HttpResponse:
    sheet = customer_fields.sheet()
    labels = dict(customer_columns.targets(sheet))
    used = [(number, target) for number, target in enumerate(row.columns) if target]
    preview = customer_import.preview(table, row.columns, sheet)
    context = {
        "row": row,
        "preview": preview,
        "heading": [labels.get(target, target) for _number, target in used],
        "rows": [(one, [cells[number] for number, _target in used]) for one, cells in preview.rows],
        "wrong": [(one, [cells[number] for number, _target in used]) for one, cells in preview.wrong],
        "channels": [row.channel] if row.channel else [],
    }
    return render(request, "conversations/customer_import_preview.html", context)


@access.roles(*access.MANAGERS)
@require_POST
def import_start(request: HttpRequest, pk: int) -> HttpResponse:
    """Read it now, in the background."""
    get_object_or_404(ContactImport, pk=pk)
    customer_import.start(pk, user=access.person(request), now=timezone.now())
    return redirect("customer_import", pk)


@access.roles(*access.MANAGERS)
@require_POST
def import_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what the file did, but for what was touched since."""
    get_object_or_404(ContactImport, pk=pk)
    try:
        customer_import.undo(pk, user=access.person(request), now=timezone.now())
    except customer_import.Refused as error:
        messages.error(request, str(error))
    return redirect("customer_import", pk)


@access.roles(*access.MANAGERS)
@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it came."""
    row = get_object_or_404(ContactImport.objects.select_related("author", "channel"), pk=pk)
    return render(request, "conversations/_customer_import_progress.html", _progress(row))


def _progress_page(request: HttpRequest, row: ContactImport) -> HttpResponse:
    return render(request, "conversations/customer_import.html", _progress(row))


def _progress(row: ContactImport) -> dict[str, Any]:
    refused = row.rows.filter(outcome=ContactImportRow.Outcome.REFUSED).order_by("line")
    is_over = row.status in (Status.DONE, Status.UNDONE)
    to_undo = row.added + row.changed
    return {
        "row": row,
        "is_over": is_over,
        "total": to_undo if row.status in (Status.UNDOING, Status.UNDONE) else row.row_count,
        "refused": list(refused[:MOST_REFUSED]) if is_over else [],
    }
