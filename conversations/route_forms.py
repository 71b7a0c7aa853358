"""What an owner says of the router: which model is which tier, and what takes which tier."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import AgentVersion, ModelProvider
from agents.routing import INTENTS, MOST, TIERS, USUAL, Policy
from conversations import route_words

NEVER = MOST + 1
THRESHOLDS = ("sure_from", "hard_from", "hardest_from", "valued_from", "refuses_from")


class RoutingForm(forms.Form):
    """The tiers' models, and the policy of one assistant's next version."""

    usual = forms.ChoiceField(label=_("The usual tier"))
    sure_from = forms.IntegerField(
        label=_("How sure it must be of what is wanted, in percent"),
        min_value=1,
        max_value=MOST,
        help_text=_("Below that the usual tier answers."),
    )
    hard_from = forms.IntegerField(
        label=_("A hard question takes the advanced tier from"),
        min_value=1,
        max_value=MOST,
        required=False,
        help_text=_("1 to 100, by its length, its comparisons and how much it asks at once. Empty: never."),
    )
    hardest_from = forms.IntegerField(
        label=_("A very hard one takes the premium tier from"),
        min_value=1,
        max_value=MOST,
        required=False,
        help_text=_("Empty: never."),
    )
    valued_from = forms.IntegerField(
        label=_("A customer of value gets one tier more from"),
        min_value=1,
        max_value=MOST,
        required=False,
        help_text=_("1 to 100, as their page shows it. Empty: never."),
    )
    refuses = forms.BooleanField(
        label=_("Refuse what has nothing to do with you, without asking a model"), required=False
    )
    refuses_from = forms.IntegerField(
        label=_("How sure it must be of that, in percent"), min_value=50, max_value=MOST
    )

    def __init__(self, *args: Any, version: AgentVersion, **kwargs: Any) -> None:
        policy = Policy.of(version.routing)
        kwargs["initial"] = _initial(policy, version)
        super().__init__(*args, **kwargs)
        tiers = [(name, route_words.tier(name)) for name in TIERS]
        self.fields["usual"].choices = tiers  # type: ignore[attr-defined]
        self._add_tiers()
        for intent in INTENTS:
            choices = [(USUAL, _("the usual tier")), *tiers]
            self.fields[f"intent_{intent}"] = forms.ChoiceField(
                label=route_words.intent(intent).capitalize(), choices=choices
            )

    def _add_tiers(self) -> None:
        known = [
            (name, name) for name in ModelProvider.objects.order_by("name").values_list("name", flat=True)
        ]
        for tier in TIERS:
            self.fields[f"provider_{tier}"] = forms.ChoiceField(
                label=_("Account"), choices=[("", _("the usual one")), *known], required=False
            )
            self.fields[f"model_{tier}"] = forms.CharField(
                label=_("Model"), max_length=120, required=False, strip=True
            )
            self.fields[f"budget_{tier}"] = forms.IntegerField(
                label=_("Credits a day"), min_value=0, max_value=10_000_000, required=False
            )

    def tiers(self) -> Iterator[tuple[str, Any, Any, Any]]:
        """For the page: each tier's name and its three fields."""
        for tier in TIERS:
            yield (
                route_words.tier(tier),
                self[f"provider_{tier}"],
                self[f"model_{tier}"],
                self[f"budget_{tier}"],
            )

    def intents(self) -> Iterator[Any]:
        """For the page: a field for each intent."""
        return (self[f"intent_{intent}"] for intent in INTENTS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        hard, hardest = cleaned.get("hard_from"), cleaned.get("hardest_from")
        if hard and hardest and hardest < hard:
            self.add_error("hardest_from", _("A very hard question must be harder than a hard one."))
        return cleaned

    def content(self) -> dict[str, Any]:
        """The fields of a version: `tiers` as far as they say anything, `routing` where it differs."""
        said = self.cleaned_data
        policy = Policy(
            usual=said["usual"],
            intents={intent: said[f"intent_{intent}"] for intent in INTENTS},
            budgets={tier: said[f"budget_{tier}"] for tier in TIERS if said[f"budget_{tier}"] is not None},
            refuses=said["refuses"],
            **{name: said[name] or NEVER for name in THRESHOLDS},
        )
        tiers = {tier: self._tier(tier) for tier in TIERS}
        return {"tiers": {tier: one for tier, one in tiers.items() if one}, "routing": policy.said()}

    def _tier(self, tier: str) -> dict[str, str]:
        said = {
            "provider": self.cleaned_data[f"provider_{tier}"],
            "model": self.cleaned_data[f"model_{tier}"],
        }
        return {name: value for name, value in said.items() if value}


def _initial(policy: Policy, version: AgentVersion) -> dict[str, Any]:
    initial: dict[str, Any] = {"usual": policy.usual, "refuses": policy.refuses}
    for name in THRESHOLDS:
        value = getattr(policy, name)
        initial[name] = value if value <= MOST else None
    for intent in INTENTS:
        initial[f"intent_{intent}"] = policy.intents.get(intent, USUAL)
    for tier in TIERS:
        said = (version.tiers or {}).get(tier) or {}
        initial[f"provider_{tier}"], initial[f"model_{tier}"] = (
            said.get("provider", ""),
            said.get("model", ""),
        )
        initial[f"budget_{tier}"] = policy.budgets.get(tier)
    return initial
