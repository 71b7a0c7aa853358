"""Begin with a blueprint in a business that is there: in place while it is new, else beside what it has."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from agents import hiring, own_keeping, record_tables
from agents.blueprint import AssistantPart, tell
from agents.models import Agent, OwnTool, RecordTable, Scenario
from conversations.models import Channel
from knowledge import assistants, documents, settling, shelf
from knowledge.models import Document, PinnedAnswer, PinnedQuestion
from tenants import audit, blueprints, catalogue, starting
from tenants.catalogue import Blueprint
from tenants.current import tenant as current_tenant
from tenants.models import User

OF_THE_BUSINESS = ("conduct",)  # hours and the like: a second assistant does not change them


@dataclass(frozen=True, slots=True)
class Begun:
    """Who answers from the blueprint; `beside` tells that it came beside what there was."""

    agent: Agent
    beside: bool


def is_new() -> bool:
    """Whether nobody has taught, told or connected anything yet, so that nothing can be lost."""
    agents = list(Agent.objects.order_by("pk")[:2])
    return not (
        len(agents) != 1
        or agents[0].versions.exclude(number=1).exists()
        or Document.objects.exists()
        or PinnedAnswer.objects.exists()
        or Scenario.objects.exists()
        or Channel.objects.exclude(kind=Channel.Kind.TEST).exists()
    )


def begin(blueprint: Blueprint, *, user: User | None, now: datetime) -> Begun:
    """Take the blueprint, whole or not at all. Raises StorageFull, hiring.TooMany."""
    with ExitStack() as undo:
        with transaction.atomic(durable=True):
            begun = _begin(blueprint, user=user, now=now, undo=undo)
            audit.record("blueprint.begin", actor=user, target=blueprint.name, agent=begun.agent.name)
        undo.pop_all()  # it is committed: nothing is to be undone any more
    return begun


def _begin(blueprint: Blueprint, *, user: User | None, now: datetime, undo: ExitStack) -> Begun:
    # Of two clicks at once the second sees what the first has made.
    first, *_others = Agent.objects.select_for_update().order_by("pk")
    if is_new():
        starting.begin(blueprint, tenant=current_tenant(), now=now, undo=undo, actor=user)
        return Begun(Agent.objects.get(pk=first.pk), beside=False)
    return Begun(_beside(blueprint, user=user, now=now, undo=undo), beside=True)


def _beside(blueprint: Blueprint, *, user: User | None, now: datetime, undo: ExitStack) -> Agent:
    """Another assistant, with documents and answers that are for it alone."""
    business = current_tenant()
    loaded = starting.load(blueprint, business=business.name)
    part = AssistantPart.model_validate(loaded.data["assistant"])
    agent = hiring.hire(name=_free_name(part.name), user=user, now=now)
    tell(agent, part, user=user, now=now)
    loaded.data = _for_one(loaded.data, agent.name)
    blueprints.add(loaded, tenant=business, folder=blueprint.file.parent, now=now, undo=undo, actor=user)
    return agent


def _free_name(wanted: str) -> str:
    """The name itself, or the first of “Lia 2”, “Lia 3” … that no assistant has."""
    known = {name.casefold() for name in Agent.objects.values_list("name", flat=True)}
    tries = (wanted, *(f"{wanted} {number}" for number in range(2, len(known) + 3)))
    return next(name for name in tries if name.casefold() not in known)


def _for_one(data: Mapping[str, Any], agent: str) -> dict[str, Any]:
    """The sections of a file for one assistant, with nothing in them that would change what is there."""
    titles: dict[str, str] = {}
    knowledge = [_document(part, agent, titles) for part in data.get("knowledge", [])]
    kept = {name: value for name, value in data.items() if name not in ("assistant", *OF_THE_BUSINESS)}
    for section, model in (("record_tables", RecordTable), ("tools", OwnTool)):
        taken = set(model.objects.values_list("name", flat=True))
        kept[section] = [part for part in data.get(section, []) if part["name"] not in taken]
    return kept | {
        "knowledge": [part for part in knowledge if part is not None],
        "answers": [part | {"assistants": [agent]} for part in _free_answers(data.get("answers", []))],
        "scenarios": [_scenario(part, agent, titles) for part in data.get("scenarios", [])],
    }


def _document(part: dict[str, Any], agent: str, titles: dict[str, str]) -> dict[str, Any] | None:
    """A file under a title that is free; None where this assistant may use the same content already.

    `titles` learns under which title it is found from now on.
    """
    there = _same_content(part)
    title = there.title if there else _free_title(part["title"], agent)
    titles[part["title"]] = title
    if there is None:
        return part | {"title": title, "assistants": [agent]}
    if not there.agent_ids:
        return None
    others = assistants.named(there.agent_ids)
    return part | {"title": title, "audience": there.audience, "assistants": [*others, agent]}


def _same_content(part: Mapping[str, Any]) -> Document | None:
    """The document that has this file's content already."""
    file = catalogue.path_of(part["path"])
    assert file is not None  # starting.load made it one that ships
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Document.objects.filter(source=None, sha256=sha256).order_by("pk").first()


def _free_title(title: str, agent: str) -> str:
    taken = Document.objects.filter(source=None, title__startswith=title).values_list("title", flat=True)
    tries = (title, f"{title} ({agent})", *(f"{title} ({agent}) {number}" for number in range(2, 1000)))
    return next(one for one in tries if one not in set(taken))


def _free_answers(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of which no question has a settled answer yet."""
    asked = [settling.line(question) for part in parts for question in part["questions"]]
    taken = set(PinnedQuestion.objects.filter(text__in=asked).values_list("text", flat=True))
    return [part for part in parts if not taken & set(map(settling.line, part["questions"]))]


def _scenario(part: dict[str, Any], agent: str, titles: Mapping[str, str]) -> dict[str, Any]:
    """The same talk with the other assistant, citing documents by the titles that they have here."""
    said = part["says"] if isinstance(part["says"], list) else [part["says"]]
    says = [
        one | {"when": _cited(one["when"], titles)} if isinstance(one, dict) and "when" in one else one
        for one in said
    ]
    return part | {"assistant": agent, "says": says, "expects": _cited(part.get("expects", {}), titles)}


def _cited(expects: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    cites = expects.get("cites", [])
    named = [cites] if isinstance(cites, str) else cites
    return {**expects} | ({"cites": [titles.get(one, one) for one in named]} if named else {})


# -- what a blueprint brought as examples


@transaction.atomic(durable=True)
def forget_examples(*, user: User | None, now: datetime) -> int:
    """Remove the example documents, and what still says what a blueprint said: answers, tables with tools."""
    ids = list(shelf.examples().order_by("pk").values_list("pk", flat=True))
    for pk in ids:
        documents.remove(pk)
    for data in _examples_data():
        _forget_answers(data.get("answers", []), now=now)
        _forget_tables(data.get("record_tables", []), user=user)
    audit.record("blueprint.forget_examples", actor=user, target=str(len(ids)))
    return len(ids)


def _examples_data() -> list[dict[str, Any]]:
    name = current_tenant().name
    return [starting.load(blueprint, business=name).data for blueprint in catalogue.known().values()]


def _forget_answers(parts: list[dict[str, Any]], *, now: datetime) -> None:
    texts = [part["answer"].strip() for part in parts]
    for answer in PinnedAnswer.objects.filter(text__in=texts).order_by("pk"):
        settling.forget(answer, now=now)


def _forget_tables(parts: list[dict[str, Any]], *, user: User | None) -> None:
    """Tables with no other rows than the invented ones, and the tools that look there."""
    for part in parts:
        invented = [dict(zip(part["columns"], row, strict=True)) for row in part["rows"]]
        table = RecordTable.objects.filter(name=part["name"]).first()
        if table is None or list(table.rows.order_by("pk").values_list("values", flat=True)) != invented:
            continue
        for tool in record_tables.users(table):
            own_keeping.remove(tool, user=user)
        table.delete()
