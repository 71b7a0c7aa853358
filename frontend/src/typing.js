const SHOWN_FOR = 7_000; // phones repeat the sign every few seconds
const NEAR = 140;

/** Who writes right now: shown in the thread and in the list, until the words come or the sign grows old. */
export function typing() {
  const timers = new Map();
  document.addEventListener("live:typing", (event) => {
    const { chat, ended } = event.detail;
    clearTimeout(timers.get(chat));
    timers.delete(chat);
    if (!ended) timers.set(chat, setTimeout(() => show(chat, timers.delete(chat) && false), SHOWN_FOR));
    show(chat, !ended);
  });
  document.addEventListener("htmx:afterSwap", () => timers.forEach((_timer, chat) => show(chat, true)));
}

function show(chat, isShown) {
  document.querySelectorAll(`[data-typing="${chat}"]`).forEach((sign) => {
    const pane = sign.closest("[data-stick]");
    const wasAtEnd = pane && pane.scrollHeight - pane.scrollTop - pane.clientHeight < NEAR;
    sign.hidden = !isShown;
    if (isShown && wasAtEnd) pane.scrollTop = pane.scrollHeight;
  });
}
