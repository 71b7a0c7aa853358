"""A Baserow server with one table: its columns, its rows by pages, and its refusals."""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.counterparts.serving import Background, Request, answer, read

TABLE = "345"


@dataclass
class App:
    """`faults` go before the next answers: (status, Baserow's word)."""

    token: str = "aBcDeFgHiJkLmNoP"
    columns: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    may_read: bool = True
    faults: deque[tuple[int, str]] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        self.requests.append(request)
        status, word = self._refusal(request)
        if status:
            return await answer(send, status, {"error": word, "detail": "no"}, headers={"location": word})
        if request.path.startswith("/api/database/fields/table/"):
            return await answer(send, 200, self.columns)
        await self._page(request, send)

    def _refusal(self, request: Request) -> tuple[int, str]:
        if self.faults:
            return self.faults.popleft()
        if request.headers.get("authorization") != f"Token {self.token}":
            return 401, "ERROR_TOKEN_DOES_NOT_EXIST"
        if f"/table/{TABLE}/" not in request.path:
            return 404, "ERROR_TABLE_DOES_NOT_EXIST"
        return (0, "") if self.may_read else (401, "ERROR_NO_PERMISSION_TO_TABLE")

    async def _page(self, request: Request, send: Any) -> None:
        assert request.query["user_field_names"] == "true"
        size, page = int(request.query["size"]), int(request.query["page"])
        assert 1 <= size <= 200
        wanted = request.query.get("filters")
        rows = [row for row in self.rows if _fits(row, wanted)] if wanted else self.rows
        start = (page - 1) * size
        if start >= len(rows) and page > 1:
            return await answer(send, 400, {"error": "ERROR_INVALID_PAGE"})
        more = start + size < len(rows)
        found = {"count": len(rows), "next": "http://x/?page=2" if more else None, "previous": None}
        await answer(send, 200, found | {"results": rows[start : start + size]})


def _fits(row: dict[str, Any], written: str) -> bool:
    """Whether a row has what the filters of a call name; only equality is known here."""
    wanted = json.loads(written)
    assert wanted.get("filter_type", "AND") == "AND" and not wanted.get("groups")
    for one in wanted.get("filters", []):
        assert one["type"] == "equal"
        if str(row.get(one["field"], "")) != one["value"]:
            return False
    return True


class Server:
    """The server in a thread of a test: `with Server() as server:`."""

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url = self._server.url

    def __enter__(self) -> "Server":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def link(self) -> str:
        """What stands in the browser's address bar."""
        return f"{self.url}/database/12/table/{TABLE}/678"

    def fill(self, columns: list[str], *rows: list[Any]) -> None:
        """A table: its columns, the first of which names a row, and its rows."""
        self.app.columns = [
            {"id": n, "name": name, "order": n, "type": "text", "primary": n == 0}
            for n, name in enumerate(columns)
        ][::-1]
        self.app.rows = [
            {"id": n, "order": f"{n}.0", **dict(zip(columns, row, strict=True))}
            for n, row in enumerate(rows, start=1)
        ]
