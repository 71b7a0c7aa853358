"""What the API says and takes, in JSON."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.replies import LANGUAGE_NAMES
from conversations import sessions
from conversations.models import Channel, Contact, Conversation, Message, Session, Turn, TurnPassage

MAX_TEXT = 4000
MAX_METADATA = 4096
BIGGEST_ID = 2**63 - 1
LANGUAGES = tuple(LANGUAGE_NAMES)


class ChannelShape(serializers.ModelSerializer):
    """The channel of a conversation."""

    class Meta:
        model = Channel
        fields = ("id", "name", "kind")


class ContactShape(serializers.ModelSerializer):
    """The customer."""

    class Meta:
        model = Contact
        fields = ("id", "name", "language")


class ConversationShape(serializers.ModelSerializer):
    """A thread: who answers in it, and how it stands. `address` is the chat on its channel."""

    channel = ChannelShape()
    contact = ContactShape()

    class Meta:
        model = Conversation
        fields = (
            "id",
            "channel",
            "contact",
            "address",
            "status",
            "handler",
            "handoff_reason",
            "language",
            "unread_count",
            "waiting_since",
            "last_message_at",
            "created_at",
        )


class MessageShape(serializers.ModelSerializer):
    """One utterance. `outcome` tells how an inbound one ended, `status` how far an outbound one came."""

    conversation_id = serializers.IntegerField()
    turn_id = serializers.IntegerField(allow_null=True)
    author = serializers.ChoiceField(source="author_kind", choices=Message.Author.choices)
    text = serializers.CharField(source="whole_text")
    outcome = serializers.ChoiceField(choices=[("", "open"), *Message.Outcome.choices])

    class Meta:
        model = Message
        fields = (
            "id",
            "conversation_id",
            "turn_id",
            "direction",
            "author",
            "kind",
            "text",
            "status",
            "error",
            "outcome",
            "outcome_reason",
            "created_at",
            "sent_at",
        )


class SendShape(serializers.Serializer):
    """A message for a conversation, or for an address on a channel."""

    text = serializers.CharField(max_length=MAX_TEXT)
    conversation_id = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, required=False)
    channel_id = serializers.UUIDField(required=False)
    address = serializers.CharField(
        max_length=190,
        required=False,
        help_text="A phone number with its country, or a chat id of the channel.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        to_address = "channel_id" in attrs and "address" in attrs
        if ("conversation_id" in attrs) == to_address or ("channel_id" in attrs) != ("address" in attrs):
            raise serializers.ValidationError("Give conversation_id, or channel_id and address.")
        return attrs


class SessionContactShape(serializers.Serializer):
    """Who speaks in a session: a known customer's id, or a name for a new one."""

    id = serializers.IntegerField(min_value=1, max_value=BIGGEST_ID, required=False)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)


@extend_schema_field({"type": "object", "additionalProperties": {}})
class Metadata(serializers.DictField):
    """A JSON object of at most 4 KB that the program keeps with a session."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value: dict[str, Any] = super().to_internal_value(data)
        if "\\u0000" in (written := sessions.metadata_text(value)) or len(written) > MAX_METADATA:
            raise serializers.ValidationError(f"At most {MAX_METADATA} bytes of JSON, without NUL.")
        return value


class StartShape(serializers.Serializer):
    """A session to open; everything is optional."""

    contact = SessionContactShape(required=False)
    language = serializers.ChoiceField(choices=LANGUAGES, required=False)
    metadata = Metadata(required=False)


class SessionShape(serializers.ModelSerializer):
    """A conversation that a program leads, with memory."""

    conversation_id = serializers.IntegerField()
    contact = ContactShape(source="conversation.contact")
    language = serializers.CharField(source="conversation.language")
    handler = serializers.ChoiceField(
        source="conversation.handler", choices=Conversation.Handler.choices, help_text="who answers"
    )
    metadata = Metadata()

    class Meta:
        model = Session
        fields = (
            "id",
            "conversation_id",
            "contact",
            "language",
            "handler",
            "metadata",
            "created_at",
            "ended_at",
        )


class SayShape(serializers.Serializer):
    """Something said to the assistant."""

    text = serializers.CharField(max_length=MAX_TEXT)
    language = serializers.ChoiceField(choices=LANGUAGES, required=False)


class OrchestrateShape(SayShape):
    """A question to the assistant, in a session when there was something before it."""

    session_id = serializers.UUIDField(required=False)


class CitationShape(serializers.ModelSerializer):
    """A passage that the answer rests on."""

    document = serializers.CharField(source="document_title")

    class Meta:
        model = TurnPassage
        fields = ("document", "document_id", "heading", "page", "quote")


class CostShape(serializers.ModelSerializer):
    """What the answer cost, in credits, and the tokens behind them."""

    class Meta:
        model = Turn
        fields = ("credits", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


class ToolRunShape(serializers.Serializer):
    """Something that the assistant did, not only said."""

    tool = serializers.CharField()
    done = serializers.BooleanField()


class AnswerShape(serializers.Serializer):
    """What came of it. While `finished` is false the assistant still thinks: ask again with the same key."""

    session_id = serializers.UUIDField()
    message_id = serializers.IntegerField()
    turn_id = serializers.IntegerField(allow_null=True)
    finished = serializers.BooleanField()
    answer = serializers.CharField(allow_blank=True)
    supported = serializers.BooleanField(help_text="the business's documents carry the answer")
    handed_over = serializers.BooleanField(help_text="a person of the team takes it from here")
    reason = serializers.CharField(allow_blank=True, help_text="why it was handed over or ignored")
    language = serializers.CharField(allow_blank=True)
    citations = CitationShape(many=True)
    tools_run = ToolRunShape(many=True)
    cost = CostShape()
    model = serializers.CharField(allow_blank=True)


class KeyShape(serializers.Serializer):
    """The key that was used."""

    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())


class HealthShape(serializers.Serializer):
    """Whether the key works, for which business, and how its channels stand."""

    status = serializers.ChoiceField(choices=["ok"])
    business = serializers.CharField()
    key = KeyShape(allow_null=True)
    channels = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


def answer(session: Session, message: Message) -> dict[str, Any]:
    """The members of an AnswerShape."""
    turn = sessions.turn_of(message) if message.outcome == Message.Outcome.ANSWERED else None
    replies = sessions.replies_to(message) if message.outcome else []
    conversation = Conversation.objects.only("language").get(pk=message.conversation_id)
    return {
        "session_id": session.pk,
        "message_id": message.pk,
        "turn_id": message.turn_id,
        "finished": bool(message.outcome),
        "answer": "\n\n".join(reply.body for reply in replies),
        "supported": bool(turn and turn.supported),
        "handed_over": message.outcome == Message.Outcome.HANDED_OVER,
        "reason": message.outcome_reason,
        "language": conversation.language,
        "citations": [passage for passage in turn.passages.all() if passage.cited] if turn else [],
        "tools_run": [],
        "cost": turn or Turn(),
        "model": turn.model if turn else "",
    }


def _in_living_memory(moment: datetime) -> None:
    """A database and a calendar have ends; nobody asks for what lies there."""
    if not 1970 < moment.year < 2200:
        raise ValidationError("is not between 1971 and 2199")


class ConversationFilter(filters.FilterSet):
    """What a list of conversations may be asked for."""

    channel = filters.UUIDFilter(field_name="channel_id")
    contact = filters.NumberFilter(field_name="contact_id", min_value=1, max_value=BIGGEST_ID)
    handler = filters.ChoiceFilter(choices=Conversation.Handler.choices)
    status = filters.ChoiceFilter(choices=Conversation.Status.choices)
    updated_after = filters.IsoDateTimeFilter(
        field_name="last_message_at", lookup_expr="gt", validators=[_in_living_memory]
    )

    class Meta:
        model = Conversation
        fields: list[str] = []


class MessageFilter(filters.FilterSet):
    """What a list of messages may be asked for."""

    direction = filters.ChoiceFilter(choices=Message.Direction.choices)
    created_after = filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gt", validators=[_in_living_memory]
    )

    class Meta:
        model = Message
        fields: list[str] = []
