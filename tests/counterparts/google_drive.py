"""Google as a service account sees it: the door for tokens, Drive v3 with files, Sheets v4 with values."""

import hashlib
import json
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from tests.counterparts.serving import Background, Request, answer, read

EMAIL = "leitura@padaria.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/drive.readonly"
SHEETS_SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly"
AUDIENCE = "https://oauth2.googleapis.com/token"
FOLDER = "application/vnd.google-apps.folder"
MODIFIED = "2026-11-20T10:00:00.000Z"


@lru_cache(maxsize=1)
def _pair() -> tuple[str, str]:
    """A private key and its public one, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@dataclass
class App:
    """What there is. `faults` go before the next answers of Drive: (status, reason)."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    sheets: dict[str, dict[str, list[list[Any]]]] = field(default_factory=dict)  # by spreadsheet and name
    is_revoked: bool = False
    token_status: int = 200
    a_page: int = 100
    faults: deque[tuple[int, str]] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        self.requests.append(request)
        if request.path == "/token":
            return await self._token(request, send)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return await self._refuse(send, 401, "authError")
        if self.faults:
            return await self._refuse(send, *self.faults.popleft())
        if request.path.startswith("/v4/spreadsheets/"):
            return await self._sheet(request, send)
        await self._drive(request, send)

    async def _token(self, request: Request, send: Any) -> None:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if self.is_revoked or self.token_status != 200:
            status = 400 if self.is_revoked else self.token_status
            return await answer(send, status, {"error": "invalid_grant", "error_description": "no"})
        claims = jwt.decode(form["assertion"], certs=_pair()[1], audience=AUDIENCE)
        assert form["grant_type"].endswith("jwt-bearer")
        assert claims["iss"] == EMAIL and claims["scope"] in (SCOPE, SHEETS_SCOPE)
        token = f"{'sheets' if claims['scope'] == SHEETS_SCOPE else 'drive'}-{len(self.tokens)}"
        self.tokens.add(token)
        await answer(send, 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    async def _sheet(self, request: Request, send: Any) -> None:
        """`/v4/spreadsheets/{id}` or `…/values/{'Name'}`; of sheets by spreadsheet and name."""
        assert request.headers["authorization"].startswith("Bearer sheets-")
        spreadsheet, _values, cells = request.path.removeprefix("/v4/spreadsheets/").partition("/values/")
        found = self.sheets.get(spreadsheet)
        if found is None:
            return await self._refuse(send, 404, "notFound")
        if not cells:
            titles = [{"properties": {"title": title}} for title in found]
            return await answer(send, 200, {"sheets": titles})
        name = cells.strip("'").replace("''", "'")
        if name not in found:
            return await self._refuse(send, 400, "badRequest")
        await answer(send, 200, {"range": cells, "majorDimension": "ROWS", "values": found[name]})

    async def _drive(self, request: Request, send: Any) -> None:
        rest = request.path.removeprefix("/drive/v3/files").strip("/").split("/")
        if rest == [""]:
            return await self._list(request, send)
        entry = self.files.get(rest[0])
        if entry is None or not self._is_shared(rest[0]):
            return await self._refuse(send, 404, "notFound")
        if rest[-1] == "export":
            return await answer(send, 200, entry["content"], kind=request.query["mimeType"])
        if request.query.get("alt") == "media":
            return await answer(send, 200, entry["content"], kind=entry["mimeType"])
        await answer(send, 200, _shown(rest[0], entry))

    async def _list(self, request: Request, send: Any) -> None:
        folder = request.query["q"].split("'")[1]
        assert request.query["q"] == f"'{folder}' in parents and trashed=false"
        rows = [
            _shown(key, entry)
            for key, entry in self.files.items()
            if entry["parent"] == folder and self._is_shared(folder)
        ]
        start = int(request.query.get("pageToken", "0"))
        page: dict[str, Any] = {"files": rows[start : start + self.a_page]}
        if start + self.a_page < len(rows):
            page["nextPageToken"] = str(start + self.a_page)
        await answer(send, 200, page)

    def _is_shared(self, key: str) -> bool:
        while key:
            if key in self.shared:
                return True
            key = self.files[key]["parent"] if key in self.files else ""
        return False

    async def _refuse(self, send: Any, status: int, reason: str) -> None:
        error = {"code": status, "errors": [{"domain": "global", "reason": reason}], "message": reason}
        await answer(send, status, {"error": error})


def _shown(key: str, entry: dict[str, Any]) -> dict[str, Any]:
    shown = {"id": key, "name": entry["name"], "mimeType": entry["mimeType"], "modifiedTime": entry["at"]}
    if not entry["mimeType"].startswith("application/vnd.google-apps."):
        shown |= {
            "size": str(entry.get("size", len(entry["content"]))),
            "md5Checksum": hashlib.md5(entry["content"]).hexdigest(),
        }
    return shown


class Google:
    """Google in a thread of a test: `with Google() as google:`."""

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url = self._server.url

    def __enter__(self) -> "Google":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def token_uri(self) -> str:
        return f"{self.url}/token"

    def key(self, **changed: Any) -> str:
        """The key file of a service account, as Google makes it."""
        made = {
            "type": "service_account", "project_id": "padaria", "private_key_id": "abc",
            "private_key": _pair()[0], "client_email": EMAIL, "client_id": "1", "token_uri": self.token_uri,
        }  # fmt: skip
        return json.dumps(made | changed)

    def folder(self, key: str, name: str, *, parent: str = "", shared: bool = True) -> str:
        self.put(key, name, b"", mimetype=FOLDER, parent=parent)
        if shared and not parent:
            self.app.shared.add(key)
        return key

    def put(
        self, key: str, name: str, content: bytes, *, mimetype: str = "text/plain", parent: str = "",
        at: str = MODIFIED, **more: Any,
    ) -> None:  # fmt: skip
        entry = {"name": name, "content": content, "mimeType": mimetype, "parent": parent, "at": at}
        self.app.files[key] = entry | more

    def downloads(self) -> list[str]:
        """The ids of the files that were fetched, in order."""
        asked = [r for r in self.app.requests if r.query.get("alt") == "media" or r.path.endswith("/export")]
        return [request.path.split("/")[4] for request in asked]
