"""Cut text into sentences, for blocks that can be cited and quotes that can be read. Pure."""

import re

# A full stop ends a sentence unless it stands in a number, an initial or a common abbreviation.
_END = re.compile(
    r"(?<!\b[A-ZÀ-Ý])(?<!\bDr)(?<!\bSr)(?<!\bDra)(?<!\bSra)(?<!\bMr)(?<!\bMrs)(?<!\bMme)(?<!\bAv)(?<!\bnº)(?<!\bex)"
    r"(?<=[.!?…])[\"”»')]*\s+(?=[\"“«'(¿¡*\-•]*[A-ZÀ-Ý0-9¿¡])"
)


def split(text: str) -> list[str]:
    """The sentences of a text, lines kept apart; never empty, so that a block is never empty."""
    found = [part.strip() for line in text.splitlines() for part in _END.split(line)]
    return [part for part in found if part] or ["…"]


def whole(text: str) -> str:
    """A text that was cut off, up to its last whole sentence when there is one."""
    end = max(text.rfind(mark) for mark in ".!?…")
    return text[: end + 1] if end > len(text) // 3 else f"{text}…"
