"""What must hold at every moment, looked at by the clock; what does not is an incident until it does.

One statement asks many schemas at once, as the sweep does; only a business in which something may be wrong,
or in which an incident is open, is visited and counted. A finding alarms once: the log, the operators and the
owners by e-mail, and a line on Today that goes when the finding is gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django_tenants.utils import schema_context
from psycopg import sql

from billing import credits
from conversations import accounting
from conversations.models import Incident, Turn
from tenants import addresses, letters, live
from tenants.background import public_task, ready_schemas
from tenants.current import tenant as current_tenant
from tenants.db import connection
from tenants.models import Role, Tenant

log = structlog.get_logger(__name__)
DEAD = timedelta(seconds=settings.WORK_DEAD_SECONDS * 3)  # the sweep has looked at it several times by then
SCHEMAS_A_STATEMENT = 50
Found = tuple[int, dict[str, list[str | int]]]  # how many, and which: ids only

WORDS = {
    "unexplained": gettext_noop("Messages that came to no end in time"),
    "ledger": gettext_noop("The credit ledger and the balance differ"),
    "orphan_hold": gettext_noop("Credits are reserved for no answer"),
    "running_turn": gettext_noop("An answer has been in the making for too long"),
}
# Where a person sees what is concerned.
PAGES = {"unexplained": "/messages/?show=unexplained", "running_turn": "/chats/"}
ACCOUNT = "/account/"  # of credits

# Wider than what it looks for, and cheap: partial indexes, and the ends of two tables.
_SUSPECTS = sql.SQL("""
SELECT {name} WHERE EXISTS (SELECT FROM {incidents} WHERE cleared_at IS NULL)
 OR EXISTS (SELECT FROM {events} WHERE status = 'new' AND received_at < %(late)s)
 OR EXISTS (SELECT FROM {events} WHERE status = 'parked')
 OR EXISTS (SELECT FROM {messages} WHERE direction = 'in' AND outcome = '' AND created_at < %(late)s)
 OR EXISTS (SELECT FROM {messages} WHERE status = 'queued' AND priority < 2
   AND coalesce(send_after, created_at) < %(late)s)
 OR EXISTS (SELECT FROM {messages} WHERE status IN ('sending', 'unknown')
   AND coalesce(claimed_at, created_at) < %(late)s)
 OR EXISTS (SELECT FROM {turns} WHERE status = 'running' AND started_at < %(dead)s)
 OR EXISTS (SELECT FROM {holds} WHERE status = 'held' AND created_at < %(dead)s)
 OR (SELECT held FROM {accounts}) <> (SELECT coalesce(sum(amount), 0) FROM {holds} WHERE status = 'held')
 OR (SELECT balance FROM {accounts}) <> coalesce(
   (SELECT balance_after FROM {entries} ORDER BY id DESC LIMIT 1), 0)
 OR EXISTS (SELECT FROM (
   SELECT balance_after - amount - lag(balance_after) OVER (ORDER BY id) AS gap
   FROM (SELECT id, amount, balance_after FROM {entries} ORDER BY id DESC LIMIT 200) AS last) AS chain
   WHERE gap <> 0)
 OR EXISTS (SELECT FROM {events} AS event CROSS JOIN LATERAL jsonb_array_elements(event.traces) AS trace
   WHERE event.id > (SELECT coalesce(max(id), 0) - 500 FROM {events}) AND trace->>'what' = 'said'
   AND trace->>'outcome' IN ('received', 'ignored: repeated')
   AND NOT EXISTS (SELECT FROM {messages} AS message WHERE message.provider_key = trace->>'key'))
""")
_TABLES = {
    "incidents": "conversations_incident",
    "events": "conversations_webhookevent",
    "messages": "conversations_message",
    "turns": "conversations_turn",
    "holds": "billing_hold",
    "accounts": "billing_creditaccount",
    "entries": "billing_ledgerentry",
}


@public_task()
def watch() -> None:
    """Look at every business; visit those in which something may be wrong."""
    now = timezone.now()
    for schema in suspects(now=now):
        try:
            with schema_context(schema):
                check(now=now)
        except Exception:
            log.exception("invariants.tenant_failed", schema=schema)  # the others must be looked at too


def suspects(*, now: datetime) -> list[str]:
    """The ready schemas in which an invariant may not hold, or did not the last time."""
    schemas, found = iter(ready_schemas()), []
    moments = {"late": now - accounting.EXPLAINED_WITHIN, "dead": now - DEAD}
    while batch := list(islice(schemas, SCHEMAS_A_STATEMENT)):
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(_looks(batch)), moments)
            found += [name for (name,) in cursor.fetchall()]
    return found


def _looks(schemas: Sequence[str]) -> Iterator[sql.Composed]:
    for schema in schemas:
        names = {key: sql.Identifier(schema, table) for key, table in _TABLES.items()}
        yield _SUSPECTS.format(name=sql.Literal(schema), **names)


def check(*, now: datetime) -> None:
    """Count this business exactly; open, keep or clear its incidents, and tell of what is new."""
    found = findings(now=now)
    for kind, (count, detail) in found.items():
        _keep_open(kind, count, detail, now=now)
    gone = Incident.objects.filter(cleared_at=None).exclude(kind__in=list(found))
    if gone.update(cleared_at=now):
        live.publish("incident.changed")
    for incident in Incident.objects.filter(cleared_at=None, told_at=None).order_by("pk"):
        _tell(incident, now=now)


def findings(*, now: datetime) -> Mapping[str, Found]:
    """What does not hold in this business now, by kind."""
    figures = accounting.figures(now=now)
    running = Turn.objects.filter(status=Turn.Status.RUNNING)
    kept = [pk for pk in running.values_list("hold_id", flat=True) if pk]
    holds = [hold.pk for hold in credits.orphans(keep=kept, older_than=now - DEAD)]
    found: dict[str, Found] = {
        "unexplained": (figures.unexplained, _which(now=now)),
        "ledger": (credits.discrepancies(), {}),
        "orphan_hold": (len(holds), {"holds": list(holds[:20])}),
        "running_turn": _running_too_long(now=now),
    }
    return {kind: one for kind, one in found.items() if one[0]}


def _which(*, now: datetime) -> dict[str, list[str | int]]:
    return {
        "open": _ids(accounting.open_too_long(now=now)),
        "stuck": _ids(accounting.stuck(now=now)),
        "unread": _ids(accounting.unread(now=now)),
        "unseen": list(accounting.unseen()[:20]),
    }


def _ids(rows: QuerySet[Any]) -> list[str | int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:20])


def _running_too_long(*, now: datetime) -> Found:
    """Turns that should be over, and threads with more than one."""
    running = Turn.objects.filter(status=Turn.Status.RUNNING)
    late = list(running.filter(started_at__lt=now - DEAD).values_list("pk", flat=True))
    doubled = running.values("conversation").annotate(n=Count("pk")).filter(n__gt=1).order_by()
    return len(late) + len(doubled), {"turns": list(late[:20])}


def _keep_open(kind: str, count: int, detail: dict[str, list[str | int]], *, now: datetime) -> None:
    values = {"count": count, "detail": detail, "seen_at": now}
    incident, is_new = Incident.objects.update_or_create(
        kind=kind, cleared_at=None, defaults=values, create_defaults={**values, "opened_at": now}
    )
    if is_new:
        log.error("invariant.broken", kind=kind, count=count, incident_id=incident.pk)
        live.publish("incident.changed")


def _tell(incident: Incident, *, now: datetime) -> None:
    """Owners and operators, once an incident: claimed first, given back when the letter could not be sent."""
    untold = Incident.objects.filter(pk=incident.pk, told_at=None)
    if not untold.update(told_at=now):
        return
    tenant = current_tenant()
    page = addresses.tenant_url(tenant, PAGES.get(incident.kind, ACCOUNT))
    if not letters.to_each(tenant, lambda: _letter(incident, tenant, page), roles=[Role.OWNER]):
        Incident.objects.filter(pk=incident.pk).update(told_at=None)
        return
    letters.to_operators(
        subject=f"{incident.kind} at {tenant.schema_name}",
        lines=[f"{WORDS[incident.kind]}: {incident.count}.", str(incident.detail), page],
    )


def _letter(incident: Incident, tenant: Tenant, page: str) -> letters.Written:
    mended = _("What can be mended mends itself. What is concerned is listed here:")
    lines = [f"{_(WORDS[incident.kind])}: {incident.count}.", mended, page]
    return _("%(business)s: something needs a look") % {"business": tenant.name}, "\n\n".join(lines)


def open_incidents() -> list[dict[str, object]]:
    """What Today shows: words, how many, since when."""
    rows = Incident.objects.filter(cleared_at=None).order_by("opened_at")
    return [
        {
            "kind": row.kind,
            "words": _(WORDS.get(row.kind, row.kind)),
            "count": row.count,
            "at": row.opened_at,
            "page": PAGES.get(row.kind, ACCOUNT),
        }
        for row in rows
    ]
