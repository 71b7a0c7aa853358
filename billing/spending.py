"""What was spent today and how much may be: a part of the Credits page, and the form of its limits."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import breakdown, limits, money, price_list, statement_words
from billing.limits import Limit
from billing.models import LedgerEntry
from tenants import access


class LimitsForm(forms.Form):
    """Credits a day, for everything and for each assistant; an empty field is no limit."""

    def __init__(self, found: list[Limit], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found = found
        for limit in found:
            self.fields[limit.field] = forms.CharField(
                label=limit.name or _("Everything together"),
                required=False,
                max_length=20,
                help_text=_("%(spent)s counted today") % {"spent": money.grouped(limit.spent)},
                initial="" if limit.credits_a_day is None else money.grouped(limit.credits_a_day),
                widget=forms.TextInput(
                    attrs={"inputmode": "numeric", "class": "input w-full", "placeholder": _("no limit")}
                ),
            )

    @property
    def rows(self) -> list[tuple[Limit, forms.BoundField]]:
        """Each limit with its field."""
        return [(limit, self[limit.field]) for limit in self.found]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        for limit in self.found:
            try:
                given[limit.field] = limits.amount_of(given.get(limit.field, ""))
            except ValueError as error:
                self.add_error(limit.field, str(error))
        return given


def context(request: HttpRequest, *, form: LimitsForm | None = None) -> dict[str, Any]:
    """What `_spending.html` shows; `form` is one that was sent and is to be mended."""
    now = timezone.now()
    zone = request.tenant.timezone  # type: ignore[attr-defined]
    today = breakdown.groups(breakdown.today(zone, now=now), "kind")
    spent = [one for one in today if one.of in LedgerEntry.SPENT]
    return {
        "by_kind": [(statement_words.kind(one.of), one) for one in spent],
        "form": form or LimitsForm(list(limits.listed(now=now))),
        "may_set": request.membership.role in access.MONEY,  # type: ignore[attr-defined]
        "prices": price_list.current(now=now),
        "month": timezone.localdate(now),
    }
