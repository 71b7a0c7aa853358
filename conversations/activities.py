"""Marks in a thread: who took it, gave it back, labelled it, and when. Never what was said."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from conversations import handoff_reasons
from conversations.models import Activity, Conversation
from tenants.models import User

Kind = Activity.Kind


def mark(
    conversation: Conversation, kind: str, *, actor: User | None, now: datetime, **detail: str | int | None
) -> Activity:
    """Add one mark, in the caller's transaction; the caller tells the pages that something changed.

    `actor` None is the product itself. `detail` holds names and ids of ours, never a customer's words:
    `reason` (queued), `to`, `name` (assigned), `label`, `name` (labelled), `level` (priority), `clock`.
    """
    return Activity.objects.create(conversation=conversation, kind=kind, actor=actor, detail=detail, at=now)


def in_words(activity: Activity) -> str:
    """What happened, as a sentence for the reader; `activity.actor` should be loaded with its row."""
    who = str(activity.actor) if activity.actor else _("Frontdesk")
    detail: Mapping[str, Any] = activity.detail
    words = _SENTENCES.get(activity.kind, lambda who, detail: "")(who, detail)
    return words or str(Kind(activity.kind).label).capitalize()


def _queued(who: str, detail: Mapping[str, Any]) -> str:
    reason = handoff_reasons.words_of(str(detail.get("reason", "")))
    return _("Waits for a person: %(why)s") % {"why": _(reason)} if reason else _("Waits for a person")


def _taken(who: str, detail: Mapping[str, Any]) -> str:
    return _("%(who)s took over") % {"who": who} if detail.get("by") != "phone" else _("Answered by phone")


def _given_back(who: str, detail: Mapping[str, Any]) -> str:
    return _("%(who)s gave it back to the assistant") % {"who": who}


def _lapsed(who: str, detail: Mapping[str, Any]) -> str:
    return _("The time of a person was over: the assistant answers again")


def _assigned(who: str, detail: Mapping[str, Any]) -> str:
    name = detail.get("name")
    if not name:
        return _("%(who)s put it back into the queue") % {"who": who}
    if detail.get("by") in ("turn", "load"):
        return _("Given to %(name)s") % {"name": name}
    return _("%(who)s gave it to %(name)s") % {"who": who, "name": name}


def _closed(who: str, detail: Mapping[str, Any]) -> str:
    return _("%(who)s closed the chat") % {"who": who}


def _reopened(who: str, detail: Mapping[str, Any]) -> str:
    return _("%(who)s opened the chat again") % {"who": who}


def _labelled(who: str, detail: Mapping[str, Any]) -> str:
    return _("%(who)s put the label %(name)s on it") % {"who": who, "name": detail.get("name", "")}


def _unlabelled(who: str, detail: Mapping[str, Any]) -> str:
    return _("%(who)s took the label %(name)s off") % {"who": who, "name": detail.get("name", "")}


def _priority(who: str, detail: Mapping[str, Any]) -> str:
    level = int(detail.get("level") or 0)
    words = (_("normal"), _("high"), _("urgent"))[max(0, min(2, level))]
    return _("%(who)s set the priority: %(level)s") % {"who": who, "level": words}


def _late(who: str, detail: Mapping[str, Any]) -> str:
    return {
        "first": _("The first reply is later than agreed"),
        "next": _("A reply is later than agreed"),
        "resolve": _("Not solved in the agreed time"),
    }.get(str(detail.get("clock", "")), "")


_SENTENCES: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    Kind.QUEUED: _queued,
    Kind.TAKEN: _taken,
    Kind.GIVEN_BACK: _given_back,
    Kind.LAPSED: _lapsed,
    Kind.ASSIGNED: _assigned,
    Kind.CLOSED: _closed,
    Kind.REOPENED: _reopened,
    Kind.LABELLED: _labelled,
    Kind.UNLABELLED: _unlabelled,
    Kind.PRIORITY: _priority,
    Kind.LATE: _late,
}
