"""Amounts of money in templates: `{{ topup.amount|money:topup.currency }}`."""

from django import template

from billing.money import words

register = template.Library()


@register.filter
def money(amount: int, currency: str) -> str:
    """An integer of the smallest unit, in the language of the page."""
    return words(amount, currency)
