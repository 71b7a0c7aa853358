"""What the desk does when a chat comes to people, is taken, or leaves them: marks, clocks, bells, summaries.

Called by `handoff` in its transactions, with the thread locked. A member who tries the assistant is no
customer: nothing of this is done for a test chat.
"""

from datetime import datetime

from django.urls import reverse

from conversations import activities, desk_choosing, desk_clocks, desk_rules, desk_seats, desk_summaries
from conversations.handoff_reasons import EMERGENCIES
from conversations.models import Activity, Channel, Conversation, DeskRules, SlaClock
from tenants import notifying
from tenants.models import User

Kind, Clock = Activity.Kind, SlaClock.Kind


def is_real(conversation: Conversation) -> bool:
    return conversation.channel.kind != Channel.Kind.TEST


def priority_of(conversation: Conversation, *, is_emergency: bool) -> int:
    """What it waits with: never less than a person has set."""
    profile = getattr(conversation.contact, "profile", None)
    value = profile.value if profile is not None else None
    begins = desk_choosing.priority(is_emergency=is_emergency, value=value)
    return max(conversation.priority, begins)


def queued(conversation: Conversation, *, reason: str, now: datetime) -> None:
    """It waits for a person: the clocks run, somebody is given it, or all are told; a summary is asked."""
    if not is_real(conversation):
        return
    activities.mark(conversation, Kind.QUEUED, actor=None, now=now, reason=reason)
    wanted = desk_rules.current()
    desk_clocks.start(conversation, Clock.FIRST, Clock.RESOLVE, now=now, wanted=wanted)
    desk_summaries.ask(conversation, now=now)
    if desk_rules.assigns(wanted):
        desk_seats.fill_soon()
    if not desk_rules.assigns(wanted) or reason in EMERGENCIES:
        desk_seats.tell_waiting(conversation, now=now)


def taken(
    conversation: Conversation,
    *,
    user: User | None,
    was_agents: bool,
    wanted: DeskRules,
    marked: bool,
    now: datetime,
) -> None:
    """A person has it now: whoever else was called need not look."""
    if not is_real(conversation):
        return
    if marked:
        by = {} if user is not None else {"by": "phone"}
        activities.mark(conversation, Kind.TAKEN, actor=user, now=now, **by)
    desk_clocks.start(conversation, Clock.RESOLVE, now=now, wanted=wanted)
    if was_agents and user is not None:
        desk_summaries.ask(conversation, now=now)
    _need_not_look(conversation, now=now)


def left(conversation: Conversation, kind: str, *, user: User | None, now: datetime) -> None:
    """It is the assistant's again, or closed: clocks end, somebody has room. The caller saves the row."""
    if not is_real(conversation):
        return
    activities.mark(conversation, kind, actor=user, now=now)
    desk_clocks.ended(conversation, user=user, now=now)
    if conversation.assigned_to_id and desk_rules.assigns(desk_rules.current()):
        desk_seats.fill_soon()
    _need_not_look(conversation, now=now)


def _need_not_look(conversation: Conversation, *, now: datetime) -> None:
    notifying.over(url=reverse("chat", args=[conversation.pk]), now=now, kinds=["waiting", *desk_clocks.TOLD])
