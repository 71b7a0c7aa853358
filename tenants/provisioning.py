"""Make a business: rows, schema, tables and first contents in one transaction, so it is absent or complete.

`create` is the one way in. What an app puts into a new business it registers in `AppConfig.ready()`:

    provisioning.on_create(grant_welcome)      # def grant_welcome(tenant: Tenant, *, now: datetime) -> None

A sign-up is a row (`SignUp`) that waits until it is done; the task is only its doorbell, `sweep` rings again.
"""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone as clock
from django.utils.translation import gettext as _
from django_tenants.utils import schema_context

from tenants import audit, catalogue, names, template
from tenants.background import public_task, ring_public
from tenants.db import connection
from tenants.models import LANGUAGES, Domain, Membership, Role, SignUp, Tenant, User

log = structlog.get_logger(__name__)
Seeder = Callable[..., None]
LOCK = 7_260_001  # one business is made at a time, and never while the template is being migrated
RING_AGAIN = timedelta(seconds=15)
MAX_ATTEMPTS = 5

_seeders: list[Seeder] = []


class InvalidSetting(ValueError):
    """A time zone or language that does not exist; the message says which."""


def on_create(seeder: Seeder) -> Seeder:
    """Register `seeder(tenant, *, now)`: called in the new schema, in the transaction that makes it."""
    if seeder not in _seeders:
        _seeders.append(seeder)
    return seeder


@transaction.atomic
def create(
    *,
    name: str,
    slug: str,
    owner: User | None,
    now: datetime,
    language: str = "pt-br",
    timezone: str = "America/Sao_Paulo",
    domain: str = "",
) -> Tenant:
    """A ready business at `<slug>.<BASE_DOMAIN>`, or `domain`. Raises InvalidName or InvalidSetting."""
    schema = names.schema_of(slug)
    _check_settings(language=language, timezone=timezone)
    with schema_context("public"):
        lock()
        _check_free(slug, schema)
        tenant = Tenant.objects.create(
            schema_name=schema,
            slug=slug,
            name=name,
            language=language,
            timezone=timezone,
            status=Tenant.Status.READY,
            created_at=now,
        )
        Domain.objects.create(tenant=tenant, domain=domain or host_of(slug), is_primary=True)
        if owner is not None:
            Membership.objects.create(user=owner, tenant=tenant, role=Role.OWNER, created_at=now)
        template.replay(schema)
    _seed(tenant, owner=owner, now=now)
    return tenant


def host_of(slug: str) -> str:
    """The host name of a business, without a port."""
    return f"{slug}.{settings.BASE_DOMAIN}"


def lock() -> None:
    """Wait until nobody else makes a business or migrates the template; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def is_taken(slug: str) -> bool:
    """Whether a business, or a schema of other origin, has this address; raises InvalidName."""
    return _taken(slug, names.schema_of(slug))


def free_slug(wanted: str) -> str:
    """The address itself, or the first of address-2, address-3 … that nobody has."""
    for number in range(1, 1000):
        slug = wanted if number == 1 else f"{wanted[: names.MAX_LENGTH - 4]}-{number}"
        if not is_taken(slug):
            return slug
    raise names.NameTaken(_("The address “%(slug)s” is taken.") % {"slug": wanted})


def _check_settings(*, language: str, timezone: str) -> None:
    if language not in dict(LANGUAGES):
        raise InvalidSetting(_("There is no language “%(value)s”.") % {"value": language})
    if timezone not in available_timezones():
        raise InvalidSetting(_("There is no time zone “%(value)s”.") % {"value": timezone})


def _taken(slug: str, schema: str) -> bool:
    if Tenant.objects.filter(Q(slug=slug) | Q(schema_name=schema)).exists():
        return True
    if Domain.objects.filter(domain=host_of(slug)).exists():
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", [schema])
        return bool(cursor.fetchone()[0])


def _check_free(slug: str, schema: str) -> None:
    if _taken(slug, schema):
        raise names.NameTaken(_("The address “%(slug)s” is taken.") % {"slug": slug})


def _seed(tenant: Tenant, *, owner: User | None, now: datetime) -> None:
    with schema_context(tenant.schema_name):
        connection.set_tenant(tenant)
        for seeder in _seeders:
            seeder(tenant, now=now)
        audit.record("tenant.create", actor=owner, target=tenant.slug)


# -- sign-ups


def ask(
    *, user: User, name: str, slug: str, language: str, timezone: str, now: datetime, blueprint: str = ""
) -> SignUp:
    """Remember what business a person wants, in place of an earlier wish; confirming the e-mail starts it."""
    SignUp.objects.filter(user=user).exclude(status=SignUp.Status.DONE).delete()
    return SignUp.objects.create(
        user=user,
        name=name,
        slug=slug,
        language=language,
        timezone=timezone,
        blueprint=blueprint,
        created_at=now,
    )


@transaction.atomic
def start(sign_up: SignUp, *, now: datetime) -> None:
    """The e-mail is confirmed (or the person tries again): make the business in the background."""
    SignUp.objects.filter(pk=sign_up.pk).exclude(status=SignUp.Status.DONE).update(
        status=SignUp.Status.WAITING, attempts=0, error="", rung_at=now
    )
    transaction.on_commit(lambda: ring_public(make, sign_up_id=sign_up.pk))


@public_task()
def make(sign_up_id: int) -> None:
    """Make the business of a waiting sign-up; a second call finds nothing to do."""
    try:
        _make(sign_up_id, now=clock.now())
    except (names.InvalidName, InvalidSetting) as error:
        _fail(sign_up_id, str(error))
    except Exception as error:
        log.exception("provisioning.failed", sign_up=sign_up_id)
        _retry_later(sign_up_id, type(error).__name__)


def _make(sign_up_id: int, *, now: datetime) -> None:
    """The business whole, or nothing of it: no files either."""
    with ExitStack() as undo:
        with transaction.atomic(durable=True):
            _make_inside(sign_up_id, now=now, undo=undo)
        undo.pop_all()  # it is committed: nothing is to be undone any more


def _make_inside(sign_up_id: int, *, now: datetime, undo: ExitStack) -> None:
    waiting = SignUp.objects.filter(status=SignUp.Status.WAITING, tenant=None)
    sign_up = waiting.select_for_update(skip_locked=True, of=("self",)).filter(pk=sign_up_id).first()
    if sign_up is None:
        return
    lock()
    chosen = catalogue.known().get(sign_up.blueprint)
    sign_up.tenant = create(
        name=sign_up.name,
        slug=free_slug(sign_up.slug),
        owner=sign_up.user,
        language=chosen.language if chosen else sign_up.language,
        timezone=chosen.timezone if chosen else sign_up.timezone,
        now=now,
    )
    if chosen is not None:
        from tenants import starting  # the business file makes businesses too: it stands above this module

        starting.begin(chosen, tenant=sign_up.tenant, now=now, undo=undo, actor=sign_up.user)
    sign_up.status = SignUp.Status.DONE
    sign_up.save(update_fields=["tenant", "status"])


def _fail(sign_up_id: int, error: str) -> None:
    SignUp.objects.filter(pk=sign_up_id).update(status=SignUp.Status.FAILED, error=error[:200])


def _retry_later(sign_up_id: int, error: str) -> None:
    """Leave it to the sweep, until it has failed too often."""
    sign_up = SignUp.objects.get(pk=sign_up_id)
    sign_up.attempts += 1
    sign_up.error = error
    if sign_up.attempts >= MAX_ATTEMPTS:
        sign_up.status = SignUp.Status.FAILED
    sign_up.save(update_fields=["attempts", "error", "status"])


@public_task()
def sweep() -> None:
    """Ring again for the sign-ups whose task was lost."""
    now = clock.now()
    lost: Any = SignUp.objects.filter(status=SignUp.Status.WAITING, rung_at__lt=now - RING_AGAIN)
    for pk in lost.order_by("pk").values_list("pk", flat=True)[:100]:
        SignUp.objects.filter(pk=pk).update(rung_at=now)
        ring_public(make, sign_up_id=pk)
