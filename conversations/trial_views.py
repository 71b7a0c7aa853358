"""Assistant › Try: the test chat with the draft, with what is published, or with both side by side."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from agents import hiring, publishing
from agents.models import Agent
from conversations import trial, trial_shown
from conversations.models import Conversation, Message, Trial
from tenants import access

MAX_QUESTION = 2000
BOTH = "both"
Side = Trial.Side


@dataclass(frozen=True, slots=True)
class Bench:
    """What is tried: an assistant, and which of its sides."""

    agent: Agent
    wanted: str  # a side, or BOTH
    is_edited: bool  # whether the draft says something else than what is published

    @property
    def sides(self) -> tuple[str, ...]:
        return (Side.DRAFT, Side.PUBLISHED) if self.wanted == BOTH else (self.wanted,)

    @property
    def query(self) -> str:
        return urlencode({"agent": str(self.agent.pk), "with": self.wanted})


@require_GET
def try_page(request: HttpRequest) -> HttpResponse:
    return render(request, "agents/try.html", context(request, bench(request)))


@require_GET
def try_panel(request: HttpRequest) -> HttpResponse:
    """The test chat alone, for a page to put beside something."""
    return render(request, "agents/_chat.html", context(request, bench(request)))


@require_GET
def try_thread(request: HttpRequest) -> HttpResponse:
    return render(request, "agents/_try_thread.html", context(request, bench(request)))


@access.roles(*access.ANSWERERS)
@require_POST
def try_send(request: HttpRequest) -> HttpResponse:
    """Ask in the test chat, or ask an earlier question anew; the answer arrives on the page by itself."""
    tried, text = bench(request), request.POST.get("text", "").strip()
    instead_of, only = _number(request.POST.get("instead_of", "")), request.POST.get("only", "")
    if not text or len(text) > MAX_QUESTION:
        return _refused(request, tried, _("Write a question of at most 2,000 characters."))
    try:
        trial.ask(
            text,
            user=access.person(request),
            now=timezone.now(),
            midnight=midnight(),
            agent=tried.agent,
            sides=(only,) if only in tried.sides else tried.sides,
            key=request.POST.get("key", ""),
            instead_of=instead_of,
        )
    except trial.LimitReached:
        return _refused(request, tried, limit_words())
    except trial.Busy:
        return _refused(request, tried, _("It is still answering. Try again in a moment."))
    except trial.Gone:
        return _refused(request, tried, _("This question is not in the chat any more."))
    return _shown(request, tried, "agents/_chat.html" if instead_of or only else "agents/_try_thread.html")


@access.roles(*access.ANSWERERS)
@require_POST
def try_restart(request: HttpRequest) -> HttpResponse:
    """Begin a new chat; the old one is set aside."""
    tried = bench(request)
    try:
        trial.restart(user=access.person(request), agent=tried.agent, sides=tried.sides, now=timezone.now())
    except trial.Busy:
        return _refused(request, tried, _("It is still answering. Try again in a moment."))
    return _shown(request, tried, "agents/_chat.html")


@access.roles(*access.ANSWERERS)
@require_POST
def try_go_on(request: HttpRequest) -> HttpResponse:
    """The assistant had stepped aside for a person; it is to answer again."""
    tried = bench(request)
    try:
        trial.go_on(user=access.person(request), agent=tried.agent, sides=tried.sides)
    except trial.Busy:
        return _refused(request, tried, _("It is still answering. Try again in a moment."))
    return _shown(request, tried, "agents/_chat.html")


@access.roles(*access.ANSWERERS)
@require_POST
def try_bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Put back what was set aside; what stands there now is set aside instead."""
    tried = bench(request)
    get_object_or_404(Trial, pk=pk, of__isnull=False)
    try:
        trial.bring_back(pk, user=access.person(request), now=timezone.now())
    except trial.Busy:
        return _refused(request, tried, _("It is still answering. Try again in a moment."))
    except trial.Gone:
        return _refused(request, tried, _("This has no place in the chat any more."))
    return _shown(request, tried, "agents/_chat.html")


def bench(request: HttpRequest) -> Bench:
    """What the request wants to try; else of the first assistant the draft, where it says something new."""
    given = request.POST or request.GET
    number = _number(given.get("agent", ""))
    agent = get_object_or_404(Agent, pk=number) if number is not None else hiring.first()
    draft, wanted = agent.draft, given.get("with", "")
    is_edited = draft is not None and bool(publishing.changed(draft, agent.published))
    usual = Side.DRAFT if is_edited else Side.PUBLISHED
    return Bench(agent, wanted if wanted in (*Side.values, BOTH) else usual, is_edited)


def published_bench() -> Bench:
    """What a new owner tries: the first assistant as customers meet it."""
    return Bench(hiring.first(), Side.PUBLISHED, is_edited=False)


def context(request: HttpRequest, tried: Bench) -> dict[str, Any]:
    """Everything that the panel and its thread show."""
    user = access.person(request)
    threads = {side: trial.conversation_of(user, tried.agent, side) for side in tried.sides}
    shown = trial_shown.exchanges(threads)
    return {
        "bench": tried,
        "agents": hiring.at_work(),
        "choices": choices() if tried.is_edited or tried.wanted != Side.PUBLISHED else [],
        "may_ask": request.membership.role in access.ANSWERERS,  # type: ignore[attr-defined]
        "exchanges": shown,
        "takes": trial_shown.takes(threads.values()),
        "thinking": any(_thinks(thread) for thread in threads.values()),
        "stepped_aside": any(
            thread is not None and thread.handler != Conversation.Handler.AGENT for thread in threads.values()
        ),
        "questions_left": trial.left(since=midnight()),
        "questions_a_day": settings.TRIAL_QUESTIONS_A_DAY,
        "limit_words": limit_words(),
        "editing": _edited(request, threads),
    }


def choices() -> list[tuple[str, str]]:
    """What can be tried, as the tabs name it."""
    return [(Side.DRAFT, _("Draft")), (Side.PUBLISHED, _("Published")), (BOTH, _("Side by side"))]


def midnight() -> datetime:
    """The start of the business's own day."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def limit_words() -> str:
    words = _("That were the %(most)s free test questions of today. More are free from midnight on.")
    return words % {"most": settings.TRIAL_QUESTIONS_A_DAY}


def _thinks(thread: Conversation | None) -> bool:
    return thread is not None and (
        bool(thread.reply_due_at) or thread.turns.filter(status="running").exists()
    )


def _edited(request: HttpRequest, threads: dict[str, Conversation | None]) -> Message | None:
    """The question that is being put in other words."""
    number = _number(request.GET.get("edit", ""))
    if number is None:
        return None
    ours = [thread.pk for thread in threads.values() if thread]
    asked = Message.objects.filter(pk=number, conversation__in=ours, direction=Message.Direction.IN)
    return asked.first()


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() and len(text) < 19 else None


def _refused(request: HttpRequest, tried: Bench, problem: str) -> HttpResponse:
    """The thread as it is, with what is wrong; the words stay in the box."""
    more = {"problem": problem, "text": request.POST.get("text", "")}
    template = "agents/_try_thread.html"
    if not request.headers.get("HX-Request"):
        template = "agents/try.html"
    elif request.headers.get("HX-Target") == "trial":
        template = "agents/_chat.html"
    return render(request, template, {**context(request, tried), **more}, status=422)


def _shown(request: HttpRequest, tried: Bench, template: str) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        return redirect(f"{reverse('assistant_try')}?{tried.query}")
    return render(request, template, context(request, tried))
