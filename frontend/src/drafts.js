import { keep, kept, tidy } from "./kept.js";

const HOURS = 30 * 24;

/** What was begun in a writing box marked `data-draft` is there again, also after a reload, until it was sent. */
export function drafts() {
  document.addEventListener("DOMContentLoaded", () => {
    tidy("draft:", HOURS);
    document.querySelectorAll("[data-draft] textarea").forEach(restore);
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (form && event.target.matches("textarea")) remember(form, event.target.value);
  });
}

function restore(box) {
  const words = kept(name(box.form), HOURS);
  if (!words || box.value) return;
  box.value = words;
  box.dispatchEvent(new CustomEvent("draft:back", { bubbles: true }));
}

function remember(form, words) {
  keep(name(form), words.trim() ? words : undefined);
}

/** It was sent, or is on its way and kept there. */
export function forget(form) {
  keep(name(form), undefined);
}

function name(form) {
  return `draft:${form.dataset.draft}`;
}
