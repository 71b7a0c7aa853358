"""The tools that every business has for the talk itself: look again, call a person, keep what was told."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ConfigDict, Field

from agents.lines import Line, say
from agents.models import AgentVersion
from agents.safety import fold
from agents.tools import Claim, Context, Outcome, Reveals, Tool, ToolFailed, register
from conversations import breakers, fallback, handoff, verifying
from conversations.models import Consent, Contact, Conversation, Message
from knowledge import retrieval
from tenants import live

SHOWN, LONGEST = 4, 800  # passages, and characters of each
CONSENT_TEXT = "2026-11"  # of the question in agents.asking
LONGEST_VALUE = 300


class Arguments(BaseModel):
    """Nothing but the fields that are named."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


# -- search


class Search(Arguments):
    """What to look for."""

    query: str = Field(
        min_length=2,
        max_length=300,
        description="What to look for, in the customer's language, in one sentence.",
    )


def _search(given: Search, context: Context, key: str) -> Outcome:
    """The documents that customers may know, by meaning and words."""
    found = fallback.find(
        given.query,
        language=context.language,
        agent_id=_version(context).agent_id,
        known=breakers.all_known(),
    )
    return Outcome({"enough": found.supported, "passages": [_passage(one) for one in found.passages[:SHOWN]]})


def _passage(found: retrieval.Found) -> dict[str, Any]:
    shown = {"document": found.document_id, "title": found.document_title, "text": found.text[:LONGEST]}
    return shown | ({"page": found.page} if found.page else {})


def _version(context: Context) -> AgentVersion:
    return AgentVersion.objects.get(pk=context.agent_version_id)


# -- a person


class CallPerson(Arguments):
    """Why a person is called."""

    reason: str = Field(
        min_length=2, max_length=200, description="Why, in a few words, for the person who takes over."
    )
    case: str | None = Field(
        None, max_length=300, description="The case of your list that this is, word for word, if it is one."
    )


def _call_person(given: CallPerson, context: Context, key: str) -> Outcome:
    if context.conversation_id is None:
        raise ToolFailed("There is no conversation to hand over.")
    text = _words_for(_version(context).handover, given.case)
    handoff.request(context.conversation_id, reason=Line.CALLED, now=timezone.now(), text=text)
    return _called(text, context)


def _would_call_person(given: CallPerson, context: Context, key: str) -> Outcome:
    return _called(_words_for(_version(context).handover, given.case), context)


def _called(text: str, context: Context) -> Outcome:
    return Outcome({"called": True}, stop=True, say=text or say(Line.CALLED, context.language))


def _words_for(cases: Iterable[Mapping[str, str]], wanted: str | None) -> str:
    """What the owner wants said in this case; empty for the usual line."""
    if not wanted:
        return ""
    said = fold(wanted).strip(" .-")
    return next((one.get("say", "") for one in cases if fold(one.get("when", "")).strip(" .-") == said), "")


# -- what the customer told of themselves


class FieldValue(Arguments):
    """One of the business's own fields."""

    field: str = Field(min_length=1, max_length=60, description="The field, by its name in your list.")
    value: str = Field(min_length=1, max_length=LONGEST_VALUE, description="In the customer's own words.")


class Collect(Arguments):
    """What is kept of a customer."""

    name: str | None = Field(None, max_length=120, description="The customer's name, as they wrote it.")
    email: str | None = Field(None, max_length=254, description="Their e-mail address, as they wrote it.")
    others: list[FieldValue] = Field([], max_length=12, description="Values for the fields of your list.")


def _collect(given: Collect, context: Context, key: str) -> Outcome:
    """Keep it with the yes that was given to it, which is the consent."""
    kept = _checked(given, context)
    if context.contact_id is None or context.conversation_id is None:
        raise ToolFailed("There is nobody to keep this of.")
    _keep(context.contact_id, context.conversation_id, given.name or "", kept, now=context.now)
    return Outcome({"kept": sorted(kept) + (["name"] if given.name else [])})


def _would_collect(given: Collect, context: Context, key: str) -> Outcome:
    kept = _checked(given, context)
    return Outcome({"kept": sorted(kept) + (["name"] if given.name else [])})


def _checked(given: Collect, context: Context) -> dict[str, str]:
    """The details to keep; raises ToolFailed for what nobody asked for, or the customer never said."""
    wanted = {fold(field): field for field in _version(context).collects}
    kept: dict[str, str] = {}
    if given.email:
        if not verifying.is_mail(given.email):
            raise ToolFailed("This is no e-mail address: ask for it again.")
        kept["email"] = given.email.lower()
    for one in given.others:
        if fold(one.field) not in wanted:
            raise ToolFailed("The business does not keep such a field.")
        kept[wanted[fold(one.field)]] = one.value
    if not kept and not given.name:
        raise ToolFailed("There is nothing to keep.")
    said = fold(context.said)
    if any(fold(value) not in said for value in (*kept.values(), given.name or "")):
        raise ToolFailed(
            "The customer has not written this: keep only their own words, and ask where you must."
        )
    return kept


@transaction.atomic(durable=True)
def _keep(
    contact_id: int, conversation_id: int, name: str, details: Mapping[str, str], *, now: datetime
) -> None:
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    contact.name, contact.details = name or contact.name, {**contact.details, **details}
    contact.save(update_fields=["name", "details"])
    conversation = Conversation.objects.get(pk=conversation_id)
    yes = conversation.messages.filter(direction=Message.Direction.IN).order_by("-pk").first()
    Consent.objects.create(
        contact=contact,
        purpose=Consent.Purpose.DETAILS,
        given=True,
        channel_id=conversation.channel_id,
        message=yes,
        words=yes.words[:80] if yes else "",
        text_version=CONSENT_TEXT,
        created_at=now,
    )
    live.publish("conversation.changed", id=conversation.pk)
    live.publish("contact.changed", id=contact.pk)


def register_all() -> None:
    """Offer them to every business; called in AppConfig.ready()."""
    register(
        Tool(
            name="search_knowledge",
            title=_("Look in the documents again"),
            when="Look in the business's documents with other words, when the passages given do not answer"
            " the question. Not for what is said there already, and not for a customer's own records.",
            arguments=Search,
            run=_search,
            rehearse=_search,
            reveals=Reveals.BUSINESS,
            quotes=True,
        )
    )
    register(
        Tool(
            name="call_person",
            title=_("Call a person of the team"),
            when="Hand the conversation to a person of the team: when the customer asks for one, is upset, or"
            " needs what you cannot do, and in the cases that are a person's business. It ends your answer.",
            arguments=CallPerson,
            run=_call_person,
            rehearse=_would_call_person,
            claims=frozenset({Claim.CALLED_PERSON}),
        )
    )
    register(
        Tool(
            name="collect_fields",
            title=_("Keep name, e-mail and other details"),
            when="Keep what the customer has just told you of themselves: name, e-mail, and the fields"
            " of your list. Only what they wrote themselves in this conversation. They are asked for a yes"
            " first.",
            arguments=Collect,
            run=_collect,
            rehearse=_would_collect,
            needs_confirmation=True,
            claims=frozenset({Claim.REGISTERED}),
        )
    )
