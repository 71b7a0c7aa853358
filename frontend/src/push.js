import { say, sentence } from "./toasts.js";

const SCRIPT = "/service-worker.js";
const SCOPE = "/notices/"; // nothing of the product's pages goes through it
const WANTED = "frontdesk-push"; // this browser was switched on here

/** Notifications of the browser: asked for by a click only, and renewed where the server has lost sight of them. */
export function push() {
  document.addEventListener("DOMContentLoaded", () => {
    const panel = document.querySelector("[data-push]");
    if (panel) keepPanel(panel);
    else renew();
  });
}

function isAble() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

function isTold() {
  return Boolean(document.querySelector("#bell [data-told]"));
}

async function keepPanel(panel) {
  panel.querySelector("[data-push-on]").addEventListener("click", () => switchOn(panel));
  if (!isAble()) return showState(panel, "unable");
  if (Notification.permission === "denied") return showState(panel, "blocked");
  showState(panel, isTold() ? "on" : "off");
}

function showState(panel, state) {
  for (const part of panel.querySelectorAll("[data-push-state]")) part.hidden = part.dataset.pushState !== state;
}

async function switchOn(panel) {
  if ((await Notification.requestPermission()) !== "granted") return showState(panel, "blocked");
  try {
    await send(panel.dataset.pushUrl, await subscribed(panel.dataset.pushKey));
    localStorage.setItem(WANTED, panel.dataset.pushUrl);
    location.reload();
  } catch (error) {
    say(error.message && error.name === "Refused" ? error.message : sentence("sayError"), "error");
  }
}

async function subscribed(key) {
  const worker = await active(await navigator.serviceWorker.register(SCRIPT, { scope: SCOPE }));
  const options = { userVisibleOnly: true, applicationServerKey: key };
  try {
    return await worker.pushManager.subscribe(options);
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    // It was let in with another key, of another installation at this address.
    await (await worker.pushManager.getSubscription())?.unsubscribe();
    return worker.pushManager.subscribe(options);
  }
}

/** A page outside of its scope has no `ready` of it. */
function active(registration) {
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (worker.state === "activated") return registration;
  return new Promise((resolve) =>
    worker.addEventListener("statechange", () => worker.state === "activated" && resolve(registration)),
  );
}

async function send(url, subscription) {
  const { endpoint, keys } = subscription.toJSON();
  const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers"));
  const body = new URLSearchParams({ endpoint, ...keys });
  const answer = await fetch(url, { method: "POST", headers: { "X-CSRFToken": token }, body });
  if (answer.ok) return;
  const refused = new Error(answer.status === 422 ? await answer.text() : "");
  refused.name = "Refused";
  throw refused;
}

/** Signed in anew, or the browser has another address: the server is told again, once a page. */
async function renew() {
  const url = localStorage.getItem(WANTED);
  if (!url || !state() || isTold() || !isAble() || Notification.permission !== "granted") return;
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  const subscription = await registration?.pushManager.getSubscription();
  if (subscription) await send(url, subscription).catch(() => localStorage.removeItem(WANTED));
}

function state() {
  return document.querySelector("#bell [data-unseen]");
}
