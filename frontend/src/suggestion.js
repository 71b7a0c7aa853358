import { newKey } from "./attach.js";

/** What a model wrote for the person: into the box at a click, out of it again, or away. Never sent by itself. */
export function suggestion() {
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.closest?.("[data-suggest]")) return;
    event.detail.parameters.key = newKey();
    event.target.closest("details")?.removeAttribute("open");
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-suggested]");
    if (!button) return;
    const panel = button.closest("[data-suggestion]");
    const box = panel.closest("form").querySelector("textarea");
    ({ use: () => use(panel, box), back: () => back(panel, box), drop: () => drop(panel, box) })[
      button.dataset.suggested
    ]();
  });
}

function use(panel, box) {
  panel.dataset.before = box.value;
  put(box, panel.querySelector("[data-text]").textContent);
  swap(panel, true);
}

function back(panel, box) {
  put(box, panel.dataset.before);
  swap(panel, false);
}

function drop(panel, box) {
  panel.remove();
  box.focus();
}

function put(box, words) {
  box.value = words;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
  box.setSelectionRange(words.length, words.length);
}

function swap(panel, isUsed) {
  panel.querySelector("[data-suggested=use]").hidden = isUsed;
  panel.querySelector("[data-suggested=back]").hidden = !isUsed;
}
