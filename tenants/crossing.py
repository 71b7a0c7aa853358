"""From one host to another after a form: a page that goes on by itself.

Browsers hold a form to `form-action 'self'` over all redirects that follow it, so a redirect to another host
would end nowhere. A page that was shown may lead on, and has a link for who must click.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def to(request: HttpRequest, url: str) -> HttpResponse:
    """Lead to a page of another host of ours."""
    response = render(request, "tenants/crossing.html", {"url": url})
    response.headers["Refresh"] = f"0; url={url}"
    response.headers["Cache-Control"] = "no-store"
    return response
