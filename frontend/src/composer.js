import { newKey } from "./attach.js";
import { forget } from "./drafts.js";
import { newest } from "./thread.js";

const TYPING_PAUSE = 3_000;

/** Writing boxes: Enter sends, Shift+Enter makes a line, the box grows, and it empties once the words are off. */
export function composer() {
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-composer] textarea").forEach(grow));
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.("[data-composer] textarea");
    if (!box || event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    if (box.value.trim() || box.form.hasAttribute("data-has-files")) box.form.requestSubmit();
  });
  document.addEventListener("keydown", shortcuts);
  for (const name of ["input", "draft:back"])
    document.addEventListener(name, (event) => {
      const box = event.target.closest?.("[data-composer] textarea");
      if (!box) return;
      grow(box);
      begun(box);
      if (name === "input" && box.value) tellTyping(box.form);
    });
  document.addEventListener("htmx:configRequest", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (!form || event.target !== form || event.detail.verb !== "post" || event.defaultPrevented) return;
    // The same words sent again after a broken connection are the same message.
    form.dataset.key ||= newKey();
    event.detail.parameters.key = form.dataset.key;
    showPending(form);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (!form || event.target !== form || event.detail.requestConfig.verb !== "post") return;
    clearPending(form);
    if (!event.detail.successful) return;
    form.reset();
    delete form.dataset.key;
    if (form.dataset.draft) forget(form);
    dropQuote(form);
    const box = form.querySelector("textarea");
    grow(box);
    box.focus();
  });
  document.addEventListener("composer:sent", ({ detail: { form } }) => {
    dropQuote(form);
    if (form.elements.canned) form.elements.canned.value = "";
    collision(form, null);
  });
  document.addEventListener("thread:changed", () => document.querySelectorAll("form[data-sends]").forEach(overtaken));
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-ask]");
    if (chip) ask(chip);
    const bubble = event.target.closest("[data-reply]");
    if (bubble) quote(bubble);
    const cancel = event.target.closest("[data-unquote]");
    if (cancel) dropQuote(cancel.closest("[data-composer]"));
    const mode = event.target.closest("[data-mode]");
    if (mode && write(mode.dataset.mode)) event.preventDefault();
    const read = event.target.closest("[data-collision-read]");
    if (read) collision(read.closest("form"), null, { isRead: true });
  });
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 180)}px`;
}

/** Alt+R and Alt+N lead into the two boxes, Escape leads out. */
function shortcuts(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && event.target.closest?.("[data-mode-box] textarea")) return event.target.blur();
  const mode = event.altKey && { KeyR: "reply", KeyN: "note" }[event.code]; // with Alt a key may write another letter
  if (mode && write(mode)) event.preventDefault();
}

/** Into the box for the customer ("reply") or for colleagues ("note"). False where there is none. */
export function write(mode) {
  const wanted = document.querySelector(`[data-mode-box="${mode}"]`);
  if (!wanted) return false;
  for (const part of document.querySelectorAll("[data-mode-box]")) part.hidden = part !== wanted;
  for (const tab of document.querySelectorAll("[data-mode]"))
    tab.setAttribute("aria-current", tab.dataset.mode === mode ? "true" : "false");
  const box = wanted.querySelector("textarea");
  if (box) grow(box);
  box?.focus();
  return true;
}

/** Colleagues, and the visitor of a web chat, see that somebody writes: said again every few seconds. */
function tellTyping(form) {
  if (!form.dataset.tellTyping || Date.now() - (form.dataset.toldAt || 0) < TYPING_PAUSE) return;
  form.dataset.toldAt = Date.now();
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  fetch(form.dataset.tellTyping, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => {});
}

/** From the first letter on it is known which messages the writer had seen. */
function begun(box) {
  const form = box.closest("form[data-sends]");
  if (!form) return;
  if (!box.value.trim()) collision(form, null);
  if (box.value.trim()) form.dataset.seen ||= String(newest());
  else delete form.dataset.seen;
}

/** A colleague has answered since these words were begun. */
function overtaken(form) {
  if (!form.dataset.seen) return;
  const theirs = [...document.querySelectorAll("#thread [data-by]")].filter(
    (bubble) => bubble.dataset.by !== form.dataset.user && Number(bubble.dataset.message) > Number(form.dataset.seen),
  );
  if (theirs.length) collision(form, theirs[theirs.length - 1].dataset.byName);
}

function collision(form, name, { isRead = false } = {}) {
  const bar = form.querySelector("[data-collision]");
  if (!bar) return;
  bar.hidden = !name;
  if (name) bar.querySelector("[data-text]").textContent = bar.dataset.say.replace("{name}", name);
  if (isRead) {
    form.dataset.seen = String(newest());
    form.querySelector("textarea").focus();
  }
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
  write("reply");
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
