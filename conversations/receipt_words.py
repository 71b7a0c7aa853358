"""What tools did, for the people of the business: in few words beside an answer, whole where one asks why."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch
from django.utils.translation import gettext_lazy as _

from agents import tools
from agents.tools import Claim
from conversations.models import Conversation, Message, ToolRun, Turn

Status = ToolRun.Status
DEEDS = {
    Claim.BOOKED: _("booked"),
    Claim.CHANGED: _("changed"),
    Claim.CANCELLED: _("cancelled"),
    Claim.SENT: _("sent by a tool"),
    Claim.SCHEDULED: _("planned for later"),
    Claim.REGISTERED: _("written down"),
    Claim.PAID: _("paid"),
    Claim.CALLED_PERSON: _("called a person"),
}
TONES = {
    Status.DONE: "good",
    Status.ASKED: "notice",
    Status.STARTED: "notice",
    Status.UNKNOWN: "bad",
    Status.FAILED: "bad",
    Status.REFUSED: "bad",
}
LONGEST = 600


@dataclass(frozen=True, slots=True)
class Shown:
    """One receipt as a page draws it: the lines are names with their values."""

    title: str
    status: str
    tone: str
    error: str
    arguments: list[tuple[str, str]]
    result: list[tuple[str, str]]


def with_receipts() -> tuple[Prefetch]:
    """For a list of messages: what was done for their answers, one statement for all of them."""
    done = ToolRun.objects.filter(status=Status.DONE, test=False).exclude(claims=[])
    return (Prefetch("turn__tool_runs", queryset=done.only("turn", "claims"), to_attr="receipts"),)


def deeds(message: Message) -> list[Any]:
    """What was done for this answer, each kind once; needs `with_receipts`."""
    found = getattr(message.turn, "receipts", ()) if message.turn_id else ()
    claims = dict.fromkeys(claim for run in found for claim in run.claims)
    return [DEEDS[Claim(claim)] for claim in claims if claim in DEEDS]


def called_because(conversation: Conversation) -> str:
    """Why the assistant called a person, in its words; empty when it did not say."""
    called = conversation.tool_runs.filter(tool="call_person", status=Status.DONE, test=False)
    last = called.order_by("-pk").first()
    return str(last.arguments.get("reason", "")) if last is not None else ""


def of_turn(turn: Turn) -> list[Shown]:
    """Everything that tools did for this answer, in its order."""
    runs = list(turn.tool_runs.all())
    offered = tools.offered() if runs else {}
    return [_shown(run, offered) for run in runs]


def _shown(run: ToolRun, offered: Mapping[str, tools.Tool]) -> Shown:
    title = str(offered[run.tool].title) if run.tool in offered else run.tool
    status = Status(run.status)
    return Shown(
        title, str(status.label), TONES.get(status, ""), run.error, _lines(run.arguments), _lines(run.result)
    )


def _lines(value: Any) -> list[tuple[str, str]]:
    pairs: Iterable[tuple[str, Any]] = value.items() if isinstance(value, Mapping) else [("", value)]
    return [(name, _text(one)[:LONGEST]) for name, one in pairs if one not in (None, "", [], {})]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
