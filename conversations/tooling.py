"""What an assistant does on the way to an answer: calls checked, allowed, asked about first, carried out.

Whether something may be done is decided by the session, by nothing that a model wrote. What was done stands
in `conversations.receipts`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone, translation

from agents import asking, confirming, tool_arguments
from agents import tools as agent_tools
from agents.claims import Receipt
from agents.models import AgentVersion
from agents.tool_arguments import BadArguments
from agents.tools import Context, Outcome, Reveals, Tool, ToolFailed
from conversations.events import clean
from conversations.models import ToolRun, Turn
from conversations.receipts import (
    Ran,
    cleaned,
    close,
    kept,
    key_of,
    opened,
    proofs,
    published,
    ran_of,
    unsure,
)
from providers import llm
from providers.errors import ProviderError, ProviderRejected
from tenants.db import connection

log = structlog.get_logger(__name__)
Status = ToolRun.Status
MOST_ROUNDS = 5  # of calls before an answer must come
MOST_CALLS = 3  # in one round
TOOL_SECONDS = 20.0  # for all tools of one turn; who is called last has its own bound of ten
REMEMBERED = 30  # receipts of a conversation that are looked at
YES_WITHIN = timedelta(hours=2)
CALLERS = ("call_person",)
VERIFIERS = ("send_code", "check_code")  # offered wherever a tool asks who somebody is
NOT_VERIFIED = "It is not known yet who this customer is: ask for their e-mail address and call send_code."
AGAIN = "This was called before with the same arguments; the result stands above. Answer now."


@dataclass(slots=True)
class Session:
    """The tools of one question, and what was done with them so far.

    `exchange` names what is answered: the first open message, the same for every attempt.
    """

    tools: Mapping[str, Tool] = field(default_factory=dict)
    context: Context | None = None
    exchange: str = ""
    past: Sequence[ToolRun] = ()
    left_over: Sequence[ToolRun] = ()
    asked: ToolRun | None = None
    ran: list[Ran] = field(default_factory=list)
    rounds: list[llm.Round] = field(default_factory=list)
    seconds: float = 0.0
    may_call: bool = True

    @property
    def known(self) -> Context:
        """Who is served; where tools are offered, that is known."""
        assert self.context is not None, "tools are offered with a context"
        return self.context

    @property
    def proofs(self) -> tuple[Receipt, ...]:
        """What an answer may say was done."""
        return proofs(self.ran, self.past)

    @property
    def published(self) -> tuple[str, ...]:
        """What an answer may repeat beside the passages."""
        return published(self.ran, said=self.context.said if self.context else "")

    @property
    def specs(self) -> tuple[llm.ToolSpec, ...]:
        return tuple(_spec(tool) for tool in self.tools.values())

    @property
    def end(self) -> str:
        """What the customer reads without more words of a model: the line of a stop, or our question."""
        last = next((one for one in reversed(self.ran) if not one.earlier and _ends(one)), None)
        if last is None:
            return ""
        if last.status == Status.ASKED and self.context and last.tool:
            return _question(last.tool, last.arguments, self.context.language)
        return last.outcome.say if last.outcome and last.outcome.stop else ""

    @property
    def resumes(self) -> bool:
        """Whether this goes on with something: a yes, a no, what an earlier attempt began."""
        return self.asked is not None or bool(self.left_over)

    @property
    def stopped(self) -> bool:
        """Whether a person was called."""
        return any(one.outcome is not None and one.outcome.stop for one in self.ran)


def _spec(tool: Tool) -> llm.ToolSpec:
    schema, strict = tool_arguments.schema_of(tool)
    return llm.ToolSpec(tool.name, tool.when, schema, strict)


def _question(tool: Tool, arguments: Mapping[str, Any], language: str) -> str:
    with translation.override(language[:2] or "en"):
        return asking.question(str(tool.title), arguments, language)


# -- what may be used


def enabled(version: AgentVersion) -> list[Tool]:
    """The tools that this version may use, by name; without any no other row is read.

    Where the owner has named cases for a person, one can be called, whatever else is switched on.
    """
    wanted = {*version.tools, *(CALLERS if version.handover else ())}
    if not wanted:
        return []
    offered = agent_tools.offered(version.tools)
    names = [name for name in sorted(wanted) if name in offered]
    if any(is_private(offered[name]) for name in names):
        names += [name for name in VERIFIERS if name in offered and name not in names]
    return [offered[name] for name in names]


def is_private(tool: Tool) -> bool:
    """Whether it must be known who the customer is."""
    return tool.needs_verified or tool.reveals == Reveals.CUSTOMER


def begin(
    tools: Sequence[Tool],
    context: Context,
    *,
    exchange: str = "",
    since: datetime | None = None,
    words: str = "",
) -> Session:
    """The tools for one question. `since` is when the first message that is answered came, `words` are all.

    A yes to what was asked last time stays in `asked`; anything else than a yes or a no lets it lapse.
    """
    by_name = {tool.name: tool for tool in tools}
    if context.conversation_id is None:
        return Session(by_name, context, exchange)
    known = list(
        ToolRun.objects.filter(conversation=context.conversation_id, test=context.test)
        .select_related("turn")
        .order_by("-pk")[:REMEMBERED]
    )
    return Session(
        by_name,
        context,
        exchange,
        past=[run for run in known if run.status == Status.DONE],
        left_over=[run for run in reversed(known) if _is_left_over(run, since, context)],
        asked=_asked(known, words, now=context.now),
    )


def _is_left_over(run: ToolRun, since: datetime | None, context: Context) -> bool:
    """Whether an attempt at this very question, which came to nothing, began it."""
    if since is None or run.started_at < since or run.status not in (Status.STARTED, Status.DONE):
        return False
    turn = run.turn
    return turn is not None and turn.pk != context.turn_id and turn.status in _UNANSWERED


_UNANSWERED = (Turn.Status.FAILED, Turn.Status.MERGED)


def _asked(known: Sequence[ToolRun], words: str, *, now: datetime) -> ToolRun | None:
    """What the customer was asked last, if this says yes or no to it and nothing else."""
    waiting = [run for run in known if run.status == Status.ASKED and _was_put(run)]
    answer = None if confirming.says_more(words) else confirming.reads(words)
    for run in waiting:
        if run is waiting[0] and answer is not None and now - run.started_at < YES_WITHIN:
            continue
        _lapse(run, "The customer did not answer it.", now=now)
    if not waiting or answer is None or now - waiting[0].started_at >= YES_WITHIN:
        return None
    if not answer:
        _lapse(waiting[0], "The customer said no.", now=now)
    return waiting[0]


def _was_put(run: ToolRun) -> bool:
    return run.turn is not None and run.turn.status == Turn.Status.DONE


def _lapse(run: ToolRun, reason: str, *, now: datetime) -> None:
    waiting = ToolRun.objects.filter(pk=run.pk, status=Status.ASKED)
    waiting.update(status=Status.DECLINED, error=reason, finished_at=now)
    run.status = Status.DECLINED


# -- before a model is asked


def resume(session: Session) -> list[Ran]:
    """Do what the customer has said yes to, and what a dead attempt left: the model reads it as called."""
    found = [ran for run in session.left_over if (ran := _taken_up(session, run)) is not None]
    if session.asked is not None and (ran := _answered(session, session.asked)) is not None:
        found.append(ran)
    if found:
        _keep_round(session, "", found)
    return found


def _taken_up(session: Session, run: ToolRun) -> Ran | None:
    tool = session.tools.get(run.tool)
    call = llm.ToolCall(f"earlier_{run.pk}", run.tool, run.arguments)
    if run.status == Status.DONE:
        return replace(ran_of(call, tool, run), earlier=True)
    if tool is None:
        unsure(run)
    return _carry_out(session, call, tool, run.key) if tool is not None else None


def _answered(session: Session, run: ToolRun) -> Ran | None:
    """A yes runs exactly what was asked, under the key that it was asked with."""
    tool = session.tools.get(run.tool)
    call = llm.ToolCall(f"asked_{run.pk}", run.tool, run.arguments)
    if run.status == Status.DECLINED:
        told = {"declined": "The customer said no. Nothing was done."}
        return Ran(call, Status.DECLINED, run.arguments, told, tool, run.pk, earlier=True)
    if tool is None or (refused := _refusal(session, tool)):
        _lapse(run, refused if tool else "This tool is not offered any more.", now=timezone.now())
        return None
    return _carry_out(session, call, tool, run.key)


# -- what a model calls


def run_all(session: Session, said: str, calls: Sequence[llm.ToolCall]) -> list[Ran]:
    """One round: each call with its result, in order; never raises for what a model wrote."""
    found: list[Ran] = []
    for number, given in enumerate(calls):
        wanted = cleaned(given.arguments) if given.arguments is not None else None
        call = replace(given, name=clean(given.name)[:64], arguments=wanted)
        if number >= MOST_CALLS or (found and _ends(found[-1])):
            found.append(_refused(call, "Too many calls at once: this one was not made."))
        else:
            found.append(_run(session, call))
    _keep_round(session, said, found)
    if len(session.rounds) >= MOST_ROUNDS or session.seconds >= TOOL_SECONDS:
        session.may_call = False
    return found


def _ends(ran: Ran) -> bool:
    return ran.status == Status.ASKED or bool(ran.outcome and ran.outcome.stop)


def _keep_round(session: Session, said: str, found: Sequence[Ran]) -> None:
    session.ran += found
    results = tuple(llm.ToolResult(one.call.id, one.text, failed=_failed(one)) for one in found)
    session.rounds.append(llm.Round(said, tuple(one.call for one in found), results))


def _failed(ran: Ran) -> bool:
    return ran.status in (Status.FAILED, Status.REFUSED)


def _refused(call: llm.ToolCall, reason: str) -> Ran:
    return Ran(call, Status.REFUSED, call.arguments or {}, {"error": reason})


def _run(session: Session, call: llm.ToolCall) -> Ran:
    tool = session.tools.get(call.name)
    if tool is None:
        return _told_once(session, call, "There is no tool of this name.")
    try:
        arguments = tool_arguments.read(tool, call.arguments)
    except BadArguments as error:
        return _told_once(session, call, str(error))
    key = key_of(
        session.known,
        exchange=session.exchange,
        tool=tool.name,
        arguments=tool_arguments.canonical(arguments),
    )
    if (same := _called_before(session, tool, tool_arguments.plain(arguments))) is not None:
        session.may_call = False
        return replace(same, call=call, result={**same.result, "note": AGAIN}, earlier=True)
    if refused := _refusal(session, tool):
        return _note_refusal(session, call, tool, arguments, refused, key)
    if tool.needs_confirmation and _can_ask(session):
        return _ask(session, call, tool, arguments, key)
    return _carry_out(session, call, tool, key, arguments=arguments)


def _told_once(session: Session, call: llm.ToolCall, reason: str) -> Ran:
    """The model hears what is wrong; if it errs again, it has to answer without."""
    if any(one.status == Status.REFUSED and one.run_id is None for one in session.ran):
        session.may_call = False
    return _refused(call, reason)


def _called_before(session: Session, tool: Tool, arguments: Mapping[str, Any]) -> Ran | None:
    """The same call in this turn: a model that goes round in circles gets the same answer."""
    return next(
        (one for one in session.ran if one.tool is not None and one.tool.name == tool.name
         and one.arguments == arguments and one.status in (Status.DONE, Status.FAILED, Status.DECLINED)),
        None,
    )  # fmt: skip


def _refusal(session: Session, tool: Tool) -> str:
    """Why this may not be done for this customer; empty when it may. By the session, whatever was called."""
    if is_private(tool) and not session.known.is_verified:
        return NOT_VERIFIED
    return ""


def _can_ask(session: Session) -> bool:
    """In a rehearsal without a conversation nobody could answer: there it is rehearsed at once."""
    return session.known.conversation_id is not None and session.known.turn_id is not None


# -- receipts


def _note_refusal(
    session: Session, call: llm.ToolCall, tool: Tool, arguments: Any, reason: str, key: str
) -> Ran:
    plain, now = tool_arguments.plain(arguments), timezone.now()
    run = opened(session.known, tool, key, plain, status=Status.REFUSED, now=now)
    if run is not None:
        ToolRun.objects.filter(pk=run.pk).update(error=reason[:200], finished_at=now)
    return Ran(call, Status.REFUSED, plain, {"error": reason}, tool, run.pk if run else None)


def _ask(session: Session, call: llm.ToolCall, tool: Tool, arguments: Any, key: str) -> Ran:
    """Nothing is done before the customer says yes to just this."""
    plain = tool_arguments.plain(arguments)
    run = opened(session.known, tool, key, plain, status=Status.ASKED, now=timezone.now())
    if run is not None and run.status == Status.DONE:
        return replace(ran_of(call, tool, run), earlier=True)
    return Ran(call, Status.ASKED, plain, {"waits": "for the customer's yes"}, tool, run.pk if run else None)


def _carry_out(session: Session, call: llm.ToolCall, tool: Tool, key: str, *, arguments: Any = None) -> Ran:
    """Commit that it is begun, do it, commit what came of it."""
    context = session.known
    if arguments is None:
        arguments = tool_arguments.read(tool, call.arguments)
    plain = tool_arguments.plain(arguments)
    run = opened(session.known, tool, key, plain, status=Status.STARTED, now=timezone.now())
    if run is not None and run.status == Status.DONE:
        return ran_of(call, tool, run)
    if run is not None and run.status == Status.UNKNOWN:
        unsure(run)
    connection.close_if_unusable_or_obsolete()  # not ours to keep while another machine is asked
    began = time.monotonic()
    status, outcome, error = _attempt(tool, arguments, context, key)
    took = time.monotonic() - began
    session.seconds += took
    run_id, ms = run.pk if run else None, int(took * 1000)
    ran = Ran(call, status, plain, kept(outcome.result), tool, run_id, ms, outcome)
    if run is not None:
        close(run, ran, error=error, now=timezone.now())
        if status == Status.UNKNOWN:
            unsure(run)
    return ran


def _attempt(tool: Tool, arguments: Any, context: Context, key: str) -> tuple[str, Outcome, str]:
    """How it went, what came of it, and the words for who looks why."""
    try:
        outcome = (tool.rehearse if context.test else tool.run)(arguments, context, key)
    except ToolFailed as error:
        return Status.FAILED, Outcome({"error": str(error)}, done=False), str(error)
    except ProviderRejected as error:
        return Status.FAILED, Outcome({"error": f"It was refused: {error}"}, done=False), str(error)
    except ProviderError as error:
        status = Status.UNKNOWN if error.outcome_unknown and not tool.repeatable else Status.FAILED
        return status, Outcome({"error": "It cannot be done at this moment."}, done=False), str(error)
    except Exception as error:
        # A fault of the tool's: the customer is told that it did not work, and we are told of the fault.
        log.error("tool.failed", tool=tool.name, exc_info=error)
        status = Status.FAILED if tool.repeatable else Status.UNKNOWN
        return status, Outcome({"error": "It did not work."}, done=False), type(error).__name__
    return (Status.DONE if outcome.done else Status.FAILED), outcome, ""
