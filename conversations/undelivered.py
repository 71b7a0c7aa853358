"""What never reached a customer costs nothing, and says so: the charge is given back by an entry of its own.

Free once is free for good: an answer that a person sends again, or that WhatsApp delivers after all, is not
charged a second time.
"""

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from billing import credits
from billing.models import LedgerEntry
from conversations import template_costs
from conversations.models import Message, Turn
from tenants import live
from tenants.current import tenant as current_tenant


def free(message: Message, *, now: datetime) -> None:
    """This message has failed for good: in the transaction that says so, before it ends."""
    back = template_costs.give_back(message, now=now)
    if message.turn_id is not None and not _has_reached(message.turn_id):
        back = _free_answer(message.turn_id, now=now) or back
    if back is not None:
        live.publish("credits.changed", id=back.pk)


def _has_reached(turn_id: int) -> bool:
    """Whether anything that this answer said has gone out, or still may."""
    said = Message.objects.filter(turn=turn_id, direction=Message.Direction.OUT)
    return said.exclude(status=Message.Status.FAILED).exists()


def _free_answer(turn_id: int, *, now: datetime) -> LedgerEntry | None:
    charge = LedgerEntry.objects.filter(key=f"turn:{turn_id}").first()
    if charge is None:
        return None  # it was free already
    with translation.override(current_tenant().language):
        reason = _("free: the answer was not delivered")
    entry = credits.give_back(charge, reason=reason, actor=None, now=now)
    Turn.objects.filter(pk=turn_id).update(credits=0, free_because=Turn.Free.NOT_DELIVERED)
    return entry
