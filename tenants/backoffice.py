"""The back office: shared tables on the installation's host, one business's tables on that business's host.

Staff are the platform's people. On a business's host a superuser may look, and staff with a StaffGrant; that
they came is written down. A member of the business is no staff, whatever their role.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from tenants import support

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the back office that is no list of rows: where, what it is called, and who may open it."""

    path: str  # below /admin/
    name: str  # as admin:<name>
    title: Any
    view: View
    permission: str  # app.codename
    on_public: bool  # on the installation's host, else on each business's own
    icon: str = ""  # of Material Symbols; without one it is in no menu
    about: Any = ""
    rank: int = 5  # in the menu: what is urgent stands first


_pages: list[Page] = []


def add_page(page: Page) -> None:
    """Make a page part of the back office; from an app's admin module."""
    if page not in _pages:
        _pages.append(page)


Alarm = Callable[[HttpRequest], str]
_alarms: list[Alarm] = []


def add_alarm(alarm: Alarm) -> None:
    """Have something said above the overview and the pages while it is so; from an app's admin module.

    `alarm(request)` gives the sentence, empty when all is well or it is not for this person.
    """
    if alarm not in _alarms:
        _alarms.append(alarm)


def alarms(request: HttpRequest) -> list[str]:
    """What must be said to this person now."""
    return [words for alarm in _alarms if (words := alarm(request))]


def pages(request: HttpRequest) -> list[Page]:
    """The pages in the menu of this person on this host."""
    on_public, user = request.tenant is None, request.user  # type: ignore[attr-defined]
    shown = [one for one in _pages if one.icon and one.on_public == on_public]
    allowed = [one for one in shown if user.has_perm(one.permission)]
    return sorted(allowed, key=lambda one: one.rank)


def is_here(model: type[Model], request: HttpRequest) -> bool:
    """Whether this host shows this model: a business's tables on its own host, shared ones on the public."""
    return (model._meta.app_label in settings.TENANT_APPS) == (request.tenant is not None)  # type: ignore[attr-defined]


class BackOffice(UnfoldAdminSite):
    """One site for both kinds of host; a model that does not belong to the host is not found."""

    index_template = "admin/start.html"

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        if not (user.is_active and user.is_staff):
            return False
        tenant = request.tenant  # type: ignore[attr-defined]
        return tenant is None or support.may_enter(user, tenant)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        model = getattr(getattr(view, "__self__", None), "model", None)
        inner = super().admin_view(view, cacheable)

        def here(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if model is not None and not is_here(model, request):
                raise Http404
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404  # a stranger learns nothing, not even that there is a back office
            support.note_entry(request)
            return inner(request, *args, **kwargs)

        return here

    def get_urls(self) -> list[URLPattern]:
        own = [path(page.path, self.page_view(page), name=page.name) for page in _pages]
        return [*own, *super().get_urls()]

    def page_view(self, page: Page) -> View:
        """The page for staff on its own kind of host who have its permission."""

        def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if (request.tenant is None) != page.on_public:  # type: ignore[attr-defined]
                raise Http404
            if not request.user.has_perm(page.permission):
                raise PermissionDenied
            return page.view(request, *args, **kwargs)

        return self.admin_view(shown)

    def show(
        self, request: HttpRequest, template: str, *, title: object, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """A page in the back office's frame."""
        whole = {**self.each_context(request), "title": title, "alarms": alarms(request), **context}
        return TemplateResponse(request, template, whole, status=status)

    def sure(
        self, request: HttpRequest, *, title: object, about: object, back: str, **context: Any
    ) -> TemplateResponse:
        """A page with one button: a link alone changes nothing."""
        template = "admin/tenants/sure.html"
        return self.show(request, template, title=title, about=about, back=back, **context)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """What there is to do, before what there is to look at."""
        told = {"pages": pages(request), "alarms": alarms(request)}
        return super().index(request, {**(extra_context or {}), **told})

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only pages in our theme: what other packages bring along by themselves is left out."""
        if admin_class is not None and issubclass(admin_class, ModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def _build_app_dict(self, request: HttpRequest, label: str | None = None) -> dict[str, Any]:
        apps = super()._build_app_dict(request, label) or {}
        if label is not None:
            return apps if not apps or is_here(apps["models"][0]["model"], request) else {}
        return {name: app for name, app in apps.items() if is_here(app["models"][0]["model"], request)}

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Suggestions come only from tables of this host."""
        app, model = request.GET.get("app_label", ""), request.GET.get("model_name", "")
        if not any(m._meta.label_lower == f"{app}.{model}" and is_here(m, request) for m in self._registry):
            raise Http404
        return super().autocomplete_view(request)

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The same sign-in as everywhere: with its limits on guessing and its second factor."""
        return secure_admin_login(super().login)(request, extra_context)


class ReadOnlyAdmin(ModelAdmin):
    """Rows that are looked at here and changed elsewhere.

    A right to change such a row is for what is done elsewhere with it, as sending a message again: who has
    it and not the right to look reads no message here.
    """

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        name = f"{self.opts.app_label}.view_{self.opts.model_name}"
        return bool(request.user.has_perm(name))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


ICONS = {
    "tenant": "storefront",
    "user": "person",
    "membership": "badge",
    "staffgrant": "key",
    "auditentry": "history",
    "conversation": "forum",
    "contact": "contacts",
    "channel": "lan",
    "message": "chat",
    "webhookevent": "inbox",
    "incident": "warning",
    "hookdelivery": "webhook",
    "document": "description",
    "source": "cloud_sync",
    "agent": "smart_toy",
    "ledgerentry": "receipt_long",
    "creditaccount": "account_balance_wallet",
    "pack": "sell",
    "topup": "shopping_cart",
    "refund": "undo",
    "paymentcustomer": "credit_card",
    "paymentevent": "webhook",
    "taskfailure": "error",
    "featureflag": "toggle_on",
    "announcement": "campaign",
    "impersonation": "visibility",
    "group": "groups",
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu at the side: the pages of this person, then the tables by app."""
    from django.contrib import admin

    links = {page.name: reverse(f"admin:{page.name}") for page in pages(request)}
    # Of pages below one another only the nearest is where one is.
    here = max((link for link in links.values() if request.path.startswith(link)), key=len, default="")
    work = [
        {
            "title": page.title,
            "icon": page.icon,
            "link": links[page.name],
            "active": lambda _request, link=links[page.name]: link == here,
        }
        for page in pages(request)
    ]
    home = {"title": _("Overview"), "icon": "home", "link": reverse("admin:index")}
    tables = [
        {"title": app["name"], "separator": True, "items": [_item(model) for model in app["models"]]}
        for app in admin.site.get_app_list(request)
    ]
    return [{"items": [home, *work]}, *tables]


def _item(model: dict[str, Any]) -> dict[str, Any]:
    icon = ICONS.get(model["object_name"].lower(), "table_rows")
    return {"title": model["name"], "icon": icon, "link": model["admin_url"] or model["add_url"]}


def own_style(request: HttpRequest) -> str:
    """Our few rules beside the theme's."""
    return static("backoffice.css")
