"""The back office's pages about businesses and people."""

import functools
import operator
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants import audit, backoffice_pages, impersonating, suspension
from tenants.backoffice import ReadOnlyAdmin
from tenants.models import (
    ApiKey,
    AuditEntry,
    Domain,
    Invitation,
    Membership,
    SignUp,
    StaffGrant,
    Tenant,
    TenantState,
    User,
    VendorPrice,
)


class ReasonForm(forms.Form):
    """Why it is done; kept in the audit."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, widget=UnfoldAdminTextInputWidget()
    )


def state_of(tenant: Tenant) -> TenantState | None:
    """How it stood when it was last counted; None for one that is new."""
    return getattr(tenant, "state", None)


def _since(moment: Any) -> str:
    return timesince(moment, depth=1) if moment else "–"


class NeedsFilter(admin.SimpleListFilter):
    """What somebody should look at."""

    title = gettext_lazy("what it needs")
    parameter_name = "needs"
    WISHES = {
        "person": models.Q(state__waiting__gt=0),
        "channel": models.Q(state__channels_down__gt=0),
        "look": functools.reduce(
            operator.or_, (models.Q(**{f"state__{name}__gt": 0}) for name in TenantState.TROUBLES)
        ),
        "credits": models.Q(state__balance__lte=0),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("person", _("somebody waits")),
            ("channel", _("a channel is down")),
            ("look", _("something went wrong")),
            ("credits", _("no credits left")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> QuerySet[Tenant]:
        wish = self.WISHES.get(self.value() or "")
        return queryset.filter(wish) if wish else queryset


class DomainInline(TabularInline):
    model = Domain
    extra = 0
    fields = ("domain", "is_primary")


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    fields = ("user", "role", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("user",)


@admin.register(Tenant)
class TenantAdmin(ModelAdmin):
    """Businesses: made by sign-up or `apply`, deleted by `delete_tenant`, paused and opened here."""

    list_display: Any = (
        "name", "slug", "status", "waits", "ways", "money", "wrong", "last_active", "created_at",
    )  # fmt: skip
    list_filter = ("status", NeedsFilter, "language")
    list_select_related = ("state",)
    list_per_page = 50
    search_fields = ("name", "slug", "domains__domain")
    ordering = ("name",)
    fields = ("name", "slug", "schema_name", "status", "timezone", "language", "created_at")
    readonly_fields = ("slug", "schema_name", "status", "created_at")
    inlines = (DomainInline, MembershipInline)
    change_form_before_template = "admin/tenants/state.html"
    actions_detail: Any = ("inbox", "look_in", "impersonate", "suspend", "resume")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=gettext_lazy("waiting"), ordering="state__waiting")
    def waits(self, tenant: Tenant) -> str:
        state = state_of(tenant)
        if state is None or not state.waiting:
            return "–"
        return f"{state.waiting} · {_since(state.oldest_waiting_at)}"

    @display(
        description=gettext_lazy("channels"),
        ordering="state__channels_down",
        label={"down": "danger", "up": "success"},
    )
    def ways(self, tenant: Tenant) -> Any:
        state = state_of(tenant)
        if state is None:
            return "–"
        if not state.channels_down:
            return "up", str(state.channels)
        return "down", _("%(down)s of %(all)s down") % {"down": state.channels_down, "all": state.channels}

    @display(description=gettext_lazy("credits"), ordering="state__balance")
    def money(self, tenant: Tenant) -> str:
        state = state_of(tenant)
        return number_format(state.balance, force_grouping=True) if state else "–"

    @display(
        description=gettext_lazy("errors"),
        ordering="state__incidents",
        label={"some": "warning", "none": "success"},
    )
    def wrong(self, tenant: Tenant) -> Any:
        state = state_of(tenant)
        return ("some" if state.errors else "none", str(state.errors)) if state else "–"

    @display(description=gettext_lazy("last activity"), ordering="state__last_activity_at")
    def last_active(self, tenant: Tenant) -> str:
        state = state_of(tenant)
        return _since(state.last_activity_at) if state else "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        state = TenantState.objects.filter(tenant_id=object_id).first() if object_id.isdigit() else None
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "state": state})

    def has_support_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("tenants.view_tenantstate"))

    def has_impersonate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm(impersonating.MAY))

    @action(description=gettext_lazy("Open its inbox"), url_path="inbox", permissions=["support"])
    def inbox(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._go(request, object_id, "inbox")

    @action(description=gettext_lazy("Look into its tables"), url_path="look-in", permissions=["support"])
    def look_in(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._go(request, object_id, "admin")

    @action(description=gettext_lazy("See it as a member"), url_path="as", permissions=["impersonate"])
    def impersonate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        tenant = self.get_object(request, object_id)
        if tenant is None or tenant.status != Tenant.Status.READY:
            return redirect(reverse("admin:tenants_tenant_changelist"))
        return backoffice_pages.ask(request, tenant)

    def _go(self, request: HttpRequest, object_id: str, door: str) -> HttpResponse:
        tenant = self.get_object(request, object_id)
        if tenant is None:
            return redirect(reverse("admin:tenants_tenant_changelist"))
        return redirect(f"{reverse('admin:enter', args=[tenant.slug])}?to={door}")

    @action(description=gettext_lazy("Suspend"), url_path="suspend", permissions=["change"])
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, suspension.suspend, title=_("Suspend this business"))

    @action(description=gettext_lazy("Resume"), url_path="resume", permissions=["change"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._ask(request, object_id, suspension.resume, title=_("Open this business again"))

    def _ask(self, request: HttpRequest, object_id: str, act: Any, *, title: str) -> HttpResponse:
        """Ask for the reason; do it when there is one."""
        tenant = self.get_object(request, object_id)
        if tenant is None:
            return redirect(reverse("admin:tenants_tenant_changelist"))
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            act(tenant, actor=request.user, reason=form.cleaned_data["reason"])
            messages.success(request, f"{tenant}: {tenant.get_status_display()}")
            return redirect(reverse("admin:tenants_tenant_change", args=[tenant.pk]))
        context = {
            **self.admin_site.each_context(request),
            "form": form,
            "title": title,
            "tenant_row": tenant,
        }
        return TemplateResponse(request, "admin/tenants/reason.html", context)


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("email", "name", "language", "is_active", "is_staff", "is_superuser", "groups")


@admin.register(User)
class UserAdmin(ModelAdmin):
    """People. Passwords are set by their owners only, by the reset mail."""

    form = UserForm
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes staff."""
        user: Any = request.user
        return () if user.is_superuser else ("is_staff", "is_superuser", "groups", "email")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        actor: Any = request.user
        audit.record("user.change", actor=actor, target=obj.pk, fields=sorted(form.changed_data))


@admin.register(Membership)
class MembershipAdmin(ModelAdmin):
    list_display = ("user", "tenant", "role", "created_at")
    list_filter = ("role",)
    search_fields = ("user__email", "tenant__name", "tenant__slug")
    autocomplete_fields = ("user", "tenant")
    ordering = ("tenant", "user")
    list_select_related = ("user", "tenant")


@admin.register(StaffGrant)
class StaffGrantAdmin(ModelAdmin):
    """Leave to look into a business; given with a reason, and written down."""

    list_display = ("user", "tenant", "reason", "granted_by", "expires_at")
    autocomplete_fields = ("user", "tenant")
    ordering = ("-expires_at",)
    list_select_related = ("user", "tenant", "granted_by")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nobody lets themselves in, but a superuser, who is in already."""
        asker: Any = request.user
        if db_field.name == "user" and not asker.is_superuser:
            kwargs["queryset"] = User.objects.filter(is_staff=True).exclude(pk=asker.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor: Any = request.user
        obj.granted_by = actor
        super().save_model(request, obj, form, change)
        audit.record("staff.grant", actor=actor, tenant=obj.tenant, target=obj.user_id, reason=obj.reason)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A grant is given or taken back, not altered."""
        return False


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "tenant", "role", "invited_by", "expires_at", "accepted_at")
    search_fields = ("email", "tenant__name")
    ordering = ("-created_at",)
    list_select_related = ("tenant", "invited_by")
    exclude = ("token_hash",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "tenant", "hint", "created_by", "last_used_at", "revoked_at")
    search_fields = ("name", "tenant__name")
    ordering = ("-created_at",)
    list_select_related = ("tenant", "created_by")
    exclude = ("key_hash",)


@admin.register(SignUp)
class SignUpAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "status", "tenant", "attempts", "error", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "user__email")
    ordering = ("-created_at",)
    list_select_related = ("user", "tenant")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "action", "tenant", "actor", "target")
    list_filter = ("action",)
    search_fields = ("action", "target", "actor__email", "tenant__name")
    ordering = ("-at",)
    list_select_related = ("tenant", "actor")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return super().get_queryset(request).select_related("tenant", "actor")


@admin.register(Group)
class GroupAdmin(ModelAdmin):
    """What staff may do, by kind of staff."""

    search_fields = ("name",)
    ordering = ("name",)
    filter_horizontal = ("permissions",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A permission is named with its table, which comes along in the same statement."""
        if db_field.name == "permissions":
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request=request, **kwargs)


@admin.register(VendorPrice)
class VendorPriceAdmin(ModelAdmin):
    """What vendors take: the package's prices to look at, one's own to add. No price is ever changed."""

    list_display = ("price_list", "model", "read", "written", "from_cache", "effective_from", "source")
    list_filter = ("source", "price_list")
    search_fields = ("model", "price_list")
    ordering = ("price_list", "model", "-effective_from")
    fields = (
        "price_list", "model", "effective_from", "input_per_million", "output_per_million",
        "cache_read_per_million", "cache_write_per_million", "audio_input_per_million",
        "audio_output_per_million", "heard_per_hour", "spoken_per_million",
    )  # fmt: skip

    @display(description=gettext_lazy("US$ read"), ordering="input_per_million")
    def read(self, row: VendorPrice) -> str:
        return _dollars(row.input_per_million)

    @display(description=gettext_lazy("US$ written"), ordering="output_per_million")
    def written(self, row: VendorPrice) -> str:
        return _dollars(row.output_per_million)

    @display(description=gettext_lazy("US$ from cache"), ordering="cache_read_per_million")
    def from_cache(self, row: VendorPrice) -> str:
        return _dollars(row.cache_read_per_million)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        texts = {
            "price_list": _("A vendor's name, as anthropic or openai, or the host of a server of your own."),
            "model": _("As the vendor names it; * stands for all models of the list."),
            "input_per_million": _("In millionths of a US dollar for a million tokens: 500000 are US$ 0.50."),
        }
        return super().get_form(request, obj, change=change, help_texts=texts, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An own price may be taken back: then the package's holds again."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.source == VendorPrice.Source.OPERATOR)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor: Any = request.user
        obj.model = obj.model.strip().lower()  # as they are compared
        super().save_model(request, obj, form, change)
        audit.record("vendor_price.add", actor=actor, target=obj)


def _dollars(millionths: int | None) -> str:
    return "–" if millionths is None else f"{Decimal(millionths) / 1_000_000:f}"


from tenants import platform_admin  # noqa: E402, F401 - its pages stand beside these
