import { newKey } from "./attach.js";

const TYPING_PAUSE = 3_000;

/** Writing boxes: Enter sends, Shift+Enter makes a line, the box grows, and it empties once the words are off. */
export function composer() {
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.("[data-composer] textarea");
    if (!box || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (box.value.trim() || box.form.hasAttribute("data-has-files")) box.form.requestSubmit();
  });
  document.addEventListener("input", (event) => {
    const box = event.target.closest?.("[data-composer] textarea");
    if (!box) return;
    grow(box);
    tellTyping(box.form);
  });
  document.addEventListener("htmx:configRequest", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (!form || event.detail.verb !== "post" || event.defaultPrevented) return;
    // The same words sent again after a broken connection are the same message.
    form.dataset.key ||= newKey();
    event.detail.parameters.key = form.dataset.key;
    showPending(form);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (!form || event.detail.requestConfig.verb !== "post") return;
    clearPending(form);
    if (!event.detail.successful) return;
    form.reset();
    delete form.dataset.key;
    dropQuote(form);
    const box = form.querySelector("textarea");
    grow(box);
    box.focus();
  });
  document.addEventListener("composer:sent", (event) => dropQuote(event.detail.form));
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-ask]");
    if (chip) ask(chip);
    const bubble = event.target.closest("[data-reply]");
    if (bubble) quote(bubble);
    const cancel = event.target.closest("[data-unquote]");
    if (cancel) dropQuote(cancel.closest("[data-composer]"));
  });
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 180)}px`;
}

/** The visitor of a web chat sees that somebody writes: said again every few seconds, never waited for. */
function tellTyping(form) {
  if (!form.dataset.tellTyping || Date.now() - (form.dataset.toldAt || 0) < TYPING_PAUSE) return;
  form.dataset.toldAt = Date.now();
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  fetch(form.dataset.tellTyping, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => {});
}

/** A suggested question: put it into the box and send it. */
function ask(chip) {
  const form = document.querySelector("[data-composer]");
  const box = form.querySelector("textarea");
  box.value = chip.dataset.ask;
  form.requestSubmit();
}

/** Answer one message in particular: it stands above the box until it is sent or taken away. */
function quote(button) {
  const form = document.querySelector("[data-composer]");
  const holder = form?.querySelector("[data-quote]");
  if (!holder) return;
  form.querySelector("[name=reply_to]").value = button.dataset.reply;
  holder.querySelector("[data-text]").textContent = button.dataset.words;
  holder.hidden = false;
  form.querySelector("textarea").focus();
}

function dropQuote(form) {
  const holder = form?.querySelector("[data-quote]");
  if (!holder) return;
  form.querySelector("[name=reply_to]").value = "";
  holder.hidden = true;
}

/** The person's own words at once, while the answer is on its way; the server's thread replaces them. */
function showPending(form) {
  const mould = form.querySelector("template[data-pending]");
  const target = document.querySelector(form.getAttribute("hx-target"));
  const text = form.querySelector("textarea").value.trim();
  if (!mould || !target || !text) return;
  const piece = mould.content.cloneNode(true);
  piece.querySelector("[data-text]").textContent = text;
  const holder = document.createElement("div");
  holder.dataset.pendingMessage = "";
  holder.className = "contents";
  holder.append(piece);
  target.querySelector("[data-empty]")?.remove();
  target.append(holder);
  target.closest("[data-stick]")?.scrollTo({ top: target.closest("[data-stick]").scrollHeight });
}

function clearPending(form) {
  const target = document.querySelector(form.getAttribute("hx-target"));
  target?.querySelectorAll("[data-pending-message]").forEach((piece) => piece.remove());
}
