"""The inbox of a business inside its back office: the same views, found below `/admin/inbox/`.

A path there is the dashboard's own with a prefix in front, as a server may mount a site below a path: it is
resolved without the prefix, and every link that a page makes gets it again.
"""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import get_script_prefix, set_script_prefix
from django.utils.http import urlencode

from tenants import support

GetResponse = Callable[[HttpRequest], HttpResponse]


class InboxMiddleware:
    """Take the prefix off, and leave a mark on the request: who comes is staff, and is asked for as such."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.inside = False  # type: ignore[attr-defined]
        path = request.path_info
        if getattr(request, "tenant", None) is None or not path.startswith(f"{support.PREFIX}/"):
            return self.get_response(request)
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        return self._answer_inside(request, path.removeprefix(support.PREFIX))

    def _answer_inside(self, request: HttpRequest, path: str) -> HttpResponse:
        if not support.is_inside(path[1:]):
            raise Http404  # nothing of the dashboard but the inbox
        before = get_script_prefix()
        request.inside, request.path_info = True, path  # type: ignore[attr-defined]
        set_script_prefix(f"{before.rstrip('/')}{support.PREFIX}/")
        try:
            return self.get_response(request)
        finally:
            set_script_prefix(before)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page of the host, which is outside of the inbox."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": "/accounts/login/"})
    return redirect(f"/accounts/login/?{urlencode({'next': request.get_full_path()})}")
