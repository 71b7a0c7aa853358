"""Assistant › Tools: uploaded tables, and the keys that tools name. A key is written and never shown."""

import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from agents import own_secrets, record_tables
from agents.models import RecordTable, ToolSecret
from agents.own_arguments import named
from tenants import access, audit

ROWS_SHOWN = 20


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def table_add(request: HttpRequest) -> HttpResponse:
    """Upload a table; the file says what its columns are."""
    if request.method == "POST" and (made := _uploaded(request, None)) is not None:
        return redirect(made)
    status = 422 if request.method == "POST" else 200
    return render(request, "agents/table.html", {"name": request.POST.get("name", "")}, status=status)


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def table(request: HttpRequest, pk: int) -> HttpResponse:
    """The first rows of a table; another file takes the place of all of them."""
    found = get_object_or_404(RecordTable, pk=pk)
    if request.method == "POST" and _uploaded(request, found) is not None:
        return redirect("assistant_table", pk)
    rows = [
        [row.values.get(column, "") for column in found.columns]
        for row in found.rows.order_by("pk")[:ROWS_SHOWN]
    ]
    context = {"table": found, "rows": rows, "count": found.rows.count(), "users": record_tables.users(found)}
    return render(request, "agents/table.html", context, status=422 if request.method == "POST" else 200)


def _uploaded(request: HttpRequest, found: RecordTable | None) -> str | None:
    """Keep the file that was posted; the page to go on to, or None with a message that says what is wrong."""
    file = request.FILES.get("file")
    name = found.name if found else named(request.POST.get("name", "").strip() or _stem(file))
    if file is None:
        messages.error(request, _("Choose a file."))
        return None
    if found is None and RecordTable.objects.filter(name=name).exists():
        messages.error(request, _("There is a table of this name already: open it to replace its rows."))
        return None
    try:
        sheet = record_tables.read(file.read(record_tables.MOST_BYTES + 1))
    except record_tables.Unreadable as error:
        messages.error(request, str(error))
        return None
    kept = record_tables.keep(name=name, sheet=sheet, user=access.person(request), now=timezone.now())
    messages.success(request, _("%(count)s rows are there.") % {"count": len(sheet.rows)})
    return "assistant_tools" if found else _next(kept)


def _stem(file: object) -> str:
    return re.sub(r"\.\w+$", "", str(getattr(file, "name", "") or ""))


def _next(kept: RecordTable) -> str:
    """A new table is looked at next: a tool for it is one click away there."""
    return reverse("assistant_table", args=[kept.pk])


@access.roles(*access.MANAGERS)
@require_POST
def table_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a table that no tool looks into."""
    found = get_object_or_404(RecordTable, pk=pk)
    if using := record_tables.users(found):
        words = _("“%(tool)s” looks into it: remove that tool first.")
        messages.error(request, words % {"tool": using[0].title})
        return redirect("assistant_table", pk)
    found.delete()
    audit.record("record_table.remove", actor=access.person(request), target=found.name)
    messages.success(request, _("“%(name)s” is removed.") % {"name": found.name})
    return redirect("assistant_tools")


@access.roles(*access.MANAGERS)
@never_cache
@require_POST
def secret_keep(request: HttpRequest) -> HttpResponse:
    """Write a key, or another value for one that is there."""
    name, value = request.POST.get("name", "").strip().lower(), request.POST.get("value", "").strip()
    if not re.fullmatch(r"[a-z0-9][-a-z0-9_]{0,39}", name):
        messages.error(request, _("A key has a name of small letters, numbers, - and _."))
    elif not value or len(value) > 20_000 or "\x00" in value:
        messages.error(request, _("Enter the key itself."))
    else:
        own_secrets.keep(name, value, user=access.person(request))
        messages.success(request, _("The key “%(name)s” is kept.") % {"name": name})
    return redirect("assistant_tools")


@access.roles(*access.MANAGERS)
@require_POST
def secret_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a key that no tool names."""
    found = get_object_or_404(ToolSecret, pk=pk)
    if own_secrets.remove(found.name, user=access.person(request)):
        messages.success(request, _("“%(name)s” is removed.") % {"name": found.name})
    else:
        tool = own_secrets.users(found.name)[0]
        words = _("“%(tool)s” signs in with it: change that tool first.")
        messages.error(request, words % {"tool": tool.title})
    return redirect("assistant_tools")
