"""Show a customer at once that they were read and that an answer is in the making, where a channel can."""

from conversations import channels
from conversations.models import Conversation, Message
from tenants.background import enqueue, task
from tenants.db import connection


def ring(conversation: Conversation, message: Message) -> None:
    """In the caller's transaction: after its commit the customer sees it, while the model thinks."""
    if isinstance(channels.transport(conversation.channel), channels.Attentive):
        enqueue(attend, message_id=message.pk)


@task()
def attend(message_id: int) -> None:
    """Manners: when the doorbell or the call is lost, nothing else is."""
    found = Message.objects.select_related("conversation__channel").filter(pk=message_id).first()
    if found is None or not found.conversation.turns.filter(status="running").exists():
        return  # answered already: dots now would promise another answer
    channel = found.conversation.channel
    transport = channels.transport(channel)
    if isinstance(transport, channels.Attentive):
        connection.close_if_unusable_or_obsolete()  # not ours to keep while a vendor is slow
        transport.attend(channel, found)
