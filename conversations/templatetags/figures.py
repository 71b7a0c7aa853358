"""Figures as pages write them."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django import template
from django.utils import formats

from conversations import figure_words

register = template.Library()
register.filter("span", figure_words.duration)
register.filter("grouped", figure_words.number)
register.filter("person_reason", figure_words.reason)


@register.filter
def as_query(asked: Mapping[str, str]) -> str:
    """What an address asks for, as one writes it behind the question mark."""
    return urlencode(asked)


@register.filter
def share(count: int, of: int) -> str:
    """So many of so many, in percent; a dash of nothing."""
    return figure_words.percent(100 * count / of) if of else "–"


@register.filter
def minus(value: int, other: int) -> int:
    return value - other


@register.filter
def rating(score: float | None) -> str:
    """A mean of 1 to 5 with one digit; a dash for none."""
    return "–" if score is None else formats.number_format(score, 1)


@register.filter
def plain_number(value: float | None) -> str:
    """As a script reads it: no grouping and a point; nothing for none."""
    return "" if value is None else f"{value:.0f}"


@register.filter
def weekday_name(day: int) -> str:
    """1 is Monday."""
    return str(figure_words.WEEKDAYS[day - 1])


@register.filter
def named(names: Mapping[object, str], key: object) -> str:
    """The name of this id; empty for one that is not known."""
    return names.get(key, "")
