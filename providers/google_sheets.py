"""Google Sheets: the cells of one sheet, read with a service account. Contract: Sheets API v4, values.get.

The spreadsheet is shared with the account's address, as with a colleague. Redirects are not followed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from providers import google_account
from providers.errors import ProviderError, ProviderRejected
from providers.google_account import Account

API = "https://sheets.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly"
MOST_BYTES = 4 * 2**20


class NotShared(ProviderRejected):
    """The spreadsheet is not there for this account."""


class NoSheet(ProviderRejected):
    """The spreadsheet has no sheet of that name."""


def spreadsheet_id(text: str) -> str:
    """The id in a spreadsheet's link, or the id itself; raises ProviderRejected when it is neither."""
    found = re.search(r"/spreadsheets/d/([\w-]{10,})|^([\w-]{10,})$", text.strip())
    if found is None:
        raise ProviderRejected("This is no link to a Google spreadsheet.")
    return next(group for group in found.groups() if group)


def client(*, key: Account, url: str = API, allow_private: bool = False) -> "Sheets":
    """One account's spreadsheets. `url` is the installation's; the token's address came with the key."""
    return Sheets(key=key, url=url.rstrip("/"), allow_private=allow_private)


class Sheets:
    """What one account may read. Each call raises ProviderError (try again) or ProviderRejected (stop)."""

    def __init__(self, *, key: Account, url: str, allow_private: bool) -> None:
        self._account, self._base, self._allow_private = key, f"{url}/v4/spreadsheets", allow_private
        self._token = ""

    def names(self, spreadsheet: str) -> list[str]:
        """The names of its sheets, in their order."""
        found = self._json(f"/{quote(spreadsheet, safe='')}", {"fields": "sheets.properties.title"})
        sheets = found.get("sheets")
        rows = sheets if isinstance(sheets, list) else []
        titles = [(row.get("properties") or {}).get("title") for row in rows if isinstance(row, dict)]
        return [str(title) for title in titles if title]

    def rows(self, spreadsheet: str, sheet: str) -> list[list[str]]:
        """The cells as people see them, row by row; shorter rows end earlier."""
        cells = f"'{sheet.replace(chr(39), chr(39) * 2)}'"
        path = f"/{quote(spreadsheet, safe='')}/values/{quote(cells, safe='')}"
        found = self._json(path, {"majorDimension": "ROWS", "valueRenderOption": "FORMATTED_VALUE"})
        values = found.get("values")
        return [
            [str(cell) if cell is not None else "" for cell in row]
            for row in (values if isinstance(values, list) else [])
            if isinstance(row, list)
        ]

    def _json(self, path: str, wanted: Mapping[str, str]) -> dict[str, Any]:
        content = self._call(path, wanted)
        try:
            found = json.loads(content)
        except ValueError as error:
            raise ProviderError("Google's answer could not be read.") from error
        if not isinstance(found, dict):
            raise ProviderError("Google's answer could not be read.")
        return found

    def _call(self, path: str, wanted: Mapping[str, str]) -> bytes:
        self._token = self._token or google_account.token(
            self._account, scope=SCOPE, allow_private=self._allow_private
        )
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            with google_account.http(None).stream(
                "GET", f"{self._base}{path}", params=wanted, headers=headers
            ) as answer:
                content = google_account.capped(answer, MOST_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderError("Google cannot be reached.") from error
        if answer.status_code >= 300:
            raise self._refusal(answer, content)
        if len(content) > MOST_BYTES:
            raise ProviderRejected("There is too much in this sheet.")
        return content

    def _refusal(self, answer: httpx.Response, content: bytes) -> ProviderError:
        status = answer.status_code
        if (known := google_account.refusal(answer, content)) is not None:
            return known
        if google_account.reasons(content) & google_account.SWITCHED_OFF:
            return ProviderRejected("The Google Sheets API is not switched on in the project of this key.")
        if status == 400:
            return NoSheet("The spreadsheet has no sheet of that name.")
        if status in (403, 404):
            return NotShared(f"It is not there, or not shared with {self._account.email}.")
        return ProviderRejected(f"Google refused ({status}).")
