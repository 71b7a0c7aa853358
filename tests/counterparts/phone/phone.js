"use strict";
const $ = (id) => document.getElementById(id);
const people = JSON.parse(localStorage.getItem("people") || "null") || [
  { name: "Ana Souza", chat: "5541998761234@c.us" }, { name: "João Lima", chat: "5541991112233@c.us" }, { name: "Claire Martin", chat: "33612345678@c.us" }];
const said = new Map(); // chat -> messages
const ticks = new Map(); // unique -> level
let who = Math.min(Number(localStorage.getItem("who") || 0), people.length - 1);
let pushed = 0, typing = new Set();

const now = () => Date.now() / 1000 + pushed;
const me = () => people[who];
const initials = (name) => name.split(" ").map((word) => word[0]).slice(0, 2).join("").toUpperCase();
const hour = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

async function control(method, path, body) {
  const answer = await fetch(`/_control/${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
  return answer.json();
}

async function sessions() {
  const found = await control("GET", "sessions");
  const select = $("session");
  select.replaceChildren(...found.map((one) => new Option(one.name, one.name)));
  select.hidden = found.length < 2;
  $("business").textContent = found.length ? (found[0].name === "demo" ? "Clínica Aurora" : found[0].name) : "No number is paired";
  $("business-face").textContent = initials($("business").textContent);
  if (!found.length) $("state").textContent = "start Frontdesk with the demo business";
}

function remember(chat, message) {
  if (!said.has(chat)) said.set(chat, []);
  const list = said.get(chat);
  if (list.some((other) => other.unique === message.unique)) return;
  list.push(message);
  if (chat === me().chat) draw();
}

async function send(text, media) {
  const session = $("session").value;
  if (!session || (!text && !media)) return;
  const unique = "3A" + crypto.getRandomValues(new Uint32Array(3)).reduce((all, n) => all + n.toString(16).padStart(8, "0"), "").toUpperCase().slice(0, 18);
  remember(me().chat, { mine: true, text, media, unique, at: now() });
  await control("POST", "messages", { session, chat: me().chat, name: me().name, text, unique, at: now(), media: media && { data: media.data, mimetype: media.mimetype, filename: media.filename } });
  if (!ticks.has(unique)) ticks.set(unique, 1);
  draw();
}

function draw() {
  const list = said.get(me().chat) || [];
  const thread = $("thread");
  thread.replaceChildren();
  let day = "";
  for (const message of list) {
    const its = new Date(message.at * 1000).toDateString();
    if (its !== day) thread.append(piece("li", "day", new Date(message.at * 1000).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" })));
    day = its;
    thread.append(bubble(message));
  }
  if (!list.length) thread.append(piece("li", "empty", `Write to ${$("business").textContent} as ${me().name}. The answer comes back here.`));
  if (typing.has(me().chat)) { const dots = piece("li", "typing"); dots.append(piece("i"), piece("i"), piece("i")); thread.append(dots); }
  $("state").textContent = typing.has(me().chat) ? "typing…" : "online";
  thread.scrollTop = thread.scrollHeight;
}

function piece(tag, name = "", text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function bubble(message) {
  const made = piece("li", `bubble ${message.mine ? "mine" : "theirs"}`);
  if (message.media) made.append(shown(message.media));
  // WhatsApp's own marks: *bold* and _italic_; as text nodes, never as HTML.
  for (const part of (message.text || "").split(/(\*[^*\n]+\*|_[^_\n]+_)/)) {
    const marked = /^([*_]).+\1$/.exec(part);
    made.append(marked ? piece(marked[1] === "*" ? "b" : "i", "", part.slice(1, -1)) : part);
  }
  const meta = piece("span", "meta", hour(message.at));
  if (message.mine) {
    const level = ticks.get(message.unique) || 0;
    const tick = piece("span", `ticks${level >= 3 ? " read" : ""}`, level >= 2 ? "✓✓" : "✓");
    tick.setAttribute("aria-label", level >= 3 ? "read" : level >= 2 ? "delivered" : "sent");
    tick.setAttribute("role", "img");
    meta.append(tick);
  }
  made.append(meta);
  return made;
}

function shown(media) {
  const source = `data:${media.mimetype};base64,${media.data}`;
  const kind = media.mimetype.split("/")[0];
  const made = piece(kind === "image" ? "img" : kind === "audio" ? "audio" : "span", "", kind === "image" || kind === "audio" ? "" : `📄 ${media.filename}`);
  if (kind === "image") { made.src = source; made.alt = "Picture"; }
  if (kind === "audio") { made.src = source; made.controls = true; }
  return made;
}

function drawPeople() {
  $("people").replaceChildren(...people.map((person, index) => {
    const button = piece("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(index === who));
    const label = piece("span", "", person.name);
    label.append(piece("small", "", `+${person.chat.split("@")[0]}`));
    button.append(piece("span", "face", initials(person.name)), label);
    button.addEventListener("click", () => { who = index; localStorage.setItem("who", index); drawPeople(); draw(); });
    return button;
  }));
}

function encoded(buffer) {
  let text = "";
  for (const byte of new Uint8Array(buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

/** A second of a spoken-sounding tone, as a WAV file: enough to be a voice note where there is no microphone. */
function beep() {
  const rate = 8000, count = rate, view = new DataView(new ArrayBuffer(44 + count * 2));
  const word = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 36 + count * 2, true); word(8, "WAVEfmt "); view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, rate * 2, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true); word(36, "data"); view.setUint32(40, count * 2, true);
  for (let i = 0; i < count; i++) view.setInt16(44 + i * 2, 9000 * Math.sin(i / 8 + 3 * Math.sin(i / 900)) * Math.sin((Math.PI * i) / count), true);
  return view.buffer;
}

async function voiceNote() {
  const button = $("voice");
  if (button.dataset.recorder) return;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const recorder = new MediaRecorder(stream), parts = [];
    button.dataset.recorder = "on"; button.textContent = "Recording… 4 s";
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", async () => {
      stream.getTracks().forEach((track) => track.stop());
      delete button.dataset.recorder; button.textContent = "Voice note";
      send("", { data: encoded(await new Blob(parts).arrayBuffer()), mimetype: "audio/ogg; codecs=opus", filename: "voice.ogg" });
    });
    recorder.start(); setTimeout(() => recorder.stop(), 4000);
  } catch { send("", { data: encoded(beep()), mimetype: "audio/wav", filename: "voice.wav" }); }
}

function picture() {
  const canvas = document.createElement("canvas"); canvas.width = 480; canvas.height = 300;
  const pen = canvas.getContext("2d"), sky = pen.createLinearGradient(0, 0, 0, 300);
  sky.addColorStop(0, "#f6c98a"); sky.addColorStop(1, "#f7efe0"); pen.fillStyle = sky; pen.fillRect(0, 0, 480, 300);
  pen.fillStyle = "#e8843c"; pen.beginPath(); pen.arc(360, 110, 42, 0, 7); pen.fill();
  pen.fillStyle = "#0f6a5b"; pen.beginPath(); pen.moveTo(0, 300); pen.lineTo(150, 130); pen.lineTo(260, 250); pen.lineTo(340, 190); pen.lineTo(480, 300); pen.fill();
  send("", { data: canvas.toDataURL("image/jpeg", 0.85).split(",")[1], mimetype: "image/jpeg", filename: "picture.jpg" });
}

function clock() {
  const at = new Date(now() * 1000);
  $("status-time").textContent = hour(now());
  $("clock-text").textContent = at.toLocaleString([], { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }) + (pushed ? " (pushed)" : "");
}

$("composer").addEventListener("submit", (event) => { event.preventDefault(); const text = $("text").value.trim(); $("text").value = ""; send(text); });
$("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("composer").requestSubmit(); } });
$("attach").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", async () => { const [file] = $("file").files; if (file) send("", { data: encoded(await file.arrayBuffer()), mimetype: file.type || "application/octet-stream", filename: file.name }); $("file").value = ""; });
$("voice").addEventListener("click", voiceNote);
$("sample").addEventListener("click", picture);
$("new-person").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("person-name").value.trim();
  if (!name) return;
  people.push({ name, chat: `55419${String(Math.floor(Math.random() * 1e8)).padStart(8, "0")}@c.us` });
  localStorage.setItem("people", JSON.stringify(people));
  who = people.length - 1; $("person-name").value = ""; drawPeople(); draw();
});
document.querySelectorAll("[data-say]").forEach((button) => button.addEventListener("click", () => send(button.dataset.say)));
document.querySelectorAll("[data-burst]").forEach((button) => button.addEventListener("click", () => button.dataset.burst.split("|").forEach((text, i) => setTimeout(() => send(text), i * 700))));
document.querySelectorAll("[data-push]").forEach((button) => button.addEventListener("click", () => { pushed = Number(button.dataset.push) ? pushed + Number(button.dataset.push) : 0; clock(); }));

const line = new EventSource("/_control/events");
line.addEventListener("message", ({ data }) => {
  const event = JSON.parse(data);
  if (event.type === "startTyping") typing.add(event.chat);
  if (event.type === "stopTyping") typing.delete(event.chat);
  if (event.type === "sendSeen") (said.get(event.chat) || []).filter((m) => m.mine).forEach((m) => ticks.set(m.unique, 3));
  if (event.type === "ack") ticks.set(event.unique, Math.max(ticks.get(event.unique) || 0, event.ack));
  if (event.type === "sessions") sessions();
  if (event.type === "message") {
    if (event.direction === "in") { typing.delete(event.chat); remember(event.chat, { mine: false, text: event.text, unique: event.unique, at: event.at + pushed }); }
    else remember(event.chat, { mine: true, text: event.text, unique: event.unique, at: event.at });
  }
  draw();
});
sessions().then(draw);
drawPeople(); clock(); setInterval(clock, 5000);
