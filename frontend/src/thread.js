const NEAR = 140;

/** A thread stays at its end when the reader is there, and tells screen readers what is new. */
export function thread() {
  let wasAtEnd = true;
  let lastSeen = newest();
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-stick]").forEach(toEnd);
    lastSeen = newest();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const pane = event.detail.target.closest?.("[data-stick]");
    if (pane) wasAtEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const pane = event.detail.target.closest?.("[data-stick]");
    if (!pane) return;
    if (wasAtEnd) toEnd(pane);
    lastSeen = announce(lastSeen);
  });
}

function toEnd(pane) {
  pane.scrollTop = pane.scrollHeight;
}

function newest() {
  const all = document.querySelectorAll("[data-stick] [data-message]");
  return all.length ? Number(all[all.length - 1].dataset.message) : 0;
}

function announce(since) {
  const fresh = [...document.querySelectorAll("[data-stick] [data-message]")].filter(
    (item) => Number(item.dataset.message) > since,
  );
  const said = fresh.map((item) => item.dataset.announce).filter(Boolean);
  if (said.length) document.getElementById("announce").textContent = said.join(" ");
  return Math.max(since, newest());
}
