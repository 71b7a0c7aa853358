"""Feature flags: what operators may switch off, or on for some, without a new version.

A flag is named in the code, with what it does; a row in the database says for whom it is on. Without a row
it is as its registration says. A look costs nothing: the table is read once in ten seconds a process.
"""

import hashlib
import time
from dataclasses import dataclass, field

from django_tenants.utils import get_public_schema_name, schema_context

from tenants.platform import FeatureFlag

REMEMBER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Flag:
    """One switch: its name, what it does in English for operators, and whether it is on without a row."""

    name: str
    does: str
    default: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """A row as it is remembered."""

    state: str
    percent: int = 0
    tenants: frozenset[int] = frozenset()


@dataclass
class Memory:
    """What the table said, and until when that is believed (monotonic seconds)."""

    settings: dict[str, Setting] = field(default_factory=dict)
    until: float = 0.0


SUPPORT_WRITES = Flag(
    "support_writes",
    "Support staff may answer a business's customers in its inbox; without it they only look.",
)
known: dict[str, Flag] = {SUPPORT_WRITES.name: SUPPORT_WRITES}
_memory = Memory()


def register(flag: Flag) -> Flag:
    """Make a flag known to operators; from an app's ready()."""
    known[flag.name] = flag
    return flag


def is_on(flag: Flag, *, tenant_id: int) -> bool:
    """Whether this is switched on for this business."""
    setting = _settings().get(flag.name)
    return flag.default if setting is None else decide(setting, name=flag.name, tenant_id=tenant_id)


def decide(setting: Setting, *, name: str, tenant_id: int) -> bool:
    """What a row says for one business; a growing share keeps whom it had."""
    if setting.state == FeatureFlag.State.SHARE:
        return share_of(name, tenant_id) < setting.percent
    if setting.state == FeatureFlag.State.CHOSEN:
        return tenant_id in setting.tenants
    return bool(setting.state == FeatureFlag.State.ON)


def share_of(name: str, tenant_id: int) -> int:
    """Where this business stands among a hundred, for this flag: 0 to 99, always the same."""
    return int.from_bytes(hashlib.sha256(f"{name}:{tenant_id}".encode()).digest()[:4]) % 100


def forget() -> None:
    """Look at the table again the next time: it was changed here."""
    _memory.until = 0.0


def _settings() -> dict[str, Setting]:
    if _memory.until < time.monotonic():
        _memory.settings, _memory.until = _read(), time.monotonic() + REMEMBER_SECONDS
    return _memory.settings


def _read() -> dict[str, Setting]:
    with schema_context(get_public_schema_name()):
        rows = FeatureFlag.objects.order_by("pk").prefetch_related("tenants")
        return {
            row.name: Setting(row.state, row.percent, frozenset(one.pk for one in row.tenants.all()))
            for row in rows
        }
