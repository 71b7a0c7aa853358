"""Who may hear a business's live events: asked when a page opens its line, and every minute after.

After a restart every page asks in the same instant. Whoever asks while others are being looked up waits for
them and is looked up together with all who came meanwhile: a thousand pages take a few dozen statements.
Nothing is remembered from one look to the next, so what was taken away is gone at the next one.
"""

import asyncio
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_tenants.utils import schema_context

from tenants import impersonating, second_factor, support
from tenants.middleware import host_named
from tenants.models import Domain, Membership, Tenant, User

SIGNED_OUT, FORBIDDEN, UNKNOWN = 4401, 4403, 4404
MOST_AT_ONCE = 100
Headers = dict[str, str]
Found = str | int  # the schema that this socket may hear, or the code to close it with


class Admission:
    """The queue at the door of one event loop."""

    def __init__(self) -> None:
        self._asking: list[tuple[Headers, asyncio.Future[Found]]] = []
        self._work: asyncio.Task[None] | None = None

    async def ask(self, headers: Headers) -> Found:
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._asking.append((headers, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.ensure_future(self._answer())
        return await answer

    async def _answer(self) -> None:
        while self._asking:
            asking, self._asking = self._asking[:MOST_AT_ONCE], self._asking[MOST_AT_ONCE:]
            together = [headers for headers, _answer in asking]
            try:
                found: Sequence[Found | Exception] = await _looked_up(together)
            except Exception as error:  # each of their pages is told, and comes again
                found = [error] * len(asking)
            for (_headers, answer), one in zip(asking, found, strict=True):
                _settle(answer, one)


def _settle(answer: "asyncio.Future[Found]", found: Found | Exception) -> None:
    if answer.done():
        return  # it went away meanwhile
    if isinstance(found, Exception):
        answer.set_exception(found)
    else:
        answer.set_result(found)


_doors: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Admission] = weakref.WeakKeyDictionary()


def door() -> Admission:
    """The door of the running event loop."""
    return _doors.setdefault(asyncio.get_running_loop(), Admission())


def admit(headers: Headers) -> Found:
    """One by itself."""
    return admit_all([headers])[0]


def admit_all(asking: Sequence[Headers]) -> list[Found]:
    """What each of these sockets may hear; all in one synchronous call, in four statements."""
    with schema_context("public"):
        known = _Known(asking)
        return [known.admitted(headers) for headers in asking]


_looked_up = database_sync_to_async(admit_all, thread_sensitive=False)


@dataclass(frozen=True, slots=True)
class _Signed:
    """A session that somebody is signed in with."""

    user: User
    session: dict[str, Any]


class _Known:
    """The businesses, people and seats that these sockets name."""

    def __init__(self, asking: Sequence[Headers]) -> None:
        self._tenants = _tenants(_host(headers) for headers in asking)
        self._signed = _signed(key for headers in asking if (key := _session_key(headers)))
        seats = Membership.objects.filter(
            user__in={one.user.pk for one in self._signed.values()},
            tenant__in={tenant.pk for tenant in self._tenants.values()},
        )
        self._seats = set(seats.values_list("user_id", "tenant_id"))

    def admitted(self, headers: Headers) -> Found:
        tenant = self._tenants.get(_host(headers))
        if tenant is None:
            return UNKNOWN
        signed = self._signed.get(_session_key(headers))
        if signed is None:
            return SIGNED_OUT
        may_hear = (signed.user.pk, tenant.pk) in self._seats or _is_staffs(signed, tenant)
        return str(tenant.schema_name) if may_hear else FORBIDDEN


def _is_staffs(signed: _Signed, tenant: Tenant) -> bool:
    """Staff, in the inbox inside the back office or as one of the members."""
    if not signed.user.is_staff or second_factor.is_missing(signed.user):
        return False
    number = signed.session.get(impersonating.KEY)
    as_member = impersonating.hears(signed.user, number, tenant, now=timezone.now())
    return as_member or support.seat(signed.user, tenant) is not None


def _tenants(hosts: Iterable[str]) -> dict[str, Tenant]:
    """Those that are open, by host."""
    found = Domain.objects.select_related("tenant").filter(domain__in=set(hosts))
    return {one.domain: one.tenant for one in found if one.tenant.status == Tenant.Status.READY}


def _signed(keys: Iterable[str]) -> dict[str, _Signed]:
    """Who is signed in, by the key of the session and by the same rules as Django's own."""
    rows = Session.objects.filter(session_key__in=set(keys), expire_date__gt=timezone.now())
    store = SessionStore()
    sessions = {row.session_key: store.decode(row.session_data) for row in rows}
    ours = {
        key: session
        for key, session in sessions.items()
        if session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
    }
    people = User.objects.filter(is_active=True).in_bulk({session[SESSION_KEY] for session in ours.values()})
    found = {}
    for key, session in ours.items():
        user = people.get(User._meta.pk.to_python(session[SESSION_KEY]))
        signed = str(session.get(HASH_SESSION_KEY, ""))
        if user and constant_time_compare(signed, user.get_session_auth_hash()):
            found[key] = _Signed(user, session)
    return found


def _host(headers: Headers) -> str:
    return host_named(headers.get("host", ""))


def _session_key(headers: Headers) -> str:
    """Empty where the cookies name none, or are none."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""
