"""Amounts in templates: `{{ topup.amount|money:topup.currency }}`, `{{ topup.credits|credits }}`."""

from django import template

from billing import payment_words
from billing.money import in_credits, words

register = template.Library()
register.filter("why_refused", payment_words.refused)
register.filter("refund_state", payment_words.state)
register.filter("way_to_pay", payment_words.method)


@register.filter
def money(amount: int, currency: str) -> str:
    """An integer of the smallest unit, in the language of the page."""
    return words(amount, currency)


@register.filter
def credits(number: int) -> str:
    """1 credit, 1,250 credits, in the language of the page."""
    return in_credits(number)
