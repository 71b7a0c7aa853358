"""Read what was said to a business by a customer who may be remembered. No transaction is open here."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone, translation

from agents import replies
from agents.models import AgentVersion, ModelProvider
from agents.tools import Claim
from billing import credits, usage
from conversations import breakers, profile_value, profile_words, route_words, understanding
from conversations.models import Channel, ContactProfile, Message, ToolRun, Turn, TurnPassage
from conversations.profile_words import Notes, Seen, Spoken
from knowledge import embeddings
from providers import llm
from providers.errors import ProviderError
from tenants.current import tenant

log = structlog.get_logger(__name__)
LOOKS_BACK = timedelta(days=90)
MESSAGES = 200  # read at once, the newest
TOPICS = 6
SECONDS = 30.0
SMALL_TALK = ("greeting", "thanks", "out_of_scope")


@dataclass(frozen=True, slots=True)
class Read:
    """What is to be written: the notes, their value with its reasons, and how far was read."""

    notes: Notes
    value: int
    reasons: Sequence[profile_value.Reason]
    until: int
    vector: Any = None
    model: str = ""


def read(profile: ContactProfile, *, now: datetime) -> Read:
    before = notes_of(profile)
    messages = _said(profile)
    until = max((message.pk for message in messages), default=profile.read_until)
    notes = before
    if messages:
        talk = [Spoken(m.direction == Message.Direction.OUT, understanding.sure_words(m)) for m in messages]
        talk = [one for one in talk if one.text]
        notes = _by_model(profile, before, talk, until=until, now=now) or _counted(profile, before, now=now)
    worth, reasons = profile_value.value(_facts(profile.pk, now=now))
    model, vector = _embedded(notes)
    return Read(notes, worth, reasons, until, vector, model)


def notes_of(profile: ContactProfile) -> Notes:
    return Notes(profile.summary, tuple(profile.preferences), tuple(profile.interests))


def _said(profile: ContactProfile) -> list[Message]:
    """What was said since it was read, oldest first; nothing that was taken back."""
    new = Message.objects.filter(
        conversation__contact=profile.pk, pk__gt=profile.read_until, revoked_at=None
    ).exclude(conversation__channel__kind=Channel.Kind.TEST)
    return list(new.select_related("transcript").order_by("-pk")[:MESSAGES])[::-1]


def _by_model(
    profile: ContactProfile, before: Notes, talk: Sequence[Spoken], *, until: int, now: datetime
) -> Notes | None:
    """By the business's own model, which it pays itself; None without one, and where it cannot be used."""
    version = _version(profile.pk)
    if version is None or not talk or not ModelProvider.objects.exclude(vendor="extractive").exists():
        return None
    speaker = replies.speaker_for(version, "fast")
    known = breakers.all_known()
    if speaker.vendor == "extractive" or not breakers.allows(known.get(speaker.account), now=now):
        return None
    asked = profile_words.request(before, talk, language=_language_name())
    try:
        completion = speaker.adapter.complete(replace(asked, model=speaker.model, timeout=SECONDS))
        notes = profile_words.read(completion.text, before=before, talk=talk, names=[profile.contact.name])
    except (ProviderError, profile_words.Unreadable) as error:
        log.warning("profile.not_read", contact_id=profile.pk, reason=type(error).__name__)
        return None
    key = f"profile:{profile.pk}:{until}:{int(now.timestamp())}"
    _note_usage(key, completion, agent_id=version.agent_id, price_list=speaker.price_list, now=now)
    return notes


@transaction.atomic(durable=True)
def _note_usage(
    key: str, completion: llm.Completion, *, agent_id: int, price_list: str, now: datetime
) -> None:
    """What was used, at no credits: the key is the business's own and nobody asked for this."""
    price = credits.price_for(completion.model, at=now)
    usage.of_tokens(
        key=key,
        model=completion.model,
        tokens=completion.usage,
        cost=0,
        price=price,
        whose=usage.Whose(agent_id),
        price_list=price_list,
        now=now,
    )


def _version(contact_id: int) -> AgentVersion | None:
    """Of the assistant that talked with them last."""
    turns = Turn.objects.filter(conversation__contact=contact_id).exclude(agent_version=None)
    last = turns.select_related("agent_version__agent").order_by("-pk").first()
    return last.agent_version.agent.published if last and last.agent_version else None


def _language_name() -> str:
    return replies.LANGUAGE_NAMES.get(tenant().language[:2], "English")


def _counted(profile: ContactProfile, before: Notes, *, now: datetime) -> Notes:
    """Without a model: what they asked about, and how they write; a person's summary stays."""
    with translation.override(tenant().language), timezone.override(tenant().timezone):
        intents = {name: str(words) for name, words in route_words.INTENTS.items()}
        found = profile_words.gathered(_seen(profile.pk, now=now), before=before, intent_words=intents)
    if profile.edited_at is None:
        return found
    return Notes(before.summary, found.preferences, found.interests)


def _seen(contact_id: int, *, now: datetime) -> Seen:
    said = _inbound(contact_id, since=now - LOOKS_BACK)
    moments = [timezone.localtime(moment) for moment in said.values_list("created_at", flat=True)]
    return Seen(
        talks=len({moment.date() for moment in moments}),
        messages=len(moments),
        intents=_intents(contact_id, since=now - LOOKS_BACK),
        topics=_topics(contact_id, since=now - LOOKS_BACK),
        voice=said.filter(kind=Message.Kind.AUDIO).count(),
        hours=[moment.hour for moment in moments],
    )


def _inbound(contact_id: int, *, since: datetime) -> QuerySet[Message]:
    mine = Message.objects.filter(
        conversation__contact=contact_id, direction=Message.Direction.IN, created_at__gte=since
    )
    return mine.filter(revoked_at=None).exclude(conversation__channel__kind=Channel.Kind.TEST)


def _intents(contact_id: int, *, since: datetime) -> dict[str, int]:
    turns = Turn.objects.filter(conversation__contact=contact_id, started_at__gte=since).exclude(intent="")
    turns = turns.filter(status=Turn.Status.DONE).exclude(intent__in=SMALL_TALK)
    return dict(turns.values("intent").annotate(n=Count("pk")).order_by().values_list("intent", "n"))


def _topics(contact_id: int, *, since: datetime) -> list[str]:
    """The headings, or else the titles, of what their questions were answered from, the most cited first."""
    cited = TurnPassage.objects.filter(
        turn__conversation__contact=contact_id, turn__started_at__gte=since, cited=True
    )
    rows = cited.values_list("heading", "document_title")
    counted = Counter((heading.rpartition(" › ")[2] or title) for heading, title in rows)
    return [topic for topic, _count in counted.most_common(TOPICS)]


def _facts(contact_id: int, *, now: datetime) -> profile_value.Facts:
    since = now - LOOKS_BACK
    said = list(_inbound(contact_id, since=since).order_by("pk").values_list("body", "created_at"))
    claims = _claims(contact_id, since=since)
    last = said[-1][1] if said else None
    return profile_value.Facts(
        paid=claims[Claim.PAID],
        booked=claims[Claim.BOOKED],
        buying=_intents(contact_id, since=since).get("buying", 0),
        hot=profile_value.hot(body for body, _moment in said),
        talks=len({moment.date() for _body, moment in said}),
        silent_days=(now - last).days if last else None,
    )


def _claims(contact_id: int, *, since: datetime) -> Counter[str]:
    """What tools did for them, by the kind of deed."""
    done = ToolRun.objects.filter(
        conversation__contact=contact_id, status=ToolRun.Status.DONE, test=False, started_at__gte=since
    )
    return Counter(claim for claims in done.values_list("claims", flat=True) for claim in claims)


def _embedded(notes: Notes) -> tuple[str, Any]:
    """The serving model's id and the vector of the notes; ("", None) without notes or while it is away."""
    if not notes.text:
        return "", None
    try:
        model, vectors = embeddings.passages([notes.text])
    except ProviderError as error:
        log.warning("profile.not_embedded", reason=type(error).__name__)
        return "", None
    return model, vectors[0]
