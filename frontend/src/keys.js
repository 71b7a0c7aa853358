import { write } from "./composer.js";
import { pick, picked, pickNone, tidy } from "./picking.js";

const OFF = "keys-off";
const LINE = ".chat-row";
const BOXES = "input, textarea, select, [contenteditable]";

/** Chats by keyboard. Single letters can be switched off, for who speaks to the computer or types by chance. */
export function keys() {
  const dialog = document.getElementById("chat-keys");
  if (!dialog) return;
  const opener = document.querySelector("[data-keys]");
  opener.hidden = false;
  opener.addEventListener("click", () => dialog.showModal());
  dialog.querySelector("[data-keys-close]").addEventListener("click", () => dialog.close());
  const box = dialog.querySelector("#keys-on");
  box.checked = !localStorage.getItem(OFF);
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  document.addEventListener("keydown", pressed);
}

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  const isWriting = event.target.closest?.(BOXES) && !event.target.matches(".pick");
  if (isWriting && !(event.target.id === "chat-search" && ["ArrowDown", "Escape"].includes(event.key))) return;
  const isOff = localStorage.getItem(OFF) && event.key.length === 1;
  const does = isOff ? undefined : DOES[event.key];
  if (does?.(event) !== undefined) event.preventDefault();
}

const DOES = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: (event) => inList(event) && move(1),
  ArrowUp: (event) => inList(event) && move(-1),
  "/": () => focus(document.getElementById("chat-search")),
  "?": () => document.getElementById("chat-keys").showModal() ?? true,
  x: () => pick(row()) ?? true,
  l: () => unfold("tidy-label", "chat-label-menu"),
  a: () => unfold("tidy-assign", "chat-assign"),
  u: () => leave("unread"),
  e: () => act("close"),
  r: () => write("reply") || undefined,
  n: () => write("note") || undefined,
  Escape: (event) => back(event),
};

function inList(event) {
  return event.target.closest?.("#pane-list") ? true : undefined;
}

function lines() {
  return [...document.querySelectorAll(`#chat-list ${LINE}`)];
}

/** The line that has the focus; else the chat that is open. */
function line() {
  return document.activeElement?.closest?.(".chat-item")?.querySelector(LINE) ?? lines().find((one) => one.ariaCurrent);
}

function row() {
  return line()?.closest(".chat-item");
}

/** What a key works on: the chosen chats, else the one with the focus, else the open one. */
function chats() {
  const chosen = picked().map((box) => box.value);
  const one = row()?.querySelector(".pick")?.value;
  return chosen.length || !one ? chosen : [one];
}

function move(by) {
  const all = lines();
  const at = all.indexOf(line());

  return focus(all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

function focus(item) {
  if (!item) return undefined;
  item.focus();
  item.scrollIntoView({ block: "nearest" });
  return true;
}

/** What is to be done with the chosen chats, else with the open one. */
function unfold(many, one) {
  const box = document.getElementById(picked().length ? many : one);
  if (!box) return undefined;
  if (box.tagName !== "DETAILS") return box.click() ?? true; // it opens beside the chat
  box.open = true;
  return focus(box.querySelector("button, input:not([type=hidden]), a")) ?? true;
}

function act(verb) {
  const which = chats();
  if (!which.length) return undefined;
  tidy(which, verb).catch(() => {});
  return true;
}

/** An open chat that is to be unread is left: to look at it is to read it. */
function leave(verb) {
  const which = chats();
  if (!which.length) return undefined;
  const open = document.querySelector(`${LINE}[aria-current]`)?.closest(".chat-item").querySelector(".pick").value;
  const list = document.querySelector("[data-chats]").dataset.chats + location.search;
  const away = () => which.includes(open) && location.assign(list);
  tidy(which, verb).then(away, () => {});
  return true;
}

function back(event) {
  const open = document.querySelector("details.pop[open]");
  if (open) {
    open.open = false;
    return focus(open.querySelector("summary"));
  }
  const [first] = picked();
  if (first) {
    pickNone();
    return focus(first.closest(".chat-item").querySelector(LINE)); // the bar that had the focus is gone
  }
  return event.target.id === "chat-search" ? focus(lines()[0]) : undefined;
}
