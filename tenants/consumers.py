"""The live socket of a dashboard: `/ws/live` on a business's own host, for its members."""

import asyncio
import itertools
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.urls import path
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_tenants.utils import schema_context

from tenants import access, impersonating, support
from tenants.hub import Page, hub
from tenants.middleware import host_named
from tenants.models import Domain, Tenant, User

SIGNED_OUT, FORBIDDEN, UNKNOWN = 4401, 4403, 4404
BEAT_SECONDS = 20.0  # a page that hears nothing for longer than two of them opens its line anew
BEATS_A_LOOK = 3
BEAT = '{"event":"beat"}'


class LiveConsumer(AsyncWebsocketConsumer):
    """Tells a page what changed. It says nothing back: a page acts by HTTP."""

    page: Page | None = None
    schema = ""

    async def connect(self) -> None:
        headers = _headers(self.scope)
        if not _same_origin(headers):
            return await self.close(FORBIDDEN)
        found = await database_sync_to_async(admit, thread_sensitive=False)(headers)
        if isinstance(found, int):
            await self.accept()  # only an accepted socket can tell its page why it is closed
            return await self.close(found)
        self.schema = found
        await self.accept()
        self.page = Page(self._write, self.close)
        hub().join(self.schema, self.page)
        self._guard = asyncio.ensure_future(self._keep(headers))

    async def disconnect(self, code: int) -> None:
        if self.page is not None:
            self._guard.cancel()
            hub().leave(self.schema, self.page)
            self.page = None

    async def _write(self, text: str) -> None:
        await self.base_send({"type": "websocket.send", "text": text})

    async def _keep(self, headers: dict[str, str]) -> None:
        """Show that the line holds; a seat taken away, or a session that ended, closes it within a minute."""
        for number in itertools.count(1):
            await asyncio.sleep(BEAT_SECONDS)
            if self.page is not None:
                self.page.tell(BEAT)
            if number % BEATS_A_LOOK:
                continue
            found = await database_sync_to_async(admit, thread_sensitive=False)(headers)
            if found != self.schema:
                return await self.close(found if isinstance(found, int) else FORBIDDEN)


def admit(headers: dict[str, str]) -> str | int:
    """The schema that this socket may hear, or the code to close it with; all in one synchronous call."""
    with schema_context("public"):
        tenant = _tenant(headers.get("host", ""))
        if tenant is None:
            return UNKNOWN
        session = _session(headers.get("cookie", ""))
        user = _user(session) if session is not None else None
        if user is None or session is None:
            return SIGNED_OUT
        return str(tenant.schema_name) if _may_hear(user, session, tenant) else FORBIDDEN


def _may_hear(user: User, session: SessionStore, tenant: Tenant) -> bool:
    """A member; or staff, in the inbox inside the back office or as one of the members."""
    if access.membership_of(user, tenant) is not None:
        return True
    if not user.is_staff:
        return False
    number = session.get(impersonating.KEY)
    as_member = impersonating.hears(user, number, tenant, now=timezone.now())
    return as_member or support.seat(user, tenant) is not None


def _tenant(host: str) -> Tenant | None:
    domain = Domain.objects.select_related("tenant").filter(domain=host_named(host)).first()
    is_open = domain is not None and domain.tenant.status == Tenant.Status.READY
    return domain.tenant if domain and is_open else None


def _session(cookie: str) -> SessionStore | None:
    morsel = SimpleCookie(cookie).get(settings.SESSION_COOKIE_NAME)
    return SessionStore(session_key=morsel.value) if morsel is not None else None


def _user(session: SessionStore) -> User | None:
    """The signed-in person of a session, by the same rules as Django's own."""
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=session[SESSION_KEY], is_active=True).first()
    signed = str(session.get(HASH_SESSION_KEY, ""))
    return user if user and constant_time_compare(signed, user.get_session_auth_hash()) else None


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _same_origin(headers: dict[str, str]) -> bool:
    """Browsers always send Origin; another site's page must not listen with our cookie."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


websocket_urlpatterns = [path("ws/live", LiveConsumer.as_asgi())]
