"""The lock: pinned, hashed, explained, lean, and bound to no registry."""

import re
import tomllib

from config import env

LOCK = (env.BASE_DIR / "requirements.txt").read_text()
PROJECT = tomllib.loads((env.BASE_DIR / "pyproject.toml").read_text())
DIRECT = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
PINS = re.findall(r"^([a-z0-9._-]+)==(\S+).*\\\n    --hash=sha256:", LOCK, re.MULTILINE)


def test_every_line_is_pinned_and_hashed():
    lines = [line for line in LOCK.splitlines() if line and not line.startswith(("#", " "))]
    assert len(lines) == len(PINS) > 100


def test_every_direct_one_is_there_with_its_purpose():
    for requirement in DIRECT:
        name, version = re.match(r"([^=\[]+)(?:\[.*\])?==(.+)", requirement).groups()
        assert re.search(rf"^# .+\n{re.escape(name.lower())}=={re.escape(version)}", LOCK, re.MULTILINE), name


def test_no_registry_is_named():
    assert "://" not in LOCK
    assert "index" not in LOCK


def test_the_plain_install_is_lean():
    heavy = re.compile(r"torch|nvidia|cuda|triton|tensorflow|jax")
    assert not [name for name, _version in PINS if heavy.match(name)]
