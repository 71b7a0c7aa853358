"""The back office of money: the ledger to look at, credits to give with a reason, prices from a date on."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from billing import (
    asking,
    credits,
    export_views,  # noqa: F401 - their pages register themselves
    finance_views,  # noqa: F401
    kept_views,  # noqa: F401
    money_views,  # noqa: F401
    payment_admin,  # noqa: F401
    price_admin,  # noqa: F401
    price_views,  # noqa: F401
    request_views,  # noqa: F401
)
from billing.models import CreditAccount, Hold, LedgerEntry, Usage
from tenants import access
from tenants.admin import TenantAdmin
from tenants.backoffice import ReadOnlyAdmin
from tenants.models import CreditRequest, Tenant

MOST = 1_000_000_000


class GrantForm(forms.Form):
    """How many credits, and why. The hidden cause makes a form that is sent twice count once."""

    amount = forms.IntegerField(
        label=gettext_lazy("Credits"),
        help_text=gettext_lazy("A negative number takes credits back, as far as they are still there."),
        min_value=-MOST,
        max_value=MOST,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("The business reads it on its Account page."),
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
    )
    cause = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput())

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError(_("Nothing would change."))
        return amount


def may_give(request: HttpRequest) -> bool:
    """Finance of the platform: superusers, and staff with the permission to add to the ledger."""
    user: Any = request.user
    return bool(user.is_active and user.is_staff and user.has_perm("billing.add_ledgerentry"))


def give(tenant: Tenant, form: GrantForm, *, actor: Any) -> CreditRequest:
    """Give the form's credits, or leave them for somebody else to allow; raises InsufficientCredits."""
    amount, reason, cause = (form.cleaned_data[name] for name in ("amount", "reason", "cause"))
    return asking.for_credits(
        tenant, amount=amount, reason=reason, key=f"staff:{cause}", asker=actor, now=timezone.now()
    )


def _ask(request: HttpRequest, tenant: Tenant, *, back: str, frame: dict[str, Any]) -> HttpResponse:
    """Ask how many and why; give them when both are said."""
    form = GrantForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            asked = give(tenant, form, actor=access.person(request))
        except credits.InsufficientCredits:
            form.add_error("amount", _("The business has fewer credits than that."))
        else:
            messages.success(request, told_of(asked))
            return redirect(back)
    standing = credits.standings([tenant.schema_name])[tenant.schema_name]
    context = {
        **frame,
        "form": form,
        "title": _("Give credits"),
        "tenant_row": tenant,
        "standing": standing,
        "back": back,
    }
    return TemplateResponse(request, "admin/billing/give.html", context)


def told_of(asked: CreditRequest) -> str:
    """What became of a request, for who made it."""
    names = {"amount": f"{asked.credits:+,}", "business": str(asked.tenant)}
    if asked.status == CreditRequest.Status.WAITING:
        told = _("%(amount)s credits for %(business)s wait until somebody else of finance allows them.")
    elif asked.status == CreditRequest.Status.REFUSED:
        told = _("%(amount)s credits for %(business)s were refused.")
    else:
        told = _("%(amount)s credits for %(business)s; the balance is now %(balance)s.")
        schema = asked.tenant.schema_name
        names["balance"] = f"{credits.standings([schema])[schema].balance:,}"
    return told % names


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every change of the balance; nothing here is ever altered, credits are given beside it."""

    list_display = ("created_at", "kind_label", "change", "balance_after", "reason", "actor", "key")
    list_filter = ("kind", "created_at")
    search_fields = ("key", "reason")
    ordering = ("-pk",)
    list_select_related = ("actor",)
    list_before_template = "admin/billing/standing.html"
    actions_list = ("give_credits",)

    def has_give_permission(self, request: HttpRequest) -> bool:
        return may_give(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        schema = request.tenant.schema_name  # type: ignore[attr-defined]
        standing = credits.standings([schema])[schema]
        return super().changelist_view(request, {**(extra_context or {}), "standing": standing})

    @action(description=gettext_lazy("Give credits"), url_path="give", permissions=["give"])
    def give_credits(self, request: HttpRequest) -> HttpResponse:
        back = reverse("admin:billing_ledgerentry_changelist")
        frame = self.admin_site.each_context(request)
        return _ask(request, request.tenant, back=back, frame=frame)  # type: ignore[attr-defined]

    @display(
        description=gettext_lazy("kind"),
        label={"grant": "success", "correction": "warning", "turn": "info"},
        ordering="kind",
    )
    def kind_label(self, entry: LedgerEntry) -> tuple[str, str]:
        return entry.kind, entry.get_kind_display()

    @display(description=gettext_lazy("credits"), ordering="amount")
    def change(self, entry: LedgerEntry) -> str:
        return f"{entry.amount:+,}"


@admin.register(CreditAccount)
class CreditAccountAdmin(ReadOnlyAdmin):
    list_display = ("balance", "held", "available")
    ordering = ("pk",)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("key", "amount", "status", "created_at", "closed_at")
    list_filter = ("status",)
    search_fields = ("key",)
    ordering = ("-pk",)


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at",
        "key",
        "model",
        "input_tokens",
        "output_tokens",
        "audio_seconds",
        "pages",
        "messages",
        "credits",
        "vendor_cost",
        "exact",
    )
    list_filter = ("model", "exact")
    search_fields = ("key",)
    ordering = ("-pk",)


class PayingTenantAdmin(TenantAdmin):
    """Businesses with what they have left, and credits to give; on the installation's own host."""

    list_display: Any = (*TenantAdmin.list_display[:3], "credits_left", *TenantAdmin.list_display[3:])
    actions_detail: Any = ("give_credits", *TenantAdmin.actions_detail)

    def has_give_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return may_give(request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The accounts of the businesses on this page, in one statement."""
        shown = super().get_changelist_instance(request)
        rows = [row for row in shown.result_list if row.status != Tenant.Status.PROVISIONING]
        found = credits.standings([row.schema_name for row in rows])
        for row in rows:
            row.standing = found.get(row.schema_name)
        return shown

    @display(description=gettext_lazy("credits"))
    def credits_left(self, tenant: Any) -> str:
        standing = getattr(tenant, "standing", None)
        return f"{standing.balance:,}" if standing else "–"

    @action(description=gettext_lazy("Give credits"), url_path="give", permissions=["give"])
    def give_credits(self, request: HttpRequest, object_id: str) -> HttpResponse:
        tenant = self.get_object(request, object_id)
        if tenant is None or tenant.status == Tenant.Status.PROVISIONING:
            return redirect(reverse("admin:tenants_tenant_changelist"))
        back = reverse("admin:tenants_tenant_change", args=[tenant.pk])
        return _ask(request, tenant, back=back, frame=self.admin_site.each_context(request))


admin.site.unregister(Tenant)
admin.site.register(Tenant, PayingTenantAdmin)
