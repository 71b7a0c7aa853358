"""Two published versions on live customers: who is answered by which, and what came of it.

A customer stays with one version by a hash of their id: nothing is stored for it, and a customer who comes
back meets the same. The version that was published last must be one of the two; another publication ends it.
The query that finds the published version tells of an open comparison: nobody else pays a statement for it.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from agents.models import Agent, AgentVersion, Experiment
from conversations import significance
from conversations.desk_rating_words import DISPLEASED, PLEASED
from conversations.models import Channel, Contact, Conversation, Message, Rating, Turn
from conversations.significance import Comparison, Share
from tenants import audit, live
from tenants.models import User

GOOD = ("👍", "❤", "🙏", "😍", "👏", "😊", "🥰", "💯", "🎉", "😃", "🙌")
BAD = ("👎", "😡", "😠", "😢", "😞", "🤬", "😤", "🙄")
MOST_CUSTOMERS = 20_000  # of one comparison, the first ones


class Unfit(Exception):
    """This cannot be compared; the words are for whoever asks."""


# -- who is answered by which


def version_of(conversation: Conversation, published: AgentVersion | None) -> AgentVersion | None:
    """The version that answers this customer: the published one, unless a comparison says the other."""
    compared: Mapping[str, Any] | None = getattr(published, "compared", None)
    if published is None or not compared or published.pk not in (compared["first"], compared["second"]):
        return published
    chosen = side(compared["salt"], conversation.contact_id, share=compared["share"])
    if compared[chosen] == published.pk:
        return published
    return AgentVersion.objects.filter(pk=compared[chosen]).first() or published


def side(salt: str, contact_id: int, *, share: int) -> str:
    """ "first" or "second", which `share` percent of all customers get; always the same for one customer."""
    drawn = hashlib.sha256(f"{salt}:{contact_id}".encode()).digest()
    return "second" if int.from_bytes(drawn[:4], "big") % 100 < share else "first"


# -- beginning and ending


@transaction.atomic(durable=True)
def start(agent: Agent, *, other: AgentVersion, share: int, user: User | None, now: datetime) -> Experiment:
    """Compare what is published (B, for `share` percent of customers) with another version; raises Unfit."""
    published = Agent.objects.select_for_update().get(pk=agent.pk).published
    if published is None or other.agent_id != agent.pk or other.status != AgentVersion.Status.PUBLISHED:
        raise Unfit(_("Choose a version that was published."))
    if other.pk == published.pk:
        raise Unfit(_("Choose another version than the one that answers now."))
    if not 1 <= share <= 99:
        raise Unfit(_("Between 1 and 99 percent."))
    _end_overtaken(agent, published, now=now)
    try:
        with transaction.atomic():
            made = Experiment.objects.create(
                agent=agent,
                first=other,
                second=published,
                share=share,
                salt=secrets.token_hex(16),
                started_at=now,
            )
    except IntegrityError:
        raise Unfit(_("A comparison is under way already: end it first.")) from None
    audit.record("agent.compare", actor=user, target=agent, first=other.number, second=published.number)
    live.publish("agent.published", id=agent.pk)
    return made


def _end_overtaken(agent: Agent, published: AgentVersion, *, now: datetime) -> None:
    """A comparison of versions of which neither is the published one has ended by itself."""
    opened = Experiment.objects.filter(agent=agent, ended_at=None)
    opened.exclude(Q(first=published) | Q(second=published)).update(ended_at=now)


@transaction.atomic(durable=True)
def end(experiment: Experiment, *, user: User | None, now: datetime) -> None:
    """Everybody is answered by the published version again; ended once."""
    if Experiment.objects.filter(pk=experiment.pk, ended_at=None).update(ended_at=now):
        audit.record("agent.compare_end", actor=user, target=experiment.agent)
        live.publish("agent.published", id=experiment.agent_id)


def is_overtaken(experiment: Experiment) -> bool:
    """Whether something else was published meanwhile, so that it decides nothing any more."""
    published = experiment.agent.published
    return published is None or published.pk not in (experiment.first_id, experiment.second_id)


# -- what came of it


@dataclass(frozen=True, slots=True)
class Side:
    """What customers of one version met."""

    customers: int
    answers: int
    resolved: Share  # answered to the end by the assistant, and it always knew
    handed_over: Share
    pleased: Share  # of those who reacted to an answer, or said how it was
    credits: tuple[int, ...]  # of each customer

    @property
    def credits_each(self) -> float:
        return sum(self.credits) / len(self.credits) if self.credits else 0.0


@dataclass(frozen=True, slots=True)
class Results:
    """Both sides, and what can be said of each figure."""

    first: Side
    second: Side
    resolved: Comparison
    handed_over: Comparison
    pleased: Comparison
    credits: Comparison


def results(experiment: Experiment) -> Results:
    """Who wrote since it began, by the version that they were given, whatever came of it."""
    people = _people(experiment)
    sides: dict[str, list[dict[str, Any]]] = {"first": [], "second": []}
    for person in people:
        sides[side(experiment.salt, person["pk"], share=experiment.share)].append(person)
    first, second = (_side(sides[name]) for name in ("first", "second"))
    return Results(
        first,
        second,
        resolved=significance.compare(first.resolved, second.resolved),
        handed_over=significance.compare(first.handed_over, second.handed_over),
        pleased=significance.compare(first.pleased, second.pleased),
        credits=significance.compare_means(first.credits, second.credits),
    )


def _people(experiment: Experiment) -> Sequence[dict[str, Any]]:
    """Each customer who wrote to this assistant in the time, with what they met; one statement."""
    during = _during(experiment, "created_at")
    said = Message.objects.filter(
        during, conversation__contact=OuterRef("pk"), direction=Message.Direction.IN
    )
    said = _of(experiment, said, "conversation")
    answers = Message.objects.filter(
        during, conversation__contact=OuterRef("pk"), direction=Message.Direction.OUT, turn__isnull=False
    )
    turns = _during(experiment, "started_at", "conversations__turns__")
    ours = Q(conversations__channel__agent=experiment.agent_id) & ~Q(
        conversations__channel__kind=Channel.Kind.TEST
    )
    done = turns & ours & Q(conversations__turns__status=Turn.Status.DONE)
    rated = _rated(experiment)
    known = Contact.objects.filter(Exists(said)).annotate(
        answers=Count("conversations__turns", filter=done),
        unknown=Count("conversations__turns", filter=done & Q(conversations__turns__supported=False)),
        spent=Sum("conversations__turns__credits", filter=done),
        handed=Exists(said.filter(outcome=Message.Outcome.HANDED_OVER)),
        liked=Exists(answers.filter(_reaction(GOOD))) | Exists(rated.filter(score__gte=PLEASED)),
        disliked=Exists(answers.filter(_reaction(BAD))) | Exists(rated.filter(score__lte=DISPLEASED)),
    )
    fields = ("pk", "answers", "unknown", "spent", "handed", "liked", "disliked")
    return list(known.order_by("pk").values(*fields)[:MOST_CUSTOMERS])


def _during(experiment: Experiment, field: str, prefix: str = "") -> Q:
    since = Q(**{f"{prefix}{field}__gte": experiment.started_at})
    ended = experiment.ended_at
    return since & Q(**{f"{prefix}{field}__lt": ended}) if ended is not None else since


def _rated(experiment: Experiment) -> QuerySet[Rating]:
    """What the customer said of a chat that the assistant dealt with alone."""
    rated = Rating.objects.filter(
        _during(experiment, "answered_at"), conversation__contact=OuterRef("pk"), person=None
    )
    return _of(experiment, rated.exclude(turn=None), "conversation")


def _of(experiment: Experiment, rows: Any, path: str) -> Any:
    """Of the customers' own channels of this assistant."""
    ours = rows.filter(**{f"{path}__channel__agent": experiment.agent_id})
    return ours.exclude(**{f"{path}__channel__kind": Channel.Kind.TEST})


def _reaction(signs: Sequence[str]) -> Q:
    found = Q()
    for sign in signs:
        found |= Q(reactions__contact__startswith=sign)
    return found


def _side(people: Sequence[Mapping[str, Any]]) -> Side:
    met = [one for one in people if one["answers"] or one["handed"]]
    handed = sum(bool(one["handed"]) for one in met)
    resolved = sum(bool(one["answers"]) and not one["handed"] and not one["unknown"] for one in met)
    reacted = [one for one in met if one["liked"] != one["disliked"]]
    return Side(
        customers=len(met),
        answers=sum(one["answers"] for one in met),
        resolved=Share(resolved, len(met)),
        handed_over=Share(handed, len(met)),
        pleased=Share(sum(bool(one["liked"]) for one in reacted), len(reacted)),
        credits=tuple(int(one["spent"] or 0) for one in met),
    )
