"""Today: the page, and its decisions finished in place."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from billing.models import SpendLimit
from conversations import deciding, decisions, today
from conversations.deciding import Done
from conversations.models import Conversation, Message, Todo
from conversations.teaching_forms import LANGUAGES
from knowledge import settling
from knowledge.models import Gap
from tenants import access, undoing

GONE = (Message.DoesNotExist, Todo.DoesNotExist, Conversation.DoesNotExist)


@require_GET
def today_page(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(
    request: HttpRequest,
    *,
    done: Done | None = None,
    error: str = "",
    failed: str = "",
    entered: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page; `failed` names the decision that could not be finished, `entered` what was written in it."""
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    context = today.summary(
        now=now,
        midnight=midnight,
        user=access.person(request),
        role=request.membership.role,  # type: ignore[attr-defined]
    )
    is_shown = any(decision.name == failed for decision in context["decisions"])
    said = {"done": done, "error": error, "failed": failed, "entered": entered, "failed_is_shown": is_shown}
    return render(request, "conversations/today.html", context | said, status=status)


def _finish(request: HttpRequest, name: str, act: Callable[[], Done]) -> HttpResponse:
    """Do it, and show the page anew: what was done and its undo, or what is wrong beside the form."""
    try:
        done = act()
    except GONE:
        raise Http404 from None
    except (deciding.Unfit, settling.Unfit) as error:
        entered = request.POST.get("text", "")
        return _page(request, error=str(error), failed=name, entered=entered, status=422)
    if request.headers.get("HX-Request"):
        return _page(request, done=done)
    if done.undo:
        undoing.offer(request, done.words, to=reverse("today_undo"), word=done.undo)
    else:
        messages.success(request, done.words)
    return redirect("today")


@access.roles(*access.MANAGERS)
@require_POST
def today_gap_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """The drafted answer, perhaps in other words, becomes the settled one."""
    gap, given = get_object_or_404(Gap, pk=pk), request.POST
    language = given.get("language", "")
    return _finish(
        request,
        f"gap-{pk}",
        lambda: deciding.approve(
            gap,
            text=given.get("text", ""),
            language=language if language in dict(LANGUAGES) else gap.language,
            user=access.person(request),
            now=timezone.now(),
        ),
    )


@access.roles(*access.MANAGERS)
@require_POST
def today_gap_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    gap = get_object_or_404(Gap, pk=pk)
    return _finish(request, f"gap-{pk}", lambda: deciding.dismiss(gap, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_POST
def today_chat_take(request: HttpRequest, pk: int) -> HttpResponse:
    chat, user = _chat(pk), access.person(request)
    return _finish(request, f"waiting-{pk}", lambda: deciding.take(chat, user=user, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_POST
def today_chat_reply(request: HttpRequest, pk: int) -> HttpResponse:
    """A reply from Today takes the chat over, as one from the chat does."""
    chat, now = _chat(pk), timezone.now()
    return _finish(
        request,
        f"waiting-{pk}",
        lambda: deciding.reply(
            chat,
            text=request.POST.get("text", ""),
            key=request.POST.get("key", "")[:64],
            refused=decisions.refusal(chat, now=now),
            user=access.person(request),
            now=now,
        ),
    )


@access.roles(*access.MONEY)
@require_POST
def today_limit_raise(request: HttpRequest, pk: int) -> HttpResponse:
    """A limit of the day is set higher; answers go on with the next message."""
    limit, user = get_object_or_404(SpendLimit, pk=pk), access.person(request)
    return _finish(
        request,
        f"limit-{pk}",
        lambda: deciding.raise_limit(limit, text=request.POST.get("text", ""), user=user, now=timezone.now()),
    )


def _chat(pk: int) -> Conversation:
    related = Conversation.objects.select_related("contact", "channel", "assigned_to")
    return get_object_or_404(related, pk=pk)


@access.roles(*access.ANSWERERS)
@require_POST
def today_message_again(request: HttpRequest, pk: int) -> HttpResponse:
    return _finish(request, f"failed-{pk}", lambda: deciding.send_again(pk, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_POST
def today_message_arrived(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.person(request)
    return _finish(request, f"failed-{pk}", lambda: deciding.arrived(pk, user=user, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_POST
def today_todo_done(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.person(request)
    return _finish(request, f"todo-{pk}", lambda: deciding.finish(pk, user=user, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_POST
def today_undo(request: HttpRequest) -> HttpResponse:
    """Take back what was done a moment ago."""
    what = deciding.kept(request.GET.get("word", ""))
    role = request.membership.role  # type: ignore[attr-defined]
    if what and what["verb"] in deciding.MANAGERS_ONLY and role not in access.MANAGERS:
        return HttpResponse(status=403)
    try:
        if what is None:
            raise deciding.TooLate
        done = deciding.undo(what, user=access.person(request), now=timezone.now())
    except (deciding.TooLate, settling.Unfit, *GONE):
        done = Done(_("That cannot be taken back any more."))
    if request.headers.get("HX-Request"):
        return _page(request, done=done)
    messages.success(request, done.words)
    return redirect("today")
