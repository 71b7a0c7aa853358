const CHIMED = "frontdesk-chimed"; // the newest notification that some page of this browser made a sound for

let known = 0;

/** What the server knows of notifications, shown in the badges, the title and on the app's icon; and a sound. */
export function bell() {
  document.addEventListener("DOMContentLoaded", () => {
    known = latest();
    show();
    for (const button of document.querySelectorAll("[data-chime]")) {
      button.hidden = false;
      button.addEventListener("click", chime);
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    show(); // a part that comes with a title of its own has just set it
    if (event.detail.target.id !== "bell") return;
    if (latest() > known) tellOf(state());
    known = Math.max(known, latest());
  });
}

function state() {
  return document.querySelector("#bell [data-unseen]");
}

function latest() {
  return Number(state()?.dataset.latest ?? 0);
}

function show() {
  if (!state()) return;
  const unseen = Number(state().dataset.unseen);
  const text = unseen > 99 ? "99+" : String(unseen);
  for (const badge of document.querySelectorAll("[data-bell-count]")) {
    badge.textContent = text;
    badge.hidden = !unseen;
  }
  document.title = (unseen ? `(${text}) ` : "") + document.title.replace(/^\(\d+\+?\) /, "");
  if (unseen) navigator.setAppBadge?.(unseen).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}

function tellOf({ dataset }) {
  if (!Number(dataset.unseen)) return;
  document.getElementById("announce").textContent = dataset.say;
  if ("sound" in dataset && isFirst()) chime();
}

/** Of several open pages one makes the sound. */
function isFirst() {
  if (Number(localStorage.getItem(CHIMED)) >= latest()) return false;
  localStorage.setItem(CHIMED, String(latest()));
  return true;
}

/** Two soft tones of our own; a browser that was not touched yet stays silent. */
function chime() {
  const audio = new AudioContext();
  if (audio.state === "suspended") audio.resume().catch(() => {});
  for (const [tone, from] of [[880, 0], [1174.66, 0.16]]) {
    const voice = audio.createOscillator();
    const loudness = audio.createGain();
    const start = audio.currentTime + from;
    voice.frequency.value = tone;
    loudness.gain.setValueAtTime(0.0001, start);
    loudness.gain.exponentialRampToValueAtTime(0.16, start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.5);
    voice.connect(loudness).connect(audio.destination);
    voice.start(start);
    voice.stop(start + 0.55);
  }
  setTimeout(() => audio.close(), 1500);
}
