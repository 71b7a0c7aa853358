"""Ask axe what a page does to people who see, hear or move otherwise."""

from pathlib import Path
from typing import Any

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def faults(page: Any) -> list[str]:
    """What breaks WCAG 2.1 A or AA on this page as it is shown now; plus sideways scrolling."""
    found = [f"the page is {over} px too wide"] if (over := _overflow(page)) > 0 else []
    # Through the debugger: the page's policy allows no script of ours in it, as it should.
    page.evaluate(AXE.read_text())
    result = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return found + [_told(violation) for violation in result["violations"]]


def _overflow(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def _told(violation: dict[str, Any]) -> str:
    node = violation["nodes"][0]
    return (
        f"{violation['id']} ({len(violation['nodes'])}): {node['html'][:160]} {node['failureSummary'][:200]}"
    )
