"""The back office's pages of what went wrong: in one business, and over all of them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conversations import rollup, trouble
from tenants import access, support
from tenants.backoffice import Page, add_page
from tenants.models import TenantState

Site: Any = admin.site
PAGE = 50


def one_business(request: HttpRequest) -> HttpResponse:
    """What went wrong here, kind by kind; one kind at a time page by page."""
    now, chosen = timezone.now(), trouble.KINDS.get(request.GET.get("kind", ""))
    kinds = [kind for kind in trouble.KINDS.values() if request.user.has_perm(kind.permission)]
    counts = {kind.name: kind.rows(now).count() for kind in kinds}
    if chosen is None or chosen not in kinds:
        chosen = next((kind for kind in kinds if counts[kind.name]), kinds[0] if kinds else None)
    page = None
    if chosen is not None:
        page = Paginator(chosen.rows(now), trouble.PAGE).get_page(request.GET.get("page"))
        page.object_list = [(row.pk, *chosen.told(row)) for row in page.object_list]
    return Site.show(
        request,
        "admin/conversations/trouble.html",
        title=_("What went wrong"),
        tabs=[(kind, counts[kind.name]) for kind in kinds],
        chosen=chosen,
        page_obj=page,
    )


def try_again(request: HttpRequest, name: str) -> HttpResponse:
    """Try the chosen rows once more, or one."""
    kind = trouble.KINDS.get(name)
    if kind is None or request.method != "POST":
        raise Http404
    if not request.user.has_perm(kind.permission):
        raise PermissionDenied
    now, pks = timezone.now(), [int(pk) for pk in request.POST.getlist("pk") if pk.isdigit() and len(pk) < 19]
    done = trouble.again(kind, pks, user=access.person(request), now=now)
    rollup.refresh_one(request.tenant, now=now)  # type: ignore[attr-defined]
    told = ngettext("%(n)s is tried again.", "%(n)s are tried again.", done) % {"n": done}
    (messages.success if done else messages.warning)(request, told if done else _("Choose at least one."))
    return redirect(f"{reverse('admin:trouble')}?kind={name}")


def all_businesses(request: HttpRequest) -> HttpResponse:
    """Where something waits for a person, the most of it first; counted once a minute."""
    shown = _states(request)
    wrong = Q()
    for name in TenantState.TROUBLES:
        wrong |= Q(**{f"{name}__gt": 0})
    total = sum((F(name) for name in TenantState.TROUBLES[1:]), F(TenantState.TROUBLES[0]))
    found = shown.filter(wrong).annotate(total=total).order_by("-total", "tenant__name", "pk")
    sums = shown.aggregate(**{name: Sum(name, default=0) for name in TenantState.TROUBLES})
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return Site.show(
        request,
        "admin/conversations/trouble_all.html",
        title=_("What went wrong"),
        page_obj=page,
        columns=[_called(name) for name in TenantState.TROUBLES],
        sums=[(_called(name), sums[name]) for name in TenantState.TROUBLES],
        rows=[(one, [getattr(one, name) for name in TenantState.TROUBLES]) for one in page.object_list],
    )


def _called(name: str) -> str:
    return str(getattr(TenantState._meta.get_field(name), "verbose_name", name))


def queue(request: HttpRequest) -> HttpResponse:
    """Who waits for a person in which business, the longest first; its inbox is one click away."""
    shown = _states(request)
    waiting = shown.filter(waiting__gt=0).order_by("-urgent", "oldest_waiting_at", "pk")
    sums = shown.aggregate(people=Sum("waiting", default=0), urgent=Sum("urgent", default=0))
    page = Paginator(waiting, PAGE).get_page(request.GET.get("page"))
    context = {"title": _("Waiting for a person"), "page_obj": page, "sums": sums, "live_seconds": 20}
    part = request.headers.get("HX-Request") == "true"
    template = "admin/conversations/_queue.html" if part else "admin/conversations/queue.html"
    return Site.show(request, template, **context)


def _states(request: HttpRequest) -> QuerySet[TenantState]:
    """The businesses that this person supports; who runs the installation sees the counts of all."""
    states = TenantState.objects.select_related("tenant").exclude(tenant__status="provisioning")
    user = access.person(request)
    if user.is_superuser or user.has_perm("tenants.change_tenant"):
        return states
    granted = support.grants(user, now=timezone.now()).values("tenant")
    return states.filter(tenant__in=granted)


SEES = "tenants.view_tenantstate"
add_page(
    Page(
        "queue/",
        "queue",
        gettext_lazy("Waiting for a person"),
        queue,
        SEES,
        on_public=True,
        icon="hourglass_top",
        about=gettext_lazy("Customers who wait, in the businesses that you support."),
        rank=1,
    )
)
add_page(
    Page(
        "trouble/all/",
        "trouble_all",
        gettext_lazy("What went wrong"),
        all_businesses,
        SEES,
        on_public=True,
        icon="report",
        about=gettext_lazy("Failed jobs and stuck messages, business by business."),
        rank=2,
    )
)
add_page(
    Page(
        "trouble/",
        "trouble",
        gettext_lazy("What went wrong"),
        one_business,
        "conversations.view_webhookevent",
        on_public=False,
        icon="report",
        about=gettext_lazy("Failed jobs and stuck messages, to be tried again."),
        rank=2,
    )
)
add_page(
    Page(
        "trouble/<slug:name>/again/",
        "trouble_again",
        "",
        try_again,
        "conversations.view_webhookevent",
        on_public=False,
    )
)
