import { isBackground } from "./live.js";

/**
 * A form that has taken the place of what it changes gives it back at Escape. Meanwhile nothing that was heard
 * takes the form away: a part marked data-waits comes anew when nobody writes or chooses in it any more.
 */
export function inplace() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest?.("form")?.querySelector("[data-cancel]")?.click();
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const part = detail.target;
    if (!part.matches("[data-waits]") || !isBackground(detail) || !isInUse(part)) return;
    detail.shouldSwap = false;
    part.dataset.stale = "";
  });
  for (const name of ["htmx:afterSettle", "toggle"]) document.addEventListener(name, freshen, true);
}

function isInUse(part) {
  return part.querySelector("[data-editing], details[open] form");
}

/** What was held back is fetched once the form is gone. */
function freshen({ target }) {
  const part = target.closest?.("[data-waits][data-stale]");
  if (!part || isInUse(part)) return;
  delete part.dataset.stale;
  part.dispatchEvent(new CustomEvent("live:again"));
}
