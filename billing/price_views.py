"""The back office of money: a price for all businesses, from a moment on."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_tenants.utils import schema_context
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from billing import price_setting
from billing.models import Price
from billing.price_admin import PriceForm
from tenants import access
from tenants.backoffice import Page, add_page
from tenants.template import SCHEMA as TEMPLATE

SEES = "billing.view_price"
SETS = "billing.add_price"
Site: Any = admin.site


class EverybodysPriceForm(PriceForm):
    """As the form of one business's price; what is left as it was is as in the price that holds now."""

    class Meta(PriceForm.Meta):
        widgets = {
            name: UnfoldAdminIntegerFieldWidget()
            for name in (
                "input_per_million", "output_per_million", "cache_read_per_million",
                "cache_write_per_million", "audio_per_hour", "spoken_per_million",
                "reading_per_hundred_pages", "per_message", "minimum",
            )
        } | {
            "model": UnfoldAdminTextInputWidget(),
            "effective_from": UnfoldAdminTextInputWidget(attrs={"type": "datetime-local", "step": "60"}),
        }  # fmt: skip


def prices(request: HttpRequest) -> HttpResponse:
    """What holds for new businesses, what is to come, and a form for one more."""
    now = timezone.now()
    known = price_setting.current()
    form = EverybodysPriceForm(request.POST or None, initial=_initial(request, known))
    if request.method == "POST":
        if not request.user.has_perm(SETS):
            raise PermissionDenied
        with schema_context(TEMPLATE):  # where it must not stand already
            is_valid = form.is_valid()
        if is_valid:
            made = price_setting.for_everybody(form.instance, actor=access.person(request))
            told = ngettext("Kept for %(n)s list of prices.", "Kept for %(n)s lists of prices.", made)
            messages.success(request, told % {"n": made})
            return redirect("admin:finance_prices")
    return Site.show(
        request,
        "admin/billing/prices.html",
        title=_("Prices of all businesses"),
        form=form,
        rows=[(row, row.effective_from > now) for row in known],
        may_set=request.user.has_perm(SETS),
    )


def _initial(request: HttpRequest, known: list[Price]) -> dict[str, Any]:
    """The price that holds now of the model that the address names, to begin from."""
    wanted = request.GET.get("model", "*")
    found = [row for row in known if row.model == wanted and row.effective_from <= timezone.now()]
    values = {field.name: getattr(found[-1], field.name) for field in Price._meta.fields} if found else {}
    begins = timezone.localtime().strftime("%Y-%m-%dT%H:%M")
    return {**values, "model": wanted[:120], "effective_from": begins}


add_page(
    Page(
        "finance/prices/",
        "finance_prices",
        gettext_lazy("Prices"),
        prices,
        SEES,
        on_public=True,
        icon="sell",
        about=gettext_lazy(
            "Credits for tokens, speech, pages and templates, of every business from a moment on."
        ),
    )
)
