"""Show a customer at once that they were read and that an answer is in the making, where a channel can."""

from django.db.models import Exists, OuterRef

from conversations import channels
from conversations.models import Conversation, Message, Turn
from tenants import written
from tenants.background import enqueue, task
from tenants.db import connection
from tenants.written import slot


def ring(conversation: Conversation, message: Message) -> None:
    """In the caller's transaction: after its commit the customer sees it, while the model thinks."""
    if isinstance(channels.transport(conversation.channel), channels.Attentive):
        enqueue(attend, message_id=message.pk)


@task()
def attend(message_id: int) -> None:
    """Manners: when the doorbell or the call is lost, nothing else is."""
    found = _IN_THE_MAKING.first(pk=message_id)
    if found is None:
        return  # answered already: dots now would promise another answer
    channel = found.conversation.channel
    transport = channels.transport(channel)
    if isinstance(transport, channels.Attentive):
        connection.close_if_unusable_or_obsolete()  # not ours to keep while a vendor is slow
        transport.attend(channel, found)


_IN_THE_MAKING = written.Rows(
    lambda: Message.objects.select_related("conversation__channel").filter(
        Exists(Turn.objects.filter(conversation=OuterRef("conversation"), status=Turn.Status.RUNNING)),
        pk=slot("pk"),
    )
)
