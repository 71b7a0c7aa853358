"""Evaluate a business file: a throw-away business is made of it, asked what it must get right, and removed.

Channels, owners and whatever else reaches out of the house are left out of the file. Documents are read here
and now. Nothing is charged and no tool touches the world.
"""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent, Evaluation, EvaluationResult
from billing import credits
from conversations import gate, routes, settled
from knowledge import indexing, looking, pinned
from knowledge.models import Document, Source
from providers.errors import ProviderError
from tenants import blueprint_files, blueprints, deletion, provisioning
from tenants.blueprint_files import Loaded
from tenants.db import connection
from tenants.models import Tenant

# What reaches out of the house, and who comes in.
LEFT_OUT = ("owner", "channels", "hooks", "credits")
CREDITS = 1_000_000_000  # for reading documents; nobody pays
SHOWN = ("text", "talk", "sources", "tools", "credits", "ms", "judge")
PATIENCE = timedelta(minutes=10)  # for documents and pages


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it: documents that could not be read, and an evaluation for each assistant."""

    business: str
    unread: list[str]
    assistants: list[dict[str, Any]]

    @property
    def passed(self) -> bool:
        """Whether there was something to ask, and all of it was as expected."""
        sums = [one["totals"] for one in self.assistants]
        asked = sum(one.get("cases", 0) for one in sums)
        return bool(asked) and not self.unread and not any(one.get("failed", 0) for one in sums)


def evaluate(file: Path, *, now: datetime) -> Report:
    """All that this business must get right, asked once; raises blueprints.BlueprintError."""
    with throw_away(file, now=now) as tenant:
        unread = read_everything()
        assistants = [_asked(agent) for agent in Agent.objects.order_by("pk") if agent.published]
        return Report(tenant.name, unread, assistants)


@contextmanager
def throw_away(file: Path, *, now: datetime) -> Iterator[Tenant]:
    """A business of this file's, entered; gone with everything of it when the block ends."""
    loaded = _loaded(file)
    with ExitStack() as undo, transaction.atomic():
        tenant = _made(loaded, file, undo=undo, now=now)
        undo.pop_all()
    try:
        with schema_context(tenant.schema_name):
            connection.set_tenant(tenant)
            yield tenant
    finally:
        connection.set_schema_to_public()
        deletion.delete(tenant, actor=None, reason="evaluated", now=timezone.now(), keeps=False)


def _made(loaded: Loaded, file: Path, *, undo: ExitStack, now: datetime) -> Tenant:
    business = loaded.data.get("business")
    told = business if isinstance(business, dict) else {}
    tenant = provisioning.create(
        name=str(told.get("name") or file.stem),
        slug=f"evaluated-{secrets.token_hex(5)}",
        owner=None,
        now=now,
        **{key: str(told[key]) for key in ("language", "timezone") if told.get(key)},
    )
    with schema_context(tenant.schema_name):
        connection.set_tenant(tenant)
        credits.grant(amount=CREDITS, reason="evaluated", key="evaluated", actor=None, now=now)
    blueprints.add(loaded, tenant=tenant, folder=file.resolve().parent, now=now, undo=undo)
    return tenant


def _loaded(file: Path) -> Loaded:
    """The file without what is left out; raises blueprints.BlueprintError for what is wrong with the rest."""
    loaded = blueprint_files.load(file)
    left_out = [key for key in loaded.data if key in LEFT_OUT]
    loaded.data = {key: value for key, value in loaded.data.items() if key not in left_out}
    loaded.references = {steps: name for steps, name in loaded.references.items() if steps[0] not in left_out}
    problems = [one for one in loaded.problems if _section(one.field) not in left_out]
    if problems:
        raise blueprints.BlueprintError(problems)
    loaded.problems = []
    return loaded


def _section(field: str) -> str:
    return field.partition(".")[0].partition("[")[0]


def read_everything() -> list[str]:
    """Read every page and document here; the titles of those that cannot be read."""
    until = timezone.now() + PATIENCE
    while timezone.now() < until and (_look() or _read()):
        pass
    try:
        _do(pinned.embed)
    except ProviderError:
        pass  # then what was settled is met by its letters
    unready = Document.objects.exclude(status=Document.Status.READY).order_by("pk")
    return [f"{one.title}: {one.get_problem_display() or one.get_status_display()}" for one in unready]


def _look() -> int:
    """Look at the places that are due for their first look; how many there were."""
    open_ones = Source.objects.filter(status__in=[Source.Status.WAITING, Source.Status.READING])
    due = list(open_ones.filter(due_at__lte=timezone.now()).values_list("pk", flat=True))
    for pk in due:
        _do(looking.look, source_id=pk)
    return len(due)


def _read() -> int:
    waiting = Document.objects.filter(status=Document.Status.WAITING).order_by("pk")
    found = list(waiting.values_list("pk", flat=True))
    for pk in found:
        _do(indexing.index, document_id=pk)
    return len(found)


def _do(task: Any, **ids: int) -> None:
    """Do a task of this business here; what it enters and leaves is put right again."""
    tenant = connection.tenant
    task.apply(kwargs=ids, headers={"schema": connection.schema_name}, throw=True)
    connection.set_tenant(tenant)


def _asked(agent: Agent) -> dict[str, Any]:
    """What an assistant that is published at this moment answers, as plain data."""
    assert agent.published is not None
    evaluation = gate.at_once(agent.published, now=timezone.now())
    results = [_written(one) for one in evaluation.results.all()]
    asked = {one.after.get("model", "") for one in evaluation.results.all()}
    models = sorted(asked - {"", settled.VENDOR, routes.REFUSED})
    told = {"name": agent.name, "models": models, "totals": evaluation.totals, "results": results}
    return {**told, **_problem(evaluation)}


def _problem(evaluation: Evaluation) -> dict[str, str]:
    return {"problem": evaluation.problem} if evaluation.problem else {}


def _written(result: EvaluationResult) -> dict[str, Any]:
    said = {key: result.after[key] for key in SHOWN if key in result.after}
    return {
        "kind": result.kind,
        "name": result.name,
        "question": result.question,
        "verdict": result.verdict,
        "why": gate.in_words(result),
        **said,
    }
