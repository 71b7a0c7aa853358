"""Finish a decision of Today where it stands, and take it back.

Each verb says in a sentence what was done and keeps, for an hour, what its undoing needs. An undo puts back
only what nobody has touched since; else it raises TooLate.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from billing import limits, money
from billing.models import SpendLimit
from conversations import desk_handling, desk_todos, handoff, outbox, teaching
from conversations.models import Conversation, Message
from knowledge import settling
from knowledge.models import Gap, PinnedAnswer, PinnedQuestion
from tenants import audit, live, undoing
from tenants.models import User

LONGEST_REPLY = 4000


class Unfit(ValueError):
    """It cannot be done like this; the words are for whoever tried."""


class TooLate(ValueError):
    """It cannot be taken back any more."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, and the word by which it is taken back; empty where it cannot be."""

    words: str
    undo: str = ""


# -- a question without an answer


def approve(gap: Gap, *, text: str, language: str, user: User, now: datetime) -> Done:
    """Settle the answer; raises settling.Unfit."""
    before = _answer_of(gap.question)
    answer = teaching.approve(gap, question=gap.question, text=text, language=language, user=user, now=now)
    made = before is None or before["answer"] != answer.pk
    what = {"verb": "approve", "gap": gap.pk, "answer": answer.pk, "changed": answer.changed_at.isoformat()}
    words = _("Settled: whoever asks “%(question)s” is told exactly that.") % {"question": gap.question}
    return Done(words, undoing.keep(what | {"before": None if made else before}))


def _answer_of(question: str) -> dict[str, Any] | None:
    """What the settled answer to this very question says now, which approving would change."""
    way = PinnedQuestion.objects.filter(text=settling.line(question)).select_related("answer").first()
    if way is None:
        return None
    answer = way.answer
    return {
        "answer": answer.pk,
        "text": answer.text,
        "language": answer.language,
        "enabled": answer.enabled,
        "questions": list(answer.questions.order_by("pk").values_list("text", flat=True)),
    }


@transaction.atomic(durable=True)
def _undo_approve(what: dict[str, Any], *, user: User, now: datetime) -> None:
    gap = Gap.objects.filter(pk=what["gap"], status=Gap.Status.ANSWERED, pinned=what["answer"]).first()
    answer = PinnedAnswer.objects.select_for_update().filter(pk=what["answer"]).first()
    if gap is None or answer is None:
        raise TooLate
    before = what["before"]
    if before is None:
        settling.forget(answer, now=now)
    else:
        settling.change(
            answer, text=before["text"], language=before["language"], questions=before["questions"], now=now
        )
        settling.switch(answer, on=before["enabled"], now=now)
    gap.pinned = None
    gap.save(update_fields=["pinned"])
    _reopen(gap)


def _reopen(gap: Gap) -> None:
    Gap.objects.filter(pk=gap.pk).update(status=Gap.Status.OPEN, dismissed_at=None)
    live.publish("gap.changed", id=gap.pk)


def dismiss(gap: Gap, *, now: datetime) -> Done:
    """It needs no answer."""
    teaching.dismiss(gap, now=now)
    words = _("Dismissed. It comes back when three more customers ask.")
    return Done(words, undoing.keep({"verb": "dismiss", "gap": gap.pk}))


@transaction.atomic(durable=True)
def _undo_dismiss(what: dict[str, Any], *, user: User, now: datetime) -> None:
    gap = Gap.objects.filter(pk=what["gap"], status=Gap.Status.DISMISSED).first()
    if gap is None:
        raise TooLate
    _reopen(gap)


# -- a limit that lets nothing more pass


def raise_limit(limit: SpendLimit, *, text: str, user: User, now: datetime) -> Done:
    """Let more be spent in a day; raises Unfit for what is no higher number."""
    try:
        wanted = limits.amount_of(text)
    except ValueError as error:
        raise Unfit(str(error)) from None
    if wanted is None or wanted <= limit.credits_a_day:
        raise Unfit(_("Write a number above %(n)s.") % {"n": money.grouped(limit.credits_a_day)})
    limits.set_limit(limit.agent_id, wanted, actor=user, now=now)
    words = _("The limit is %(credits)s a day now: the next message is answered again.")
    return Done(words % {"credits": money.in_credits(wanted)})


# -- a customer who waits


def take(chat: Conversation, *, user: User, now: datetime) -> Done:
    """It is this person's; raises Unfit when it is somebody's already."""
    _still_waits(chat)
    since, reason = chat.waiting_since, chat.handoff_reason
    handoff.take_over(chat.pk, user=user, now=now)
    what = {"verb": "take", "chat": chat.pk, "at": now.isoformat(), "reason": reason}
    words = _("The chat with %(name)s is yours.") % {"name": chat.contact.display_name}
    return Done(words, undoing.keep(what | {"since": since.isoformat() if since else None}))


def _still_waits(chat: Conversation) -> None:
    if chat.handler != Conversation.Handler.QUEUE:
        name = str(chat.assigned_to) if chat.assigned_to else _("The assistant")
        raise Unfit(_("%(name)s has this chat already.") % {"name": name})


def _undo_take(what: dict[str, Any], *, user: User, now: datetime) -> None:
    """Back into the queue, where it was; not when somebody has written since."""
    chat = Conversation.objects.filter(pk=what["chat"], assigned_to=user).first()
    if chat is None or chat.handler != Conversation.Handler.PERSON:
        raise TooLate
    written = chat.messages.filter(author_kind=Message.Author.PERSON)
    if written.filter(created_at__gt=datetime.fromisoformat(what["at"])).exists():
        raise TooLate
    desk_handling.assign(chat.pk, to=None, user=user, now=now)
    if what["since"]:
        queued = Conversation.objects.filter(pk=chat.pk, handler=Conversation.Handler.QUEUE)
        since = datetime.fromisoformat(what["since"])
        queued.update(waiting_since=since, handoff_reason=what["reason"])


def reply(chat: Conversation, *, text: str, key: str, refused: str, user: User, now: datetime) -> Done:
    """This person answers, once a key, and has the chat from then on; raises Unfit."""
    words = text.replace("\x00", "").strip()
    if refused:
        raise Unfit(refused)
    if not 0 < len(words) <= LONGEST_REPLY:
        raise Unfit(_("Write between 1 and 4,000 characters."))
    if not (key and outbox.wished(chat, key)):
        _still_waits(chat)
        handoff.take_over(chat.pk, user=user, now=now)
    outbox.post_by_person(chat.pk, user=user, text=words, now=now, key=key)
    said = _("Sent to %(name)s. The chat is yours; the assistant is silent in it.")
    return Done(said % {"name": chat.contact.display_name})


# -- a message that did not go out


def send_again(message_id: int, *, now: datetime) -> Done:
    """Once more, because a person saw it; raises Message.DoesNotExist."""
    message = outbox.retry(message_id, now=now)
    name = message.conversation.contact.display_name
    return Done(_("The message to %(name)s is on its way again.") % {"name": name})


def arrived(message_id: int, *, user: User, now: datetime) -> Done:
    """A person knows that it arrived; raises Message.DoesNotExist."""
    before = Message.objects.values_list("error", flat=True).get(pk=message_id)
    message = outbox.confirm(message_id, user=user, now=now)
    what = {"verb": "arrived", "message": message.pk, "error": before, "at": now.isoformat()}
    name = message.conversation.contact.display_name
    return Done(_("The message to %(name)s counts as sent.") % {"name": name}, undoing.keep(what))


@transaction.atomic(durable=True)
def _undo_arrived(what: dict[str, Any], *, user: User, now: datetime) -> None:
    own = Message.objects.filter(pk=what["message"], status=Message.Status.SENT)
    ours = own.filter(sent_at=datetime.fromisoformat(what["at"]))
    # As it was: nobody knows, and nobody is asked again by itself.
    back = ours.update(
        status=Message.Status.UNKNOWN, sent_at=None, terminal_at=None, error=what["error"],
        attempts=outbox.MAX_ATTEMPTS, claimed_at=now - timedelta(days=1),
    )  # fmt: skip
    if not back:
        raise TooLate
    audit.record("message.unconfirm", actor=user, target=what["message"])
    chat = Message.objects.values_list("conversation", flat=True).get(pk=what["message"])
    live.publish("message.changed", id=what["message"], conversation=chat)


# -- what was promised


def finish(todo_id: int, *, user: User, now: datetime) -> Done:
    """It is done; raises Todo.DoesNotExist."""
    todo = desk_todos.finish(todo_id, user=user, now=now)
    return Done(_("Done: %(what)s") % {"what": todo.text}, undoing.keep({"verb": "todo", "todo": todo.pk}))


def _undo_finish(what: dict[str, Any], *, user: User, now: datetime) -> None:
    desk_todos.undo(what["todo"])


# -- taking back

_UNDO = {
    "approve": _undo_approve,
    "dismiss": _undo_dismiss,
    "take": _undo_take,
    "arrived": _undo_arrived,
    "todo": _undo_finish,
}
MANAGERS_ONLY = ("approve", "dismiss")


def kept(word: str) -> dict[str, Any] | None:
    """What was done under this word; None when that is too long ago."""
    found = undoing.kept(word)
    return found if found and found.get("verb") in _UNDO else None


def undo(what: dict[str, Any], *, user: User, now: datetime) -> Done:
    """Take it back; raises TooLate."""
    _UNDO[what["verb"]](what, user=user, now=now)
    return Done(_("Taken back."))
