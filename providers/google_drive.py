"""Google Drive: the files of one folder, read with a service account. Contract: Drive API v3.

The folder is shared with the account's address, as with a colleague. What Google's own editors hold is
exported to office files; everything else is downloaded as it is. Redirects are not followed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from providers import google_account
from providers.errors import ProviderError, ProviderRejected
from providers.google_account import Account, KeyRefused, account

__all__ = [
    "Account", "Drive", "File", "KeyRefused", "NotShared", "TooLarge", "account", "client", "folder_id",
]  # fmt: skip

API = "https://www.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/drive.readonly"
FILES_A_PAGE = 200
DEEPEST = 8  # folders in folders
FOLDER = "application/vnd.google-apps.folder"
_OFFICE = "application/vnd.openxmlformats-officedocument"
# What Google's editors hold, the office format that it is exported to, and its suffix.
EXPORTS = {
    "application/vnd.google-apps.document": (f"{_OFFICE}.wordprocessingml.document", ".docx"),
    "application/vnd.google-apps.spreadsheet": (f"{_OFFICE}.spreadsheetml.sheet", ".xlsx"),
    "application/vnd.google-apps.presentation": (f"{_OFFICE}.presentationml.presentation", ".pptx"),
}
TOO_LARGE = {"exportSizeLimitExceeded"}


class NotShared(ProviderRejected):
    """The folder or the file is not there for this account."""


class TooLarge(ProviderRejected):
    """There is more of it than is taken."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the folder. `version` changes whenever its content does; `size` is in bytes, when known."""

    id: str
    name: str
    mimetype: str
    version: str
    size: int | None = None

    @property
    def filename(self) -> str:
        """Its name with the suffix of what is downloaded."""
        suffix = EXPORTS[self.mimetype][1] if self.mimetype in EXPORTS else ""
        return f"{self.name}{suffix}"


def folder_id(text: str) -> str:
    """The id in a folder's link, or the id itself; raises ProviderRejected when it is neither."""
    found = re.search(r"/folders/([\w-]{10,})|[?&]id=([\w-]{10,})|^([\w-]{10,})$", text.strip())
    if found is None:
        raise ProviderRejected("This is no link to a Google Drive folder.")
    return next(group for group in found.groups() if group)


def client(*, key: Account, url: str = API, allow_private: bool = False) -> "Drive":
    """One account's Drive. `url` is the installation's; the token's address came with the key."""
    return Drive(key=key, url=url.rstrip("/"), allow_private=allow_private)


class Drive:
    """What one account may read. Each call raises ProviderError (try again) or ProviderRejected (stop)."""

    def __init__(self, *, key: Account, url: str, allow_private: bool) -> None:
        self._account, self._base, self._allow_private = key, f"{url}/drive/v3/files", allow_private
        self._token = ""

    def name(self, folder: str) -> str:
        """What the folder is called."""
        found = self._json(f"/{quote(folder, safe='')}", {"fields": "id,name,mimeType,trashed"})
        if found.get("mimeType") != FOLDER:
            raise ProviderRejected("This is a file, not a folder.")
        if found.get("trashed"):
            raise self._not_shared()
        return str(found.get("name") or folder)

    def files(self, folder: str, *, most: int) -> Iterator[File]:
        """The files of the folder and of the folders in it, up to `most`; each folder is looked at once."""
        waiting, seen, given = [(folder, 0)], {folder}, 0
        while waiting:
            current, depth = waiting.pop(0)
            for entry in self._entries(current):
                if entry["mimeType"] == FOLDER:
                    if depth + 1 < DEEPEST and entry["id"] not in seen:
                        seen.add(entry["id"])
                        waiting.append((entry["id"], depth + 1))
                elif (file := _file(entry)) is not None:
                    yield file
                    given += 1
                    if given >= most:
                        return

    def content(self, file: File, *, max_bytes: int) -> bytes:
        """The file, exported when it is Google's own. Raises TooLarge."""
        if file.size is not None and file.size > max_bytes:
            raise TooLarge("The file is too large.")
        path, wanted = f"/{quote(file.id, safe='')}", {"alt": "media", "supportsAllDrives": "true"}
        if file.mimetype in EXPORTS:
            path, wanted = f"{path}/export", {"mimeType": EXPORTS[file.mimetype][0]}
        return self._call(path, wanted, max_bytes=max_bytes)

    def _entries(self, folder: str) -> Iterator[dict[str, Any]]:
        wanted = {
            "q": f"'{folder}' in parents and trashed=false",
            "fields": "nextPageToken,files(id,name,mimeType,size,md5Checksum,modifiedTime)",
            "pageSize": str(FILES_A_PAGE), "orderBy": "name",
            "supportsAllDrives": "true", "includeItemsFromAllDrives": "true",
        }  # fmt: skip
        while True:
            page = self._json("", wanted)
            found = page.get("files")
            for entry in found if isinstance(found, list) else []:
                if isinstance(entry, dict) and entry.get("id") and entry.get("mimeType"):
                    yield entry
            token = page.get("nextPageToken")
            if not token or token == wanted.get("pageToken"):
                return
            wanted["pageToken"] = str(token)

    def _json(self, path: str, wanted: Mapping[str, str]) -> dict[str, Any]:
        content = self._call(path, {**wanted, "supportsAllDrives": "true"}, max_bytes=4 * 2**20)
        try:
            found = json.loads(content)
        except ValueError as error:
            raise ProviderError("Google's answer could not be read.") from error
        if not isinstance(found, dict):
            raise ProviderError("Google's answer could not be read.")
        return found

    def _call(self, path: str, wanted: Mapping[str, str], *, max_bytes: int) -> bytes:
        self._token = self._token or self._sign_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            with google_account.http(None).stream(
                "GET", f"{self._base}{path}", params=wanted, headers=headers
            ) as answer:
                content = google_account.capped(answer, max_bytes)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderError("Google cannot be reached.") from error
        if answer.status_code >= 300:
            raise self._refusal(answer, content)
        if len(content) > max_bytes:
            raise TooLarge("The file is too large.")
        return content

    def _sign_in(self) -> str:
        return google_account.token(self._account, scope=SCOPE, allow_private=self._allow_private)

    def _refusal(self, answer: httpx.Response, content: bytes) -> ProviderError:
        status, reasons = answer.status_code, google_account.reasons(content)
        if (known := google_account.refusal(answer, content)) is not None:
            return known
        if reasons & google_account.SWITCHED_OFF:
            return ProviderRejected("The Google Drive API is not switched on in the project of this key.")
        if reasons & TOO_LARGE:
            return TooLarge("The file is too large.")
        return self._not_shared() if status in (403, 404) else ProviderRejected(f"Google refused ({status}).")

    def _not_shared(self) -> NotShared:
        return NotShared(f"It is not there, or not shared with {self._account.email}.")


def _file(entry: Mapping[str, Any]) -> File | None:
    """A file that has something to read: no form, no map, no link to another."""
    mimetype = str(entry["mimeType"])
    if mimetype.startswith("application/vnd.google-apps.") and mimetype not in EXPORTS:
        return None
    size = str(entry.get("size") or "")
    return File(
        id=str(entry["id"]),
        name=str(entry.get("name") or entry["id"]),
        mimetype=mimetype,
        version=str(entry.get("md5Checksum") or entry.get("modifiedTime") or ""),
        size=int(size) if size.isdigit() else None,
    )
