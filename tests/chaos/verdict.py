"""What a storm has found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Verdict:
    """What was done and what was counted afterwards; `wrong` is empty when everything holds."""

    seed: int
    acts: Counter[str] = field(default_factory=Counter)
    counted: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, what: str, holds: bool) -> None:
        if not holds:
            self.wrong.append(what)

    def expect_none(self, what: str, found: set[str]) -> None:
        """None of these may be there; they are counted under `what`, and some are named."""
        self.counted[what.replace(" ", "_")] = len(found)
        self.expect(f"{what}: {', '.join(sorted(found)[:10])}", not found)
