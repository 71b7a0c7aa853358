import { el, icon, inkOn, linked } from "./draw.js";
import css from "./widget.css";
import { words } from "./words.js";

const SMALL = matchMedia("(max-width: 480px)");
const LONGEST = 4000;
const LONGEST_VOICE = 300; // seconds
const VOICES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];

/** What the visitor sees. It knows messages and words; how they travel is the wire's business. */
export class Panel {
  constructor(host, look, { preview = false } = {}) {
    this.messages = new Map();
    this.preview = preview;
    this.host = host;
    host.toggleAttribute("data-preview", preview);
    this.root = host.attachShadow({ mode: "open" });
    dress(this.root);
    this.#build();
    this.dress(look);
    if (preview) this.open({ focus: false });
  }

  /** Take other settings: the language, the colour, the side. */
  dress(look) {
    this.words = words(look.language);
    this.greeting = look.greeting || this.words.greeting;
    this.title.textContent = look.title;
    this.host.style.setProperty("--accent", look.colour);
    this.host.style.setProperty("--ink", inkOn(look.colour));
    // Not "theme": some sites' own styles mean every element that has one.
    Object.assign(this.host.dataset, { shade: look.theme, side: look.position });
    Object.assign(this, { takesFiles: look.accepts_files, largest: look.largest });
    this.host.lang = this.words.code;
    this.#label();
    this.#tools();
    this.draw();
  }

  #build() {
    this.count = el("span", { class: "count", hidden: true });
    this.launcher = el("button", { class: "launch", type: "button", "aria-expanded": "false", "aria-controls": "chat", onclick: () => this.toggle() }, icon("chat"), icon("down"), this.count);
    this.title = el("h2", { id: "title" });
    this.who = el("p", { class: "who" });
    this.closer = el("button", { class: "x", type: "button", onclick: () => this.close() }, icon("close"));
    this.log = el("div", { class: "log", role: "log", tabindex: "0", "aria-live": "off" });
    this.busy = el("div", { class: "busy", role: "status" });
    this.news = el("p", { class: "news", role: "status" });
    this.input = el("textarea", { id: "text", rows: "1", maxlength: LONGEST, enterkeyhint: "send", oninput: () => this.#typed(), onkeydown: (event) => this.#enter(event), onpaste: (event) => this.#pasted(event) });
    this.label = el("label", { class: "sr", for: "text" });
    this.sender = el("button", { class: "send", type: "submit" }, icon("send"));
    this.picker = el("input", { type: "file", multiple: true, hidden: true, onchange: () => (this.#send(this.picker.files), (this.picker.value = "")) });
    this.attach = el("button", { class: "tool", type: "button", onclick: () => this.wire && this.picker.click() }, icon("file"));
    this.mic = el("button", { class: "tool", type: "button", onclick: () => this.wire && this.#record() }, icon("mic"));
    this.cancel = el("button", { class: "tool", type: "button", hidden: true, onclick: () => this.recorder.stop() }, icon("close"));
    this.clock = el("p", { class: "clock", role: "timer", hidden: true });
    this.form = el("form", { onsubmit: (event) => this.#submit(event) }, this.picker, this.attach, this.cancel, this.clock, this.label, this.input, this.mic, this.sender);
    this.foot = el("div", { class: "foot" });
    this.panel = el(
      "section",
      { id: "chat", class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true, onkeydown: (event) => this.#keys(event) },
      el("header", {}, el("div", {}, this.title, this.who), this.closer),
      this.log, this.busy, this.news, this.form, this.foot,
    );
    this.root.append(this.panel, this.launcher);
    SMALL.addEventListener("change", () => this.#fit());
    document.addEventListener("visibilitychange", () => this.#see());
    this.#fit();
  }

  #label() {
    const say = this.words;
    this.closer.setAttribute("aria-label", say.close);
    this.log.setAttribute("aria-label", say.log);
    this.label.textContent = say.label;
    this.input.placeholder = say.hint;
    this.sender.setAttribute("aria-label", say.send);
    this.attach.setAttribute("aria-label", say.attach);
    this.mic.setAttribute("aria-label", say.record);
    this.cancel.setAttribute("aria-label", say.cancel);
    this.#nameLauncher();
    this.by(this.handler);
    this.#footer();
  }

  // -- what is shown

  /** Take what the desk told: messages that are new or have changed, and who is at work. */
  state({ messages, thinking, by, earlier }) {
    const first = !this.began;
    messages.forEach((message) => this.messages.set(message.id, message));
    if (first || earlier === false) this.hasEarlier = this.hasEarlier && !first ? this.hasEarlier : earlier;
    this.began = true;
    this.by(by);
    this.think(thinking);
    this.draw();
  }

  by(handler = "agent") {
    this.handler = handler;
    this.who.textContent = { agent: this.words.assistant, queue: this.words.queue, person: this.words.person }[handler];
  }

  think(thinking) {
    if (thinking === !!this.busy.firstChild) return;
    const dots = () => el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
    this.busy.replaceChildren(...(thinking ? [dots(), el("span", { class: "sr" }, this.words.typing)] : []));
    this.#toEnd();
  }

  /** The state of the line: on, off, slow, gone. Until something is amiss, nothing is said. */
  line(word) {
    const text = { off: this.words.offline, slow: this.words.slow, gone: this.words.gone }[word] || "";
    if (this.news.textContent !== text) this.news.textContent = text;
    const gone = word === "gone";
    [this.input, this.sender, this.attach, this.mic].forEach((part) => (part.disabled = gone));
  }

  pending({ id, text, at, file }) {
    this.messages.set(id, { id, text, at, file: file && { name: file.name }, from: "visitor", status: "waiting" });
    this.draw();
    this.#footer();
    this.#toEnd(true);
  }

  failed(id) {
    const message = this.messages.get(id);
    if (message) this.messages.set(id, { ...message, status: "failed" });
    this.draw();
  }

  forgotten() {
    const waiting = [...this.messages.values()].filter(({ status }) => status === "waiting");
    this.messages = new Map(this.wire?.queue.length ? waiting.map((message) => [message.id, message]) : []);
    this.began = this.hasEarlier = false;
    this.think(false);
    this.by("agent");
    this.draw();
    this.#footer();
  }

  draw() {
    const near = this.#atEnd();
    const sorted = [...this.messages.values()].sort((one, other) => (one.status === "waiting") - (other.status === "waiting") || one.at - other.at);
    const old = new Map([...this.log.querySelectorAll("[data-id]")].map((node) => [node.dataset.id, node]));
    const greeting = el("div", { class: "from them hello" }, el("p", {}, ...linked(this.greeting, this.words.tab)));
    const nodes = sorted.map((message) => this.#keep(old.get(message.id), message));
    const more = this.hasEarlier ? el("button", { class: "more", type: "button", onclick: () => this.#earlier() }, this.words.earlier) : greeting;
    if (!this.log.firstChild || !this.log.firstChild.isEqualNode(more)) {
      this.log.firstChild && !this.log.firstChild.dataset.id && this.log.firstChild.remove();
      this.log.prepend(more);
    }
    old.forEach((node, id) => this.messages.has(id) || node.remove());
    nodes.forEach((node, number) => {
      const place = this.log.children[number + 1];
      if (place !== node) this.log.insertBefore(node, place || null);
    });
    if (near) this.#toEnd();
    this.#see();
  }

  /** The node that is there already, when nothing of its message has changed: a reader is not told twice. */
  #keep(node, message) {
    const said = JSON.stringify([message.text, message.source, message.file?.name, !!message.file?.url, message.gone, this.words.code]);
    const mark = JSON.stringify([said, message.status, message.name]);
    if (node?.mark === mark) return node;
    const mine = message.from === "visitor";
    const fresh = node || el("div", { "data-id": message.id });
    fresh.className = `from ${mine ? "me" : "them"}`;
    if (node?.said !== said) this.#write(fresh, message, mine);
    fresh.lastChild.replaceChildren(...this.#mark(message, mine));
    return Object.assign(fresh, { mark, said });
  }

  #write(node, message, mine) {
    const by = el("span", { class: "sr" }, `${mine ? this.words.you : message.name || this.words.them}: `);
    const text = message.gone ? [el("em", {}, this.words.removed)] : linked(message.text, this.words.tab);
    if (message.file) text.push(this.#file(message.file));
    const lines = [el("p", {}, by, ...text)];
    if (message.source) lines.push(el("p", { class: "source" }, message.source));
    node.replaceChildren(...lines, el("small"));
  }

  #file({ name, url }) {
    if (!url) return el("span", { class: "file" }, icon("file"), name);
    const tab = el("span", { class: "sr" }, ` ${this.words.tab}`);
    return el("a", { class: "file", href: this.base + url, target: "_blank", rel: "noopener" }, icon("file"), name || "…", tab);
  }

  #mark(message, mine) {
    const time = new Date(message.at).toLocaleTimeString(this.words.code, { hour: "2-digit", minute: "2-digit" });
    const name = !mine && message.from === "person" && message.name ? `${message.name} · ` : "";
    if (!mine) return [name + time];
    const known = this.words[message.status] ? message.status : "delivered";
    return [time, icon(known), el("span", { class: "sr" }, this.words[known])];
  }

  async #earlier() {
    const [oldest] = [...this.messages.values()].sort((one, other) => one.at - other.at);
    const from = this.log.scrollHeight - this.log.scrollTop;
    const told = await this.wire.earlier(oldest.id).catch(() => null);
    if (!told) return;
    told.messages.forEach((message) => this.messages.has(message.id) || this.messages.set(message.id, message));
    this.hasEarlier = told.earlier;
    this.draw();
    this.log.scrollTop = this.log.scrollHeight - from;
    this.log.focus();
  }

  #footer(asking = false) {
    const say = this.words;
    const button = (text, act) => el("button", { type: "button", onclick: act }, text);
    const began = this.messages.size > 0;
    const parts = asking
      ? [el("span", {}, say.sure), button(say.yes, () => this.wire.forget()), button(say.no, () => this.#footer())]
      : began
        ? [el("span", {}, say.kept), button(say.forget, () => this.wire && this.#footer(true))]
        : [el("span", {}, say.keep)];
    const had = this.foot.contains(this.root.activeElement);
    this.foot.replaceChildren(...parts);
    if (had) (this.foot.querySelector("button") || this.input).focus();
  }

  // -- opening and closing

  get isOpen() {
    return !this.panel.hidden;
  }

  toggle() {
    this.isOpen ? this.close() : this.open();
  }

  open({ focus = true } = {}) {
    this.panel.hidden = false;
    this.#fit();
    this.#footer();
    this.#toEnd(true);
    if (focus) this.input.focus();
    if (this.wire) this.wire.lively = true;
    // What stood there before it was opened is read by who wants to, not read out.
    setTimeout(() => this.log.setAttribute("aria-live", "polite"), 500);
    this.wire?.hurry();
    this.#see();
  }

  close() {
    if (this.preview) return;
    this.recorder?.stop();
    this.panel.hidden = true;
    if (this.wire) this.wire.lively = false;
    this.log.setAttribute("aria-live", "off");
    this.#fit();
    this.launcher.focus();
  }

  #fit() {
    const modal = SMALL.matches && this.isOpen && !this.preview;
    this.panel.toggleAttribute("aria-modal", modal);
    if (modal) this.panel.setAttribute("aria-modal", "true");
    this.launcher.setAttribute("aria-expanded", String(this.isOpen));
    this.host.toggleAttribute("data-open", this.isOpen);
    this.#nameLauncher();
  }

  #nameLauncher() {
    const { open, close, unread } = this.words || {};
    if (!open) return;
    const news = this.unread ? `, ${unread.replace("{n}", this.unread)}` : "";
    this.launcher.setAttribute("aria-label", this.isOpen ? close : open + news);
  }

  /** Say how far the visitor has seen, and count what waits. */
  #see() {
    const theirs = [...this.messages.values()].filter(({ from }) => from !== "visitor").sort((one, other) => one.at - other.at);
    const unread = theirs.filter(({ status }) => status !== "read").length;
    const looks = this.isOpen && !document.hidden;
    if (unread && this.wire) this.wire.seen(theirs.at(-1).id, looks);
    this.unread = looks ? 0 : unread;
    this.count.hidden = !this.unread;
    this.count.textContent = this.unread > 9 ? "9+" : this.unread;
    this.#nameLauncher();
  }

  #atEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
  }

  #toEnd(always = false) {
    if (always || this.#atEnd()) this.log.scrollTop = this.log.scrollHeight;
  }

  // -- writing

  #typed() {
    // The height follows the text. Through the object model, which a page's policy allows.
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 120)}px`;
    this.#tools();
    if (this.input.value.trim()) this.wire?.typing();
  }

  /** Words are sent; where none stand, a voice can be. While one is recorded, nothing else is there. */
  #tools() {
    const on = !!this.recorder;
    const voice = this.takesFiles && !on && !this.input.value.trim() && self.MediaRecorder && navigator.mediaDevices;
    this.attach.hidden = !this.takesFiles || on;
    this.cancel.hidden = this.clock.hidden = !on;
    this.input.hidden = on;
    this.mic.hidden = !voice;
    this.sender.hidden = !!voice;
  }

  #pasted(event) {
    if (!this.takesFiles || !event.clipboardData.files.length) return;
    event.preventDefault();
    this.#send(event.clipboardData.files);
  }

  #send(files) {
    for (const file of files) {
      const fits = file.size <= this.largest;
      this.news.textContent = fits ? "" : this.words.large.replace("{n}", Math.floor(this.largest / 2 ** 20));
      if (fits && file.size && this.wire) this.pending(this.wire.say(newId(), "", file));
    }
    this.input.focus();
  }

  async #record() {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
    if (!stream) return (this.news.textContent = this.words.nomic);
    const mimeType = VOICES.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = (this.recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32_000 }));
    const parts = [];
    const began = Date.now();
    const tick = () => {
      const seconds = Math.floor((Date.now() - began) / 1000);
      this.clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      this.wire.typing();
      if (seconds >= LONGEST_VOICE) this.#spoken();
    };
    const timer = setInterval(tick, 500);
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      this.recorder = null;
      this.#tools();
      this.input.focus();
      const ending = recorder.mimeType.split(/[/;]/)[1];
      if (recorder.wanted) this.#send([new File(parts, `voice.${ending}`, { type: recorder.mimeType })]);
    };
    recorder.start();
    tick();
    this.#tools();
    this.sender.focus();
  }

  #spoken() {
    this.recorder.wanted = true;
    this.recorder.stop();
  }

  #enter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  #submit(event) {
    event.preventDefault();
    if (this.recorder) return this.#spoken();
    const text = this.input.value.trim();
    if (!text || !this.wire) return;
    this.input.value = "";
    this.#typed();
    this.pending(this.wire.say(newId(), text));
    this.input.focus();
  }

  #keys(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab" && this.panel.hasAttribute("aria-modal")) this.#around(event);
  }

  /** On a phone the chat is the whole page: Tab stays in it. */
  #around(event) {
    const stops = [...this.panel.querySelectorAll("button, textarea, a, [tabindex='0']")].filter((node) => !node.disabled && !node.hidden);
    const [first, last] = [stops[0], stops.at(-1)];
    const now = this.root.activeElement;
    if (event.shiftKey ? now === first : now === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }
}

function dress(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(el("style", {}, css)); // older browsers, where the page's policy allows it
  }
}

function newId() {
  return self.crypto?.randomUUID?.() || [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
