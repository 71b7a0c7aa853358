"""For whom something was used, by the numbers that a use is kept under."""

from agents.models import AgentVersion
from billing.usage import Whose
from conversations.models import Conversation


def whose(conversation: Conversation, version: AgentVersion | None = None) -> Whose:
    """This version's assistant, else the channel's where that is at hand: nothing is looked up."""
    channel = conversation.channel if Conversation.channel.is_cached(conversation) else None
    agent_id = version.agent_id if version is not None else channel.agent_id if channel is not None else None
    return Whose(agent_id, conversation.channel_id, conversation.pk)
