import { isBackground } from "./live.js";

const SECONDS = 6;

/** Say something in a corner, and to screen readers. Errors stay until they are closed. */
export function say(text, kind = "info") {
  const shelf = document.getElementById("toasts");
  const mould = document.getElementById("toast");
  if (!shelf || !mould || !text) return;
  const item = mould.content.firstElementChild.cloneNode(true);
  item.querySelector("[data-text]").textContent = text;
  item.classList.toggle("is-error", kind === "error");
  shelf.append(item);
  if (kind !== "error") setTimeout(() => item.remove(), SECONDS * 1000);
}

/** A sentence that the page carries in the reader's language. */
export function sentence(name) {
  return document.body.dataset[name] || "";
}

/** Close buttons, copy buttons, messages of the server, and what to say when a request fails. */
export function toasts() {
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy], [data-copy-from]");
    if (copy) copyText(copy);
    event.target.closest("[data-dismiss]")?.closest(".toast-item")?.remove();
  });
  document.addEventListener("DOMContentLoaded", () => {
    const passing = document.querySelectorAll("#toasts .toast-item:not(.is-error):not(:has(form))");
    setTimeout(() => passing.forEach((item) => item.remove()), SECONDS * 1000);
  });
  document.addEventListener("toast", (event) => say(event.detail.text || event.detail.value, event.detail.kind));
  document.addEventListener("htmx:sendError", (event) => {
    if (!isBackground(event.detail)) say(sentence("sayOffline"), "error");
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) return; // the server says where to sign in
    if (isBackground(event.detail) && event.detail.xhr.status >= 500) return; // it is tried again
    say(refusal(event.detail.xhr) || sentence(event.detail.xhr.status === 403 ? "sayForbidden" : "sayError"), "error");
  });
}

/** What the server itself says is wrong with what was sent, when it says so in plain words. */
function refusal(xhr) {
  if (xhr.status === 413) return sentence("sayTooLarge");
  const plain = (xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain");
  return xhr.status === 422 && plain && xhr.responseText.length < 300 ? xhr.responseText : "";
}

async function copyText(button) {
  const text = button.dataset.copy || document.querySelector(button.dataset.copyFrom)?.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
    say(sentence("sayCopied"));
  } catch {
    say(sentence("sayError"), "error"); // no permission, or not a secure page: the text can still be selected
  }
}
