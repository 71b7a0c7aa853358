"""The tools that send: one of the business's own documents, where it is, words for later.

Whoever is written to is the customer of this conversation, whatever a model was told.
"""

from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from pydantic import Field

from agents import guarding, prompting, replies
from agents.models import AgentVersion
from agents.tools import Claim, Context, Outcome, Tool, ToolFailed, register
from conversations import attachments, beyond_words, channels, follow_ups, handoff, outbox, rules
from conversations.models import Conversation, Message
from conversations.outbox import Attached
from conversations.tools_talk import Arguments
from knowledge.models import Audience, Document
from tenants.current import tenant

NOBODY_HERE = "There is no conversation to send to."
PERSON_HAS_IT = "A person of the team has taken over: they send it."


def _conversation(context: Context) -> Conversation:
    if context.conversation_id is None:
        raise ToolFailed(NOBODY_HERE)
    return Conversation.objects.select_related("channel").get(pk=context.conversation_id)


# -- a document


class SendDocument(Arguments):
    """Which document."""

    title: str = Field(
        min_length=1, max_length=200, description="The document's title, word for word, as a passage has it."
    )


def _send_document(given: SendDocument, context: Context, key: str) -> Outcome:
    conversation, document = _conversation(context), _document(given, context)
    unique_id = outbox.unique_id_for(conversation.pk, key)
    if outbox.posted(conversation, unique_id) is None:
        attached = _copied(document, conversation)
        if not _post_once(conversation.pk, "", unique_id, context, attached=attached):
            attachments.forget(attached)
    return Outcome({"sent": document.title})


def _would_send_document(given: SendDocument, context: Context, key: str) -> Outcome:
    return Outcome({"sent": _document(given, context).title})


def _document(given: SendDocument, context: Context) -> Document:
    """A file that this assistant's customers may know; raises ToolFailed."""
    agent_id = AgentVersion.objects.values_list("agent_id", flat=True).get(pk=context.agent_version_id)
    known = Document.objects.filter(
        Q(agent_ids=[]) | Q(agent_ids__contains=[agent_id]),
        audience=Audience.CUSTOMERS,
        form=Document.Form.FILE,
        chunk_count__gt=0,
    )
    # A title is often the file's name: models leave out its end.
    named = Q(title__iexact=given.title) | Q(title__istartswith=f"{given.title}.")
    found = known.filter(named).order_by("pk").first()
    if found is None or not found.answering_file:
        raise ToolFailed("There is no document of this title that can be sent.")
    return found


def _copied(document: Document, conversation: Conversation) -> Attached:
    """The file as the message's own: a new version of the document changes nothing that was sent."""
    suffix = PurePath(document.answering_file).suffix
    name = f"{document.title.removesuffix(suffix)}{suffix}"
    with default_storage.open(document.answering_file) as stored:
        file: Any = File(stored, name=name)
        try:
            return attachments.accept(file, channel=conversation.channel)
        except attachments.Unsuitable:
            raise ToolFailed("This chat cannot carry the file.") from None


@transaction.atomic(durable=True)
def _post_once(
    conversation_id: int, text: str, unique_id: str, context: Context, *, attached: Attached | None = None,
    content: dict[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Queue it under the tool's key; False when it is there already. Raises ToolFailed beside a person."""
    conversation = handoff.locked(conversation_id)
    if outbox.posted(conversation, unique_id) is not None:
        return False
    if conversation.handler != Conversation.Handler.AGENT:
        raise ToolFailed(PERSON_HAS_IT)
    outbox.post(
        conversation,
        text,
        now=context.now,
        author=Message.Author.AGENT,
        attached=attached,
        content=content,
        unique_id=unique_id,
    )
    return True


# -- the way


class SendLocation(Arguments):
    """Nothing is to be chosen."""


def _send_location(given: SendLocation, context: Context, key: str) -> Outcome:
    conversation, place = _conversation(context), _place()
    carries = channels.transport(conversation.channel).limits.places
    words = beyond_words.place_in_words(place)
    text = words if carries else f"{words}\n{beyond_words.map_url(place)}"
    content = {"location": place} if carries else None
    unique_id = outbox.unique_id_for(conversation.pk, key)
    _post_once(conversation.pk, text, unique_id, context, content=content)
    return Outcome({"sent": words})


def _would_send_location(given: SendLocation, context: Context, key: str) -> Outcome:
    return Outcome({"sent": beyond_words.place_in_words(_place())})


def _place() -> dict[str, Any]:
    place: dict[str, Any] = rules.current().place
    if not place:
        raise ToolFailed("The business has not said where it is.")
    return place


# -- words for later


class FollowUp(Arguments):
    """What is said later, and when."""

    at: str = Field(
        min_length=10,
        max_length=40,
        description="When, as ISO 8601 in the business's own time, for example 2026-11-30T09:00.",
    )
    text: str = Field(min_length=2, max_length=500, description="What the customer will read then, whole.")


def _follow_up(given: FollowUp, context: Context, key: str) -> Outcome:
    if context.conversation_id is None:
        raise ToolFailed(NOBODY_HERE)
    _check_words(given.text, context)
    try:
        row = follow_ups.plan(
            context.conversation_id, text=given.text, due_at=_moment(given.at), key=key, now=context.now
        )
    except follow_ups.Impossible as error:
        raise ToolFailed(str(error)) from None
    return Outcome({"scheduled": _local(row.due_at)})


def _would_follow_up(given: FollowUp, context: Context, key: str) -> Outcome:
    _check_words(given.text, context)
    return Outcome({"scheduled": _local(_moment(given.at))})


def _check_words(text: str, context: Context) -> None:
    """They are looked at as an answer is: nobody reads them again before the customer does."""
    version = AgentVersion.objects.get(pk=context.agent_version_id)
    known = prompting.own_words(version)
    if guarding.inspect(text, known=known, rules=replies.RULES) is not None:
        raise ToolFailed("These words may not be sent: no links, numbers or promises that are not published.")


def _moment(text: str) -> datetime:
    """The moment; a time without a zone is the business's own."""
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise ToolFailed("This is no date and time: write it like 2026-11-30T09:00.") from None
    return (said if said.tzinfo else said.replace(tzinfo=ZoneInfo(tenant().timezone))).astimezone(UTC)


def _local(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(tenant().timezone)).strftime("%Y-%m-%d %H:%M")


def register_all() -> None:
    """Offer them to every business; called in AppConfig.ready()."""
    register(
        Tool(
            name="send_document",
            title=_("Send a document"),
            when="Send the customer one of the business's documents as a file, when they ask for it or it"
            " answers better than words. Only titles of passages that you were given.",
            arguments=SendDocument,
            run=_send_document,
            rehearse=_would_send_document,
            claims=frozenset({Claim.SENT}),
        )
    )
    register(
        Tool(
            name="send_location",
            title=_("Send where the business is"),
            when="Send the place of the business on a map, when the customer asks where it is or how to get"
            " there.",
            arguments=SendLocation,
            run=_send_location,
            rehearse=_would_send_location,
            claims=frozenset({Claim.SENT}),
        )
    )
    register(
        Tool(
            name="schedule_follow_up",
            title=_("Write again later"),
            when="Write to this customer again at a later moment, when they ask to be reminded or to be"
            " written to later. It is dropped if they write before. Not for appointments.",
            arguments=FollowUp,
            run=_follow_up,
            rehearse=_would_follow_up,
            claims=frozenset({Claim.SCHEDULED}),
        )
    )
