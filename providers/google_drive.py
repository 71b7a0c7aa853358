"""Google Drive: the files of one folder, read with a service account. Contract: Drive API v3.

The folder is shared with the account's address, as with a colleague. What Google's own editors hold is
exported to office files; everything else is downloaded as it is. Redirects are not followed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import httpx

from providers.addresses import guarded
from providers.errors import AccountRefused, ProviderError, ProviderRejected, retry_after

API = "https://www.googleapis.com"
TOKEN_URI = "https://oauth2.googleapis.com/token"
SCOPE = "https://www.googleapis.com/auth/drive.readonly"
CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 30.0
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
BUSY = {"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "backendError"}
SWITCHED_OFF = {"accessNotConfigured", "SERVICE_DISABLED"}
TOO_LARGE = {"exportSizeLimitExceeded"}


# What no wire has seen: an address that is none.
IMPOSSIBLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)


class KeyRefused(AccountRefused):
    """Google does not take the key: it was deleted, or the account is switched off."""


class NotShared(ProviderRejected):
    """The folder or the file is not there for this account."""


class TooLarge(ProviderRejected):
    """There is more of it than is taken."""


@dataclass(frozen=True, slots=True)
class Account:
    """A service account: its address, and what Google's key file says that signing in needs."""

    email: str
    key: Mapping[str, str]

    @property
    def token_uri(self) -> str:
        return self.key["token_uri"]


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


def account(text: str) -> Account:
    """The account of a key file's text; raises ProviderRejected in words for who pasted it."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ProviderRejected("This is not the key file that Google made: it is no JSON.") from error
    if not isinstance(data, dict) or data.get("type") != "service_account":
        raise ProviderRejected("This is not the key file of a service account.")
    key = {name: str(data.get(name) or "") for name in ("client_email", "private_key", "private_key_id")}
    if "@" not in key["client_email"] or not key["private_key"]:
        raise ProviderRejected("This is not the key file of a service account.")
    key["token_uri"] = str(data.get("token_uri") or TOKEN_URI)
    made = Account(email=key["client_email"], key=key)
    _credentials(made)
    return made


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
            with _http(None).stream("GET", f"{self._base}{path}", params=wanted, headers=headers) as answer:
                content = _capped(answer, max_bytes)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderError("Google cannot be reached.") from error
        if answer.status_code >= 300:
            raise self._refusal(answer, content)
        if len(content) > max_bytes:
            raise TooLarge("The file is too large.")
        return content

    def _sign_in(self) -> str:
        """A token for an hour, from the address that the key names."""
        from google.auth.exceptions import GoogleAuthError

        credentials = _credentials(self._account)
        try:
            credentials.refresh(_Asker(self._allow_private))
        except GoogleAuthError as error:
            raise KeyRefused("Google refused the key. It may have been deleted: make a new one.") from error
        except (ValueError, TypeError, AttributeError) as error:
            # What answered there is not Google's door for tokens.
            raise ProviderRejected("The address for tokens in the key file is not Google's.") from error
        return str(credentials.token)

    def _refusal(self, answer: httpx.Response, content: bytes) -> ProviderError:
        status, reasons = answer.status_code, _reasons(content)
        if status == 429 or reasons & BUSY:
            return ProviderError("Google asks to wait.", retry_after=retry_after(answer.headers) or 60.0)
        if status >= 500:
            return ProviderError(f"Google failed ({status}).")
        if status == 401:
            return KeyRefused("Google refused the key. It may have been deleted: make a new one.")
        if reasons & SWITCHED_OFF:
            return ProviderRejected("The Google Drive API is not switched on in the project of this key.")
        if reasons & TOO_LARGE:
            return TooLarge("The file is too large.")
        return self._not_shared() if status in (403, 404) else ProviderRejected(f"Google refused ({status}).")

    def _not_shared(self) -> NotShared:
        return NotShared(f"It is not there, or not shared with {self._account.email}.")


class _Asker:
    """How google-auth asks for a token: over the network that looks before it connects."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> "_Told":
        try:
            with _http(self._allow_private).stream(method, url, content=body, headers=headers) as answer:
                content = _capped(answer, 64 * 1024)
        except IMPOSSIBLE as error:
            raise ProviderRejected("The address for tokens in the key file is not Google's.") from error
        except httpx.HTTPError as error:
            raise ProviderError("Google cannot be reached.") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            # Else google-auth would sleep and ask again, while a person waits for the page.
            raise ProviderError("Google asks to wait.", retry_after=retry_after(answer.headers) or 60.0)
        return _Told(answer.status_code, dict(answer.headers), content)


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _credentials(key: Account) -> Any:
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials

    try:
        return Credentials.from_service_account_info(dict(key.key), scopes=[SCOPE])
    except (GoogleAuthError, ValueError, TypeError) as error:
        raise ProviderRejected("The private key in this file cannot be read. Copy it whole.") from error


@lru_cache(maxsize=3)
def _http(allow_private: bool | None) -> httpx.Client:
    """`allow_private` None: the installation's own address of Google, which may be anywhere."""
    return httpx.Client(
        transport=guarded(allow_private=allow_private is None or allow_private),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


def _capped(answer: httpx.Response, max_bytes: int) -> bytes:
    """The body, or one byte more than may be."""
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > max_bytes:
            break
    return bytes(content[: max_bytes + 1])


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


def _reasons(content: bytes) -> set[str]:
    """The words by which Google tells one refusal from another."""
    try:
        error = json.loads(content)["error"]
        listed = [*error.get("errors", []), *error.get("details", [])]
        return {str(one.get("reason")) for one in listed if isinstance(one, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()
