"""Every page that a URL names, over a row of every kind, served by this process to a real browser."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django_tenants.utils import schema_context

from tenants.models import Tenant, User
from tests.tenants.test_two_tenants import (
    PUBLIC_ROUTES,
    TENANT_ROUTES,
    Route,
    fitting,
    name,
    path_of,
    routes,
)

# A path that a signed-in person leaves by, or is led away from: no page of its own.
LEADS_AWAY = {"enter_with_ticket", "enter", "message_media", "document_file", "health"}
SHARED = ("tenants", "auth")


@dataclass(frozen=True)
class Shown:
    """Something that a person can look at: a whole page, or a part that a page fetches."""

    path: str
    whole: bool


@dataclass(frozen=True)
class Site:
    """One host of the running server."""

    host: str
    port: int

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}:{self.port}{path}"

    def cookies(self, client: Client) -> list[dict[str, Any]]:
        """The browser state of somebody who is signed in with this client."""
        return [
            {"name": key, "value": morsel.value, "domain": self.host, "path": "/"}
            for key, morsel in client.cookies.items()
        ]


def shown_to(client: Client, paths: Iterable[str]) -> list[Shown]:
    """Those of the paths at which this person sees HTML; a page that fails is an error."""
    found: dict[str, Shown] = {}
    for path in paths:
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            found[path] = Shown(path, b"<html" in answer.content[:2000].lower())
    return list(found.values())


def of_business(alpha: Tenant, ids: dict[str, Any], member: User) -> Iterator[str]:
    """The paths of a business's host, with ids of rows that are there."""
    for route in TENANT_ROUTES:
        if name(route) not in LEADS_AWAY and not name(route).startswith("api_"):
            yield path_of(route, ids | fitting(route, alpha, member))
    yield from of_accounts("config.urls")


def of_installation(ids: dict[str, Any]) -> Iterator[str]:
    """The paths of the installation's own host."""
    yield from (
        path_of(route, ids)
        for route in PUBLIC_ROUTES
        if name(route) not in LEADS_AWAY and not name(route).startswith("api_")
    )
    yield from of_accounts("config.public_urls")
    yield "/nothing-here/"


def of_accounts(urlconf: str) -> Iterator[str]:
    """Where people sign up, sign in and keep their password; without those that need somebody's token."""
    for path, pattern in _below(urlconf, "accounts/"):
        if not pattern.pattern.converters and not set(path) & set("^(<$"):
            yield f"/accounts/{path}"


def _below(urlconf: str, prefix: str) -> Iterator[Route]:
    for pattern in get_resolver(urlconf).url_patterns:
        if isinstance(pattern, URLResolver) and str(pattern.pattern) == prefix:
            yield from routes(pattern)


def of_admin(*, shared: bool, schema: str) -> Iterator[str]:
    """The back office on a business's host, or on the installation's: lists, and one row of each."""
    yield "/admin/"
    for model in admin.site._registry:
        app, model_name = model._meta.app_label, model._meta.model_name
        if (app in SHARED) is not shared:
            continue
        yield reverse(f"admin:{app}_{model_name}_changelist")
        with schema_context(schema):
            row = model._base_manager.order_by("-pk").first()
        if row is not None:
            yield reverse(f"admin:{app}_{model_name}_change", args=[row.pk])
