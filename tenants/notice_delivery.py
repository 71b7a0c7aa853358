"""What leaves the house of a notification: to the browsers at once, by e-mail together after a while.

The row says what is due. A claim moves its due time on, so a killed task is repeated by the sweep and a
repeated one does nothing; what was seen meanwhile is not due any more.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_tenants.utils import schema_context

from tenants import addresses, letters, notice_words, notifying, push_devices
from tenants.background import public_task
from tenants.models import Membership, Tenant, User
from tenants.notices import Notification, PushDevice

log = structlog.get_logger(__name__)
CLAIM = timedelta(minutes=2)  # longer than pushing to all browsers of one person takes
MAIL_CLAIM = timedelta(minutes=10)
GRACE = timedelta(seconds=20)
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
TOO_OLD = timedelta(hours=12)  # nobody wants to hear of it by a browser any more
MOST_IN_A_LETTER = 20
MOST_A_ROUND = 500
KEPT = timedelta(days=90)
LONGEST_BODY = 240


# -- browsers


@public_task()
def push_due(tenant_id: int) -> None:
    """Tell the browsers of one business what is due for them now."""
    due = Notification.objects.filter(tenant=tenant_id, push_due_at__lte=timezone.now())
    for pk in list(due.order_by("pk").values_list("pk", flat=True)[:MOST_A_ROUND]):
        push(pk, now=timezone.now())


def push(notice_id: int, *, now: datetime) -> None:
    """Tell all browsers of one person of one thing; those that could not take it are tried again."""
    notice = _claimed(notice_id, now=now)
    if notice is None:
        return
    if notice.created_at < now - TOO_OLD:
        return _keep(notice, left=[], now=now)
    body, left = _body(notice), []
    for device in push_devices.left_of(notice):
        if _tell(device, notice, body, now=now) == "later":
            left.append(device.pk)
    _keep(notice, left=left, now=now)


def _claimed(notice_id: int, *, now: datetime) -> Notification | None:
    """The row, when it is due and nobody else has it; who was seated and is no more is told nothing."""
    notice = Notification.objects.select_related("user", "tenant").filter(pk=notice_id).first()
    if notice is None or notice.push_due_at is None or notice.push_due_at > now:
        return None
    own = Notification.objects.filter(pk=notice_id, push_due_at=notice.push_due_at, seen_at=None)
    attempts = notice.push_attempts + 1
    if not own.update(push_due_at=now + CLAIM, push_attempts=attempts):
        return None
    notice.push_attempts = attempts
    if not _is_member(notice.user, notice.tenant):
        _keep(notice, left=[], now=now)
        return None
    return notice


def _is_member(user: User, tenant: Tenant) -> bool:
    return Membership.objects.filter(user=user, tenant=tenant, user__is_active=True).exists()


def _keep(notice: Notification, *, left: Sequence[int], now: datetime) -> None:
    """Told, or to be tried again later by those that are left."""
    again = notice.push_attempts <= len(PAUSES) and bool(left)
    Notification.objects.filter(pk=notice.pk, push_due_at__isnull=False).update(
        push_due_at=now + PAUSES[notice.push_attempts - 1] if again else None,
        push_left=list(left) if again else [],
    )


def _tell(device: PushDevice, notice: Notification, body: bytes, *, now: datetime) -> push_devices.Outcome:
    """One browser; who is signed out there, or took its leave back, is forgotten."""
    if not push_devices.still_signed_in(device):
        push_devices.forget(device)
        return "gone"
    kind = notifying.kind_named(notice.kind)
    outcome = push_devices.pusher().send(
        endpoint=device.endpoint,
        p256dh=device.p256dh,
        auth=device.auth,
        body=body,
        private=push_devices.key().private,
        topic=f"n{notice.pk}",
        urgent=bool(kind and kind.is_urgent),
    )
    log.info("notice.pushed", notification=notice.pk, device=device.pk, outcome=outcome)
    if outcome == "gone":
        push_devices.forget(device)
    elif outcome == "taken":
        PushDevice.objects.filter(pk=device.pk).update(told_at=now)
    return outcome


def _body(notice: Notification) -> bytes:
    """What the browser shows: small JSON, encrypted on its way so that only that browser can read it."""
    tenant = notice.tenant
    unseen = Notification.objects.filter(user=notice.user, tenant=tenant, seen_at=None).count()
    words = _in_words([notice], tenant, notice.user)
    shown = {
        "title": tenant.name[:80],
        "body": words[0].words[:LONGEST_BODY] if words else "",
        "url": f"/notices/{notice.pk}/",
        "tag": f"notice-{notice.pk}",
        "count": unseen,
    }
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


def _in_words(notices: Iterable[Notification], tenant: Tenant, user: User) -> list[notice_words.Told]:
    language = user.language or tenant.language
    with translation.override(language), schema_context(tenant.schema_name):
        return notice_words.told(notices)


# -- letters


def mail_due(*, now: datetime) -> None:
    """One letter to each person who has not seen something in time."""
    due = Notification.objects.filter(email_due_at__lte=now, seen_at=None)
    pairs = due.order_by("tenant", "user").values_list("tenant", "user").distinct()
    for tenant_id, user_id in list(pairs[:MOST_A_ROUND]):
        _mail(tenant_id, user_id, now=now)


def _mail(tenant_id: int, user_id: int, *, now: datetime) -> None:
    """All that waits for this person, also what would have come a little later: one letter."""
    waiting = Notification.objects.filter(tenant=tenant_id, user=user_id, seen_at=None)
    waiting = waiting.filter(email_due_at__isnull=False)
    rows = _claim_letter(waiting, now=now)
    if not rows:
        return
    tenant, user = rows[0].tenant, rows[0].user
    own = Notification.objects.filter(pk__in=[row.pk for row in rows])
    is_open = tenant.status == Tenant.Status.READY and _is_member(user, tenant)
    if not is_open or letters.to_one(user, tenant, lambda: _letter(rows, tenant)):
        own.update(email_due_at=None)


@transaction.atomic(durable=True)
def _claim_letter(waiting: QuerySet[Notification], *, now: datetime) -> list[Notification]:
    """The rows of this letter, which nobody else writes meanwhile; tried again when we are killed."""
    rows = list(waiting.select_for_update(of=("self",), skip_locked=True).select_related("tenant", "user"))
    if not any(row.email_due_at and row.email_due_at <= now for row in rows):
        return []
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(email_due_at=now + MAIL_CLAIM)
    return rows


def _letter(rows: Sequence[Notification], tenant: Tenant) -> letters.Written:
    with schema_context(tenant.schema_name):
        told = notice_words.told(rows[:MOST_IN_A_LETTER])
    lines = [(one.words, addresses.tenant_url(tenant, f"/notices/{one.notice.pk}/")) for one in told]
    subject = ngettext("%(business)s: %(n)s thing for you", "%(business)s: %(n)s things for you", len(rows))
    context = {
        "lines": lines,
        "more": len(rows) - len(lines),
        "business": tenant.name,
        "choices": addresses.tenant_url(tenant, "/account/notifications/"),
    }
    text = render_to_string("tenants/email/notices.txt", context)
    if len(rows) == len(lines) == 1:
        return _("%(business)s: %(what)s") % {"business": tenant.name, "what": lines[0][0]}, text
    return subject % {"business": tenant.name, "n": len(rows)}, text


# -- the sweep


@public_task()
def sweep() -> None:
    """Whatever should have left the house by now: two cheap statements over one table of all businesses."""
    now = timezone.now()
    late = Notification.objects.filter(push_due_at__lt=now - GRACE).order_by("push_due_at")
    for pk in list(late.values_list("pk", flat=True)[:MOST_A_ROUND]):
        push(pk, now=now)
    mail_due(now=now)


@public_task()
def forget() -> None:
    """What is too old to be looked at."""
    Notification.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
