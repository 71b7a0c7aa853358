"""The test chat on a page."""

from django import template

from conversations.trial_shown import Answered, Exchange

register = template.Library()


@register.filter
def answer_of(exchange: Exchange, side: str) -> Answered | None:
    """What a side answered; None where it was not asked."""
    return exchange.answers.get(side)
