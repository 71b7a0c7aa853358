"""A business's MCP server, over the official client: list its tools, call one. Streamable HTTP only.

What the server says, names and descriptions included, is data. Each call opens a session of its own: nothing
of one business is left for the next. Redirects are not followed, and the address is looked at when it is
connected to.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import httpcore2
import httpx2

from providers import addresses
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from providers.network_async import AsyncNetwork

CONNECT_SECONDS = 4.0
TOTAL_SECONDS = 10.0  # of a session: greeting, call and answer
MOST_BYTES = 512 * 1024  # of one answer
MOST_TOOLS = 60
MOST_PAGES = 5
MOST_TEXT = 4000
MOST_DESCRIPTION = 600
# What it writes down of its own accord holds what customers said.
logging.getLogger("mcp").setLevel(logging.CRITICAL)
STRANGE = "What answers at this address is no MCP server."


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as the server describes it. `schema` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call. `failed` when the server itself says so."""

    result: Mapping[str, Any]
    failed: bool


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and the headers that let us in."""

    url: str
    headers: Sequence[tuple[str, str]] = ()
    allow_private: bool = False
    seconds: float = TOTAL_SECONDS


def offers(server: Server) -> list[Offer]:
    """What the server can do. Raises ProviderError (try again) or ProviderRejected (stop)."""
    found: list[Offer] = _run(server, _offers)
    return found


def call(server: Server, name: str, arguments: Mapping[str, Any], *, key: str = "", acts: bool) -> Called:
    """Call one of its tools; `key` goes along as `_meta.idempotencyKey`, for servers that know it.

    Raises ProviderError; its `outcome_unknown` tells that what acts may have acted.
    """
    progress = _Progress()
    try:
        found: Called = _run(
            server, partial(_call, name=name, arguments=dict(arguments), key=key, progress=progress)
        )
    except ProviderRejected:
        raise
    except ProviderError as error:
        raise ProviderError(str(error), outcome_unknown=acts and progress.sent) from error
    return found


@dataclass
class _Progress:
    """How far a call came before it failed."""

    sent: bool = False


def _run(server: Server, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Open a session, do this in it, close it; in a loop of its own."""
    addresses.check_outbound(server.url, allow_private=server.allow_private)
    seen = _Seen()
    try:
        return asyncio.run(asyncio.wait_for(_in_session(server, work, seen), server.seconds))
    except TimeoutError as error:
        raise ProviderError("It took too long to answer.") from error
    except Exception as error:
        raise _reason(error, seen) from error


class _Seen:
    """What the wire has shown: the client's own errors leave it out."""

    status = 0


async def _in_session(server: Server, work: Callable[[Any], Awaitable[Any]], seen: _Seen) -> Any:
    # Imported late: it is slow, and few businesses use it.
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def look(response: httpx2.Response) -> None:
        seen.status = response.status_code

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(_client(server, look))
        wire = streamable_http_client(server.url, http_client=http)
        client = Client(wire, cache=None, read_timeout_seconds=server.seconds)
        return await work(await stack.enter_async_context(client))


def _client(server: Server, look: Callable[[httpx2.Response], Awaitable[None]]) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        headers=dict(server.headers),
        timeout=httpx2.Timeout(server.seconds, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        transport=_Guarded(allow_private=server.allow_private),
        event_hooks={"response": [look]},
    )


class _Guarded(httpx2.AsyncHTTPTransport):
    """The client's transport over a network that looks before it connects."""

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__(trust_env=False)
        look = partial(addresses.checked, allow_private=allow_private)
        network: Any = AsyncNetwork(httpcore2, look=look, most_bytes=MOST_BYTES)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trust(),
            max_connections=4,
            network_backend=network,
        )


@cache
def _trust() -> Any:
    """Whose certificates are believed; reading them takes longer than a call."""
    return httpx2.create_ssl_context(trust_env=False)


async def _offers(client: Any) -> list[Offer]:
    found: list[Offer] = []
    cursor: str | None = None
    for _page in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += [_offer(tool) for tool in page.tools]
        cursor = page.next_cursor
        if not cursor or len(found) >= MOST_TOOLS:
            break
    return found[:MOST_TOOLS]


def _offer(tool: Any) -> Offer:
    return Offer(
        name=str(tool.name),
        description=str(tool.description or "")[:MOST_DESCRIPTION],
        schema=tool.input_schema or {},
    )


async def _call(
    client: Any, *, name: str, arguments: dict[str, Any], key: str, progress: _Progress
) -> Called:
    progress.sent = True
    meta = {"idempotencyKey": key} if key else None
    answer = await client.call_tool(name, arguments, meta=meta)
    return Called(_result(answer), failed=bool(answer.is_error))


def _result(answer: Any) -> dict[str, Any]:
    """Its data where it gave some, else its texts; pictures and files are left out."""
    data = answer.structured_content
    if isinstance(data, dict) and data:
        return data
    texts = [part.text for part in answer.content if getattr(part, "type", "") == "text"]
    return {"text": "\n".join(texts)[:MOST_TEXT]}


def _reason(error: BaseException, seen: _Seen) -> ProviderError:
    """What went wrong, of the errors that the client wraps into one another."""
    inner = list(_inside(error))
    for one in inner:
        if isinstance(one, ProviderError):
            return one
    if seen.status in (401, 403):
        return AccountRefused("The server refused the key.")
    if seen.status == 429 or seen.status >= 500:
        return ProviderError("The server cannot be reached.")
    if any(isinstance(one, httpx2.TimeoutException) for one in inner):
        return ProviderError("It took too long to answer.")
    if any(isinstance(one, httpx2.TransportError) for one in inner):
        return ProviderError("The server cannot be reached.")
    return ProviderRejected(STRANGE)


def _inside(error: BaseException | None) -> Sequence[BaseException]:
    """An error with those that it was raised from or that it groups."""
    if error is None:
        return []
    grouped = error.exceptions if isinstance(error, BaseExceptionGroup) else []
    within = [one for inner in grouped for one in _inside(inner)]
    return [error, *within, *_inside(error.__cause__ or error.__context__)]
