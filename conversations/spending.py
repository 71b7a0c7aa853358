"""What an answer costs, and for whom it was: the vendor's price, and the numbers that a use is kept under."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from agents.models import AgentVersion
from billing import vendor_prices
from billing.usage import Whose
from conversations.models import Conversation

if TYPE_CHECKING:
    from conversations.engine import Thought


def kept(thought: "Thought", *, at: datetime) -> dict[str, Any]:
    """A turn's columns, in millionths of a US dollar: empty where no price is known, 0 where nobody is asked.

    Expressions: they are worked out by the statement that closes the turn.
    """
    model, used = thought.completion.model, thought.completion.usage
    if thought.saved is not None:
        saved = vendor_prices.cost(thought.price_list, model, thought.saved, at=at)
        return {"cached": True, "provider_cost": 0, "provider_saved": saved}
    if not thought.price_list:
        return {"provider_cost": 0}
    return {"provider_cost": vendor_prices.cost(thought.price_list, model, used, at=at)}


def whose(conversation: Conversation, version: AgentVersion | None = None) -> Whose:
    """For whom something was used: this version's assistant, else the channel's where that is at hand."""
    channel = conversation.channel if Conversation.channel.is_cached(conversation) else None
    agent_id = version.agent_id if version is not None else channel.agent_id if channel is not None else None
    return Whose(agent_id, conversation.channel_id, conversation.pk)
