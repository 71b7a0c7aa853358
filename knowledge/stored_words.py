"""Sentences that are kept in a row, in English, and shown in the language of whoever reads them."""

import re

from django.utils.translation import gettext as _

from knowledge import cases, flags

_PLACE = re.compile(r"%\((\w+)\)s")


def in_words(detail: str) -> str:
    """A kept sentence in the reader's language; the words of a document in it stay as they are."""
    for sentence in (*cases.SENTENCES, *flags.SENTENCES):
        found = re.fullmatch(_pattern(sentence), detail, re.DOTALL)
        if found is not None:
            return _(sentence) % found.groupdict()
    return detail


def _pattern(sentence: str) -> str:
    parts = _PLACE.split(sentence)
    return "".join(f"(?P<{part}>.*)" if n % 2 else re.escape(part) for n, part in enumerate(parts))
