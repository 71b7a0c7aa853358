"""Ask a page, as it is shown now, what it does to people who see, hear or move otherwise."""

from pathlib import Path
from typing import Any

AXE = Path(__file__).resolve().parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# What keyboards stop at and that shows no difference when they do. Each is compared with itself.
_UNSEEN = """() => {
  const around = (el) => [[el], [el, "::after"], [el, "::before"], [el.labels?.[0]], [el.closest("label")],
                          [el.parentElement]].filter(([one]) => one);
  const look = (el) => around(el).map(([one, part]) => {
    const style = getComputedStyle(one, part);
    return [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.borderColor,
            style.backgroundColor, style.textDecorationLine].join("|");
  }).join("/");
  const shown = (el) => el.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  const stops = [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
  )].filter((el) => shown(el) && !el.disabled && !el.closest("[inert], dialog:not([open])"));
  const unseen = [];
  for (const el of stops) {
    document.activeElement?.blur();
    const before = look(el);
    el.focus({ preventScroll: true });
    if (document.activeElement === el && look(el) === before) unseen.push(el.outerHTML.slice(0, 140));
  }
  document.activeElement?.blur();
  return unseen;
}"""
# What goes on moving although it was asked not to.
_MOVING = """() => document.getAnimations()
  .filter((one) => one.playState === "running" && one.effect.getComputedTiming().duration > 50)
  .map((one) => one.animationName || one.transitionProperty || "script")"""

# Colours on their way from one to another are no colours of the page. Where one arrives, what inherits it
# sets out, so it is asked again until nothing is under way.
_STILL = """async () => {
  const picture = () => new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)));
  for (let tries = 0; tries < 20; tries += 1) {
    await picture();
    const moving = document.getAnimations()
      .filter((one) => one.playState === "running" && one.effect.getComputedTiming().endTime < 5000);
    if (!moving.length) return;
    await Promise.all(moving.map((one) => one.finished.catch(() => {})));
  }
}"""


def faults(page: Any, *, rules: list[str] | None = None) -> list[str]:
    """What breaks WCAG 2.1 A or AA on this page as it is shown now; plus sideways scrolling."""
    return [*too_wide(page), *broken_rules(page, {"type": "tag", "values": rules or RULES})]


def broken_rules(page: Any, only: dict[str, Any]) -> list[str]:
    """What axe finds with these rules."""
    # Through the debugger: the page's policy allows no script of ours in it, as it should.
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    page.evaluate(_STILL)
    options = {"runOnly": only, "resultTypes": ["violations"]}
    result = page.evaluate("options => axe.run(document, options)", options)
    return [_told(violation) for violation in result["violations"]]


def contrast(page: Any) -> list[str]:
    """Words that are too pale. What else axe looks at is the same in every light."""
    return broken_rules(page, {"type": "rule", "values": ["color-contrast"]})


def too_wide(page: Any) -> list[str]:
    """A page that scrolls sideways."""
    over = int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
    return [f"the page is {over} px too wide at {page.viewport_size['width']}"] if over > 0 else []


def unseen_focus(page: Any) -> list[str]:
    """Places at which a keyboard stops, and nothing shows it."""
    page.keyboard.press("Tab")  # so that the browser takes what follows for a keyboard's doing
    return [f"focus is not seen: {html}" for html in page.evaluate(_UNSEEN)]


def moving(page: Any) -> list[str]:
    """What moves although the person asked for less motion."""
    return [f"still moves: {name}" for name in page.evaluate(_MOVING)]


def _told(violation: dict[str, Any]) -> str:
    node = violation["nodes"][0]
    return (
        f"{violation['id']} ({len(violation['nodes'])}): {node['html'][:160]} {node['failureSummary'][:200]}"
    )
