"""Receipts of what tools did (`ToolRun`): committed as begun before, and with what came of it after.

The key is made of what is answered, so that the same wish of the same messages happens once, however often
the turn is tried. Where a worker died in between, a tool that may be repeated runs again under the same key;
of any other nobody knows how far it came, and a person is called.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents.claims import Receipt
from agents.tools import Context, Outcome, Tool
from conversations import verifying
from conversations.events import clean
from conversations.models import ToolRun, Turn
from providers import llm
from providers.errors import ProviderRejected

Status = ToolRun.Status
RESULT_CHARACTERS = 4_000


class Unsure(ProviderRejected):
    """Something was begun that must not be done twice, and nobody knows whether it was done."""


class Superseded(ProviderRejected):
    """This turn was given up as dead, and another has its messages: nothing may be done for it any more."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One call and what came of it. `result` is what the model reads."""

    call: llm.ToolCall
    status: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    tool: Tool | None = None
    run_id: int | None = None
    ms: int = 0
    outcome: Outcome | None = None
    earlier: bool = False  # of an attempt before this one

    @property
    def is_done(self) -> bool:
        return self.status == Status.DONE

    @property
    def text(self) -> str:
        """The result as the model reads it, cut where it is too long."""
        whole = json.dumps(self.result, ensure_ascii=False, default=str)
        return whole if len(whole) <= RESULT_CHARACTERS else whole[:RESULT_CHARACTERS] + "… (cut)"


def key_of(context: Context, *, exchange: str, tool: str, arguments: str) -> str:
    """What makes it happen once: the same wish of the same messages."""
    rehearsed = f"test {context.turn_id}" if context.test else ""
    parts = (rehearsed, str(context.conversation_id), exchange, tool, arguments)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@transaction.atomic(durable=True)
def opened(
    context: Context, tool: Tool, key: str, arguments: Mapping[str, Any], *, status: str, now: datetime
) -> ToolRun | None:
    """The receipt of this wish with this status, unless it is done already; None where none is kept.

    Raises Superseded for a turn that is not running any more.
    """
    if context.conversation_id is None or context.turn_id is None:
        return None
    if not context.test:
        _still_ours(context.turn_id)
    run, made = ToolRun.objects.select_for_update(of=("self",)).get_or_create(
        key=key,
        defaults={
            "conversation_id": context.conversation_id,
            "turn_id": context.turn_id,
            "tool": tool.name,
            "arguments": dict(arguments),
            "status": status,
            "test": context.test,
            "started_at": now,
        },
    )
    if made or run.status in (Status.DONE, Status.UNKNOWN):
        return run
    if run.status == Status.STARTED and not tool.repeatable:
        status = Status.UNKNOWN  # who began it died, and nobody knows how far it came
    run.status, run.turn_id, run.started_at = status, context.turn_id, now
    run.save(update_fields=["status", "turn", "started_at"])
    return run


def _still_ours(turn_id: int) -> None:
    running = Turn.objects.select_for_update(of=("self",)).filter(pk=turn_id, status=Turn.Status.RUNNING)
    if not running.values_list("pk", flat=True):
        raise Superseded("This answer was given up, and another is being made.")


def close(run: ToolRun, ran: Ran, *, error: str, now: datetime) -> None:
    """The receipt: committed before any word of it is said."""
    claims = sorted(ran.tool.claims) if ran.tool and ran.is_done else []
    run.status, run.result, run.claims, run.error = ran.status, dict(ran.result), claims, clean(error)[:200]
    run.finished_at = now
    run.save(update_fields=["status", "result", "claims", "error", "finished_at"])


def kept(result: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it; one that is too large only as far as a model read it."""
    whole = json.dumps(result, default=str, ensure_ascii=False)
    if len(whole) > 4 * RESULT_CHARACTERS:
        return {"cut": clean(whole[:RESULT_CHARACTERS])}
    found: dict[str, Any] = cleaned(json.loads(whole))
    return found


def cleaned(value: Any) -> Any:
    """Every text in it as the database takes it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): cleaned(one) for key, one in value.items()}
    return [cleaned(one) for one in value] if isinstance(value, list) else value


def unsure(run: ToolRun) -> None:
    ToolRun.objects.filter(pk=run.pk).exclude(status=Status.DONE).update(
        status=Status.UNKNOWN, finished_at=timezone.now()
    )
    raise Unsure(f"Nobody knows whether this was done: {run.tool}.")


def ran_of(call: llm.ToolCall, tool: Tool | None, run: ToolRun) -> Ran:
    """A receipt as the model reads it."""
    return Ran(call, run.status, run.arguments, run.result, tool, run.pk)


def open_too_long(*, now: datetime, dead: timedelta) -> int:
    """Runs that were begun and never ended, with no turn left that could: nobody knows. How many."""
    lost = ToolRun.objects.filter(status=Status.STARTED, started_at__lt=now - dead)
    lost = lost.exclude(turn__status=Turn.Status.RUNNING).exclude(conversation__reply_due_at__isnull=False)
    return lost.update(status=Status.UNKNOWN, finished_at=now)


# -- what an answer may say because of it


def proofs(ran: Sequence[Ran], past: Iterable[ToolRun]) -> tuple[Receipt, ...]:
    """What was done: in this turn, and before in this conversation."""
    fresh = {one.run_id for one in ran}
    found = [
        Receipt(frozenset(map(str, one.tool.claims)), _words([one.arguments, one.result]))
        for one in ran
        if one.is_done and one.tool is not None
    ]
    earlier = (run for run in past if run.pk not in fresh)
    return (
        *found,
        *(
            Receipt(frozenset(run.claims), _words([run.arguments, run.result]), fresh=False)
            for run in earlier
        ),
    )


def published(ran: Sequence[Ran], *, said: str) -> tuple[str, ...]:
    """What an answer may repeat of results: documents whole, of others only values that stand alone.

    A link in the middle of somebody's note is as little ours as one in a customer's message; and what a model
    wrote into a call, and a tool gave back, is the model's. Of that, only addresses and numbers that the
    customer wrote may be said to them again.
    """
    found: list[str] = []
    for one in ran:
        written = texts(one.arguments)
        found += [text for text in written if text.lower() in said.lower() and _is_contact(text)]
        if not one.is_done:
            continue
        whole = one.tool is not None and one.tool.quotes
        echoed = " ".join(written)
        found += [t for t in texts(one.result) if whole or (_stands_alone(t) and t not in echoed)]
    return tuple(found)


def _is_contact(text: str) -> bool:
    return verifying.is_mail(text) or not any(letter.isalpha() for letter in text)


def _stands_alone(text: str) -> bool:
    return len(text) <= 300 and (not any(c.isspace() for c in text) or not any(c.isalpha() for c in text))


def texts(value: Any) -> list[str]:
    """Every text and number in it."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in texts(one)]
    return [str(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _words(value: Any) -> str:
    return " ".join(texts(value))
