"""What `manage.py up` shows: a line for each step, and every process's log with its name in its colour."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

COLOURS = {
    "web": 36, "worker": 32, "worker2": 32, "slow": 35, "beat": 33, "embedder": 34, "gateway": 95,
    "bundle": 94, "migrations": 96, "demo": 92, "mail": 93, "up": 37,
}  # fmt: skip
WIDTH = max(map(len, COLOURS))


def coloured() -> bool:
    """Whether the terminal shows colours and the person wants them."""
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, code: int) -> str:
    """The text in a colour, where colours are shown."""
    return f"\x1b[{code}m{text}\x1b[0m" if coloured() else text


def log(name: str, line: str) -> None:
    """One line of one process."""
    print(f"{paint(f'{name:<{WIDTH}} |', COLOURS.get(name, 37))} {line}", flush=True)


def say(text: str = "") -> None:
    """A line of the supervisor's own."""
    print(text, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show that something has begun, how it ended and how long it took."""
    began = time.monotonic()
    say(f"{paint('▸', 36)} {title} …")
    try:
        yield
    except BaseException:
        say(f"{paint('✗', 31)} {title} ({time.monotonic() - began:.1f} s)")
        raise
    say(f"{paint('✓', 32)} {title} ({time.monotonic() - began:.1f} s)")
