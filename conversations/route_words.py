"""The router in words: tiers, intents, and why an answer was given by which model."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations.models import Turn

TIERS: dict[str, Promise] = {
    "fast": gettext_lazy("fast"),
    "balanced": gettext_lazy("balanced"),
    "advanced": gettext_lazy("advanced"),
    "premium": gettext_lazy("premium"),
}
INTENTS: dict[str, Promise] = {
    "greeting": gettext_lazy("a greeting"),
    "thanks": gettext_lazy("thanks or a goodbye"),
    "opening_hours": gettext_lazy("opening hours"),
    "location": gettext_lazy("where you are"),
    "price": gettext_lazy("a price"),
    "payment": gettext_lazy("how to pay, an invoice"),
    "booking": gettext_lazy("an appointment or a booking"),
    "order_status": gettext_lazy("where an order is"),
    "complaint": gettext_lazy("a complaint"),
    "refund": gettext_lazy("money back, an exchange"),
    "technical_problem": gettext_lazy("something that does not work"),
    "buying": gettext_lazy("wants to buy"),
    "information": gettext_lazy("about what you offer"),
    "person": gettext_lazy("wants a person"),
    "out_of_scope": gettext_lazy("nothing to do with you"),
}


def tier(name: str) -> str:
    """A tier's name for a person."""
    return str(TIERS.get(name, name))


def intent(name: str) -> str:
    """What a customer wants, for a person."""
    return str(INTENTS.get(name, name))


def reasons(route: Mapping[str, Any]) -> list[str]:
    """Why this tier, step by step (`Turn.route`); empty where nothing was decided."""
    said = [_reason(one) for one in route.get("reasons", ())]
    return [
        *said,
        *([_("It has nothing to do with you, so no model was asked.")] if route.get("refused") else []),
    ]


def _reason(one: Mapping[str, Any]) -> str:
    values = {
        "intent": intent(one.get("intent", "")),
        "tier": tier(one.get("tier", "")),
        "n": one.get("number", 0),
    }
    forms = {
        "usual": _("The usual tier: %(tier)s."),
        "intent": _("It reads as: %(intent)s (%(n)s %% sure). For that: %(tier)s."),
        "unsure": _("It may be: %(intent)s (only %(n)s %% sure). So the usual tier: %(tier)s."),
        "hard": _("The question is hard (%(n)s of 100): %(tier)s."),
        "value": _("The customer is worth much to you (%(n)s of 100): %(tier)s."),
        "not_set_up": _("That tier has no model of its own; the nearest: %(tier)s."),
        "budget": _("That tier's budget of today (%(n)s credits) is spent; the next cheaper: %(tier)s."),
        "all_spent": _("All budgets of today are spent; the cheapest answers on: %(tier)s."),
        "saving": _("Few credits are left, so the model that costs least answers: %(tier)s."),
        "unpaid": _(
            "No model could be paid, by the credits or by a limit of yours: "
            "your documents answered in their own words."
        ),
        "files": _("A file came with it, made ready for: %(tier)s."),
    }  # fmt: skip
    return forms[one["code"]] % values if one.get("code") in forms else ""


def fallbacks(route: Mapping[str, Any]) -> list[str]:
    """Who was asked in vain, and why."""
    return [
        _("%(model)s (%(tier)s) did not answer: %(reason)s")
        % {
            "model": one.get("model") or one.get("vendor"),
            "tier": tier(one.get("tier", "")),
            "reason": one.get("reason"),
        }
        for one in route.get("fallbacks", ())
    ]


def of_turn(turn: Turn) -> dict[str, Any]:
    """For the page that says why: the tier, the reasons, who was asked in vain, and the intents to choose."""
    return {
        "tier": tier(turn.tier),
        "reasons": reasons(turn.route),
        "fallbacks": fallbacks(turn.route),
        "intent": turn.intent,
        "corrected": turn.route.get("corrected", ""),
        "intents": list(INTENTS.items()),
    }
