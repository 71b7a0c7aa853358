"""Error pages, in the page's language and the house's look."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

from knowledge import documents
from tenants import problems

SAID = {
    400: "The request cannot be read.",
    403: "That is not allowed.",
    404: "There is nothing at this address.",
    500: "Something broke here. It has been written down.",
}


@requires_csrf_token
def _page(request: HttpRequest, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.answer(status, SAID[status])
    return render(request, f"{status}.html", status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Also when a file could not be received for want of room, before any view saw it."""
    error = sys.exc_info()[1]
    if error is not None and documents.is_full(error):
        return _no_room(request)
    return _page(request, 500)


def _no_room(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.answer(507, str(documents.NO_ROOM))
    return HttpResponse(str(documents.NO_ROOM), status=507, content_type="text/plain")


HANDLERS = (
    "config.errors.bad_request",
    "config.errors.forbidden",
    "config.errors.not_found",
    "config.errors.broken",
)
