"""Every page of the back office: who may open it, and that it asks as much for thirty rows as for two."""

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import AgentVersion
from conversations import rollup
from conversations.models import Message
from tenants import backoffice
from tenants.models import Tenant, User
from tests.tenants import rows, staff

pytestmark = pytest.mark.django_db
BASE = 5_000_000  # ids of the rows of these tests
MOST = 60  # statements of any page; the heaviest shows five lists of rows at once
ALSO = {
    "tenants.signup": {"status": "done"},
    "tenants.announcement": {"shown_until": timezone.now() + timezone.timedelta(days=1)},
}

# What each kind of staff may open, by the list's name; everything else is forbidden to them.
LISTS = {
    "support": {
        "tenant",
        "membership",
        "user",
        "tenantstate",
        "taskfailure",
        "signup",
        "invitation",
        "impersonation",
        "staffgrant",
        "conversation",
        "contact",
        "channel",
        "message",
        "webhookevent",
        "incident",
        "hookdelivery",
        "agent",
        "agentversion",
        "modelprovider",
        "document",
        "source",
    },
    "finance": {
        "tenant",
        "tenantstate",
        "auditentry",
        "vendorprice",
        "ledgerentry",
        "creditaccount",
        "hold",
        "usage",
        "price",
        "pack",
        "topup",
        "refund",
        "paymentcustomer",
        "paymentevent",
        "paymentsweep",
    },
    "operator": {
        "tenant",
        "membership",
        "user",
        "tenantstate",
        "taskfailure",
        "signup",
        "invitation",
        "impersonation",
        "staffgrant",
        "apikey",
        "auditentry",
        "vendorprice",
        "featureflag",
        "paymentevent",
        "paymentsweep",
        "announcement",
        "group",
        "channel",
        "webhookevent",
        "incident",
        "hookdelivery",
        "agent",
        "agentversion",
        "modelprovider",
        "document",
        "source",
    },
    "nobody": set(),
}
PAGES = {
    "support": {"enter", "queue", "trouble", "trouble_again", "trouble_all", "live_inbox"},
    "finance": {
        "enter",
        "queue",
        "trouble_all",
        "finance",
        "finance_ledger",
        "finance_statement",
        "finance_months",
        "finance_requests",
        "finance_revenue",
        "finance_totals",
        "finance_holds",
        "finance_disputes",
        "finance_kept",
        "finance_prices",
        "finance_export",
        "finance_back",
        "finance_kept_file",
        "finance_request",
        "finance_refund",
    },
    "operator": {"enter", "queue", "trouble", "trouble_again", "trouble_all"},
    "nobody": set(),
}


def tables(*, shared: bool) -> list[type[models.Model]]:
    return [model for model in admin.site._registry if is_shared(model) == shared]


def is_shared(model: type[models.Model]) -> bool:
    return model._meta.app_label in ("tenants", "auth")


def list_of(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def with_needs(wanted: Iterable[type[models.Model]]) -> list[type[models.Model]]:
    """These models, each after those that its rows must point to."""
    found: list[type[models.Model]] = []

    def add(model: type[models.Model]) -> None:
        if model in found or model is User or rows._is_left_out(model):
            return
        for field in model._meta.concrete_fields:
            if field.is_relation and not field.null and field.related_model is not model:
                add(field.related_model)
        found.append(model)

    for model in wanted:
        add(model)
    return found


def fill(wanted: list[type[models.Model]], numbers: range, *, user: User) -> None:
    for number in numbers:
        for model in wanted:
            rows._make(model, number=number, uid=uuid.UUID(int=number), user=user, words=rows._no_words)


def pk_of(model: type[models.Model], number: int) -> Any:
    pk = model._meta.pk
    if isinstance(pk, models.OneToOneField):
        return number
    return uuid.UUID(int=number) if isinstance(pk, models.UUIDField) else number


def asked(browser: Any, paths: Iterable[str]) -> dict[str, int]:
    """How many statements each page made; a page that does not open fails."""
    found = {}
    for path in paths:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = browser.get(path)
            status = answer.status_code
        assert status == 200, (path, status)
        found[path] = len(captured)
    return found


def pages_of(wanted: list[type[models.Model]], first: int) -> list[str]:
    """The list of each model, and the page of one row."""
    changed = []
    for model in wanted:
        view = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        found = model._base_manager.filter(pk=pk_of(model, first)).exists() and not rows._is_left_out(model)
        changed += [reverse(view, args=[pk_of(model, first)])] if found else []
    return [*map(list_of, wanted), *changed]


def more_within(number: int, count: int) -> None:
    """Many messages in one thread and many versions of one assistant: what their pages list inside."""
    same = {"conversation_id": number, "direction": "in", "author_kind": "contact", "status": "received"}
    Message.objects.bulk_create(Message(**same, body=str(one)) for one in range(count))
    past = {"agent_id": number, "status": "published"}
    first = 9000 + AgentVersion.objects.count()
    AgentVersion.objects.bulk_create(AgentVersion(**past, number=first + one) for one in range(count))


@pytest.fixture(autouse=True)
def _without_menu(monkeypatch: Any) -> None:
    """The menu at the side is the same on every page, and costs more than most of them."""
    monkeypatch.setattr(backoffice, "navigation", lambda request: [])


@pytest.fixture
def known(monkeypatch: Any, settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path
    for label, values in ALSO.items():
        monkeypatch.setitem(rows.ALSO, label, values)
    yield


def test_asks_as_much_for_thirty_rows_as_for_two(known: None, client_for: Any, alpha: Tenant) -> None:
    superuser = staff.make("superuser")
    inside, shared = tables(shared=False), tables(shared=True)
    custom = {page.name: page for page in backoffice._pages if page.icon and page.name != "live_inbox"}
    in_alpha = [reverse(f"admin:{name}") for name, page in custom.items() if not page.on_public]
    on_public = [reverse(f"admin:{name}") for name, page in custom.items() if page.on_public]
    on_public += ["/admin/finance/alpha/statement/", "/admin/finance/ledger/?key=turn:", "/admin/"]
    seen = []
    for numbers in (range(BASE, BASE + 2), range(BASE + 2, BASE + 30)):
        with schema_context(alpha.schema_name):
            fill(with_needs(inside), numbers, user=superuser)
            more_within(BASE, len(numbers))
            there = [*pages_of(inside, BASE), *in_alpha]
        with schema_context("public"):
            fill(with_needs(shared), numbers, user=superuser)
            rollup.refresh_all(now=timezone.now())
            here = [*pages_of(shared, BASE), *on_public]
        client, guest = client_for(None, superuser), client_for(alpha, superuser)
        guest.get("/admin/")  # that one came is written down once
        seen.append(asked(client, here) | asked(guest, there))
    few, many = seen
    assert {path: (few[path], many[path]) for path in few if many[path] > few[path]} == {}
    assert {path: n for path, n in many.items() if n > MOST} == {}


@pytest.mark.parametrize("kind", list(LISTS))
def test_each_kind_of_staff_opens_its_own_pages(kind: str, client_for: Any, alpha: Tenant) -> None:
    user = staff.make(kind, supports=alpha)
    opened = {"here": client_for(None, user), "there": client_for(alpha, user)}

    def status(path: str, *, shared: bool) -> int:
        return int(opened["here" if shared else "there"].get(path).status_code)

    found = {
        model._meta.model_name: status(list_of(model), shared=is_shared(model))
        for model in admin.site._registry
    }
    assert {name for name, code in found.items() if code == 200} == LISTS[kind]
    assert {code for name, code in found.items() if name not in LISTS[kind]} <= {403}
    codes = {page.name: status(path_of(page), shared=page.on_public) for page in backoffice._pages}
    # Who may is told that a row is not there, or that this is no way to ask; who may not, nothing.
    assert {name for name, code in codes.items() if code in (200, 302, 404, 405)} == PAGES[kind]
    assert {code for name, code in codes.items() if name not in PAGES[kind]} <= {403}


# What stands in for the parts of an address; one that nobody has thought of fails.
PARTS = {"slug:slug": "alpha", "int:pk": "1", "slug:what": "payments", "slug:name": "x", "str:name": "x"}


def path_of(page: backoffice.Page) -> str:
    return "/admin/" + re.sub("<([^>]+)>", lambda part: PARTS[part[1]], page.path)


def test_a_page_belongs_to_one_kind_of_host_and_to_staff(
    client_for: Any, member_of: Any, alpha: Tenant
) -> None:
    superuser, member = staff.make("superuser"), member_of(alpha)
    browsers = {True: client_for(None, superuser), False: client_for(alpha, superuser)}
    strangers = [client_for(tenant, user) for tenant in (None, alpha) for user in (member, None)]
    ungranted = client_for(alpha, staff.make("support"))
    wrong = []
    for path, is_public in everywhere():
        if browsers[not is_public].get(path).status_code != 404:
            wrong.append((path, "on the other host"))
        wrong += [(path, "open") for one in strangers if one.get(path).status_code not in (302, 404)]
        if ungranted.get(path).status_code != 404:
            wrong.append((path, "without a grant"))
    assert wrong == []


def everywhere() -> Iterator[tuple[str, bool]]:
    """Each list and each other page, and whether it is the installation's."""
    for model in admin.site._registry:
        yield list_of(model), is_shared(model)
    for page in backoffice._pages:
        yield path_of(page), page.on_public


def test_the_menu_has_what_one_may_open(rf: Any, alpha: Tenant, monkeypatch: Any) -> None:
    monkeypatch.undo()
    request = rf.get("/admin/")
    request.tenant, request.user = None, staff.make("finance")
    titles = [str(item["title"]) for group in backoffice.navigation(request) for item in group["items"]]
    assert titles[0] == "Overview" and titles.index("Waiting for a person") < titles.index("Balances")
    assert "Businesses" in titles and "Feature flags" not in titles
