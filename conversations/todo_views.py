"""What was promised to customers: in a thread's sheet, and each person's own list."""

from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import desk_forms, desk_rules, desk_seats, desk_todos
from conversations.models import Conversation, Message, Todo
from tenants import access

MOST = 200
LATELY = timedelta(days=7)
AWAY = {"hour": timedelta(hours=1), "four": timedelta(hours=4)}


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def chat_todos(request: HttpRequest, pk: int) -> HttpResponse:
    """What is to be done in one thread, and a form for more; of a message, with its words."""
    conversation = get_object_or_404(Conversation.objects.select_related("contact"), pk=pk)
    members = desk_seats.members()
    message = _message(conversation, request.POST.get("message") or request.GET.get("message", ""))
    if request.method == "GET":
        form = desk_forms.TodoForm(members=members, initial=_usual(request, message))
        return _sheet(request, conversation, form, message)
    form = desk_forms.TodoForm(request.POST, members=members)
    if not form.is_valid() or not _added(request, conversation, form, message):
        return _sheet(request, conversation, form, message, status=422)
    if not request.headers.get("HX-Request"):
        return redirect("chat", pk)
    fresh = desk_forms.TodoForm(members=members, initial=_usual(request, None))
    return _sheet(request, conversation, fresh, None)


def _added(
    request: HttpRequest, conversation: Conversation, form: desk_forms.TodoForm, message: Message | None
) -> bool:
    who = next(one.user for one in desk_seats.members() if one.user.pk == form.cleaned_data["who"])
    try:
        desk_todos.add(
            conversation,
            text=form.cleaned_data["text"],
            due_at=form.cleaned_data["due_at"],
            user=access.person(request),
            assigned_to=who,
            message=message,
            now=timezone.now(),
        )
    except desk_todos.Unfit as error:
        form.add_error("due_at", str(error))
        return False
    return True


def _usual(request: HttpRequest, message: Message | None) -> dict[str, Any]:
    """Tomorrow when people are there again, for whoever asks; of a message its first words."""
    due = desk_rules.next_open(timezone.now() + timedelta(days=1))
    local = timezone.localtime(due).strftime(desk_forms.MOMENT)
    text = " ".join(message.words.split())[:300] if message else ""
    return {"text": text, "due_at": local, "who": access.person(request).pk}


def _message(conversation: Conversation, text: str) -> Message | None:
    if not text.isdigit() or len(text) > 18:
        return None
    return conversation.messages.filter(pk=int(text)).first()


def _sheet(
    request: HttpRequest,
    conversation: Conversation,
    form: desk_forms.TodoForm,
    message: Message | None,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    context = {
        "conversation": conversation,
        "todos": desk_todos.of_thread(conversation, now=now),
        "form": form,
        "message": message,
        "now": now,
    }
    return render(request, "conversations/_chat_todos.html", context, status=status)


@access.roles(*access.ANSWERERS)
@require_GET
def todos(request: HttpRequest) -> HttpResponse:
    """My list: what is due, what comes, what was suggested, and what was done lately."""
    return render(request, "conversations/todos.html", _lists(request))


def _lists(request: HttpRequest) -> dict[str, Any]:
    user, now = access.person(request), timezone.now()
    everybody = request.GET.get("whose") == "all"
    opened = desk_todos.waiting() if everybody else desk_todos.mine(user)
    rows = list(opened[:MOST])
    heard = Todo.objects.filter(suggested=True, done_at=None, created_at__gt=now - desk_todos.FADES)
    done = Todo.objects.filter(done_at__gt=now - LATELY, suggested=False)
    related = ("conversation__contact", "assigned_to")
    return {
        "due": [one for one in rows if one.due_at <= now],
        "coming": [one for one in rows if one.due_at > now],
        "heard": list(heard.select_related(*related).order_by("-pk")[:20]),
        "done": list(
            (done if everybody else done.filter(done_by=user))
            .select_related(*related)
            .order_by("-done_at")[:20]
        ),
        "whose": "all" if everybody else "mine",
        "seat": desk_seats.seat_of(user),
        "load": desk_seats.load_of([user.pk]).get(user.pk, 0),
        "now": now,
    }


@access.roles(*access.ANSWERERS)
@require_POST
def todo_change(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Done, open again, or kept: `verb` is one of done, undo, keep."""
    user, now = access.person(request), timezone.now()
    verbs = {
        "done": lambda: desk_todos.finish(pk, user=user, now=now),
        "undo": lambda: desk_todos.undo(pk),
        "keep": lambda: desk_todos.keep(pk, user=user),
    }
    try:
        todo = verbs[verb]()
    except Todo.DoesNotExist:
        raise Http404 from None
    return _after(request, todo)


def _after(request: HttpRequest, todo: Todo) -> HttpResponse:
    """The row as it is now, where it was pressed."""
    if not request.headers.get("HX-Request"):
        return redirect("todos")
    return render(request, "conversations/_todo.html", {"todo": todo, "now": timezone.now()})


@access.roles(*access.ANSWERERS)
@require_POST
def desk_away(request: HttpRequest) -> HttpResponse:
    """I am away for a while, until people are there again, or back."""
    now = timezone.now()
    desk_seats.set_away(access.person(request), until=_until(request.POST, now), now=now)
    return redirect("todos")


def _until(given: QueryDict, now: datetime) -> datetime | None:
    wish = given.get("away", "")
    if wish == "tomorrow":
        midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        return desk_rules.next_open(midnight + timedelta(days=1))
    return now + AWAY[wish] if wish in AWAY else None
