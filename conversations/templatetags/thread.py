"""What a message holds beside its words, on a page."""

from django import template

from conversations import beyond_words, receipt_words
from conversations.models import Message, TurnPassage

register = template.Library()
register.filter("map_url", beyond_words.map_url)
register.filter("card_words", beyond_words.card_in_words)
register.filter("deeds", receipt_words.deeds)
register.filter("called_because", receipt_words.called_because)


@register.filter
def cited(message: Message) -> list[TurnPassage]:
    """The passages that an answer cites, best first; read beforehand for a whole thread (`citing`)."""
    return getattr(message.turn, "cited_passages", []) if message.turn_id else []
