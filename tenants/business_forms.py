"""What a business says of itself: its name, language and time, and who answers for its data."""

import zoneinfo
from functools import lru_cache

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import audit
from tenants.models import LANGUAGES, Tenant, User


class BusinessForm(forms.Form):
    """Name, language and time zone."""

    name = forms.CharField(label=gettext_lazy("Name of the business"), max_length=120)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=LANGUAGES,
        help_text=gettext_lazy(
            "Of letters to the team, and of lines to customers who have shown no language of their own."
        ),
    )
    timezone = forms.CharField(
        label=gettext_lazy("Time zone"),
        max_length=64,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Days, opening hours and quiet hours are reckoned in it."),
    )

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data["timezone"]).strip()
        if zone not in zones():
            raise forms.ValidationError(_("There is no such time zone. It is named like America/Sao_Paulo."))
        return zone


class PrivacyForm(forms.Form):
    """Who answers for data."""

    privacy_name = forms.CharField(label=gettext_lazy("Name"), max_length=120, required=False)
    privacy_email = forms.EmailField(label=gettext_lazy("E-mail"), required=False)
    privacy_url = forms.URLField(
        label=gettext_lazy("Your privacy notice"),
        max_length=300,
        required=False,
        assume_scheme="https",
        help_text=gettext_lazy("The page on your own site that tells customers what you do with their data."),
    )


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Every time zone by its name, without those that are no place."""
    return tuple(
        sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and "Etc/" not in zone)
    )


@transaction.atomic(durable=True)
def keep(tenant: Tenant, values: dict[str, str], *, user: User) -> list[str]:
    """Change what is another value; which that were. The audit names the fields."""
    changed = [name for name, value in values.items() if getattr(tenant, name) != value]
    if changed:
        Tenant.objects.filter(pk=tenant.pk).update(**{name: values[name] for name in changed})
        audit.record("business.change", actor=user, target=tenant.pk, fields=changed)
    return changed
