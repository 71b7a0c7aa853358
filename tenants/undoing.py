"""A sentence about what was done, with a button that takes it back."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest

MARK = "undo:"


def offer(request: HttpRequest, text: str, *, to: str, **fields: Any) -> None:
    """Say it on the next page, with an Undo that posts to this address of ours; `fields` go into the address.

    It stays until somebody closes it: who reads slowly has the same way back.
    """
    address = f"{to}?{urlencode(fields)}" if fields else to
    messages.success(request, text, extra_tags=f"{MARK}{address}")


def address_of(tags: str) -> str:
    """Where the Undo of a message leads; empty when it has none."""
    return tags.removeprefix(MARK) if tags.startswith(MARK) else ""
