"""A real browser over the whole product, started as its users start it, in a data folder of its own."""

import hashlib
import hmac
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.counterparts.stripe import KEY, SECRET, Stripe

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync "
    "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"  # a microphone that says beep
)
START_LIMIT = 240
# The business of business.yaml beside this file.
HOST = "blue-door.localhost"
EMAIL = "owner@blue-door.example"
PASSWORD = "a quiet green door 7"

_numbers = itertools.count(time.time_ns())


@dataclass
class Product:
    """The running product: its port, its data folder, the WhatsApp channel's door, the web chats' ids."""

    port: int
    data: Path
    process: subprocess.Popen[bytes] | None = None
    door: str = ""
    stripe_url: str = ""  # the payment vendor's counterpart
    web_chats: dict[str, str] = field(default_factory=dict)

    def url(self, host: str, path: str = "/") -> str:
        return f"http://{host}:{self.port}{path}"

    def mails(self) -> list[str]:
        """What has been sent by e-mail, oldest first."""
        files = sorted((self.data / "mail").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text() for path in files]

    def apply_business(self) -> None:
        """Create the business of business.yaml, and remember its webhook address."""
        # Where the folder is of an earlier run; else there is none to delete, and it says so.
        self._manage("delete_tenant", "blue-door", "--noinput", "--reason", "an earlier run's")
        done = self._manage("apply", "-f", "tests/browser/business.yaml", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        said = json.loads(done.stdout[done.stdout.index("{") :])
        for channel in said["channels"]:
            if channel["name"] == "WhatsApp":
                self.door = channel["webhook_url"]
            if channel["kind"] == "web":
                self.web_chats[channel["name"]] = channel["id"]

    def sell(self, *, credits: int, amount: int, currency: str) -> None:
        """Offer a pack, by whose rate any amount is sold."""
        services = json.loads((self.data / "services.json").read_text())
        with psycopg.connect(services["database_url"]) as database:
            database.execute(
                "INSERT INTO tenants_pack (currency, credits, amount, is_rate, is_offered) "
                "VALUES (%s, %s, %s, true, true) ON CONFLICT DO NOTHING",
                (currency, credits, amount),
            )

    def employ(self, email: str) -> None:
        """A superuser of the installation, with the owner's password."""
        services = json.loads((self.data / "services.json").read_text())
        with psycopg.connect(services["database_url"]) as database:
            database.execute(
                "INSERT INTO tenants_user (email, name, password, language, is_staff, is_superuser, "
                "is_active, date_joined) SELECT %s, 'Sara', password, 'en', true, true, true, now() "
                "FROM tenants_user WHERE email = %s ON CONFLICT DO NOTHING",
                (email, EMAIL),
            )
            database.execute(
                'INSERT INTO account_emailaddress (email, verified, "primary", user_id) '
                "SELECT email, true, true, id FROM tenants_user WHERE email = %s ON CONFLICT DO NOTHING",
                (email,),
            )

    def _manage(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command, environment = [sys.executable, "manage.py", *words], _environment(self.port, self.data)
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    def kill_web(self) -> None:
        """End the web process as a crash does; the supervisor starts it again."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            if "uvicorn" in child.cmdline():
                child.kill()

    def wait_until_ready(self) -> None:
        """Until /health says yes."""
        assert self.process is not None
        _wait_until_ready(self.process, self)

    def hear(self, text: str, *, phone: str = "351911111111", name: str = "Marina Souza") -> None:
        """A customer writes on WhatsApp: a signed delivery at the channel's door."""
        body = json.dumps(_delivery(text, phone=phone, name=name)).encode()
        signature = hmac.new(PASSWORD.encode(), body, hashlib.sha512).hexdigest()
        headers = {"Content-Type": "application/json", "X-Webhook-Hmac": signature}
        with urllib.request.urlopen(urllib.request.Request(self.door, body, headers), timeout=10) as answer:
            assert answer.status == 200


def new_phone() -> str:
    """The number of somebody who never wrote before."""
    return f"3519{uuid.uuid4().int % 10**8:08d}"


def _delivery(text: str, *, phone: str, name: str) -> dict[str, Any]:
    unique = f"3EB0{next(_numbers)}"
    return {
        "id": f"evt_{unique}",
        "timestamp": int(time.time() * 1000),
        "event": "message.any",
        "session": "blue-door",
        "engine": "GOWS",
        "payload": {
            "id": f"false_{phone}@c.us_{unique}",
            "timestamp": int(time.time()),
            "from": f"{phone}@c.us",
            "fromMe": False,
            "source": "app",
            "body": text,
            "hasMedia": False,
            "_data": {"Info": {"PushName": name}},
        },
    }


def chromium() -> str:
    return os.environ.get("CHROMIUM", "") or shutil.which("chromium") or shutil.which("google-chrome") or ""


@pytest.fixture(scope="session", autouse=True)
def _begun(request: pytest.FixtureRequest) -> Iterator[Product | None]:
    """The product on its way, while the tests run that need none; stopped at the end."""
    needed = any("product" in getattr(item, "fixturenames", ()) for item in request.session.items)
    if not needed or not chromium():
        yield None
        return
    from django.conf import settings

    data = settings.DATA / "browser"
    shutil.rmtree(data / "mail", ignore_errors=True)
    data.mkdir(parents=True, exist_ok=True)
    with Stripe() as stripe:
        product = Product(port=_free_port(), data=data, stripe_url=stripe.url)
        stripe.app.options.webhook_url = product.url("localhost", "/payments/events")
        product.process = _start(product)
        try:
            yield product
        finally:
            _stop(product.process)


@pytest.fixture(scope="session")
def product(_begun: Product | None) -> Product:
    """The product with one business, ready."""
    _demand_chromium()
    assert _begun is not None
    _begun.wait_until_ready()
    _begun.apply_business()
    return _begun


def _demand_chromium() -> None:
    if not chromium():
        warnings.warn("No Chromium on this machine: THE BROWSER TESTS WERE LEFT OUT.", stacklevel=1)
        pytest.skip("no Chromium: set CHROMIUM to its path, or install the system's package")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    _demand_chromium()
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread, and Django would take every query for one inside of it.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def owner(product: Product, browser: Any) -> Any:
    """The owner, signed in, once the documents are read: the browser state to start from."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(product.url(HOST, "/accounts/login/"))
    page.locator("input[type=email]").fill(EMAIL)
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#today").wait_for()
    page.goto(product.url(HOST, "/assistant/"))
    page.locator("#shelf").get_by_text("ready").first.wait_for(timeout=120_000)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page_at(browser: Any) -> Iterator[Callable[..., Any]]:
    """`page_at(width=1280, dark=False)` is a fresh page; what its scripts complain about fails the test."""
    contexts, complaints = [], []

    def make(*, width: int = 1280, dark: bool = False, state: Any = None) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            storage_state=state,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if _is_complaint(line) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints, complaints


def _is_complaint(line: Any) -> bool:
    # A refused request is the server's word, which the tests look at themselves; so is a server that is away.
    asked = ("Failed to load resource", "WebSocket connection to", "htmx:sendError", "htmx:afterRequest")
    return line.type == "error" and not any(words in line.text for words in asked)


def _environment(port: int, data: Path) -> dict[str, str]:
    # The tests' own database and broker are not the product's.
    not_theirs = ("DATABASE_URL", "REDIS_URL", "DJANGO_ALLOW_ASYNC_UNSAFE")
    own = {name: value for name, value in os.environ.items() if name not in not_theirs}
    return {
        **own,
        "PORT": str(port),
        "FRONTDESK_DATA": str(data),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "BROWSER_PASSWORD": PASSWORD,
    }


def _free_port() -> int:
    """A port with free neighbours: the product's other servers take the next ones."""
    for port in range(18_400, 19_400, 10):
        if all(_is_free(port + step) for step in range(5)):
            return port
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _start(product: Product) -> subprocess.Popen[bytes]:
    environment = _environment(product.port, product.data) | {
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_API_URL": product.stripe_url,
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "STRIPE_PAGES": product.stripe_url,
    }
    with (product.data / "up.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", "up", "--no-demo"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_until_ready(process: subprocess.Popen[bytes], product: Product) -> None:
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(product.url("127.0.0.1", "/health"), timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass  # not listening yet, or a part says that it is not ready
        time.sleep(0.25)
    raise RuntimeError("The product did not start:\n" + (product.data / "up.log").read_text()[-4000:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
