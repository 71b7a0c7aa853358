"""The form with which a business buys credits, and what stands around it on the page."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import money, packs, payers, payment_setup
from billing.packs import Choice, Offer
from tenants import access
from tenants.middleware import ContentSecurityPolicyMiddleware
from tenants.models import PaymentCustomer, Tenant, TopUp

FREE = "free"
SHOWN = 12  # of the last purchases


class BuyForm(forms.Form):
    """One of the packs or an amount of one's own, and whether the card is kept."""

    currency = forms.CharField(widget=forms.HiddenInput(), max_length=3)
    what = forms.ChoiceField(
        label=gettext_lazy("How many credits"),
        widget=forms.RadioSelect(),
        error_messages={"required": gettext_lazy("Choose how many credits.")},
    )
    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        required=False,
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    keeps_card = forms.BooleanField(
        label=gettext_lazy("Keep this card"),
        help_text=gettext_lazy(
            "Frontdesk may then charge it by itself, but only while you have the automatic recharge "
            "switched on, and never "
            "beyond the ceiling that you set there. You can remove the card at any time."
        ),
        required=False,
    )

    def __init__(self, offer: Offer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer = offer
        what: Any = self.fields["what"]
        what.choices = [(str(pack.pk), str(pack)) for pack in offer.packs]
        self.fields["currency"].initial = offer.currency
        if offer.rate is not None:
            what.choices = [*what.choices, (FREE, FREE)]
        if offer.packs:
            self.initial.setdefault("what", str(offer.packs[len(offer.packs) // 2].pk))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        what = given.get("what")
        if what == FREE:
            given["choice"] = self._free(given.get("amount", ""))
        elif what:
            given["choice"] = self.offer.pack(int(what))
        return given

    def _free(self, text: str) -> Choice | None:
        """What the amount buys; with an error beside it when it is none, or out of bounds."""
        try:
            found = self.offer.free(money.read(text, self.offer.currency))
        except ValueError:
            self.add_error("amount", _("Write an amount, as 150 or 150.50."))
            return None
        if found is None:
            words = {"least": self._words(self.offer.least), "most": self._words(self.offer.most)}
            self.add_error("amount", _("From %(least)s to %(most)s at a time.") % words)
        return found

    def _words(self, amount: int) -> str:
        return money.words(amount, self.offer.currency)

    @property
    def chosen(self) -> str:
        """What is marked in the form as it is shown."""
        return str(self["what"].value() or "")


@dataclass(frozen=True, slots=True)
class Buying:
    """What the page says about buying. Without a form nothing can be bought; `why_not` says why."""

    form: BuyForm | None
    why_not: str
    contact: str
    offers: list[Offer]
    payer: PaymentCustomer | None
    card_is_over: bool
    may_buy: bool
    open_topups: list[TopUp]
    bought: list[TopUp]

    @property
    def has_history(self) -> bool:
        return bool(self.open_topups or self.bought)


def offer_of(request: HttpRequest, tenant: Tenant) -> tuple[Offer | None, list[Offer]]:
    """What this business is shown, and everything that is for sale."""
    wanted = (request.POST.get("currency") or request.GET.get("currency") or "")[:3].lower()
    offered = packs.offers()
    return packs.offer_for(tenant, offered, wanted=wanted), offered


def context(request: HttpRequest, *, form: BuyForm | None = None) -> Buying:
    """What the page needs; `form` is one that was sent and is to be mended."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    offer, offered = offer_of(request, tenant)
    payer = payers.of(tenant)
    why_not = _why_not(offer, payer)
    last = list(TopUp.objects.filter(tenant=tenant).order_by("-pk")[: SHOWN * 2])
    is_open = [one for one in last if one.status in TopUp.OPEN]
    return Buying(
        form=None if why_not or offer is None else form or BuyForm(offer),
        why_not=why_not,
        contact=settings.PAYMENTS_CONTACT,
        offers=offered,
        payer=payer,
        card_is_over=payer is not None and payers.has_expired(payer, now=timezone.now()),
        may_buy=request.membership.role in access.MONEY,  # type: ignore[attr-defined]
        open_topups=[one for one in is_open if one.kind == TopUp.Kind.CHECKOUT],
        bought=[one for one in last if one.status not in (*TopUp.OPEN, "canceled", "expired")][:SHOWN],
    )


def _why_not(offer: Offer | None, payer: PaymentCustomer | None) -> str:
    if not payment_setup.is_set_up() or offer is None:
        return "not_set_up"
    return "frozen" if payer is not None and payer.frozen_at is not None else ""


def leads_to_payment(response: HttpResponse) -> HttpResponse:
    """A form of this page may be sent on to the vendor's pages, and nowhere else."""
    own = ContentSecurityPolicyMiddleware.POLICY
    pages = " ".join(settings.STRIPE_PAGES)
    response.headers["Content-Security-Policy"] = own.replace(
        "form-action 'self'", f"form-action 'self' {pages}"
    )
    return response
