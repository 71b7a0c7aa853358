import htmx from "htmx.org/dist/htmx.esm.js";

/** Several chats at once: boxes beside the rows, a bar with what can be done, and how many are chosen. */
export function picking() {
  const pane = document.getElementById("pane-list");
  const bar = document.getElementById("tidy");
  if (!pane || !bar) return;
  const toggle = pane.querySelector("[data-picking]");
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const on = pane.classList.toggle("is-picking");
    toggle.setAttribute("aria-pressed", on);
    if (!on) pickNone();
  });
  let last;
  pane.addEventListener("click", (event) => {
    if (!event.target.matches(".pick")) return;
    if (event.shiftKey && last?.isConnected) between(last, event.target);
    last = event.target;
    show();
  });
  bar.querySelector("[data-unpick]").addEventListener("click", pickNone);
  document.addEventListener("htmx:afterSwap", show);
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.closest?.("#tidy") && event.detail.successful) pickNone();
  });
  show();
}

export function picked() {
  return [...document.querySelectorAll(".pick:checked")];
}

export function pickNone() {
  picked().forEach((box) => (box.checked = false));
  document.querySelectorAll("#tidy details[open]").forEach((box) => box.removeAttribute("open"));
  show();
}

export function pick(row) {
  const box = row?.querySelector(".pick");
  if (!box) return;
  box.checked = !box.checked;
  show();
}

/** Do something with these chats, as if they alone were chosen. */
export function tidy(chats, verb) {
  const bar = document.getElementById("tidy");
  if (!bar) return Promise.reject();
  return htmx.ajax("POST", bar.getAttribute("action"), { source: bar, swap: "none", values: { chat: chats, do: verb } });
}

function show() {
  const count = picked().length;
  const bar = document.getElementById("tidy");
  bar.classList.toggle("is-on", count > 0);
  const shown = bar.querySelector("[data-picked]");
  if (shown.textContent !== String(count)) shown.textContent = count;
}

function between(one, other) {
  const all = [...document.querySelectorAll(".pick")];
  const [from, to] = [all.indexOf(one), all.indexOf(other)].sort((a, b) => a - b);
  all.slice(from, to + 1).forEach((box) => (box.checked = other.checked));
}
