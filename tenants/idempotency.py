"""A POST that its caller named happens once: the row says who works on it and what was answered.

An effect takes its own id from the row (`derived`) or writes its id onto the row in its own commit (`note`).
So a process that dies between the effect and the answer leaves nothing that a second try could double.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.models import ApiKey, IdempotentRequest
from tenants.problems import Problem

HEADER = "Idempotency-Key"
LIFE = timedelta(hours=24)
DEAD = timedelta(seconds=90)  # longer than any request may take
LONGEST = 255
_NAMESPACE = uuid.UUID("7b1f3f0a-52a7-4bb6-9b53-1f2b8f0e6a11")


def claim(request: Request, *, now: datetime) -> IdempotentRequest | None:
    """The row of this request, ours to work on or already answered; None when the caller gave no key.

    Raises Problem 409: the key was used for another request, or the same one is being worked on.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return None
    if len(key) > LONGEST or not key.isprintable():
        raise Problem(400, f"{HEADER} is at most {LONGEST} printable characters.")
    names = {"tenant": _tenant(request), "principal": principal(request), "key": key}
    wanted = digest(request)
    row = _inserted(names, wanted, now=now) or _earlier(names, wanted, now=now)
    if row.request_hash != wanted:
        raise Problem(409, "This key was used for another request.", kind="idempotency-key-reused")
    return row


def _inserted(names: Mapping[str, Any], wanted: str, *, now: datetime) -> IdempotentRequest | None:
    """A new row; None when there is one."""
    IdempotentRequest.objects.filter(**names, created_at__lt=now - LIFE).delete()
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(
                **names, request_hash=wanted, claimed_at=now, created_at=now
            )
    except IntegrityError:
        return None


def _earlier(names: Mapping[str, Any], wanted: str, *, now: datetime) -> IdempotentRequest:
    row = IdempotentRequest.objects.filter(**names).first()
    if row is None or (row.status is None and row.request_hash == wanted and not _taken_over(row, now=now)):
        raise Problem(409, "This request is being worked on.", kind="idempotency-in-progress", wait=1)
    return row


def _taken_over(row: IdempotentRequest, *, now: datetime) -> bool:
    """Whether who worked on it is gone, and it is ours now; by compare-and-set."""
    dead = IdempotentRequest.objects.filter(pk=row.pk, status=None, claimed_at__lt=now - DEAD)
    return bool(dead.update(claimed_at=now))


def answered(row: IdempotentRequest) -> Response | None:
    """What the first request was told; None while it is ours to do."""
    if row.status is None:
        return None
    kept = json.loads(row.response)
    return Response(
        kept["data"], status=row.status, headers={**kept["headers"], "Idempotency-Replayed": "true"}
    )


def close(row: IdempotentRequest, response: Response, rendered: bytes) -> None:
    """Keep a final answer; forget a refusal, which changed nothing; leave the rest to another try."""
    rows = IdempotentRequest.objects.filter(pk=row.pk)
    if response.status_code in (202, 500, 502, 503, 504):
        reopen(row)
    elif response.status_code >= 400:
        rows.delete()
    else:
        headers = {name: response[name] for name in ("Location",) if response.has_header(name)}
        data = json.loads(rendered) if rendered else None
        kept = json.dumps({"data": data, "headers": headers})
        rows.update(status=response.status_code, response=kept)


def reopen(row: IdempotentRequest) -> None:
    """Not finished: the next request with this key goes on, under the same derived ids."""
    IdempotentRequest.objects.filter(pk=row.pk).update(claimed_at=row.created_at - LIFE)


def derived(row: IdempotentRequest | None) -> uuid.UUID:
    """An id for the effect: the same at every try of a named request, else a fresh one."""
    return uuid.uuid5(_NAMESPACE, f"{row.tenant_id}:{row.pk}") if row else uuid.uuid4()


def note(row: IdempotentRequest | None, effect: object) -> None:
    """Write what was made onto the row, in the caller's transaction."""
    if row is not None:
        IdempotentRequest.objects.filter(pk=row.pk).update(effect=str(effect))


def forget(*, now: datetime) -> None:
    """Drop what is older than a day."""
    IdempotentRequest.objects.filter(created_at__lt=now - LIFE).delete()


def principal(request: Request) -> str:
    """Whose key it is: two programs may choose the same one."""
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    return f"user:{request.user.pk}"


def digest(request: Request) -> str:
    """What makes two requests the same: method, path and content, however it is written."""
    found = hashlib.sha256(f"{request.method} {request._request.path}\n".encode())
    data: Any = request.data
    if hasattr(data, "lists"):
        for name, values in sorted(data.lists()):
            for value in values:
                found.update(f"{name}=".encode() + _content(value) + b"\n")
    else:
        found.update(json.dumps(data, sort_keys=True).encode())
    return found.hexdigest()


def _content(value: Any) -> bytes:
    if not isinstance(value, UploadedFile):
        return str(value).encode()
    found = hashlib.sha256(str(value.name).encode() + b"\n")
    for chunk in value.chunks():
        found.update(chunk)
    value.seek(0)
    return found.digest()


def _tenant(request: Request) -> Any:
    return request._request.tenant  # type: ignore[attr-defined]
