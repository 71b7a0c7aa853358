"""What an owner sets: when the card is charged, when they want to hear of few credits, and when to save."""

import re
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import low, money, packs
from billing.models import AutoRecharge, CreditAccount, CreditWarnings
from tenants.models import Pack

MOST_STEPS = 5
MOST_SAVING = 1_000_000
_NUMBERS = re.compile(r"[\s,;.]+")


class RechargeForm(forms.Form):
    """When, up to what, and at most how much a month; with the consent to exactly that."""

    threshold = forms.IntegerField(
        label=gettext_lazy("With fewer credits than"), min_value=1, max_value=packs.MOST
    )
    target = forms.IntegerField(label=gettext_lazy("Fill up to"), min_value=2, max_value=packs.MOST)
    ceiling = forms.CharField(
        label=gettext_lazy("At most in a month"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    agrees = forms.BooleanField(
        label=gettext_lazy("I agree that the saved card is charged like this without being asked each time."),
        error_messages={"required": gettext_lazy("Without your consent nothing is charged.")},
    )

    def __init__(self, rate: Pack, chosen: AutoRecharge, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "recharge_%s")
        super().__init__(*args, **kwargs)
        self.rate = rate
        if chosen.target and chosen.currency == rate.currency:
            self._begin_with(chosen.threshold, chosen.target, chosen.monthly_ceiling)
        else:
            target = max(rate.credits, 10)
            self._begin_with(target // 10, target, packs.amount_for(target, rate) * 2)
        self.fields["ceiling"].help_text = _(
            "In %(currency)s. Nothing is charged beyond it, and no tax is added."
        ) % {"currency": rate.currency.upper()}

    def _begin_with(self, threshold: int, target: int, ceiling: int) -> None:
        words = money.words(ceiling, self.rate.currency)
        for name, value in (("threshold", threshold), ("target", target), ("ceiling", words)):
            self.initial.setdefault(name, value)

    def clean_ceiling(self) -> int:
        try:
            return money.read(self.cleaned_data["ceiling"], self.rate.currency)
        except ValueError:
            raise forms.ValidationError(_("Write an amount, as 150 or 150.50.")) from None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        threshold, target = given.get("threshold"), given.get("target")
        if threshold and target and target - threshold < packs.LEAST:
            words = _("At least %(least)s more than the mark above: each charge buys the difference.")
            self.add_error("target", words % {"least": packs.LEAST})
        elif target and (ceiling := given.get("ceiling")) is not None:
            self._check_ceiling(ceiling, target)
        return given

    def _check_ceiling(self, ceiling: int, target: int) -> None:
        """Less than one charge would never let the card be charged when it is needed most."""
        least = packs.amount_for(target, self.rate)
        if ceiling < least:
            words = _("At least %(least)s, or filling up from nothing would not be possible.")
            self.add_error("ceiling", words % {"least": money.words(least, self.rate.currency)})


class StepsField(forms.CharField):
    """A few whole numbers with commas between them; none is none."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        self.most = most
        # No keypad of digits: on many phones that has no comma.
        widget = forms.TextInput(attrs={"autocomplete": "off"})
        super().__init__(required=False, max_length=80, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(str(step) for step in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        parts = [part for part in _NUMBERS.split(super().clean(value)) if part]
        if not all(part.isascii() and part.isdecimal() and 0 < int(part[:12]) <= self.most for part in parts):
            words = _("Whole numbers from 1 to %(most)s, with commas between them.")
            raise forms.ValidationError(words % {"most": self.most})
        if len(set(parts)) > MOST_STEPS:
            raise forms.ValidationError(_("At most %(most)s of them.") % {"most": MOST_STEPS})
        return sorted({int(part) for part in parts}, reverse=True)


class WarningsForm(forms.Form):
    """When somebody is told, and from when on the model that costs least answers."""

    days_left = StepsField(
        most=low.MOST_DAYS,
        label=gettext_lazy("When they last only so many days"),
        help_text=gettext_lazy("As 7, 2. Each is told once until credits are added."),
    )
    credits_left = StepsField(
        most=1_000_000,
        label=gettext_lazy("When only so many credits are left"),
        help_text=gettext_lazy("As 100, 20. That they are used up is always told."),
    )
    saving_below = forms.IntegerField(
        label=gettext_lazy("Save with fewer credits than"),
        min_value=0,
        max_value=MOST_SAVING,
        help_text=gettext_lazy("Then the model that costs least answers everything. 0: never."),
    )

    def __init__(self, chosen: CreditWarnings, account: CreditAccount, *args: Any, **kwargs: Any) -> None:
        initial = {
            "days_left": chosen.days_left,
            "credits_left": chosen.credits_left,
            "saving_below": account.saving_below,
        }
        kwargs.update(initial=initial, auto_id="warn_%s")
        super().__init__(*args, **kwargs)
