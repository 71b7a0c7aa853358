"""What the payment vendor's codes mean, in the reader's language."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import recharging

# Why a charge was refused, by the vendor's code or ours.
REFUSED: Mapping[str, Promise] = {
    recharging.NO_CARD: gettext_lazy("There is no saved card any more."),
    recharging.EXPIRED: gettext_lazy("The saved card has expired."),
    recharging.CONFIRM: gettext_lazy("Your bank wants you to confirm the charge yourself."),
    recharging.NO_PRICE: gettext_lazy("Credits are not sold by amount in this currency any more."),
    recharging.UNKNOWN: gettext_lazy("Stripe did not say what became of the charge; nothing was taken."),
    "not_paid": gettext_lazy("The money did not come."),
    "refused": gettext_lazy("Stripe did not accept the order."),
    "amount_too_small": gettext_lazy("Stripe takes no amount as small as this."),
    "insufficient_funds": gettext_lazy("There was not enough money on the card."),
    "lost_card": gettext_lazy("The card was reported as lost."),
    "stolen_card": gettext_lazy("The card was reported as stolen."),
}
# Of refunds and disputes; a warning is a question of the bank's before it takes money.
STATES: Mapping[str, Promise] = {
    "succeeded": gettext_lazy("done"),
    "pending": gettext_lazy("on its way"),
    "requires_action": gettext_lazy("wants something done at Stripe"),
    "failed": gettext_lazy("failed"),
    "canceled": gettext_lazy("canceled"),
    "needs_response": gettext_lazy("wants an answer to the bank"),
    "warning_needs_response": gettext_lazy("wants an answer to the bank"),
    "under_review": gettext_lazy("the bank decides"),
    "warning_under_review": gettext_lazy("the bank decides"),
    "warning_closed": gettext_lazy("closed"),
    "prevented": gettext_lazy("closed"),
    "won": gettext_lazy("won: the money is back"),
    "lost": gettext_lazy("lost"),
}


def refused(code: str) -> str:
    """Why nothing was charged; empty for no code."""
    if not code:
        return ""
    return str(REFUSED.get(code) or _("Your bank declined the card."))


def state(status: str) -> str:
    """How far a refund or a dispute is; a word that is new is shown as the vendor says it."""
    return str(STATES.get(status) or status.replace("_", " "))


def method(name: str) -> str:
    """A way to pay: the card in words, the others by their own names."""
    return _("card") if name == "card" else name.replace("_", " ").capitalize()
