"""The ways in: the gateways' webhooks and the web chat by thin doors, live sockets, all else by Django."""

import asyncio
import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

_django = get_asgi_application()

from channels.routing import URLRouter  # noqa: E402
from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from psycopg import OperationalError  # noqa: E402

from config.upload_cap import capped  # noqa: E402
from conversations import web_door, web_sockets  # noqa: E402
from conversations.webhooks import PREFIX, door  # noqa: E402
from tenants import guard  # noqa: E402
from tenants.consumers import websocket_urlpatterns  # noqa: E402

# The doors' loop gets the interpreter back soon after the views' threads had it; see config/celery.py.
sys.setswitchinterval(0.001)
_http = capped(_django)
_websocket = URLRouter([*websocket_urlpatterns, *web_sockets.websocket_urlpatterns])


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route by kind and path; a webhook and a visitor never pass through Django's middleware."""
    if scope["type"] == "http":
        handler: Any = _handler(scope["path"])
    elif scope["type"] == "websocket":
        handler = _websocket
    else:
        return await _lifespan(receive, send)
    await handler(scope, receive, send)


def _handler(path: str) -> Any:
    if path.startswith(PREFIX):
        return door
    return web_door.web_door if path.startswith(web_door.PREFIX) or path == web_door.SCRIPT else _http


async def _lifespan(receive: Any, send: Any) -> None:
    """Start only on a database that keeps a session; stop with the door closed."""
    await receive()
    try:
        await asyncio.to_thread(guard.refuse_transaction_pooling)
    except (ImproperlyConfigured, OperationalError) as error:
        return await send({"type": "lifespan.startup.failed", "message": str(error)})
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await door.close()
    await send({"type": "lifespan.shutdown.complete"})
