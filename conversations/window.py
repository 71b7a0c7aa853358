"""WhatsApp's customer service window: a business may write freely for 24 hours after the customer wrote."""

from datetime import datetime, timedelta

from conversations.models import Conversation, Message

LENGTH = timedelta(hours=24)
LATEST = 20  # the moments come from the customers' phones, and a delivery may be late: the last row is not it


def open_until(conversation: Conversation) -> datetime | None:
    """Until when anything may be sent; None when the customer has never written."""
    inbound = conversation.messages.filter(direction=Message.Direction.IN).order_by("-pk")
    rows = inbound.values_list("provider_at", "created_at")[:LATEST]
    # A clock that runs ahead opens no window: what has come is as old as its row at least.
    moments = [min(said_at or stored_at, stored_at) for said_at, stored_at in rows]
    return max(moments) + LENGTH if moments else None


def is_open(conversation: Conversation, *, now: datetime) -> bool:
    until = open_until(conversation)
    return until is not None and now < until
