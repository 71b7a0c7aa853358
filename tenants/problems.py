"""Errors as problem details (RFC 9457): one shape for everything that the API refuses."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpResponse, JsonResponse, UnreadablePostError
from rest_framework import exceptions, status
from rest_framework.response import Response

MEDIA_TYPE = "application/problem+json"
KINDS = {
    400: "bad-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    411: "length-required",
    413: "too-large",
    415: "unsupported-media-type",
    422: "refused",
    429: "too-many-requests",
    500: "server-error",
    503: "unavailable",
    504: "too-late",
    507: "storage-full",
}


class Problem(exceptions.APIException):
    """A refusal with a kind of its own; `more` stands beside the usual members."""

    def __init__(self, status: int, detail: str, *, kind: str = "", wait: int = 0, **more: Any) -> None:
        super().__init__(detail)
        self.status_code, self.kind, self.more = status, kind, more
        if wait:
            self.wait = wait  # becomes Retry-After


class ParameterError(exceptions.ValidationError):
    """The query string is wrong; its errors name parameters."""


def body(status: int, detail: str, *, kind: str = "", **more: Any) -> dict[str, Any]:
    """The members of one problem."""
    name = kind or KINDS.get(status, "error")
    return {
        "type": f"urn:frontdesk:problem:{name}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }


def answer(status: int, detail: str, *, kind: str = "") -> HttpResponse:
    """A problem from outside the REST framework: a path that is not there, a bug."""
    return JsonResponse(body(status, detail, kind=kind), status=status, content_type=MEDIA_TYPE)


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The REST framework's exception handler; None lets a bug go on to the log and the 500."""
    # The views ask the settings for our classes while they load: not before they have.
    from rest_framework.views import exception_handler

    response = exception_handler(_known(error), dict(context))
    if response is None:
        return None
    response.data = _told(error, response.status_code, response.data)
    response.content_type = MEDIA_TYPE
    return response


def _known(error: Exception) -> Exception:
    """Django's own refusals in the framework's words."""
    if isinstance(error, RequestDataTooBig):
        return Problem(status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return exceptions.ParseError("The request cannot be read.")
    return error


def _told(error: Exception, status_code: int, data: Any) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        word = "parameter" if isinstance(error, ParameterError) else "pointer"
        errors = list(_errors(data, word))
        return body(status_code, "Some values are not valid.", kind="validation", errors=errors)
    detail = data.get("detail", "") if isinstance(data, dict) else data
    kind, more = getattr(error, "kind", ""), getattr(error, "more", {})
    return body(status_code, str(detail), kind=kind, **more)


def _errors(data: Any, word: str, path: str = "") -> Iterator[dict[str, str]]:
    """One entry a message, each with the JSON pointer of its field, or the name of its parameter."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            step = "" if key == "non_field_errors" else f"/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield from _errors(value, word, path + step)
    elif isinstance(data, Sequence) and not isinstance(data, str):
        for number, value in enumerate(data):
            nested = isinstance(value, Mapping | list)
            yield from _errors(value, word, f"{path}/{number}" if nested else path)
    else:
        yield {word: path.strip("/") if word == "parameter" else f"#{path}", "detail": str(data)}
