"""A picture of every page, wide and as a phone, light and dark: `python -m deploy.screenshots [--readme]`.

Starts the product with the demo business in a data folder of its own, lets customers write, and goes where
links lead: one page of each kind. The pictures go to <data>/screenshots/pictures; --readme also draws the
small ones of README.md anew.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import sync_playwright

from bench.stack import free_ports, tell
from config import env

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
HOST, EMAIL, PASSWORD = "aurora.localhost", "owner@aurora.example", "frontdesk-demo"
STAFF = "staff@frontdesk.example"
FLAGS = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
START_SECONDS = 300
LOOKS = [(1280, 800, "light"), (1280, 800, "dark"), (390, 844, "light"), (390, 844, "dark")]
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)")
# Links that do something or leave the pages.
NOT_PAGES = re.compile(
    r"^/(static|media|api|ws|enter|join|accounts/(logout|confirm|social))|/(file|export|export\.csv)$|\.(csv|pdf)$"
    r"|^/admin/.+/history/$"  # the theme's own table, the same for every row
)
MOST_PAGES = 120
# Its letters are there, and so is what fetches itself.
COMPLETE = "() => document.fonts.ready.then(() => !document.querySelector('.htmx-request'))"
# What the README shows: the page, the look, the name of the file.
README = [
    ("/", LOOKS[0], "today"),
    ("/chats/*/", LOOKS[0], "chats"),
    ("/chats/*/", LOOKS[3], "chats-phone"),
    ("/numbers/", LOOKS[1], "numbers"),
    ("/account/", LOOKS[0], "credits"),
]
# Who writes what, over the demo's WhatsApp: questions that the documents answer, and some for a person.
SAID = [
    ("Marina Souza", "Oi! Quanto custa uma limpeza dental?"),
    ("Rafael Lima", "Vocês abrem no sábado?"),
    ("Camila Rocha", "O plano Dental Sul cobre ortodontia para a minha filha?"),
    (
        "João Pedro",
        "Quero falar com uma pessoa, por favor. Já é a terceira vez que remarcam a minha consulta.",
    ),
    ("Beatriz Alves", "Posso comer antes da extração?"),
    ("Lucas Martins", "Tem estacionamento?"),
    ("Ana Clara", "Hola, ¿atienden en español? ¿Cuánto cuesta una limpieza?"),
    ("Tiago Nunes", "Vocês fazem clareamento para gestantes?"),
    ("Larissa Dias", "Obrigada, fui muito bem atendida!"),
    ("Marina Souza", "E dá para parcelar?"),
    ("Rafael Lima", "Perfeito, obrigado"),
    ("Camila Rocha", "Preciso falar com um atendente sobre a autorização do convênio"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description="A picture of every page, of the product with its demo.")
    parser.add_argument("--readme", action="store_true", help="also draw the pictures of README.md anew")
    parser.add_argument(
        "--only", default="", help="only pages below this address, as /account/ or /admin/finance/"
    )
    options = parser.parse_args()
    data = env.data_dir() / "screenshots"
    pictures = data / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    with running(data) as port, browser() as chromium:
        make_lively(data, port)
        taken = take(chromium, port, pictures, only=options.only)
        if options.readme:
            draw_readme(pictures)
    print(
        json.dumps({"pages": len(taken), "pictures": len(list(pictures.glob("*.png"))), "at": str(pictures)})
    )


@contextmanager
def running(data: Path) -> Iterator[int]:
    """The whole product with the demo business, until the end; its port."""
    port = free_ports(5)
    log = (data / "up.log").open("wb")
    words = [sys.executable, "manage.py", "up", "--port", str(port)]
    process = subprocess.Popen(
        words, cwd=ROOT, env=_environment(data, port), stdout=log, stderr=log, start_new_session=True
    )
    try:
        _wait(process, data / "up.log")
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _environment(data: Path, port: int) -> dict[str, str]:
    # Credits can be bought, as far as a picture shows; nobody is asked for money.
    sells = {
        "STRIPE_SECRET_KEY": "sk_test_picture",
        "STRIPE_API_URL": "http://127.0.0.1:9",
        "EXCHANGE_RATES": "brl=5.40",
    }
    return {**os.environ, **sells, "FRONTDESK_DATA": str(data), "PORT": str(port)}


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it says that all is ready, the demo business too."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if "Frontdesk is ready" in log.read_text():
            return
        time.sleep(0.5)
    raise SystemExit("The product did not start:\n" + log.read_text()[-3000:])


@contextmanager
def browser() -> Iterator[Any]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        raise SystemExit("No Chromium here: set CHROMIUM to its path, or install the system's package.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS.split())
        yield chromium
        chromium.close()


def make_lively(data: Path, port: int) -> None:
    """Customers write and are answered; weeks of chats, and what people did with them, stand behind."""
    gateway = f"http://127.0.0.1:{port + 1}/_control/messages"
    for number, (name, text) in enumerate(SAID):
        people = [who for who, _said in SAID]
        chat = f"55419{people.index(name):08d}@c.us"
        tell(
            gateway,
            {"session": "demo", "chat": chat, "text": text, "name": name, "unique": f"3EBF{number:012d}"},
        )
        time.sleep(0.3)
    done = subprocess.run(
        [sys.executable, "-m", "deploy.screenshots.lively"],
        cwd=ROOT, env=_environment(data, port), capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])


def take(chromium: Any, port: int, pictures: Path, *, only: str) -> list[str]:
    """Follow the links of the business and of the back office; the kinds of pages that were found."""
    taken: list[str] = []
    for email, host, root in ((EMAIL, HOST, "/"), (STAFF, HOST, "/admin/"), (STAFF, "localhost", "/admin/")):
        start = only or root
        if start.startswith("/admin/") != root.startswith("/admin/"):
            continue
        contexts = [_signed_in(chromium, port, host, email, look) for look in LOOKS]
        prefix = "" if email == EMAIL else f"{host.split('.')[0]}-"
        taken += _follow(contexts, f"http://{host}:{port}", start, pictures, prefix=prefix)
        for page in contexts:
            page.context.close()
    return taken


def _signed_in(chromium: Any, port: int, host: str, email: str, look: tuple[int, int, str]) -> Any:
    width, height, scheme = look
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="en-US",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"http://{host}:{port}/accounts/login/")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def _follow(pages: list[Any], base: str, start: str, pictures: Path, *, prefix: str) -> list[str]:
    waiting, seen = deque([start]), {kind(start)}
    taken = []
    while waiting and len(taken) < MOST_PAGES:
        path = waiting.popleft()
        answer = pages[0].goto(base + path)
        if answer is None or answer.status >= 400 or "html" not in answer.headers.get("content-type", ""):
            continue
        for link in pages[0].evaluate("[...document.links].map((a) => a.href)"):
            parts = urlsplit(link)
            inside = link.startswith(base + start) and _is_staffs(parts.path) == _is_staffs(start)
            if inside and kind(parts.path) not in seen and not NOT_PAGES.search(parts.path):
                seen.add(kind(parts.path))
                waiting.append(parts.path)
        taken.append(path)
        for page, look in zip(pages, LOOKS, strict=True):
            _picture(page, base + path, pictures / f"{prefix}{file_name(path)}-{look[0]}-{look[2]}.png")
    return taken


def _is_staffs(path: str) -> bool:
    return path.startswith("/admin/")


def _picture(page: Any, url: str, file: Path) -> None:
    page.goto(url)
    for _try in range(40):
        if page.evaluate(COMPLETE):
            break
        page.wait_for_timeout(50)
    page.screenshot(path=str(file))


def kind(path: str) -> str:
    """The address without the ids in it: one page of each kind is enough."""
    return IDS.sub("*", path)


def file_name(path: str) -> str:
    return kind(path).strip("/").replace("/", "-").replace("*", "one") or "today"


def draw_readme(pictures: Path) -> None:
    """The few that README.md shows, in few colours, so that the checkout stays small."""
    for page, (width, _height, scheme), name in README:
        found = pictures / f"{file_name(page)}-{width}-{scheme}.png"
        if found.is_file():
            picture = Image.open(found).convert("RGB").quantize(128, dither=Image.Dither.NONE)
            picture.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
