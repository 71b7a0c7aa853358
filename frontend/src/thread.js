import htmx from "htmx.org/dist/htmx.esm.js";

const NEAR = 140;

/**
 * A thread stays at its end while the reader is there, keeps its place while earlier messages come in above it,
 * stands at the message that was asked for, and tells screen readers what is new.
 */
export function thread() {
  let wasAtEnd = true;
  let before = 0;
  let lastSeen = newest();
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-stick]").forEach(begin);
    lastSeen = newest();
  });
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    // Whatever answers with the thread answers with as much of it as stands here.
    const list = detail.target?.id === "thread" && detail.target.dataset.since;
    if (list && !("since" in detail.parameters) && !detail.path.includes("?")) detail.parameters.since = list;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const pane = event.detail.target.closest?.("[data-stick]");
    if (!pane) return;
    wasAtEnd = isAtEnd(pane);
    before = pane.scrollHeight - pane.scrollTop;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const pane = event.target.closest?.("[data-stick]"); // of what came, as what it replaces may be gone
    if (!pane) return;
    if (event.target.closest("[data-older]")) return keepPlace(pane, before);
    if (event.target.closest("[data-newer]")) return;
    lastSeen = arrived(pane, wasAtEnd, lastSeen);
  });
  document.addEventListener("thread:exchange", ({ detail }) => {
    if (toLatest()) return;
    const list = document.getElementById("thread");
    const pane = list.closest("[data-stick]");
    const eventInfo = { target: list, elt: list, requestConfig: {} }; // as of any answer: others listen, too
    htmx.swap(list, detail.html, { swapStyle: "keyed" }, { contextElement: list, eventInfo });
    lastSeen = arrived(pane, true, lastSeen);
  });
  let isMissed = false;
  document.addEventListener("htmx:beforeRequest", (event) => {
    // The answer to what is being sent brings the thread: fetched beside it, the words would stand there twice.
    if (event.target.id !== "thread" || document.body.dataset.busySending === undefined) return;
    event.preventDefault();
    isMissed = true;
  });
  document.addEventListener("sending:idle", () => {
    if (isMissed) document.body.dispatchEvent(new CustomEvent("live:refresh-thread"));
    isMissed = false;
  });
  document.addEventListener("live:message", ({ detail }) => refetchOld(detail.id));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-to-end]");
    if (!button) return;
    toEnd(document.querySelector("[data-stick]"));
    button.hidden = true;
  });
}

/** At the message of the address, else at the end; later growth (pictures, a player) keeps the end in sight. */
function begin(pane) {
  const asked = document.getElementById(`message-${pane.dataset.at}`);
  if (asked) show(asked);
  else toEnd(pane);
  let atEnd = !asked;
  pane.addEventListener("scroll", () => {
    atEnd = isAtEnd(pane);
    if (atEnd) endButton().hidden = true;
  });
  const list = pane.querySelector("#thread");
  if (list) new ResizeObserver(() => atEnd && toEnd(pane)).observe(list);
}

function show(bubble) {
  bubble.scrollIntoView({ block: "center" });
  bubble.classList.add("is-asked-for");
  bubble.tabIndex = -1;
  bubble.focus({ preventScroll: true });
}

function arrived(pane, wasAtEnd, lastSeen) {
  // The end of a page that was open for very long begins later now: what stood before it is fetched anew.
  const wasCut = pane.querySelector("#thread [data-was-cut]");
  if (wasCut && toLatest()) return lastSeen;
  if (wasCut) pane.querySelector("[data-older]")?.replaceChildren();
  if (wasAtEnd) toEnd(pane);
  else if (newest() > lastSeen) endButton().hidden = false;
  document.dispatchEvent(new CustomEvent("thread:changed"));
  return announce(lastSeen);
}

/** Where an old stretch of the thread is read, what is new is at its end: there the page goes. */
function toLatest() {
  const link = document.querySelector("[data-to-latest]");
  if (link) location.assign(link.href);
  return Boolean(link);
}

/** What is above the reader's eyes has grown, and they still see the same. */
function keepPlace(pane, fromEnd) {
  const place = pane.scrollHeight - fromEnd;
  if (Math.abs(pane.scrollTop - place) > 1) pane.scrollTop = place;
}

/** A message above the live end has changed (read, edited, reacted to): it alone is fetched. */
async function refetchOld(id) {
  const bubble = document.querySelector(`[data-older] #message-${id}, [data-newer] #message-${id}`);
  if (!bubble) return;
  const mould = document.createElement("template");
  try {
    const answer = await fetch(bubble.closest("[data-stick]").dataset.bubble.replace("/0/", `/${id}/`));
    if (answer.ok) mould.innerHTML = await answer.text();
  } catch {
    return; // it shows what was, until the page is opened again
  }
  const fresh = mould.content.firstElementChild;
  if (!fresh) return;
  bubble.replaceWith(fresh);
  htmx.process(fresh);
}

function endButton() {
  return document.querySelector("[data-to-end]") ?? document.createElement("button");
}

function isAtEnd(pane) {
  return pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR;
}

function toEnd(pane) {
  pane.scrollTop = pane.scrollHeight;
}

/** The id of the last message that stands in the thread. */
export function newest() {
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
