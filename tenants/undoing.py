"""A sentence about what was done, with a button that takes it back."""

import secrets
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest

MARK = "undo:"
KEPT_SECONDS = 3600


def offer(request: HttpRequest, text: str, *, to: str, **fields: Any) -> None:
    """Say it on the next page, with an Undo that posts to this address of ours; `fields` go into the address.

    It stays until somebody closes it: who reads slowly has the same way back.
    """
    address = f"{to}?{urlencode(fields)}" if fields else to
    messages.success(request, text, extra_tags=f"{MARK}{address}")


def address_of(tags: str) -> str:
    """Where the Undo of a message leads; empty when it has none."""
    return tags.removeprefix(MARK) if tags.startswith(MARK) else ""


def keep(what: dict[str, Any]) -> str:
    """Remember something that is deleted now for an hour; returns the word by which it can be had again."""
    word = secrets.token_urlsafe(18)
    cache.set(_key(word), what, KEPT_SECONDS)
    return word


def kept(word: str) -> dict[str, Any] | None:
    """What was kept under this word; None when that is too long ago."""
    found: dict[str, Any] | None = cache.get(_key(word[:64]))
    return found


def _key(word: str) -> str:
    return f"undo:{word}"
