"""Which version of an assistant answers in a conversation, and whether it only rehearses."""

from agents.models import AgentVersion
from conversations import experiments
from conversations.models import Channel, Conversation, Trial


def of(conversation: Conversation) -> AgentVersion | None:
    """The version that answers here: the published one, or what is compared with it for this customer.

    In a test chat it is what its member tries.
    """
    if is_rehearsed(conversation):
        return _tried(conversation)
    return experiments.version_of(conversation, conversation.channel.agent.published)


def is_rehearsed(conversation: Conversation) -> bool:
    """Whether this is a test chat: tools touch nothing there, and nobody pays."""
    return conversation.channel.kind == Channel.Kind.TEST


def _tried(conversation: Conversation) -> AgentVersion | None:
    """A draft that is not there is as what is published."""
    trial = Trial.objects.filter(conversation=conversation).select_related("agent").first()
    agent = trial.agent if trial else conversation.channel.agent
    draft = agent.draft if trial and trial.side == Trial.Side.DRAFT else None
    return draft or agent.published
