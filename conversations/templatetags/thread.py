"""What a message holds beside its words, on a page."""

from django import template

from conversations import beyond_words

register = template.Library()
register.filter("map_url", beyond_words.map_url)
register.filter("card_words", beyond_words.card_in_words)
