"""Account, Statements: the months, a month in groups, the entries behind each figure, and files of it all."""

from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing import breakdown, statement_files, statement_words, statements
from billing.views import SEE_CREDITS
from tenants import access, audit, spreadsheets
from tenants.models import Tenant

PAGE = 100
FIRST = "kind"  # how a month is grouped until somebody chooses


@access.roles(*SEE_CREDITS)
@require_GET
def months(request: HttpRequest) -> HttpResponse:
    """Every month with entries: what was spent, what came, what there was at its end."""
    found = breakdown.months(_tenant(request).timezone)
    return render(request, "billing/statements.html", {"months": found})


@access.roles(*SEE_CREDITS)
@require_GET
def month(request: HttpRequest, month: str) -> HttpResponse:
    """One month: what there was, what changed it in groups, what there is."""
    tenant, first = _tenant(request), _month(month)
    by = _by(request)
    found = breakdown.groups(statement_files.span_of(tenant, first), by)
    rows = statement_words.rows(found, by=by, month=first)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    today = timezone.localdate()
    following = statements.following(first)
    context = {
        "month": first,
        "whole": statements.of_month(tenant, first),
        "by": by,
        "choices": list(statement_words.BY.items()),
        "heading": statement_words.BY[by],
        "rows": page.object_list,
        "page_obj": page,
        "together": _whole(found),
        "before": statements.preceding(first),
        "after": following if following <= today else None,
        "runs": following > today,
    }
    return render(request, "billing/statement.html", context)


@access.roles(*SEE_CREDITS)
@require_GET
def entries(request: HttpRequest, month: str) -> HttpResponseBase:
    """The entries of one figure, page by page; as a file with `form=csv`."""
    tenant, first = _tenant(request), _month(month)
    by, of = _by(request), request.GET.get("of", "").replace("\x00", "")[:120]
    span = statement_files.span_of(tenant, first)
    if request.GET.get("form") == "csv":
        batches = statement_files.entries(span, by=by, of=of or None)
        return _file(request, f"credits-{first:%Y-%m}-{by}.csv", batches)
    group = breakdown.group(span, by, of) if of else _whole(breakdown.groups(span, by))
    page = Paginator(range(group.entries), PAGE).get_page(request.GET.get("page"))
    found = breakdown.lines(span, by=by, of=of or None, skip=(page.number - 1) * PAGE, most=PAGE)
    context = {
        "month": first,
        "by": by,
        "of": of,
        "name": statement_words.one_name(by, of) if of else "",
        "group": group,
        "lines": [
            (line, statement_words.kind(line.of_kind), line.of_kind != line.kind, statement_words.used(line))
            for line in found
        ],
        "page_obj": page,
    }
    return render(request, "billing/statement_entries.html", context)


@access.roles(*SEE_CREDITS)
@require_GET
def groups_csv(request: HttpRequest, month: str) -> HttpResponseBase:
    """The month's groups as a table."""
    first = _month(month)
    return _file(request, f"statement-{first:%Y-%m}.csv", statement_files.groups(_tenant(request), first))


@access.roles(*SEE_CREDITS)
@require_GET
def pdf(request: HttpRequest, month: str) -> HttpResponse:
    """The month's statement to print."""
    from billing import statement_pdf  # what draws it is loaded when somebody asks

    tenant, first = _tenant(request), _month(month)
    audit.record("credits.statement", actor=access.person(request), target=f"{first:%Y-%m}", form="pdf")
    drawn = statement_pdf.of_month(tenant, first, now=timezone.now())
    response = HttpResponse(drawn, content_type="application/pdf")
    response.headers["Content-Disposition"] = (
        f'attachment; filename="statement-{tenant.slug}-{first:%Y-%m}.pdf"'
    )
    return response


def _file(request: HttpRequest, name: str, batches: Any) -> StreamingHttpResponse:
    audit.record("credits.statement", actor=access.person(request), target=name, form="csv")
    return spreadsheets.streamed(request, name=name, batches=batches)


def _tenant(request: HttpRequest) -> Tenant:
    found: Tenant = request.tenant  # type: ignore[attr-defined]
    return found


def _month(text: str) -> date:
    """The first day of a month that an address names; 404 for anything else."""
    never = date(1, 1, 1)
    found = statements.month_of(text, today=never)
    if found == never or not 2000 <= found.year <= 2999:
        raise Http404
    return found


def _by(request: HttpRequest) -> str:
    wanted = request.GET.get("by", FIRST)
    return wanted if wanted in breakdown.BY else FIRST


def _whole(found: list[breakdown.Group]) -> breakdown.Group:
    """All groups as one."""
    sums = [sum(getattr(one, name) for one in found) for name in ("entries", "taken", "added", "estimated")]
    return breakdown.Group("", *sums)
