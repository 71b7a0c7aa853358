"""What must be there before the processes start, and how to tell without starting anything that it is.

Each step keeps a stamp: what it was made from, and in which database. A stamp that matches costs a few
milliseconds, so the second start goes straight to the processes.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from config import env

DEMO = env.BASE_DIR / "agents" / "demo" / "business.yaml"
DEMO_SLUG = "aurora"
DEMO_STAFF = "staff@frontdesk.example"
BUNDLE = env.BASE_DIR / "frontend" / "dist"


class Stamps:
    """The stamps of one data folder, for the database in use."""

    def __init__(self, data: Path, database: str) -> None:
        self.path = data / "stamps.json"
        self.database = database
        self.known: dict[str, str] = {}
        with suppress(FileNotFoundError, json.JSONDecodeError):
            self.known = json.loads(self.path.read_text())

    def matches(self, name: str, made_from: str) -> bool:
        """Whether the step was done from this, in this database."""
        return self.known.get(name) == f"{self.database} {made_from}"

    def keep(self, name: str, made_from: str) -> None:
        """The step is done."""
        self.known[name] = f"{self.database} {made_from}"
        self.path.write_text(json.dumps(self.known, indent=1))


def database_identity() -> str:
    """A name for the very database: another cluster, or the database made anew, has another one."""
    with psycopg.connect(env.database_url(), connect_timeout=10) as connection:
        row = connection.execute(
            "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "FROM pg_control_system()"
        ).fetchone()
    return f"{row[0]}.{row[1]}" if row else ""


def migrations_made_from() -> str:
    """Every migration of ours, and the packages that bring theirs."""
    return digest([env.BASE_DIR / "requirements.txt", *env.BASE_DIR.glob("*/migrations/*.py")])


def bundle_made_from() -> str:
    """The sources of the front end and the translations; templates name the classes that the CSS keeps."""
    frontend = env.BASE_DIR / "frontend"
    own = [path for name in ("src", "widget") for path in frontend.glob(f"{name}/**/*")]
    sources = [*own, *frontend.glob("static/**/*"), *frontend.glob("package*.json")]
    templates = (env.BASE_DIR / "templates").rglob("*.html")
    return digest([*sources, *templates, *(env.BASE_DIR / "locale").rglob("*.po")])


def demo_password() -> str:
    """What everybody who reads the demo's file knows."""
    return str(demo_file()["owner"]["password"])


def demo_file() -> dict[str, Any]:
    """The demo business as its file says it."""
    import yaml

    said: dict[str, Any] = yaml.safe_load(DEMO.read_text())
    return said


def demo_environment(gateway_port: int) -> dict[str, str]:
    """What the demo file refers to: the local gateway, with secrets that only this folder knows."""
    return {
        "FRONTDESK_DEMO_WAHA_URL": f"http://127.0.0.1:{gateway_port}",
        "FRONTDESK_DEMO_WAHA_KEY": _derived("gateway key"),
        "FRONTDESK_DEMO_WAHA_HMAC": _derived("webhook secret"),
    }


def _derived(purpose: str) -> str:
    return hashlib.sha256(f"{env.secret_key()}:demo {purpose}".encode()).hexdigest()[:40]


def demo_made_from(port: int) -> str:
    """The demo business's file and documents, and the command; its gateway is on a port next to ours."""
    command = env.BASE_DIR / "config" / "management" / "commands" / "apply_demo.py"
    return f"{port} {digest([command, *DEMO.parent.rglob('*')])}"


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of the files, hex."""
    whole = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file()):
        whole.update(f"{path.relative_to(env.BASE_DIR).as_posix()}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
