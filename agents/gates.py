"""What stands before a publication: checks that other apps register, asked before a draft is published."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agents.models import AgentVersion


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against a version, in the owner's words; `blocks` until an owner says why all the same."""

    text: str
    blocks: bool


Check = Callable[[AgentVersion], Iterable[Objection]]
_checks: list[Check] = []


def register(check: Check) -> None:
    """Ask this before a draft is published; called in AppConfig.ready(). It reads rows and asks no vendor."""
    if check not in _checks:
        _checks.append(check)


def check(version: AgentVersion) -> list[Objection]:
    """Everything that speaks against this version, what blocks first."""
    found = [objection for one in _checks for objection in one(version)]
    return sorted(found, key=lambda objection: not objection.blocks)
