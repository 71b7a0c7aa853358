"""Several assistants in one business: hired, copied, renamed, and retired when nobody is answered by them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from agents import publishing
from agents.models import Agent
from tenants import audit, current, live
from tenants.models import Tenant, User

MOST = 20
LONGEST_NAME = 80


class NameTaken(Exception):
    """Another assistant of this business has the name."""


class TooMany(Exception):
    """A business has MOST assistants at work already."""


class AtWork(Exception):
    """It still answers somewhere; `places` are the names of the channels."""

    def __init__(self, places: list[str]) -> None:
        self.places = places
        super().__init__(", ".join(places))


Places = Callable[[Agent], list[str]]
_places: list[Places] = []


def register_places(places: Places) -> None:
    """Ask this where an assistant answers customers; called in AppConfig.ready()."""
    if places not in _places:
        _places.append(places)


def places_of(agent: Agent) -> list[str]:
    """The names of all channels that this assistant answers on."""
    return [name for places in _places for name in places(agent)]


def at_work() -> list[Agent]:
    """The assistants of this business that are not retired, the first one first."""
    return list(Agent.objects.filter(retired_at=None).order_by("pk"))


def first() -> Agent:
    """Who answers where nobody has chosen."""
    return Agent.objects.filter(retired_at=None).order_by("pk")[0]


@transaction.atomic
def hire(*, name: str, user: User | None, now: datetime, like: Agent | None = None) -> Agent:
    """A new assistant, published as far as `like` is; raises NameTaken or TooMany.

    A copy has the other's published words, and its unpublished changes as a draft of its own.
    """
    agent = Agent.objects.create(name=_free(name), created_at=now)
    base = like.published if like else None
    content = publishing.content_of(base) or {"persona": usual_persona(current.tenant())}
    publishing.publish_at_once(agent, content=content, user=user, now=now)
    if like is not None and like.draft is not None:
        content = publishing.content_of(like.draft)
        publishing.edit_draft(agent, content=content, user=user, now=now)
    copied: dict[str, Any] = {"like": like.name} if like else {}
    audit.record("agent.hire", actor=user, target=agent, **copied)
    return agent


@transaction.atomic
def rename(agent: Agent, *, name: str, user: User | None) -> None:
    """Another name, which customers may hear where the words say so; raises NameTaken."""
    if name.strip() == agent.name:
        return
    was, agent.name = agent.name, _free(name, but=agent)
    agent.save(update_fields=["name"])
    audit.record("agent.rename", actor=user, target=agent, was=was)


@transaction.atomic
def retire(agent: Agent, *, user: User | None, now: datetime) -> None:
    """Take it out of service; raises AtWork while a channel has it, or while it is the only one.

    What it said keeps its versions. `bring_back` undoes it.
    """
    if {one.pk for one in _locked() if one.retired_at is None} <= {agent.pk}:
        raise AtWork([])
    if places := places_of(agent):
        raise AtWork(places)
    Agent.objects.filter(pk=agent.pk, retired_at=None).update(retired_at=now)
    audit.record("agent.retire", actor=user, target=agent)
    live.publish("agent.published", id=agent.pk)


@transaction.atomic
def bring_back(agent: Agent, *, user: User | None) -> None:
    """A retired one may be chosen for channels again."""
    if agent.retired_at is not None:
        Agent.objects.filter(pk=agent.pk).update(retired_at=None)
        audit.record("agent.bring_back", actor=user, target=agent)


def usual_persona(tenant: Tenant) -> str:
    """Who an assistant is before anybody has said it, in the language of the business."""
    with translation.override(tenant.language):
        return _("You are the receptionist of %(business)s.") % {"business": tenant.name}


def _free(name: str, *, but: Agent | None = None) -> str:
    """The name as it is kept."""
    name = " ".join(name.split())[:LONGEST_NAME]
    others = [other for other in _locked() if but is None or other.pk != but.pk]
    if any(other.name.casefold() == name.casefold() for other in others):
        raise NameTaken(name)
    if but is None and sum(other.retired_at is None for other in others) >= MOST:
        raise TooMany
    return name


def _locked() -> list[Agent]:
    """All assistants, their rows locked in one order, so that no name is given twice and one always stays."""
    return list(Agent.objects.select_for_update().order_by("pk"))
