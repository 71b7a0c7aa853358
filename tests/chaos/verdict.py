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
        """None of these numbers may be there; count them under the first word of `what`, and name some."""
        self.counted[what.replace(" ", "_")] = len(found)
        self.expect(f"{what}: {', '.join(sorted(found, key=int)[:10])}", not found)
