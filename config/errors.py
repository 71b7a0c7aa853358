"""Error pages, in the page's language and the house's look."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token

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
    return _page(request, 500)


HANDLERS = (
    "config.errors.bad_request",
    "config.errors.forbidden",
    "config.errors.not_found",
    "config.errors.broken",
)
