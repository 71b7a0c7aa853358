"""T1: the real server and its pool, many requests in flight for three businesses, and none mixed up."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from conversations.models import Contact
from tenants import provisioning
from tenants.models import Tenant

REQUESTS, IN_FLIGHT = 300, 30


@pytest.fixture
def port(transactional_db) -> Iterator[int]:
    """The port of a web server on this test's database."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = int(probe.getsockname()[1])
    words = ["uvicorn", "config.asgi:application", "--port", str(free), "--log-level", "warning"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_POOL_MAX": "8"}
    with subprocess.Popen([sys.executable, "-m", *words], env=environment) as server:
        try:
            _wait(free, server)
            yield free
        finally:
            server.terminate()
            server.wait(20)


def _wait(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("The web server did not start.")


def test_every_answer_is_of_the_business_that_was_asked(port, alpha, beta, member_of, client_for):
    gamma = provisioning.create(name="Gamma", slug="gamma", owner=None, now=timezone.now())
    visitors = {tenant.slug: _visitor(tenant, member_of, client_for) for tenant in (alpha, beta, gamma)}

    def ask(number: int) -> str:
        slug = ("alpha", "beta", "gamma")[number % 3]
        text = _get(port, f"{slug}.localhost", "/customers/", visitors[slug])
        seen = {name for name in visitors if f"Customer of {name}" in text}
        return "" if seen == {slug} else f"{slug} saw {sorted(seen)}: {text[:80]!r}"

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        wrong = [answer for answer in pool.map(ask, range(REQUESTS)) if answer]
    assert not wrong, (len(wrong), wrong[:3])


def _visitor(tenant: Tenant, member_of, client_for) -> dict[str, str]:
    """The cookie of a member who finds one customer, named after the business."""
    with schema_context(tenant.schema_name):
        Contact.objects.create(name=f"Customer of {tenant.slug}")
    cookies = client_for(tenant, member_of(tenant)).cookies
    return {"Cookie": "; ".join(f"{key}={morsel.value}" for key, morsel in cookies.items())}


def _get(port: int, host: str, path: str, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=headers | {"Host": f"{host}:{port}"})
        response = connection.getresponse()
        return f"{response.status} {response.read().decode()}"
    finally:
        connection.close()
