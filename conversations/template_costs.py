"""What messages by template cost: by their category, from when WhatsApp took them, and nothing when it fails.

The price is the row template:<category> of the price list, as template:marketing, else that of all models.
"""

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from billing import credits, pricing, usage
from billing.models import LedgerEntry
from conversations import used_for
from conversations.models import Message
from tenants.current import tenant as current_tenant

UNPAID = "There are not enough credits for this template."


def refusal(message: Message, *, now: datetime) -> str:
    """Why this template may not be sent now; empty when it may, and for any other message."""
    if not is_template(message):
        return ""
    cost = pricing.message_cost(credits.price_for(_priced_as(message), at=now))
    try:
        credits.check(amount=cost, agent_id=_agent(message), now=now)
    except credits.InsufficientCredits:
        return UNPAID
    return ""


def sent(message: Message, *, now: datetime) -> None:
    """WhatsApp took it: charged once, in the transaction that says so, as far as there are credits."""
    if not is_template(message):
        return
    key, model = f"template:{message.pk}", _priced_as(message)
    price = credits.price_for(model, at=now)
    cost = pricing.message_cost(price)
    with translation.override(current_tenant().language):
        reason = _("message by template")
    new = credits.spend(
        kind=LedgerEntry.Kind.TEMPLATE,
        amount=cost,
        key=key,
        reason=reason,
        agent_id=_agent(message),
        partly=True,
        now=now,
    )
    if new:
        whose = used_for.whose(message.conversation)
        usage.of_template(key=key, cost=cost, price=price, category=model, whose=whose, now=now)


def give_back(message: Message, *, now: datetime) -> LedgerEntry | None:
    """It was taken and not delivered; the entry that says so, None when nothing was charged."""
    if not is_template(message):
        return None
    charge = LedgerEntry.objects.filter(key=f"template:{message.pk}").first()
    if charge is None:
        return None
    with translation.override(current_tenant().language):
        reason = _("free: the message was not delivered")
    return credits.give_back(charge, reason=reason, actor=None, now=now)


def is_template(message: Message) -> bool:
    return bool(message.content.get("template"))


def _priced_as(message: Message) -> str:
    return f"template:{message.content['template'].get('category') or 'utility'}"


def _agent(message: Message) -> int | None:
    return used_for.whose(message.conversation).agent_id
