"""Baserow: the rows of one table, read with a database token. The same calls at baserow.io and self-hosted.

Fields are asked for by their names, as people see them. Redirects are not followed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from providers.addresses import guarded
from providers.errors import AccountRefused, ProviderError, ProviderRejected, retry_after

API = "https://api.baserow.io"
SITE = "baserow.io"
CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 30.0
ROWS_A_PAGE = 200  # the most that Baserow gives
MOST_BYTES = 16 * 2**20  # of one page
IMPOSSIBLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)


class KeyRefused(AccountRefused):
    """Baserow does not take the token, or it may not read this table."""


class NoTable(ProviderRejected):
    """There is no such table, or it was deleted."""


@dataclass(frozen=True, slots=True)
class Place:
    """A table: the address of its Baserow's API and its number."""

    base_url: str
    table: str


def place(text: str, *, base_url: str = "") -> Place:
    """What a link copied from the browser, or a table's number, stands for.

    A link names its own server unless `base_url` does. Raises ProviderRejected in words for who typed it.
    """
    typed = text.strip()
    if typed.isascii() and typed.isdigit():
        return Place(_base(base_url or API), str(int(typed[:18])))
    found = re.search(r"/database/\d+/table/(\d{1,18})(?:[/?#]|$)", typed)
    if found is None:
        raise ProviderRejected("This is neither the link of a Baserow table nor its number.")
    try:
        parts = urlsplit(typed)
        own = API if parts.hostname in (SITE, f"www.{SITE}") else f"{parts.scheme}://{parts.netloc}"
    except ValueError as error:
        raise ProviderRejected("This is no web address.") from error
    return Place(_base(base_url or own), str(int(found.group(1))))


def _base(url: str) -> str:
    return url.strip().rstrip("/").removesuffix("/api")


def client(*, base_url: str, token: str, allow_private: bool = False) -> "Baserow":
    """The Baserow at this address with this database token."""
    return Baserow(base_url=_base(base_url), token=token, allow_private=allow_private)


class Baserow:
    """Calls to one server. Each raises ProviderError (try again) or ProviderRejected (stop)."""

    def __init__(self, *, base_url: str, token: str, allow_private: bool) -> None:
        self._base, self._allow_private = base_url, allow_private
        self._headers = {"Authorization": f"Token {token}"}

    def fields(self, table: str) -> list[str]:
        """The names of the columns, the one that names a row first."""
        found = self._call(f"/api/database/fields/table/{table}/", {})
        rows = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        ordered = sorted(rows, key=lambda one: (not one.get("primary"), one.get("order") or 0))
        return [str(one.get("name") or "") for one in ordered]

    def count(self, table: str) -> int:
        """How many rows there are."""
        found = self._page(table, page=1, size=1)
        return int(found.get("count") or 0)

    def rows(
        self, table: str, *, most: int, equal: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The rows by their columns' names, up to `most`; "id" is the row's number.

        `equal` are columns with what must stand in them: Baserow itself looks, by equality and nothing else.
        """
        given, page = 0, 1
        while True:
            found = self._page(table, page=page, size=ROWS_A_PAGE, equal=equal)
            for row in found["results"]:
                if given >= most:
                    return
                given += 1
                yield row
            if not found.get("next") or not found["results"]:
                return
            page += 1

    def _page(
        self, table: str, *, page: int, size: int, equal: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        wanted = {"user_field_names": "true", "size": str(size), "page": str(page)}
        if equal:
            wanted["filters"] = json.dumps(
                {
                    "filter_type": "AND",
                    "filters": [{"field": f, "type": "equal", "value": v} for f, v in equal.items()],
                    "groups": [],
                }
            )
        found = self._call(f"/api/database/rows/table/{table}/", wanted)
        if not isinstance(found, dict) or not isinstance(found.get("results"), list):
            raise ProviderRejected("What answers at this address is not Baserow.")
        return found | {"results": [row for row in found["results"] if isinstance(row, dict)]}

    def _call(self, path: str, wanted: Mapping[str, str]) -> Any:
        try:
            with _http(self._allow_private).stream(
                "GET", f"{self._base}{path}", params=wanted, headers=self._headers
            ) as answer:
                content = _whole(answer)
        except IMPOSSIBLE as error:
            raise ProviderRejected("The address or the token of Baserow cannot be used.") from error
        except httpx.HTTPError as error:
            raise ProviderError("Baserow cannot be reached.") from error
        if answer.status_code >= 300:
            raise _refusal(answer, content)
        try:
            return json.loads(content)
        except ValueError as error:
            raise ProviderRejected("What answers at this address is not Baserow.") from error


@lru_cache(maxsize=2)
def _http(allow_private: bool) -> httpx.Client:
    return httpx.Client(
        transport=guarded(allow_private=allow_private),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


def _whole(answer: httpx.Response) -> bytes:
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > MOST_BYTES:
            raise ProviderRejected("There is too much in the rows of this table.")
    return bytes(content)


def _refusal(answer: httpx.Response, content: bytes) -> ProviderError:
    """What an error of Baserow means for us: its own word first, then the status."""
    status, word = answer.status_code, _word(content)
    if word in ("ERROR_TABLE_DOES_NOT_EXIST", "ERROR_DATABASE_DOES_NOT_EXIST"):
        return NoTable("There is no such table. Perhaps it was deleted.")
    if word == "ERROR_NO_PERMISSION_TO_TABLE":
        return KeyRefused("The token may not read this table. Give it the right to read in Baserow.")
    if word == "ERROR_TOKEN_DOES_NOT_EXIST" or status in (401, 403):
        return KeyRefused("Baserow refused the token. It may have been deleted: make a new one.")
    if status == 429:
        return ProviderError("Baserow asks to wait.", retry_after=retry_after(answer.headers) or 30.0)
    if status >= 500:
        return ProviderError(f"Baserow failed ({status}).")
    if status < 400:
        return ProviderRejected("Baserow's address leads on to another one. Enter that one.")
    if status == 404:
        return ProviderRejected("What answers at this address is not Baserow.")
    return ProviderRejected(f"Baserow refused ({status}).")


def _word(content: bytes) -> str:
    try:
        found = json.loads(content)
    except ValueError:
        return ""
    return str(found.get("error") or "") if isinstance(found, dict) else ""
