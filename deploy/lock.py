"""Resolve pyproject.toml into requirements.txt: every file's hash, one line of purpose above each direct one.

Run by `make lock`. The purposes are the comments above the dependencies in pyproject.toml.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")
OPTIONS = "--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header"
HEADER = (
    "# Made by `make lock` from pyproject.toml. Every line is pinned, and every file is known by its hash.\n"
)


def purposes(text: str) -> dict[str, str]:
    """The comment above each dependency, by the name of its package."""
    found = re.findall(r'^    # (.+)\n(?:    #.+\n)*    "([A-Za-z0-9._-]+)[^"]*==', text, re.MULTILINE)
    return {name.lower(): purpose for purpose, name in found}


def resolve(*sources: str) -> str:
    """The lock of these sources, as text."""
    command = [str(UV), "--quiet", "pip", "compile", *OPTIONS.split(), *sources]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def annotate(lock: str, known: dict[str, str]) -> str:
    """The lock with its purposes; what others ask for stands below, without one."""
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    direct = [block for block in blocks if _name(block) in known]
    others = [block for block in blocks if block.strip() and _name(block) not in known]
    named = [f"# {known[_name(block)]}\n{block}" for block in direct]
    return HEADER + "\n" + "\n".join(named) + "\n# What those ask for.\n" + "".join(others)


def _name(block: str) -> str:
    return re.split(r"[=\s\[]", block, maxsplit=1)[0]


def main() -> None:
    """Write requirements.txt."""
    known = purposes((ROOT / "pyproject.toml").read_text())
    lock = resolve("pyproject.toml", "--group", "dev")
    if "://" in lock:
        sys.exit("The lock names a host; nothing was written.")
    (ROOT / "requirements.txt").write_text(annotate(lock, known))


if __name__ == "__main__":
    main()
