"""Sentences that rows keep, and how many flags a document has."""

from typing import Any

from django import template

from knowledge import flags, stored_words
from knowledge.models import Document

register = template.Library()
register.filter("kept_words", stored_words.in_words)


@register.simple_tag(takes_context=True)
def open_flags(context: template.Context, document: Document) -> int:
    """How many open flags this document has; counted once a page."""
    request: Any = context.get("request")
    counts = getattr(request, "flag_counts", None)
    if counts is None:
        counts = flags.counts()
        if request is not None:
            request.flag_counts = counts
    return int(counts.get(document.pk, 0))
