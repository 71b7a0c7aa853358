"""A real browser over the whole product, started as its users start it, in a data folder of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
START_LIMIT = 240
# The demo business of the repository: agents/demo/business.yaml.
DEMO_HOST = "aurora.localhost"
DEMO_EMAIL = "owner@aurora.example"
DEMO_PASSWORD = "frontdesk-demo"


@dataclass
class Product:
    """The running product: its port and its data folder."""

    port: int
    data: Path

    def url(self, host: str, path: str = "/") -> str:
        return f"http://{host}:{self.port}{path}"

    def mails(self) -> list[str]:
        """What has been sent by e-mail, oldest first."""
        files = sorted((self.data / "mail").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_text() for path in files]

    def manage(self, *arguments: str) -> Any:
        """Run a management command against it; its JSON output, read."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=_environment(self.port, self.data), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)


def chromium() -> str:
    return os.environ.get("CHROMIUM", "") or shutil.which("chromium") or shutil.which("google-chrome") or ""


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The product with its demo business; stopped at the end."""
    if not chromium():
        warnings.warn("No Chromium on this machine: THE BROWSER TESTS WERE LEFT OUT.", stacklevel=1)
        pytest.skip("no Chromium: set CHROMIUM to its path, or install the system's package")
    from django.conf import settings

    data = settings.DATA / "browser"
    shutil.rmtree(data / "mail", ignore_errors=True)
    product = Product(port=_free_port(), data=data)
    data.mkdir(parents=True, exist_ok=True)
    with (data / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT, env=_environment(product.port, data), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until_ready(process, product)
        yield product
    finally:
        _stop(process)


@pytest.fixture(scope="session")
def browser(product: Product) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def owner(product: Product, browser: Any) -> Any:
    """The demo business's owner, signed in: the browser state to start from."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(product.url(DEMO_HOST, "/accounts/login/"))
    page.locator("input[type=email]").fill(DEMO_EMAIL)
    page.locator("input[type=password]").fill(DEMO_PASSWORD)
    page.get_by_role("main").get_by_role("button").last.click()
    page.locator("#today").wait_for()
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
    # A refused request is the server's word, which the tests look at themselves.
    return line.type == "error" and "Failed to load resource" not in line.text


def _environment(port: int, data: Path) -> dict[str, str]:
    # The tests' own database and broker are not the product's.
    own = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return {
        **own,
        "PORT": str(port),
        "FRONTDESK_DATA": str(data),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBOUNCE_SECONDS": "0.3",
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


def _wait_until_ready(process: subprocess.Popen[bytes], product: Product) -> None:
    until = time.monotonic() + START_LIMIT
    while time.monotonic() < until:
        if process.poll() is not None:
            break
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
