"""Change what an agent is told: a draft is edited, a published version never.

Everything here takes the agent's row first, so that two people who edit or publish at once come one after
the other. A draft has the number 0 until it is published.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from agents import gates
from agents.models import Agent, AgentVersion
from tenants import audit, live
from tenants.models import User

EDITABLE = (
    "persona", "tone", "language", "rules", "topics", "greeting", "handover", "hours", "source_line",
    "memory_messages", "memory_minutes", "debounce_seconds", "debounce_ceiling_seconds", "tiers", "routing",
    "collects", "tools",
)  # fmt: skip


class Refused(Exception):
    """A check speaks against the draft, and nobody has said why it is to be published all the same."""

    def __init__(self, objections: Sequence[gates.Objection]) -> None:
        self.objections = list(objections)
        super().__init__("; ".join(objection.text for objection in objections))


class Outdated(Exception):
    """The draft is not any more what the person looked at before publishing it."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The draft after an edit; `clashes` are fields that somebody else wrote meanwhile, as they stand now."""

    draft: AgentVersion
    clashes: Mapping[str, Any]


def first_agent(*, name: str, now: datetime, **content: Any) -> Agent:
    """The agent that a new business starts with, published at once; inside the caller's transaction."""
    agent = Agent.objects.create(name=name, created_at=now)
    AgentVersion.objects.create(
        agent=agent, number=1, status=AgentVersion.Status.PUBLISHED, published_at=now, **content
    )
    return agent


def content_of(version: AgentVersion | None) -> dict[str, Any]:
    return {field: getattr(version, field) for field in EDITABLE} if version else {}


def digest(value: Any) -> str:
    """A short name for what a field says, the same for the same words: what an editor has seen."""
    written = json.dumps(_plain(value), sort_keys=True, default=float, ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Without what nobody sees: blanks around words, the two ways to end a line."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def fingerprint(version: AgentVersion) -> str:
    """64 hexadecimal digits for all that a version says: an edited draft has another one."""
    said = {field: digest(value) for field, value in content_of(version).items()}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def working(agent: Agent) -> AgentVersion:
    """What an editor shows: the draft, else what is published, else an empty version that is not saved."""
    return agent.draft or agent.published or AgentVersion(agent=agent, number=0)


def changed(draft: AgentVersion, base: AgentVersion | None) -> list[str]:
    """The fields in which two versions differ, in the order of EDITABLE."""
    before = content_of(base or AgentVersion())
    return [field for field, value in content_of(draft).items() if digest(value) != digest(before[field])]


# -- the draft


@transaction.atomic
def edit_draft(
    agent: Agent,
    *,
    content: Mapping[str, Any],
    user: User | None,
    seen: Mapping[str, str] | None = None,
    now: datetime,
) -> Edited:
    """Write these fields into the draft; without one, it begins as what is published.

    `seen` holds the digest of each field as this editor read it: what they left so is not written, and what
    somebody else has changed since comes back in `clashes`. Without `seen` the last word counts.
    """
    if strange := set(content) - set(EDITABLE):
        raise ValueError(f"A version has no {', '.join(sorted(strange))}.")
    draft = _draft_of(_locked(agent))
    mine = {field: value for field, value in content.items() if digest(value) != (seen or {}).get(field)}
    clashes = {
        field: getattr(draft, field)
        for field, value in mine.items()
        if _was_overtaken(getattr(draft, field), value, (seen or {}).get(field))
    }
    written = {field: value for field, value in mine.items() if field not in clashes}
    if any(digest(value) != digest(getattr(draft, field)) for field, value in written.items()):
        _write(draft, written, user=user, now=now)
    return Edited(draft, clashes)


def _was_overtaken(current: Any, wanted: Any, seen: str | None) -> bool:
    """Whether a field is neither what its editor began from nor what they want it to be."""
    return seen is not None and digest(current) not in (seen, digest(wanted))


def _draft_of(agent: Agent) -> AgentVersion:
    """The draft, or one that is not saved yet."""
    return agent.draft or AgentVersion(agent=agent, number=0, **content_of(agent.published))


def _write(draft: AgentVersion, content: Mapping[str, Any], *, user: User | None, now: datetime) -> None:
    for field, value in content.items():
        setattr(draft, field, value)
    draft.edited_at, draft.edited_by = now, user
    draft.save()
    live.publish("draft.changed", id=draft.agent_id)


@transaction.atomic
def discard_draft(agent: Agent, *, user: User | None) -> None:
    """Put the draft back to what is published; its row stays, since test chats and evaluations name it."""
    locked = _locked(agent)
    draft = locked.draft
    if draft is None or not changed(draft, locked.published):
        return
    for field, value in content_of(locked.published or AgentVersion()).items():
        setattr(draft, field, value)
    draft.edited_at = draft.edited_by = None
    draft.save()
    audit.record("agent.discard_draft", actor=user, target=agent)
    live.publish("draft.changed", id=agent.pk)


# -- publication


@transaction.atomic
def publish(
    draft: AgentVersion,
    *,
    user: User | None,
    now: datetime,
    seen: str = "",
    note: str = "",
    override: str = "",
) -> AgentVersion:
    """Let customers be answered with the draft from now on; twice at once makes one version.

    Raises Outdated when the draft is not what was `seen` (a fingerprint), and Refused when a gate
    blocks and there is no `override`, the reason of somebody who may give one.
    """
    agent = _locked(draft.agent)
    draft.agent.__dict__.pop("published", None)
    found = AgentVersion.objects.select_related("agent").get(pk=draft.pk)
    if found.status == AgentVersion.Status.PUBLISHED:
        return found
    if seen and seen != fingerprint(found):
        raise Outdated
    base = agent.published
    if base is not None and not changed(found, base):
        return base
    objections = _objections(found, override=override)
    _number(found, agent, user=user, now=now, note=note)
    why: dict[str, Any] = {"override": override[:300], "objections": objections} if objections else {}
    audit.record("agent.publish", actor=user, target=found, **why)
    return found


def _objections(draft: AgentVersion, *, override: str) -> list[str]:
    """What blocked and was overridden, in words; raises Refused."""
    blocking = [objection for objection in gates.check(draft) if objection.blocks]
    if blocking and not override.strip():
        raise Refused(blocking)
    if blocking:
        shown = draft.evaluations.filter(fingerprint=fingerprint(draft))
        shown.update(overridden_because=override.strip()[:300])
    return [objection.text for objection in blocking]


def _number(draft: AgentVersion, agent: Agent, *, user: User | None, now: datetime, note: str) -> None:
    draft.number = _next_number(agent)
    draft.status, draft.published_at, draft.published_by = AgentVersion.Status.PUBLISHED, now, user
    draft.note = note.strip()[:200]
    draft.save()
    live.publish("agent.published", id=agent.pk)


def _next_number(agent: Agent) -> int:
    return (agent.versions.order_by("-number").values_list("number", flat=True).first() or 0) + 1


@transaction.atomic
def publish_at_once(
    agent: Agent, *, content: Mapping[str, Any], user: User | None, now: datetime, note: str = ""
) -> AgentVersion:
    """A new published version with this content and else the last one's; the same again makes none.

    For a business file, and for going back: no gate is asked. An open draft stays what was changed in it.
    """
    locked = _locked(agent)
    base, draft = locked.published, locked.draft
    version = AgentVersion(agent=locked, **{**content_of(base), **content})
    if base is not None and not changed(version, base):
        return base
    _number(version, locked, user=user, now=now, note=note)
    if draft is not None:
        _carry_on(draft, base=base, onto=version)
    audit.record("agent.publish", actor=user, target=version)
    agent.__dict__.pop("published", None)
    return version


def _carry_on(draft: AgentVersion, *, base: AgentVersion | None, onto: AgentVersion) -> None:
    """Let a draft follow what was published beside it, except where its editor has changed something."""
    own = changed(draft, base)
    for field in (field for field in EDITABLE if field not in own):
        setattr(draft, field, getattr(onto, field))
    draft.save()
    live.publish("draft.changed", id=draft.agent_id)


def _locked(agent: Agent) -> Agent:
    return Agent.objects.select_for_update().get(pk=agent.pk)
