"""Which event of its business a page was made after: read before anything else of the page is."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants import live

GetResponse = Callable[[HttpRequest], HttpResponse]


def middleware(get_response: GetResponse) -> GetResponse:
    """Put `live_position` on the request of a whole page; the page compares it when its line opens."""

    def respond(request: HttpRequest) -> HttpResponse:
        is_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        known = getattr(request, "tenant", None) is not None and not request.headers.get("HX-Request")
        number = live.position() if is_page and known else None
        request.live_position = "" if number is None else str(number)  # type: ignore[attr-defined]
        return get_response(request)

    return respond
