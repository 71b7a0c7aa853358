"""The talk with a model: it calls tools, reads what came of them, and answers; the answer is checked.

Rounds and tools are bounded, whatever a model wants (`conversations.tooling`). An answer that claims a deed
without its receipt is asked for once more, with the reason; then documents are quoted, or a person is called.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from agents import replies
from agents.guarding import Breach
from agents.models import AgentVersion
from agents.tools import Context, Reveals
from conversations import fallback, tooling, verifying
from conversations.models import Breaker
from conversations.receipts import Ran
from conversations.tooling import Session
from providers import llm

REPHRASE = """\
Your draft of this answer said that something was done that no tool did, so it was not sent. Write it again: \
say nothing was booked, changed, cancelled, sent, paid, registered or passed on, unless a tool's result \
above says just that. If the customer wants it done, say who can do it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was done in the talk, for whoever asks why: a model asked, a tool run, a check."""

    kind: str
    name: str
    ms: int
    answered: fallback.Answered | None = None
    ran: Ran | None = None
    reason: str = ""


def open_session(
    version: AgentVersion,
    *,
    conversation_id: int | None,
    contact_id: int | None,
    turn_id: int | None,
    language: str,
    words: str,
    own_words: str,
    exchange: str,
    since: datetime | None,
    rehearsed: bool,
    now: datetime,
) -> Session:
    """The tools that this version may use for this customer; a version without any costs nothing."""
    tools = tooling.enabled(version)
    if not tools:
        return Session()
    proved = verifying.NOBODY
    if conversation_id is not None and not rehearsed and any(tooling.is_private(tool) for tool in tools):
        proved = verifying.proved(conversation_id, now=now)
    context = Context(
        conversation_id=conversation_id,
        contact_id=contact_id,
        turn_id=turn_id,
        agent_version_id=version.pk,
        language=language,
        now=now,
        test=rehearsed,
        said=own_words,
        phones=proved.phones,
        emails=proved.emails,
    )
    return tooling.begin(tools, context, exchange=exchange, since=since, words=words)


def complete(
    version: AgentVersion,
    tier: str,
    asked: fallback.Asked,
    session: Session,
    *,
    known: Mapping[str, Breaker],
    see: Callable[[Seen], None],
) -> fallback.Answered:
    """The answer, with what all its rounds used; raises ProviderError or ProviderRejected."""
    _see_tools(tooling.resume(session), see)
    used: list[llm.Usage] = []
    rephrases = True
    while True:
        asked = _as_it_stands(asked, session)
        since = time.monotonic()
        try:
            answered = fallback.complete(version, tier, replace(asked, rephrases=rephrases), known=known)
        except replies.Unfit as unfit:
            if not rephrases or unfit.breach is not Breach.ACTION:
                raise
            see(Seen("check", unfit.breach.value, _ms(since), reason="claimed what nothing stands for"))
            rephrases = False
            asked = replace(asked, request=_once_more(asked.request))
            continue
        used.append(answered.completion.usage)
        see(Seen("model", answered.completion.model, _ms(since), answered=answered))
        if not answered.completion.calls:
            return replace(answered, completion=_whole(answered.completion, used, session))
        began = time.monotonic()
        ran = tooling.run_all(session, answered.completion.text, answered.completion.calls)
        _see_tools(ran, see)
        _learn_who(session, ran)
        asked = replace(asked, started=asked.started + time.monotonic() - began)  # not the models' time
        if session.end:
            return _ended(version, answered, asked, session, used)


def _learn_who(session: Session, ran: Sequence[Ran]) -> None:
    """A code that was right opens what asks for it, still in this turn."""
    context = session.context
    if context is None or context.conversation_id is None or context.test:
        return
    if any(one.is_done and one.call.name == "check_code" for one in ran):
        proved = verifying.proved(context.conversation_id, now=timezone.now())
        session.context = replace(context, phones=proved.phones, emails=proved.emails)


def _as_it_stands(asked: fallback.Asked, session: Session) -> fallback.Asked:
    """With the rounds so far, and what the answer may say because of them."""
    if not session.tools:
        return asked
    request = replace(
        asked.request, tools=session.specs, rounds=tuple(session.rounds), may_call=session.may_call
    )
    return replace(asked, request=request, known=session.published, receipts=session.proofs)


def _once_more(request: llm.Request) -> llm.Request:
    return replace(request, aside=f"{request.aside}\n\n{REPHRASE}".strip())


def _ended(
    version: AgentVersion,
    answered: fallback.Answered,
    asked: fallback.Asked,
    session: Session,
    used: Sequence[llm.Usage],
) -> fallback.Answered:
    """What ends the turn without more words of a model: our question, or the line that a person comes.

    The question repeats what a model wrote into a call: it is looked at as an answer is.
    """
    said = session.context.said if session.context else ""
    completion = llm.Completion(session.end, _sum(used), answered.completion.model)
    if not session.stopped:
        known = (*session.published, said)
        replies.check(version, asked.request, completion, known=known, receipts=asked.receipts)
    return replace(answered, completion=completion)


def _whole(completion: llm.Completion, used: Sequence[llm.Usage], session: Session) -> llm.Completion:
    """With what all rounds used; an answer from a tool's result needs no passage to stand on."""
    stands = any(_carries(ran) for ran in session.ran)
    return replace(completion, usage=_sum(used), supported=completion.supported or stands)


def _carries(ran: Ran) -> bool:
    tool = ran.tool
    if tool is None:
        return False
    if ran.status == tooling.Status.DECLINED:
        return True
    informs = bool(tool.claims) or tool.reveals != Reveals.NOTHING
    return ran.is_done and informs and bool(ran.result.get("enough", True))


def _sum(used: Sequence[llm.Usage]) -> llm.Usage:
    return llm.Usage(
        input_tokens=sum(one.input_tokens for one in used),
        output_tokens=sum(one.output_tokens for one in used),
        cache_read_tokens=sum(one.cache_read_tokens for one in used),
        cache_write_tokens=sum(one.cache_write_tokens for one in used),
        exact=all(one.exact for one in used),
    )


def _see_tools(ran: Sequence[Ran], see: Callable[[Seen], None]) -> None:
    for one in ran:
        see(Seen("tool", one.call.name[:64], one.ms, ran=one))


def _ms(since: float) -> int:
    return int((time.monotonic() - since) * 1000)
