"""Tell the people of a team what concerns them: in the product, by their browser, by e-mail.

`notify` writes one row a person in the caller's transaction; the row's unique key makes it happen once. What
leaves the house does so afterwards (`tenants.notice_delivery`), and not when it was seen meanwhile. A row
carries ids and numbers; who reads it is shown names, which are looked up then (`tenants.notice_words`).
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.functional import Promise

from tenants import live, quiet
from tenants.access import ANSWERERS
from tenants.background import ring_public
from tenants.current import tenant as current_tenant
from tenants.models import Membership, Tenant, User
from tenants.notices import NoticeRules, Notification, NotificationChoice, PushDevice

TOGETHER = timedelta(minutes=5)  # what comes within it is one letter, and nothing when it was seen
Words = str | Promise
People = Iterable[User | int]


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that may be told. `words` name its params: `%(conversation)s waits for a person`.

    `push` and `email` are what a person gets who chose nothing; `roles` who may be told, and are asked about
    it on Account, Notifications.
    """

    name: str
    title: Words
    words: str  # marked with gettext_noop
    icon: str
    push: bool = False
    email: bool = False
    roles: Collection[str] = ANSWERERS
    is_urgent: bool = False


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known, once, when the apps are ready."""
    _kinds[kind.name] = kind


def kinds() -> list[Kind]:
    """Every kind, in the order in which they were made known."""
    return list(_kinds.values())


def kind_named(name: str) -> Kind | None:
    """None for one that an earlier release told of."""
    return _kinds.get(name)


def notify(
    kind: str,
    *,
    key: object,
    url: str,
    now: datetime,
    users: People | None = None,
    roles: Collection[str] | None = None,
    besides: People = (),
    params: Mapping[str, int | str] | None = None,
    channel: uuid.UUID | None = None,
) -> None:
    """Tell these people, or all of these roles (by default the kind's own), in the caller's transaction.

    `key` is the cause: the same kind and key is told to one person once. `besides` need not be told what they
    did themselves. `params` are ids and numbers, `url` the page where it is dealt with, `channel` what it
    came by, which a person may have muted. Who is no active member any more is told nothing.
    """
    known, tenant = _kinds[kind], current_tenant()
    seats = _seats(tenant, known, users=users, roles=roles, besides=besides)
    rows = [
        _row(seat, known, tenant=tenant, key=str(key)[:120], url=url[:200], now=now,
             params=dict(params or {}), muted=channel is not None and channel in (seat.muted or ()))
        for seat in seats
    ]  # fmt: skip
    if not rows:
        return
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    live.publish("notice.changed")
    if any(row.push_due_at and row.push_due_at <= now for row in rows):
        transaction.on_commit(partial(_ring, tenant.pk))


def _ring(tenant_id: int) -> None:
    from tenants import notice_delivery  # which tells what is written here

    ring_public(notice_delivery.push_due, tenant_id=tenant_id)


def _seats(
    tenant: Tenant, kind: Kind, *, users: People | None, roles: Collection[str] | None, besides: People
) -> QuerySet[Any]:
    """The members to tell, each with what they chose; one statement."""
    seats = Membership.objects.filter(tenant=tenant, user__is_active=True).exclude(user__in=_ids(besides))
    if users is not None:
        seats = seats.filter(user__in=_ids(users))
    if users is None or roles is not None:
        seats = seats.filter(role__in=kind.roles if roles is None else roles)
    return with_choices(seats, kind.name)


def _ids(people: People) -> list[int]:
    return [one if isinstance(one, int) else one.pk for one in people]


def with_choices(seats: QuerySet[Membership], kind: str) -> QuerySet[Any]:
    """These seats with what each person chose for a kind, and with their browsers."""
    own = {"user": OuterRef("user"), "tenant": OuterRef("tenant")}
    choice = NotificationChoice.objects.filter(**own, kind=kind)
    rules = NoticeRules.objects.filter(**own)
    return seats.order_by("pk").annotate(
        wants_push=Subquery(choice.values("push")[:1]),
        wants_email=Subquery(choice.values("email")[:1]),
        quiet_from=Subquery(rules.values("quiet_from")[:1]),
        quiet_until=Subquery(rules.values("quiet_until")[:1]),
        muted=Subquery(rules.values("muted_channels")[:1]),
        devices=ArraySubquery(PushDevice.objects.filter(**own).order_by("pk").values("pk")),
    )


def _row(
    seat: Any, kind: Kind, *, tenant: Tenant, key: str, url: str, now: datetime, params: dict[str, Any],
    muted: bool,
) -> Notification:  # fmt: skip
    start = quiet.allowed_from(now, start=seat.quiet_from, end=seat.quiet_until, zone=tenant.timezone)
    push = _chosen(seat.wants_push, kind.push) and bool(seat.devices) and not muted
    email = _chosen(seat.wants_email, kind.email) and not muted
    return Notification(
        tenant=tenant,
        user_id=seat.user_id,
        kind=kind.name,
        key=key,
        params=params,
        url=url,
        created_at=now,
        push_due_at=start if push else None,
        push_left=seat.devices if push else [],
        email_due_at=max(start, now + TOGETHER) if email else None,
    )


def _chosen(wish: bool | None, otherwise: bool) -> bool:
    return otherwise if wish is None else wish


# -- what was seen, and what is over


def over(
    *, url: str, now: datetime, kinds: Collection[str] | None = None, users: People | None = None
) -> None:
    """What this page was about is dealt with: nobody (or none of `users`) need look any more.

    In the caller's transaction; one statement. What has not left the house yet does not.
    """
    page = Q(url=url) | Q(url__startswith=f"{url}#")  # or a place on it
    rows = Notification.objects.filter(page, tenant=current_tenant(), seen_at=None)
    if kinds is not None:
        rows = rows.filter(kind__in=kinds)
    if users is not None:
        rows = rows.filter(user__in=_ids(users))
    if _see(rows, now=now):
        live.publish("notice.changed")


def see(row: Notification, *, now: datetime) -> None:
    """Its person has seen this one."""
    if _see(Notification.objects.filter(pk=row.pk, seen_at=None), now=now):
        live.publish("notice.changed")


def see_all(user: User, *, now: datetime) -> int:
    """This person has seen everything so far; how much that was."""
    seen = _see(unseen(user), now=now)
    if seen:
        live.publish("notice.changed")
    return seen


def unsee(user: User, *, seen_at: datetime) -> int:
    """Undo `see_all` of this moment; what would have left the house meanwhile does not any more."""
    rows = Notification.objects.filter(tenant=current_tenant(), user=user, seen_at=seen_at)
    back = rows.update(seen_at=None)
    if back:
        live.publish("notice.changed")
    return back


def _see(rows: QuerySet[Notification], *, now: datetime) -> int:
    return rows.update(seen_at=now, push_due_at=None, push_left=[], email_due_at=None)


def unseen(user: User) -> QuerySet[Notification]:
    """What this person of the current business has not seen."""
    return listed(user).filter(seen_at=None)


def listed(user: User) -> QuerySet[Notification]:
    """What this person of the current business was told, the newest first."""
    return Notification.objects.filter(tenant=current_tenant(), user=user).order_by("-pk")
