"""A channel's state on a page."""

from django import template

from conversations import channel_words

register = template.Library()
register.filter("state_words", channel_words.state)
register.filter("health_headline", channel_words.headline)
register.filter("health_explanation", channel_words.explanation)
register.filter("restriction_words", channel_words.restriction)
register.filter("health_dot", channel_words.dot)
register.filter("history_words", channel_words.history)
