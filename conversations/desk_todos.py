"""What was promised to a customer: heard in our own words or written down by a person, and back when due.

A promise that is heard is a suggestion until somebody keeps it; a message promises once. What is due comes
back once: to whoever has it, on Today, and in its thread. What was done, or put away, can be undone.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from agents import promises
from conversations import desk_rules
from conversations.models import Channel, Conversation, FollowUp, Message, Todo
from tenants import live, notifying
from tenants.current import tenant
from tenants.models import User

USUAL = timedelta(days=1)  # when the promise did not say
LATEST = timedelta(days=366)
SPEAKERS = (Message.Author.AGENT, Message.Author.PERSON)
FADES = timedelta(days=7)  # a suggestion that nobody keeps for so long is not shown any more


class Unfit(ValueError):
    """This cannot be kept; the words are for whoever entered it."""


def hear(conversation: Conversation, message: Message, *, now: datetime) -> Todo | None:
    """Suggest what our own message promises; in the caller's transaction; free where it promises none."""
    if message.author_kind not in SPEAKERS or not message.body:
        return None
    local = now.astimezone(ZoneInfo(tenant().timezone))
    promise = promises.heard(message.body, now=local)
    if promise is None or conversation.channel.kind == Channel.Kind.TEST:
        return None
    if _says_it_itself(conversation, message):
        return None
    due_at = promise.due_at or desk_rules.next_open(now + USUAL)
    suggested, _made = Todo.objects.get_or_create(
        message=message,
        defaults={
            "conversation": conversation,
            "text": promise.text,
            "due_at": due_at,
            "suggested": True,
            "assigned_to": message.author,
            "created_at": now,
        },
    )
    return suggested


def _says_it_itself(conversation: Conversation, message: Message) -> bool:
    """Whether the assistant has planned to write later by its own tool: then nobody need remember."""
    if message.author_kind != Message.Author.AGENT:
        return False
    return conversation.follow_ups.filter(status=FollowUp.Status.WAITING, author=None).exists()


# -- the verbs


@transaction.atomic(durable=True)
def add(
    conversation: Conversation,
    *,
    text: str,
    due_at: datetime,
    user: User,
    now: datetime,
    assigned_to: User | None = None,
    message: Message | None = None,
) -> Todo:
    """Write something down, of a message or by itself; raises Unfit. Of a message it is one."""
    words = " ".join(text.split())[:300]
    _check(words, due_at, now=now)
    values = {
        "conversation": conversation,
        "text": words,
        "due_at": due_at,
        "assigned_to": assigned_to or user,
        "created_by": user,
        "suggested": False,
        "told_at": None,
        "done_at": None,
        "done_by": None,
    }
    if message is None:
        todo = Todo.objects.create(**values, created_at=now)
    else:
        todo, _made = Todo.objects.update_or_create(message=message, defaults=values)
    _tell(todo)
    return todo


def _check(words: str, due_at: datetime, *, now: datetime) -> None:
    if not words:
        raise Unfit(_("Say what is to be done."))
    if not now - timedelta(minutes=5) <= due_at <= now + LATEST:
        raise Unfit(_("Choose a moment between now and a year from now."))


@transaction.atomic(durable=True)
def keep(todo_id: int, *, user: User) -> Todo:
    """A suggestion is to be done: by whoever promised or keeps it. Raises Todo.DoesNotExist."""
    todo = Todo.objects.select_for_update(of=("self",)).get(pk=todo_id)
    todo.suggested, todo.done_at, todo.done_by = False, None, None
    todo.created_by = todo.created_by or user
    todo.assigned_to = todo.assigned_to or user
    todo.save()
    _tell(todo)
    return todo


@transaction.atomic(durable=True)
def finish(todo_id: int, *, user: User, now: datetime) -> Todo:
    """It is done; a suggestion is put away. Raises Todo.DoesNotExist."""
    todo = Todo.objects.select_for_update(of=("self",)).get(pk=todo_id)
    if todo.done_at is None:
        todo.done_at, todo.done_by = now, user
        todo.save(update_fields=["done_at", "done_by"])
        notifying.over(url=_page(todo), now=now, kinds=["todo"])
        _tell(todo)
    return todo


@transaction.atomic(durable=True)
def undo(todo_id: int) -> Todo:
    """It is open again, as it was. Raises Todo.DoesNotExist."""
    todo = Todo.objects.select_for_update(of=("self",)).get(pk=todo_id)
    todo.done_at, todo.done_by = None, None
    todo.save(update_fields=["done_at", "done_by"])
    _tell(todo)
    return todo


def _tell(todo: Todo) -> None:
    live.publish("todo.changed", id=todo.pk, conversation=todo.conversation_id)


def _page(todo: Todo) -> str:
    return reverse("chat", args=[todo.conversation_id])


# -- what is open


def waiting() -> QuerySet[Todo]:
    """What is to be done, the earliest first."""
    return Todo.objects.filter(done_at=None, suggested=False).select_related(
        "conversation__contact", "assigned_to"
    )


def mine(user: User) -> QuerySet[Todo]:
    """What this person is to do, and what is nobody's."""
    return waiting().filter(Q(assigned_to=user) | Q(assigned_to=None))


def due_now(*, now: datetime, user: User | None = None) -> QuerySet[Todo]:
    """What has come back, for Today: everybody's, or one person's."""
    return (mine(user) if user is not None else waiting()).filter(due_at__lte=now)


def of_thread(conversation: Conversation, *, now: datetime) -> list[Todo]:
    """What is open in one thread, and what was heard lately and nobody has kept."""
    rows = conversation.todos.filter(done_at=None).filter(Q(suggested=False) | Q(created_at__gt=now - FADES))
    return list(rows.select_related("assigned_to")[:20])


# -- coming back


def due(*, now: datetime) -> Sequence[int]:
    """What is due and was told to nobody."""
    untold = Todo.objects.filter(due_at__lte=now, done_at=None, told_at=None, suggested=False)
    return list(untold.order_by("due_at").values_list("pk", flat=True)[:100])


@transaction.atomic(durable=True)
def come_back(todo_id: int, *, now: datetime) -> None:
    """Tell whoever has it, once; all who answer, where nobody has it."""
    untold = Todo.objects.filter(pk=todo_id, due_at__lte=now, done_at=None, told_at=None, suggested=False)
    if not untold.update(told_at=now):
        return
    todo = Todo.objects.select_related("conversation").get(pk=todo_id)
    notifying.notify(
        "todo",
        key=f"{todo.pk}:{int(todo.due_at.timestamp())}",
        url=_page(todo),
        now=now,
        users=[todo.assigned_to_id] if todo.assigned_to_id else None,
        params={"conversation": todo.conversation_id},
        channel=todo.conversation.channel_id,
    )
    _tell(todo)
