"""The live socket of a dashboard: `/ws/live` on a business's own host, for its members."""

import asyncio
import itertools
from typing import Any
from urllib.parse import urlsplit

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path

from tenants import admitting
from tenants.admitting import FORBIDDEN
from tenants.hub import Page, hub

BEAT_SECONDS = 20.0  # a page that hears nothing for longer than two of them opens its line anew
BEATS_A_LOOK = 3
BEAT = '{"event":"beat"}'


class LiveConsumer(AsyncWebsocketConsumer):
    """Tells a page what changed. It says nothing back: a page acts by HTTP."""

    page: Page | None = None
    schema = ""

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without a look at this thread's database connections first: here nobody has one."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        headers = _headers(self.scope)
        if not _same_origin(headers):
            return await self.close(FORBIDDEN)
        found = await admitting.door().ask(headers)
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
            found = await admitting.door().ask(headers)
            if found != self.schema:
                return await self.close(found if isinstance(found, int) else FORBIDDEN)


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _same_origin(headers: dict[str, str]) -> bool:
    """Browsers always send Origin; another site's page must not listen with our cookie."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


websocket_urlpatterns = [path("ws/live", LiveConsumer.as_asgi())]
