"""Rule 10, generated: every route, method, socket and task, with two businesses; a new one by itself."""

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from celery import current_app
from channels.testing import WebsocketCommunicator
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django_tenants.utils import schema_context

from conversations import digests
from conversations.models import Label, Message, Turn
from knowledge.models import Document
from tenants import entry
from tenants.background import PublicTask, TenantMissing, TenantTask
from tenants.consumers import websocket_urlpatterns
from tenants.models import DigestChoice, Membership, Tenant, User
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
    "service_worker",  # a script without a word of any business
    "manifest",  # names the product; a business only to who is signed in
    "digest_stop",  # the signed address is the proof, and ends letters only
}
# What even a viewer may change: their own things.
VIEWERS_MAY = {
    "announcement_dismiss",
    "account_language",
    "account_notifications",
    "notices_seen",
    "notices_unseen",
    "push_device_add",
    "push_device_forget",
    "push_try",
    "account_digest",
    "account_digest_phone",
    "account_digest_phone_forget",
}

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
    savepoint, cookies = transaction.savepoint(), deepcopy(client.cookies)
    try:
        return getattr(client, method)(path, FORM if method == "post" else None)
    finally:
        client.cookies = cookies
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


Check = Callable[[Route], Any]


def wrong(routes: Iterable[Route], check: Check) -> dict[str, Any]:
    """What is wrong, by route: what `check` says that is not None. What it did is undone before the next."""
    found = {}
    for route in routes:
        savepoint = transaction.savepoint()
        try:
            problem = check(route)
        except Exception as error:
            error.add_note(f"at {name(route)}")
            raise
        finally:
            connection.set_schema_to_public()
            transaction.savepoint_rollback(savepoint)
        if problem is not None:
            found[name(route)] = problem
    return found


def first(answers: Iterable[tuple[Any, HttpResponse]], *, but: Callable[[HttpResponse], bool]) -> Any:
    """The first answer that is not as it should be, with what was asked; None when all are."""
    return next(((asked, got.status_code) for asked, got in answers if not but(got)), None)


def to_login(response: HttpResponse) -> bool:
    return response.status_code == 302 and "/accounts/login/" in response["Location"]


def asked(
    client: Client, route: Route, ids: dict[str, Any], methods: Iterable[str] = METHODS
) -> Iterator[Any]:
    """Each method with its answer."""
    return ((method, answer(client, method, path_of(route, ids))) for method in methods)


@pytest.mark.django_db
class TestRoutes:
    """All routes in one test each: the rows of two businesses are made once."""

    def test_nobody_comes_in_unasked(self, alpha, ids, client_for):
        client = client_for(alpha)

        def check(route: Route) -> Any:
            answers = asked(client, route, ids["alpha"])
            return first(answers, but=lambda got: to_login(got) or got.status_code in (401, 405))

        assert wrong(GUARDED, check) == {}

    def test_a_member_of_another_business_finds_nothing(self, alpha, beta, ids, client_for, member_of):
        client = client_for(alpha, member_of(beta))

        def check(route: Route) -> Any:
            answers = asked(client, route, ids["alpha"])
            return first(answers, but=lambda got: got.status_code in (401, 404, 405))

        assert wrong(GUARDED, check) == {}

    def test_ids_of_another_business_lead_nowhere(self, beta, ids, client_for, member_of):
        client = client_for(beta, member_of(beta))

        def check(route: Route) -> Any:
            # An invitation of alpha's is posted on beta's host: sent back to the page that says no.
            fine = {404, 405}
            # So is an announcement that was read: it is the platform's, and the same for everybody.
            fine |= {302} if name(route) in ("team_join", "announcement_dismiss") else set()
            answers = asked(client, route, ids["alpha"])
            return first(answers, but=lambda got: to_login(got) or got.status_code in fine)

        assert wrong(WITH_IDS, check) == {}

    def test_the_same_ids_lead_somewhere_at_home(self, alpha, ids, client_for, member_of):
        """Otherwise the test above would pass by a wrong id."""

        client = client_for(alpha, member_of(alpha))

        def check(route: Route) -> Any:
            mine = ids["alpha"] | fitting(route, alpha, member_of(alpha))
            seen = {method: got.status_code for method, got in asked(client, route, mine)}
            lost = {404, 500} & set(seen.values()) or set(seen.values()) == {405}
            return seen if lost else None

        assert wrong(WITH_IDS, check) == {}

    def test_a_viewer_changes_nothing(self, alpha, ids, client_for, member_of):
        client = client_for(alpha, member_of(alpha, "viewer"))

        def check(route: Route) -> Any:
            answers = asked(client, route, ids["alpha"], UNSAFE)
            return first(answers, but=lambda got: got.status_code in (403, 404, 405))

        assert wrong((route for route in GUARDED if name(route) not in VIEWERS_MAY), check) == {}

    def test_the_public_host_shows_no_business(self, ids, client_for, member_of, beta):
        client = client_for(None, member_of(beta))

        def check(route: Route) -> Any:
            answers = asked(client, route, ids["alpha"])
            if name(route).startswith("api_") and name(route) not in OPEN_TO_ALL:
                return first(answers, but=lambda got: got.status_code in (401, 403, 405))
            if route[1].pattern.converters:
                return first(answers, but=lambda got: got.status_code in (404, 405))
            return first(answers, but=lambda got: "Alpha Clinic" not in got.content.decode())

        assert wrong(PUBLIC_ROUTES, check) == {}

    def test_every_open_route_is_known(self):
        marked = {name(route) for route in TENANT_ROUTES if getattr(route[1].callback, "is_public", False)}
        assert marked <= OPEN_TO_ALL

    def test_a_key_opens_its_own_business_only(self, alpha, beta, ids, client_for):
        browsers = {
            host: client_for(host, authorization=f"Bearer key-{ALPHA}") for host in (beta, None, alpha)
        }

        def check(route: Route) -> Any:
            for host, browser in browsers.items():
                status = answer(browser, "get", path_of(route, ids["beta"])).status_code
                at_home = not route[1].pattern.converters and host is not beta
                if status not in (401, 404, 405) and not at_home:
                    return host, status
            return None

        assert wrong((route for route in GUARDED if name(route).startswith("api_")), check) == {}


def fitting(route: Route, alpha: Tenant, member: User) -> dict[str, Any]:
    """What this route needs of alpha beyond the ids of its rows."""
    if name(route) == "enter_with_ticket":
        return {"str": entry.ticket(user=member, tenant=alpha, now=rows.timezone.now())}
    if name(route) == "digest_stop":
        seat = Membership.objects.get(user=member, tenant=alpha)
        return {"str": digests.token(DigestChoice.objects.get_or_create(membership=seat)[0])}
    if form := {"teach_text": "text", "teach_pairs": "pairs"}.get(name(route)):
        with schema_context(alpha.schema_name):
            written = default_storage.save("w", ContentFile(b'{"passages": []}', "written.json"))
            Document.objects.update(form=form, source=None, file=written)
    if name(route) == "label_restore":  # of one that was deleted
        with schema_context(alpha.schema_name):
            Label.objects.update(deleted_at=rows.timezone.now())
    if name(route) == "message_intent":  # of a message that was answered
        with schema_context(alpha.schema_name):
            Message.objects.update(turn=Turn.objects.order_by("pk").first())
    # A kind of source, a vendor and a month are nobody's ids.
    kinds = {"teach_add": "site", "assistant_model_new": "openai"}
    if name(route).startswith("account_statement_") or name(route) == "account_statement":
        return {"slug": f"{rows.timezone.now():%Y-%m}"}
    return {"slug": kinds[name(route)]} if name(route) in kinds else {}


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
