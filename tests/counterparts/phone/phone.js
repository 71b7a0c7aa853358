"use strict";
const $ = (id) => document.getElementById(id);
const EVERYBODY = [
  { name: "Ana Souza", chat: "5541998761234@c.us" },
  { name: "João Lima", chat: "5541991112233@c.us" },
  { name: "Claire Martin", chat: "33612345678@c.us" },
];
const people = JSON.parse(localStorage.getItem("people") || "null") || EVERYBODY;
let who = Math.min(Number(localStorage.getItem("who") || 0), people.length - 1);
let pushed = 0; // seconds that this phone's clock is ahead
let numbers = []; // the businesses that can be written to
const said = new Map(); // "session chat" -> messages, oldest first
const typing = new Set(), unread = new Set(); // "session chat"

const now = () => Date.now() / 1000 + pushed;
const me = () => people[who];
const here = () => `${$("session").value} ${me().chat}`;
const initials = (name) => name.split(" ").map((word) => word[0]).slice(0, 2).join("").toUpperCase();
const hour = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const newId = () => "3A" + Array.from(crypto.getRandomValues(new Uint8Array(9)), (n) => n.toString(16).padStart(2, "0")).join("").toUpperCase();

async function control(method, path, body) {
  const answer = await fetch(`/_control/${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
  return answer.json();
}

// -- what was said

async function start() {
  numbers = await control("GET", "sessions");
  const before = $("session").value;
  $("session").replaceChildren(...numbers.map((one) => new Option(one.title || one.name, one.name)));
  if (numbers.some((one) => one.name === before)) $("session").value = before;
  $("session").hidden = numbers.length < 2;
  for (const message of await control("GET", "history")) remember(message);
  unread.clear();
  draw();
}

function remember(message) {
  const place = `${message.session} ${message.chat}`;
  if (!said.has(place)) said.set(place, []);
  const list = said.get(place), known = list.find((other) => other.unique === message.unique);
  if (known) known.ack = Math.max(known.ack, message.ack);
  else list.push(message);
  if (!known && !message.mine && place !== here()) unread.add(place);
}

async function send(text, media) {
  const session = $("session").value;
  if (!session || (!text && !media)) return;
  const message = { session, chat: me().chat, text, media, unique: newId(), at: now() };
  remember({ ...message, mine: true, ack: 0, fresh: true });
  draw();
  await control("POST", "messages", { ...message, name: me().name });
}

function hear(event) {
  const place = `${event.session} ${event.chat}`;
  if (event.type === "sessions") return start();
  if (event.type === "delivery") return drawDelivery(event);
  if (event.type === "startTyping") typing.add(place);
  if (event.type === "stopTyping") typing.delete(place);
  if (event.type === "sendSeen") (said.get(place) || []).forEach((message) => { if (message.mine) message.ack = 3; });
  if (event.type === "ack") for (const list of said.values()) for (const message of list) if (message.unique === event.unique) message.ack = Math.max(message.ack, event.ack);
  if (event.type === "message") {
    if (!event.mine) typing.delete(place);
    // An answer comes at this phone's time, wherever its clock stands.
    remember({ ...event, at: event.mine ? event.at : event.at + pushed, fresh: true });
  }
  draw();
}

// -- what is seen

function piece(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

function icon(name, kind = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  made.append(use);
  if (kind) made.setAttribute("class", kind);
  return made;
}

function face(name) {
  const made = piece("span", "face", initials(name));
  made.style.setProperty("--tone", String([...name].reduce((sum, letter) => sum + letter.charCodeAt(0) * 7, 0) % 360));
  made.setAttribute("aria-hidden", "true");
  return made;
}

function draw() {
  const business = numbers.find((one) => one.name === $("session").value);
  const title = business ? business.title || business.name : "No number is paired yet";
  $("business").textContent = title;
  $("business-face").replaceWith(Object.assign(face(title), { id: "business-face" }));
  $("state").textContent = !business ? "start Frontdesk with the demo business" : typing.has(here()) ? "typing…" : "online";
  drawThread(title);
  drawPeople();
}

function drawThread(title) {
  const thread = $("thread"), list = said.get(here()) || [], rows = [];
  let day = "", side = null;
  for (const message of [...list].sort((a, b) => a.at - b.at)) {
    const date = new Date(message.at * 1000), itsDay = date.toDateString();
    if (itsDay !== day) rows.push(piece("li", "day", itsDay === new Date().toDateString() ? "Today" : date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" })));
    rows.push(bubble(message, message.mine !== side || itsDay !== day));
    [day, side] = [itsDay, message.mine];
  }
  if (!list.length) rows.push(emptiness(title));
  if (typing.has(here())) {
    const dots = piece("li", "typing");
    dots.append(piece("i"), piece("i"), piece("i"));
    rows.push(dots);
  }
  // A note that plays must go on playing: a bubble that did not change stays the same element.
  const old = new Map([...thread.children].map((row) => [row.dataset.print, row]));
  thread.replaceChildren(...rows.map((row) => (row.dataset.print && old.get(row.dataset.print)) || row));
  thread.scrollTop = thread.scrollHeight;
}

function emptiness(title) {
  const made = piece("li", "empty"), line = piece("p");
  line.append("Write to ", piece("b", "", title), " as ", piece("b", "", me().name), ". The answer comes back here.");
  made.append(face(title), line);
  return made;
}

function bubble(message, first) {
  const made = piece("li", `bubble ${message.mine ? "mine" : "theirs"}${first ? " first" : ""}${message.fresh ? " new" : ""}`);
  made.dataset.print = `${message.unique} ${message.ack} ${first}`;
  delete message.fresh;
  if (message.media) made.append(shown(message.media));
  // WhatsApp's own marks: *bold*, _italic_; as text nodes, never as HTML.
  for (const part of (message.text || "").split(/((?<![\w*])\*[^*\n]+\*(?![\w*])|(?<![\w_])_[^_\n]+_(?![\w_]))/)) {
    const marked = /^([*_]).+\1$/.exec(part);
    made.append(marked ? piece(marked[1] === "*" ? "b" : "i", "", part.slice(1, -1)) : part);
  }
  const meta = piece("span", "meta", hour(message.at));
  if (message.mine) {
    const [name, words] = [["clock", "waiting"], ["tick", "sent"], ["ticks", "delivered"], ["ticks", "read"]][Math.min(message.ack, 3)];
    const mark = icon(name, `${name} ${words}`);
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", words);
    meta.append(mark);
  }
  made.append(meta);
  return made;
}

function shown(media) {
  const source = `data:${media.mimetype};base64,${media.data}`;
  if (media.mimetype.startsWith("image/")) return Object.assign(piece("img"), { src: source, alt: media.filename || "Picture" });
  if (media.mimetype.startsWith("audio/")) return note(source);
  const made = piece("div", "file");
  made.append(icon("doc"), media.filename || "Document");
  return made;
}

function note(source) {
  const made = piece("div", "note"), play = piece("button"), wave = piece("span", "wave"), sound = new Audio(source);
  play.type = "button";
  play.setAttribute("aria-label", "Play the voice note");
  const bars = Array.from({ length: 30 }, (_, i) => { const bar = piece("i"); bar.style.height = `${22 + 70 * Math.abs(Math.sin(i * 1.7) * Math.cos(i * 0.6))}%`; return bar; });
  wave.append(...bars);
  play.addEventListener("click", () => (sound.paused ? sound.play() : sound.pause()));
  for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, () => made.classList.toggle("playing", !sound.paused && !sound.ended));
  sound.addEventListener("timeupdate", () => bars.forEach((bar, i) => bar.classList.toggle("done", i / bars.length < sound.currentTime / (sound.duration || 1))));
  made.append(play, wave);
  return made;
}

function drawPeople() {
  const held = document.activeElement?.getAttribute("role") === "radio";
  $("people").replaceChildren(...people.map((person, index) => {
    const button = piece("button"), label = piece("span", "", person.name);
    button.type = "button";
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(index === who));
    button.tabIndex = index === who ? 0 : -1;
    label.append(piece("small", "", `+${person.chat.split("@")[0]}`));
    button.append(face(person.name), label);
    if (unread.has(`${$("session").value} ${person.chat}`)) button.append(Object.assign(piece("span", "news"), { title: "A new answer" }));
    button.addEventListener("click", () => choose(index));
    return button;
  }));
  if (held) $("people").children[who].focus();
}

function choose(index) {
  who = (index + people.length) % people.length;
  localStorage.setItem("who", String(who));
  unread.delete(here());
  draw();
}

function drawDelivery({ event, status, ms, try: attempt }) {
  const good = status >= 200 && status < 300, row = piece("li", good ? "" : "bad");
  row.append(piece("b", "", event), piece("span", "ms", status ? `${status} · ${ms} ms` : `no answer, try ${attempt}`));
  const line = $("line");
  line.querySelector(".small")?.remove();
  line.prepend(row);
  while (line.children.length > 5) line.lastChild.remove();
}

function drawClock() {
  $("status-time").textContent = hour(now());
  $("clock-text").textContent = new Date(now() * 1000).toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  $("clock-text").classList.toggle("pushed", pushed > 0);
}

// -- files, pictures and voices

function encoded(buffer) {
  let text = "";
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

/** A second and a half of a spoken-sounding tone as a WAV file: a voice note where there is no microphone. */
function hum() {
  const rate = 8000, count = rate * 1.5, view = new DataView(new ArrayBuffer(44 + count * 2));
  const word = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + count * 2, true); word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, rate * 2, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  word(36, "data"); view.setUint32(40, count * 2, true);
  for (let i = 0; i < count; i++) view.setInt16(44 + i * 2, 9000 * Math.sin(i / 8 + 3 * Math.sin(i / 900)) * Math.sin((Math.PI * i) / count), true);
  return view.buffer;
}

let recorder = null;

async function voiceNote() {
  if (recorder) return recorder.stop();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    // WhatsApp's own form where the browser can; otherwise what it has, under its true name.
    const wanted = "audio/ogg; codecs=opus", parts = [];
    recorder = new MediaRecorder(stream, MediaRecorder.isTypeSupported(wanted) ? { mimeType: wanted } : {});
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", async () => {
      const mimetype = recorder.mimeType;
      recorder = null;
      stream.getTracks().forEach((track) => track.stop());
      showRecording();
      send("", { data: encoded(await new Blob(parts).arrayBuffer()), mimetype, filename: "voice" });
    });
    recorder.start();
    showRecording();
  } catch {
    recorder = null;
    send("", { data: encoded(hum()), mimetype: "audio/wav", filename: "voice.wav" });
  }
}

function showRecording() {
  $("voice").classList.toggle("on", Boolean(recorder));
  $("voice").textContent = recorder ? "Recording: tap to send" : "A voice note";
  $("send").classList.toggle("on", Boolean(recorder));
}

function picture() {
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.width = 640; canvas.height = 400;
  const sky = pen.createLinearGradient(0, 0, 0, 400);
  sky.addColorStop(0, "#f0a860"); sky.addColorStop(0.6, "#f9e3bd"); sky.addColorStop(1, "#fbf3e2");
  pen.fillStyle = sky; pen.fillRect(0, 0, 640, 400);
  pen.fillStyle = "#fff3d6"; pen.beginPath(); pen.arc(450, 150, 54, 0, 7); pen.fill();
  for (const [colour, points] of [["#7aa793", [0, 300, 140, 190, 260, 270, 400, 170, 520, 250, 640, 200]], ["#35776a", [0, 340, 120, 280, 240, 330, 380, 250, 500, 320, 640, 270]], ["#0f5f50", [0, 380, 160, 330, 330, 370, 480, 320, 640, 360]]]) {
    pen.fillStyle = colour; pen.beginPath(); pen.moveTo(0, 400);
    for (let i = 0; i < points.length; i += 2) pen.lineTo(points[i], points[i + 1]);
    pen.lineTo(640, 400); pen.fill();
  }
  send("", { data: canvas.toDataURL("image/jpeg", 0.85).split(",")[1], mimetype: "image/jpeg", filename: "picture.jpg" });
}

// -- what the hand does

function showChat() { $("side").classList.remove("open"); $("text").focus(); }

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return voiceNote();
  $("text").value = "";
  $("text").dispatchEvent(new Event("input"));
  send(text);
});
$("text").addEventListener("input", () => {
  const ready = Boolean($("text").value.trim());
  $("send").classList.toggle("ready", ready);
  $("send").setAttribute("aria-label", ready ? "Send" : "Record a voice note");
});
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if ($("text").value.trim()) $("composer").requestSubmit();
});
$("attach").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  if (file) send("", { data: encoded(await file.arrayBuffer()), mimetype: file.type || "application/octet-stream", filename: file.name });
  $("file").value = "";
});
$("voice").addEventListener("click", () => { if (!recorder) showChat(); voiceNote(); });
$("sample").addEventListener("click", () => { showChat(); picture(); });
$("session").addEventListener("change", draw);
$("more").addEventListener("click", () => $("side").classList.add("open"));
$("back").addEventListener("click", showChat);
$("people").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step) { event.preventDefault(); choose(who + step); }
});
$("new-person").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("person-name").value.trim();
  if (!name) return;
  people.push({ name, chat: `55419${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}@c.us` });
  localStorage.setItem("people", JSON.stringify(people));
  $("person-name").value = "";
  choose(people.length - 1);
});
for (const button of document.querySelectorAll("[data-say]")) {
  button.addEventListener("click", () => { showChat(); button.dataset.say.split("|").forEach((text, i) => setTimeout(() => send(text), i * 700)); });
}
for (const button of document.querySelectorAll("[data-push]")) {
  button.addEventListener("click", () => { const seconds = Number(button.dataset.push); pushed = seconds ? pushed + seconds : 0; drawClock(); });
}

// A line that was cut is taken up again by the browser; what was missed meanwhile is in the history.
const stream = new EventSource("/_control/events");
stream.addEventListener("open", start);
stream.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
drawClock();
setInterval(drawClock, 5000);
