"""A message's file as a browser fetches it: whole, or the part that a player asks for."""

import re

from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from conversations.models import Message

SHOWN_INLINE = ("image/jpeg", "image/png", "image/gif", "image/webp", "audio/", "video/")
MOST = 2**20  # bytes of one part; a player asks for the next
_RANGE = re.compile(r"bytes=(\d{1,15})?-(\d{1,15})?")


def answer(request: HttpRequest, message: Message) -> HttpResponseBase:
    """To members only. What a browser could run is never shown, only offered to save."""
    inline = message.media_type.startswith(SHOWN_INLINE)
    kind = message.media_type if inline else "application/octet-stream"
    file = default_storage.open(str(message.media.name))
    part = span(request.headers.get("Range", ""), file.size) if inline else None
    response: HttpResponseBase
    if part is None:
        name = message.media_name or f"file-{message.pk}"
        response = FileResponse(file, as_attachment=not inline, filename=name, content_type=kind)
    else:
        with file:
            file.seek(part[0])
            response = HttpResponse(file.read(part[1] - part[0] + 1), status=206, content_type=kind)
        response.headers["Content-Range"] = f"bytes {part[0]}-{part[1]}/{file.size}"
    response.headers["Accept-Ranges"] = "bytes" if inline else "none"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def span(asked: str, size: int) -> tuple[int, int] | None:
    """The first and the last byte that are asked for, at most MOST; None for all of it. Pure."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not any(found.groups()) or not size:
        return None
    if found[1] is None:  # so many from the end
        first, last = max(0, size - int(found[2])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    return (first, min(last, first + MOST - 1)) if first <= last else None
