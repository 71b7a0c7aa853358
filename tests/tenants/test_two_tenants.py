"""Rule 10, generated: every route, method, socket and task, with two businesses; a new one by itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django_tenants.utils import schema_context

from knowledge.models import Document
from tenants import entry
from tenants.background import PublicTask, TenantMissing, TenantTask
from tenants.consumers import websocket_urlpatterns
from tests.tenants import rows

METHODS = ("get", "post", "put", "patch", "delete")
UNSAFE = METHODS[1:]
ALPHA, BETA = 1_000_007, 2_000_007
# Sign-in pages are allauth's, the back office has tests of its own.
ELSEWHERE = ("accounts/", "admin/")
# Whoever comes may open these, signed in or not. A new one is to be added here with a reason.
OPEN_TO_ALL = {
    "health",  # says only whether the installation works
    "api_schema",  # describes the API, no data
    "api_docs",  # a page to read that
    "enter_with_ticket",  # the ticket is the proof
    "team_join",  # the invitation is the proof
}
# What even a viewer may change: their own things.
VIEWERS_MAY = {"account_language"}

# What forms ask for; a view takes what it knows.
FORM = {"role": "viewer", "text": "Hello", "name": "X", "email": "x@x.example"}

Route = tuple[str, URLPattern]


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[Route]:
    """Every pattern below a resolver, with its whole path."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, path)
        elif not path.startswith(ELSEWHERE):
            yield path, pattern


TENANT_ROUTES = list(routes(get_resolver("config.urls")))
PUBLIC_ROUTES = list(routes(get_resolver("config.public_urls")))
GUARDED = [route for route in TENANT_ROUTES if route[1].name not in OPEN_TO_ALL]
WITH_IDS = [route for route in TENANT_ROUTES if route[1].pattern.converters]


def name(route: Route) -> str:
    return str(route[1].name)


def path_of(route: Route, ids: dict[str, Any]) -> str:
    """The path of a route with these ids in it; a kind of id that nobody has thought of fails."""
    path, pattern = "/" + route[0], route[1]
    for key, converter in pattern.pattern.converters.items():
        kind = {
            "IntConverter": "int",
            "UUIDConverter": "uuid",
            "StringConverter": "str",
            "SlugConverter": "slug",
        }
        value = ids[kind[type(converter).__name__]]
        for written in (f"<int:{key}>", f"<uuid:{key}>", f"<str:{key}>", f"<slug:{key}>", f"<{key}>"):
            path = path.replace(written, str(value))
    assert "<" not in path, path
    return path


def answer(client: Client, method: str, path: str) -> Any:
    """The answer of one request, whose effects are undone."""
    savepoint = transaction.savepoint()
    try:
        return getattr(client, method)(path, FORM if method == "post" else None)
    finally:
        connection.set_schema_to_public()
        transaction.savepoint_rollback(savepoint)


@pytest.fixture
def ids(alpha, beta, member_of, settings, tmp_path) -> dict[str, dict[str, Any]]:
    """Ids of rows in alpha, and of others in beta."""
    settings.MEDIA_ROOT = tmp_path
    return {
        "alpha": rows.fill(alpha, number=ALPHA, user=member_of(alpha)),
        "beta": rows.fill(beta, number=BETA, user=member_of(beta)),
    }


@pytest.mark.django_db
class TestRoutes:
    @pytest.mark.parametrize("route", GUARDED, ids=name)
    def test_nobody_comes_in_unasked(self, route, alpha, ids, client_for):
        for method in METHODS:
            response = answer(client_for(alpha), method, path_of(route, ids["alpha"]))
            to_login = response.status_code == 302 and "/accounts/login/" in response["Location"]
            assert to_login or response.status_code in (401, 405), (method, response.status_code)

    @pytest.mark.parametrize("route", GUARDED, ids=name)
    def test_a_member_of_another_business_finds_nothing(self, route, alpha, beta, ids, client_for, member_of):
        stranger = client_for(alpha, member_of(beta))
        for method in METHODS:
            response = answer(stranger, method, path_of(route, ids["alpha"]))
            assert response.status_code in (401, 404, 405), (method, response.status_code)

    @pytest.mark.parametrize("route", WITH_IDS, ids=name)
    def test_ids_of_another_business_lead_nowhere(self, route, beta, ids, client_for, member_of):
        for role in ("owner", "viewer"):
            browser = client_for(beta, member_of(beta, role))
            for method in METHODS:
                response = answer(browser, method, path_of(route, ids["alpha"]))
                refused = response.status_code == 403 and role != "owner"
                to_login = response.status_code == 302 and "/accounts/login/" in response["Location"]
                # An invitation of alpha's is posted on beta's host: sent back to the page that says no.
                back = name(route) == "team_join" and response.status_code == 302
                found = response.status_code not in (404, 405) and not (refused or to_login or back)
                assert not found, (role, method, response.status_code)

    @pytest.mark.parametrize("route", WITH_IDS, ids=name)
    def test_the_same_ids_lead_somewhere_at_home(self, route, alpha, ids, client_for, member_of):
        """Otherwise the test above would pass by a wrong id."""
        if name(route) == "enter_with_ticket":
            now = rows.timezone.now()
            ids["alpha"]["str"] = entry.ticket(user=member_of(alpha), tenant=alpha, now=now)
        if name(route) == "teach_add":
            ids["alpha"]["slug"] = "site"  # a kind of source, and nobody's id
        if form := {"teach_text": "text", "teach_pairs": "pairs"}.get(name(route)):
            with schema_context(alpha.schema_name):
                written = ContentFile(b'{"passages": []}', "written.json")
                Document.objects.update(form=form, source=None, file=default_storage.save("w", written))
        browser = client_for(alpha, member_of(alpha))
        seen = {
            method: answer(browser, method, path_of(route, ids["alpha"])).status_code for method in METHODS
        }
        assert 404 not in seen.values() and 500 not in seen.values(), seen
        assert set(seen.values()) - {405}, seen

    @pytest.mark.parametrize("route", GUARDED, ids=name)
    def test_a_viewer_changes_nothing(self, route, alpha, ids, client_for, member_of):
        viewer = client_for(alpha, member_of(alpha, "viewer"))
        for method in UNSAFE:
            status = answer(viewer, method, path_of(route, ids["alpha"])).status_code
            assert status in (403, 404, 405) or name(route) in VIEWERS_MAY, (method, status)

    @pytest.mark.parametrize("route", PUBLIC_ROUTES, ids=name)
    def test_the_public_host_shows_no_business(self, route, ids, client_for, member_of, beta):
        outsider = client_for(None, member_of(beta))
        for method in METHODS:
            response = answer(outsider, method, path_of(route, ids["alpha"]))
            if name(route).startswith("api_") and name(route) not in OPEN_TO_ALL:
                assert response.status_code in (401, 403, 405), (method, response.status_code)
            elif route[1].pattern.converters:
                assert response.status_code in (404, 405), (method, response.status_code)
            else:
                assert "Alpha Clinic" not in response.content.decode()

    def test_every_open_route_is_known(self):
        marked = {name(route) for route in TENANT_ROUTES if getattr(route[1].callback, "is_public", False)}
        assert marked <= OPEN_TO_ALL

    @pytest.mark.parametrize("route", [r for r in GUARDED if name(r).startswith("api_")], ids=name)
    def test_a_key_opens_its_own_business_only(self, route, alpha, beta, ids, client_for):
        for host in (beta, None, alpha):
            browser = client_for(host, authorization=f"Bearer key-{ALPHA}")
            status = answer(browser, "get", path_of(route, ids["beta"])).status_code
            assert status in (401, 404, 405) or (not route[1].pattern.converters and host is not beta), status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("nobody.localhost", 404),
        ("ALPHA.localhost", 302),
        ("alpha.localhost.", 302),
        ("alpha.localhost:8000", 302),
        ("alpha.localhost.evil.example", 404),
        ("public", 404),
        ("template", 404),
        ("192.0.2.1", 404),
        ("", 404),
    ],
)
@pytest.mark.django_db
def test_the_host_alone_says_which_business(host, status, alpha):
    """T11: and what a proxy claims is not asked."""
    client = Client(headers={"host": host, "x-forwarded-host": "alpha.localhost"})
    assert client.get("/chats/").status_code == status


@pytest.mark.parametrize("pattern", websocket_urlpatterns, ids=lambda pattern: str(pattern.pattern))
@pytest.mark.django_db(transaction=True)
class TestSockets:
    """T7, at the door; what is heard behind it is tested with the live pages."""

    async def knock(self, pattern: Any, host: str, client: Client | None, origin: str = "") -> int:
        """The code with which the socket is closed, or 0 when it stays open."""
        headers = [(b"host", host.encode())]
        if origin:
            headers.append((b"origin", origin.encode()))
        if client is not None:
            cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{django_settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        socket = WebsocketCommunicator(pattern.callback, f"/{pattern.pattern}", headers=headers)
        is_open, code = await socket.connect()
        if is_open and not await socket.receive_nothing():
            closed = await socket.receive_output()
            is_open, code = False, closed.get("code", 0)
        await socket.disconnect()
        return 0 if is_open else int(code)

    @pytest.fixture
    def browsers(self, alpha, beta, member_of, client_for) -> tuple[Client, Client]:
        """A member of alpha's and one of beta's, each signed in."""
        return client_for(alpha, member_of(alpha)), client_for(beta, member_of(beta))

    async def test_a_stranger_and_a_forged_origin_are_closed_out(self, pattern, browsers):
        member, other = browsers
        assert await self.knock(pattern, "alpha.localhost", None) == 4401
        assert await self.knock(pattern, "alpha.localhost", other) == 4403
        assert await self.knock(pattern, "beta.localhost", member) == 4403
        assert await self.knock(pattern, "nobody.localhost", member) == 4404
        assert await self.knock(pattern, "localhost", member) == 4404
        assert await self.knock(pattern, "alpha.localhost", member, "http://beta.localhost") == 4403
        assert await self.knock(pattern, "alpha.localhost", member, "http://alpha.localhost") == 0


def our_tasks() -> list[Any]:
    current_app.loader.import_default_modules()
    return sorted(
        (task for task in current_app.tasks.values() if not task.name.startswith("celery.")),
        key=lambda task: str(task.name),
    )


@pytest.mark.django_db
class TestTasks:
    @pytest.mark.parametrize("task", [t for t in our_tasks() if "test" not in t.name], ids=lambda t: t.name)
    def test_runs_for_a_tenant_or_for_the_installation_and_says_which(self, task):
        assert isinstance(task, TenantTask | PublicTask)
        if isinstance(task, TenantTask):
            result = task.apply(kwargs={"any": 1})
            assert isinstance(result.result, TenantMissing)
