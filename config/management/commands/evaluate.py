"""`evaluate business.yaml`: whether an assistant answers as it must, before anybody is asked to trust it."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import embedded, env
from tenants.blueprints import BlueprintError

START_SECONDS = 90
KINDS = ("pinned", "scenario", "simulation", "real")  # in the order of the lines
NAMED = ("scenario", "simulation")  # the others have numbers: their question says more
MARKS = {"passed": "ok", "failed": "FAILED", "changed": "changed", "same": "ok"}


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Ask the business of a YAML file all that it must get right; ends with 1 when it does not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the business file (docs/business-file.md)")
        parser.add_argument("--json", action="store_true", help="print everything as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if not _has_database():
            sys.exit(_with_servers())
        with _embedder():
            began = time.monotonic()
            report = _evaluated(options["file"])
        if options["json"]:
            told = {"business": report.business, "unread": report.unread, "assistants": report.assistants}
            told |= {"passed": report.passed, "seconds": round(time.monotonic() - began, 1)}
            self.stdout.write(json.dumps(told, indent=1, ensure_ascii=False))
        else:
            self._tell(report, seconds=time.monotonic() - began)
        if not report.passed:
            sys.exit(1)

    def _tell(self, report: Any, *, seconds: float) -> None:
        for line in report.unread:
            self.stdout.write(self.style.ERROR(f"not read: {line}"))
        for assistant in report.assistants:
            for one in sorted(assistant["results"], key=lambda one: KINDS.index(one["kind"])):
                self._tell_one(one)
            sums = assistant["totals"]
            line = f"{assistant['name']}: {sums['passed']} of {sums['cases']} as expected."
            self.stdout.write((self.style.ERROR if sums["failed"] else self.style.SUCCESS)(line))
            if sums["untried"]:
                self.stdout.write(
                    f"Not seen in {sums['untried']} of them: the right tool. Only a model uses any."
                )
            self.stdout.write(f"Answered by {_in_words(assistant['models'])}.")
        if not any(one["totals"].get("cases") for one in report.assistants):
            self.stdout.write(
                self.style.ERROR("The file has nothing to ask: write `scenarios` or `answers`.")
            )
        self.stdout.write(f"It took {seconds:.0f} s.")

    def _tell_one(self, one: dict[str, Any]) -> None:
        question = one["question"][:200].replace("\n", " / ")
        named = one["name"] if one["kind"] in NAMED else question
        self.stdout.write(f"{MARKS[one['verdict']]:>7}  {one['kind']:<10} {named}")
        if one["verdict"] == "failed":
            self.stdout.write(f"         {question}")
            for why in one["why"]:
                self.stdout.write(f"         {why}")
            self.stdout.write(f"         → {one.get('text', '')[:300]}".replace("\n", " "))


def _in_words(models: list[str]) -> str:
    """Who answered, for people."""
    quoted = "sentences from its documents, without a model"
    return ", ".join(quoted if name == "extractive" else name for name in models) or "no model"


def _evaluated(file: Path) -> Any:
    from conversations import evaluating

    try:
        return evaluating.evaluate(file, now=timezone.now())
    except BlueprintError as error:
        raise CommandError(str(error)) from None


# -- what it needs to run


def _has_database() -> bool:
    return bool(env.url("DATABASE_URL")) or embedded.postgres_pid(env.data_dir()) is not None


def _with_servers() -> int:
    """Start the embedded servers, run this very command beside them, and stop them again."""
    data, manage = env.data_dir(), [sys.executable, str(env.BASE_DIR / "manage.py")]
    embedded.start_postgres(data)
    embedded.start_valkey(data)
    try:
        tables = subprocess.run([*manage, "migrate_schemas", "--verbosity", "0"], check=False)
        return tables.returncode or subprocess.run([*manage, *sys.argv[1:]], check=False).returncode
    finally:
        embedded.stop_valkey(data)
        embedded.stop_postgres(data)


@contextmanager
def _embedder() -> Iterator[None]:
    """The product's embedding process when it runs, else one for as long as this takes."""
    if _answers(settings.EMBEDDING_URL):
        yield
        return
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "providers.embedding_server", "--port", str(port)],
        cwd=env.BASE_DIR,
        preexec_fn=embedded.die_with_parent(signal.SIGKILL),
    )
    try:
        _wait(f"http://127.0.0.1:{port}", process)
        settings.EMBEDDING_URL = f"http://127.0.0.1:{port}"
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if time.monotonic() > deadline or process.poll() is not None:
            raise CommandError("The embedding process did not start.")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/health", timeout=2).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
