"""A web site that runs here: pages that change, move and vanish, and all that a stranger may do to us."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.counterparts.serving import Background, Request, answer, drop, read

Scope = Any


@dataclass(frozen=True)
class Thing:
    """What stands under a path. `fault`: "hang", "reset", "drip" or "" ."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass
class App:
    """The site: what it holds by path, who asked for what, and how many at once."""

    things: dict[str, Thing] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    etags: bool = True
    always: int = 0  # the status of everything, when it is not in order
    at_once: int = 0
    most_at_once: int = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self._answer(request, scope["query_string"].decode(), send)
        finally:
            self.at_once -= 1

    async def _answer(self, request: Request, query: str, send: Any) -> None:
        if self.always:
            return await answer(send, self.always, b"out of order", "text/html")
        path = f"{request.path}?{query}" if query else request.path
        thing = self.things.get(path) or self.things.get(request.path) or Thing(404, b"nothing here")
        if thing.fault == "hang":
            return await asyncio.sleep(30)
        if thing.fault == "reset":
            return await drop(send)
        if thing.fault == "drip":
            return await self._drip(send)
        etag = (
            f'"{hashlib.sha256(thing.body).hexdigest()[:12]}"' if self.etags and thing.status == 200 else ""
        )
        if etag and request.headers.get("if-none-match") == etag:
            return await answer(send, 304, headers={"etag": etag})
        await answer(send, thing.status, thing.body, thing.kind, {**thing.headers, "etag": etag})

    async def _drip(self, send: Any) -> None:
        """A byte now and then, so that no single wait is ever long."""
        headers = [(b"content-type", b"text/html"), (b"content-length", b"5000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _number in range(300):
            await send({"type": "http.response.body", "body": b"<", "more_body": True})
            await asyncio.sleep(0.1)


class Website:
    """The site in a thread of a test: `with Website() as site:`."""

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url, self.port = self._server.url, self._server.port

    def __enter__(self) -> "Website":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    # -- what it holds

    def page(self, path: str, text: str, *, title: str = "", links: tuple[str, ...] = (), head: str = "",
             **headers: str) -> str:  # fmt: skip
        """A page with a menu, a foot, and the text between them as its main content; returns its URL."""
        shown = title or path.strip("/") or "home"
        menu = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
        html = (
            f"<!doctype html><html><head><title>{shown}</title>{head}</head><body>"
            f"<header><nav><ul>{menu}</ul></nav></header><main><h1>{shown}</h1>{text}</main>"
            "<footer><p>Todos os direitos reservados.</p></footer></body></html>"
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.put(path, html.encode(), headers=named)

    def put(self, path: str, body: bytes, kind: str = "text/html; charset=utf-8",
            headers: Mapping[str, str] | None = None) -> str:  # fmt: skip
        self.app.things[path] = Thing(200, body, kind, headers or {})
        return f"{self.url}{path}"

    def status(self, path: str, status: int, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.app.things[path] = Thing(status, b"sorry", headers=named)
        return f"{self.url}{path}"

    def redirect(self, path: str, to: str, status: int = 301) -> str:
        return self.status(path, status, location=to)

    def fault(self, path: str, fault: str) -> str:
        self.app.things[path] = Thing(fault=fault)
        return f"{self.url}{path}"

    def bomb(self, path: str, megabytes: int = 60) -> str:
        """Little that unpacks to very much."""
        packed = gzip.compress(bytes(megabytes * 2**20), compresslevel=1)
        return self.put(path, packed, headers={"content-encoding": "gzip"})

    def robots(self, *lines: str) -> None:
        self.put("/robots.txt", "\n".join(lines).encode(), "text/plain")

    def sitemap(self, *paths: str, path: str = "/sitemap.xml", packed: bool = False) -> None:
        self._map(path, "urlset", "url", paths, packed=packed)

    def sitemap_index(self, *paths: str, path: str = "/sitemap.xml") -> None:
        self._map(path, "sitemapindex", "sitemap", paths, packed=False)

    def _map(self, path: str, root: str, item: str, paths: tuple[str, ...], *, packed: bool) -> None:
        inside = "".join(f"<{item}><loc>{self.url}{one}</loc></{item}>" for one in paths)
        body = f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inside}</{root}>'
        self.put(path, gzip.compress(body.encode()) if packed else body.encode(), "application/xml")

    def remove(self, path: str) -> None:
        del self.app.things[path]

    # -- what it saw

    def asked(self, which: Callable[[str], bool] = lambda path: True) -> list[str]:
        """The paths that were asked for, in order, but for robots.txt and sitemaps."""
        asked = [request.raw_path for request in self.app.requests]
        return [path for path in asked if "robots.txt" not in path and "sitemap" not in path and which(path)]

    def forget(self) -> None:
        self.app.requests.clear()
