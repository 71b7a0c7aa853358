"""The back office of payments: packs and their prices, what was bought, what the vendor told us."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from billing import money, payment_events
from tenants import access, audit
from tenants.backoffice import ReadOnlyAdmin
from tenants.models import Pack, PaymentCustomer, PaymentEvent, PaymentSweep, Refund, TopUp

LEAST = 50  # cents: less is charged by no card
MANY = 200  # events that are tried again at once
STATUS = {"paid": "success", "processing": "info", "pending": "info", "failed": "danger"}


class PackForm(forms.ModelForm):
    class Meta:
        model = Pack
        fields = ("currency", "credits", "amount", "is_rate", "is_offered")

    def clean_currency(self) -> str:
        """As the vendor writes it."""
        currency = str(self.cleaned_data["currency"]).strip().lower()
        if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
            raise forms.ValidationError(_("Three letters, as brl, usd or eur."))
        return currency

    def clean_amount(self) -> int:
        amount: int = self.cleaned_data["amount"]
        if amount < LEAST:
            raise forms.ValidationError(_("At least %(n)s, in cents.") % {"n": LEAST})
        return amount


@admin.register(Pack)
class PackAdmin(ModelAdmin):
    """What is for sale. What was bought keeps its own price, whatever becomes of the pack."""

    form = PackForm
    list_display = ("currency", "credits", "price", "is_rate", "is_offered")
    list_filter = ("currency", "is_offered")
    ordering = ("currency", "amount")

    @display(description=gettext_lazy("price"), ordering="amount")
    def price(self, pack: Pack) -> str:
        return money.words(pack.amount, pack.currency)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        actor = access.person(request)
        audit.record("pack.set", actor=actor, target=obj, fields=sorted(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit.record("pack.delete", actor=access.person(request), target=obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Pack]) -> None:
        for pack in queryset:
            self.delete_model(request, pack)


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin):
    """What businesses bought, and what became of it."""

    list_display = ("created_at", "tenant", "credits", "price", "status_label", "kind", "method", "refunded")
    list_filter = ("status", "kind", "currency", "created_at")
    search_fields = ("tenant__name", "tenant__slug", "payment_intent", "session_id")
    ordering = ("-pk",)
    list_select_related = ("tenant",)
    readonly_fields = ("price", "paid", "refunded")
    fields = (
        "tenant", "kind", "status", "credits", "price", "paid", "method", "error", "refunded",
        "refunded_credits", "keeps_card", "requested_by", "created_at", "paid_at", "receipt_url",
        "payment_intent", "session_id",
    )  # fmt: skip
    actions_detail = ("send_back",)

    def has_send_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("billing.add_ledgerentry"))

    @display(description=gettext_lazy("status"), label=STATUS, ordering="status")
    def status_label(self, topup: TopUp) -> tuple[str, str]:
        return topup.status, topup.get_status_display()

    @display(description=gettext_lazy("price"), ordering="amount")
    def price(self, topup: TopUp) -> str:
        return money.words(topup.amount, topup.currency)

    @display(description=gettext_lazy("paid with tax"))
    def paid(self, topup: TopUp) -> str:
        return money.words(topup.charged, topup.currency) if topup.charged else "–"

    @display(description=gettext_lazy("refunded"))
    def refunded(self, topup: TopUp) -> str:
        return money.words(topup.refunded_amount, topup.currency) if topup.refunded_amount else "–"

    @action(description=gettext_lazy("Refund to the card"), url_path="send-back", permissions=["send"])
    def send_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        topup = self.get_object(request, object_id)
        if topup is None or topup.status != TopUp.Status.PAID:
            messages.warning(request, _("Only what is paid can be sent back."))
            return redirect(reverse("admin:tenants_topup_changelist"))
        return redirect(reverse("admin:finance_refund", args=[topup.pk]))


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Money that went back, or that a bank took; credits moved with it."""

    list_display = ("created_at", "business", "kind", "sum", "credits", "status", "reason", "is_live")
    list_filter = ("kind", "status", "created_at")
    search_fields = ("vendor_id", "topup__payment_intent", "topup__tenant__slug")
    ordering = ("-pk",)
    list_select_related = ("topup__tenant",)

    @display(description=gettext_lazy("business"))
    def business(self, row: Refund) -> str:
        return str(row.topup.tenant)

    @display(description=gettext_lazy("amount"), ordering="amount")
    def sum(self, row: Refund) -> str:
        return money.words(row.amount, row.topup.currency)


@admin.register(PaymentCustomer)
class PaymentCustomerAdmin(ReadOnlyAdmin):
    """Who pays for a business; of the card only its brand and last digits."""

    list_display = (
        "tenant",
        "customer_id",
        "card_brand",
        "card_last4",
        "card_expires_on",
        "consented_at",
        "frozen_at",
    )
    search_fields = ("tenant__name", "tenant__slug", "customer_id")
    ordering = ("tenant_id",)
    list_select_related = ("tenant",)


@admin.register(PaymentEvent)
class PaymentEventAdmin(ReadOnlyAdmin):
    """What the vendor told us; what fits nothing of ours stands here until a person had it tried again."""

    list_display = ("received_at", "type", "status_label", "tenant", "attempts", "error", "event_id")
    list_filter = ("status", "type", "received_at")
    search_fields = ("event_id", "object_id")
    ordering = ("-pk",)
    list_select_related = ("tenant",)
    actions = ("try_again",)
    actions_detail = ("try_one_again",)

    def has_retry_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("tenants.change_paymentevent"))

    @display(
        description=gettext_lazy("status"),
        label={"done": "success", "new": "info", "failed": "danger"},
        ordering="status",
    )
    def status_label(self, event: PaymentEvent) -> tuple[str, str]:
        return event.status, event.get_status_display()

    @admin.action(description=gettext_lazy("Try again"), permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[PaymentEvent]) -> None:
        now = timezone.now()
        done = sum(payment_events.try_again(event, now=now) for event in queryset[:MANY])
        if done:
            audit.record("payment_event.again", actor=access.person(request), rows=done)
        told = ngettext("%(n)s is tried again.", "%(n)s are tried again.", done) % {"n": done}
        self.message_user(request, told if done else _("There was nothing to try again."))

    @action(description=gettext_lazy("Try again"), url_path="again", permissions=["retry"])
    def try_one_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        event = self.get_object(request, object_id)
        back = reverse("admin:tenants_paymentevent_changelist")
        if request.method != "POST":
            about = _("What it is about is fetched again from Stripe, and our own rows are brought in line.")
            site: Any = self.admin_site
            return site.sure(request, title=_("Try again"), about=about, back=back, row=event)
        if event is not None and payment_events.try_again(event, now=timezone.now()):
            audit.record("payment_event.again", actor=access.person(request), target=event.event_id)
            messages.success(request, _("It is tried again; a parked one says anew why it does not fit."))
        return redirect(back)


@admin.register(PaymentSweep)
class PaymentSweepAdmin(ReadOnlyAdmin):
    """Each nightly look at the payments: how much never came by itself, and was put right."""

    list_display = ("until", "since", "events", "missed", "repaired")
    ordering = ("-pk",)
