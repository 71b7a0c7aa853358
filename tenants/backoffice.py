"""The back office: shared tables on the installation's host, one business's tables on that business's host.

Staff are the platform's people. On a business's host a superuser may look, and staff with a StaffGrant; that
they came is written down. A member of the business is no staff, whatever their role.
"""

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from tenants import audit
from tenants.models import StaffGrant

View = Callable[..., HttpResponse]


def is_here(model: type[Model], request: HttpRequest) -> bool:
    """Whether this host shows this model: a business's tables on its own host, shared ones on the public."""
    return (model._meta.app_label in settings.TENANT_APPS) == (request.tenant is not None)  # type: ignore[attr-defined]


class BackOffice(UnfoldAdminSite):
    """One site for both kinds of host; a model that does not belong to the host is not found."""

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        if not (user.is_active and user.is_staff):
            return False
        tenant = request.tenant  # type: ignore[attr-defined]
        return tenant is None or user.is_superuser or _granted(user, tenant)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        model = getattr(getattr(view, "__self__", None), "model", None)
        inner = super().admin_view(view, cacheable)

        def here(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if model is not None and not is_here(model, request):
                raise Http404
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404  # a stranger learns nothing, not even that there is a back office
            _write_down(request)
            return inner(request, *args, **kwargs)

        return here

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
    """Rows that are looked at here and changed elsewhere."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _granted(user: Any, tenant: Any) -> bool:
    return StaffGrant.objects.filter(user=user, tenant=tenant, expires_at__gt=timezone.now()).exists()


def _write_down(request: HttpRequest) -> None:
    """Once a session: that this person looked into this business."""
    tenant = request.tenant  # type: ignore[attr-defined]
    user: Any = request.user
    if tenant is None or not user.is_authenticated or request.session.get("looked_into") == tenant.pk:
        return
    grant = StaffGrant.objects.filter(user=user, tenant=tenant).order_by("-expires_at").first()
    audit.record("backoffice.enter", actor=user, reason=grant.reason if grant else "superuser")
    request.session["looked_into"] = tenant.pk
