const FIRST_WAIT = 600;
const LONGEST_WAIT = 30_000;
const PING = 25_000;
const PATIENCE = 10_000;
const SOCKET_TRIES = 2;
const SOCKET_AGAIN = 60_000;
const TYPING_PAUSE = 3_000;
const ENOUGH = new Set([4403, 4404]);
const HOPELESS = new Set(["too_long", "bad_request", "no_files"]);

/**
 * The line to the desk: a websocket, or polling where sockets are barred. What the visitor says waits in a
 * queue with an id of its own until the desk has said that it has it; the desk takes each id once.
 *
 * Calls `page.state(told)`, `page.line(word)` (on, off, slow, gone), `page.failed(id)`, `page.forgotten()`.
 */
export class Wire {
  constructor(base, channel, store, page) {
    this.http = `${base}/chat/${channel}`;
    this.ws = `${base.replace(/^http/, "ws")}/ws/chat/${channel}`;
    Object.assign(this, { store, page, wait: FIRST_WAIT, tries: 0, version: "", lively: false, thinking: false });
    this.queue = store
      .names()
      .filter((name) => name.startsWith("q:"))
      .map((name) => JSON.parse(store.get(name)))
      .sort((one, other) => one.at - other.at);
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.#line("off"));
    addEventListener("pageshow", (event) => event.persisted && this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    store.watch((name) => this.#elsewhere(name));
  }

  get token() {
    return this.store.get("token");
  }

  /** Go on with a conversation that this browser remembers; without one nothing is asked. */
  start() {
    if (this.token || this.queue.length) this.#connect();
  }

  /** A file waits in this page only; words wait in the browser until the desk has them. */
  say(id, text, file) {
    const message = { id, text, file, at: Date.now() };
    this.queue.push(message);
    if (!file) this.store.set(`q:${id}`, JSON.stringify(message));
    if (this.up) this.#flush();
    else if (!this.busy) this.#connect();
    return message;
  }

  typing() {
    if (!this.up || Date.now() - (this.typedAt || 0) < TYPING_PAUSE) return;
    this.typedAt = Date.now();
    this.#note("typing", {});
  }

  seen(upto, read) {
    const mark = `${upto}:${read}`;
    if (!this.up || this.seenMark === mark || this.seenMark === `${upto}:true`) return;
    this.seenMark = mark;
    this.#note("seen", { upto, read });
  }

  async earlier(before) {
    return this.#ask("GET", `/messages?before=${encodeURIComponent(before)}`);
  }

  /** Start anew, as somebody whom nobody knows. */
  forget() {
    this.store.clear();
    this.#drop();
    this.page.forgotten();
  }

  hurry() {
    if (this.stopped || !(this.token || this.queue.length)) return;
    if (this.polling) this.#pollSoon(0);
    else if (!this.socket || this.socket.readyState > 1) this.#connect();
    else if (this.up) this.#send({ type: "sync" });
  }

  // -- connecting

  async #connect() {
    if (this.busy || this.stopped) return;
    clearTimeout(this.timer);
    this.busy = true;
    try {
      if (!this.token) this.store.set("token", (await this.#ask("POST", "/visitor")).token);
    } catch (error) {
      this.busy = false;
      return this.#trouble(error);
    }
    if (this.tries >= SOCKET_TRIES || !self.WebSocket) return this.#startPolling();
    this.#open();
  }

  #open() {
    let socket;
    try {
      socket = this.socket = new WebSocket(this.ws);
    } catch {
      this.tries = SOCKET_TRIES; // the page's own policy forbids sockets
      return this.#startPolling();
    }
    const impatience = setTimeout(() => socket.close(), PATIENCE);
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token: this.token }));
    socket.onmessage = ({ data }) => {
      clearTimeout(impatience);
      clearTimeout(this.silence);
      if (socket === this.socket) this.#heard(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      clearTimeout(impatience);
      if (socket === this.socket) this.#closed(code);
    };
  }

  #heard({ type, ...said }) {
    if (type === "welcome") this.#welcomed(said);
    else if (type === "state") this.#told(said);
    else if (type === "said") this.#done(said.id);
    else if (type === "refused") this.#refused(said);
  }

  #welcomed({ token }) {
    if (token) this.store.set("token", token);
    Object.assign(this, { busy: false, up: true, wait: FIRST_WAIT, tries: 0, sending: "" });
    this.#line("on");
    this.pinger = setInterval(() => this.#ping(), PING);
    this.#flush();
  }

  #ping() {
    this.#send({ type: "ping" });
    // A line can be dead without anybody saying so.
    this.silence = setTimeout(() => this.socket.close(), PATIENCE);
  }

  #closed(code) {
    const welcomed = this.up;
    this.#down();
    if (ENOUGH.has(code)) return this.#stop(code === 4403 ? "origin" : "unknown");
    if (code === 4401) return this.#unknownToken();
    if (!welcomed && code !== 4429 && code !== 1013) this.tries += 1;
    this.#line(code === 4429 ? "slow" : "off");
    this.#again(code === 4429 ? SOCKET_AGAIN / 2 : 0);
  }

  #down() {
    clearInterval(this.pinger);
    clearTimeout(this.silence);
    Object.assign(this, { up: false, busy: false, socket: null, sending: "" });
  }

  #again(atLeast = 0) {
    clearTimeout(this.timer);
    // Spread out, so that a restarted server is not met by every page at the same instant.
    this.timer = setTimeout(() => this.#connect(), Math.max(atLeast, this.wait) * (0.6 + Math.random() * 0.8));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /** The token is forged or spent: a new conversation, with what was not sent yet. */
  #unknownToken() {
    this.store.remove("token");
    this.polling = false;
    this.page.forgotten();
    if (this.queue.length) this.#again();
  }

  #trouble(error) {
    if (error.word === "origin" || error.word === "unknown") return this.#stop(error.word);
    if (error.word === "token") return this.#unknownToken();
    this.#line(error.word === "slow_down" ? "slow" : "off");
    this.#again((error.wait || 0) * 1000);
  }

  #stop(word) {
    this.stopped = true;
    this.polling = false;
    explain(word);
    this.#line("gone");
  }

  #drop() {
    const socket = this.socket;
    this.#down();
    socket?.close();
    clearTimeout(this.timer);
    Object.assign(this, { queue: [], version: "", polling: false, seenMark: "" });
  }

  // -- saying

  async #flush() {
    const [next] = this.queue;
    if (!next || this.sending || !this.up) return;
    this.sending = next.id;
    if (!this.polling && !next.file) return this.#send({ type: "say", id: next.id, text: next.text });
    try {
      const query = next.file && new URLSearchParams({ id: next.id, name: next.file.name });
      if (query) await this.#ask("POST", `/files?${query}`, next.file);
      else await this.#ask("POST", "/messages", { id: next.id, text: next.text });
      this.#done(next.id);
      if (this.polling) this.#pollSoon(0);
      else this.#send({ type: "sync" });
    } catch (error) {
      this.#refused({ id: next.id, error: error.word, wait: error.wait });
    }
  }

  #done(id) {
    this.queue = this.queue.filter((message) => message.id !== id);
    this.store.remove(`q:${id}`);
    this.store.set("poke", id); // other tabs look
    if (this.sending === id) this.sending = "";
    this.#flush();
  }

  #refused({ id, error, wait }) {
    this.sending = "";
    if (HOPELESS.has(error)) {
      this.page.failed(id);
      return this.#done(id);
    }
    if (error === "token") return this.#unknownToken();
    this.#line(error === "slow_down" ? "slow" : "off");
    setTimeout(() => (this.up && this.#line("on"), this.#flush()), (wait || 5) * 1000);
  }

  #note(type, content) {
    if (!this.polling) return this.#send({ type, ...content });
    this.#ask("POST", `/${type}`, content).catch(() => {}); // manners: the chat goes on without them
  }

  #send(content) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(content));
  }

  // -- hearing

  #told(told) {
    this.thinking = told.thinking;
    // What the desk shows us it has, wherever it was said: no answer to our saying it is needed.
    const has = new Set(told.messages.map((message) => message.id));
    this.queue.filter(({ id }) => has.has(id)).forEach(({ id }) => this.#done(id));
    this.page.state(told);
  }

  #elsewhere(name) {
    if (name === "token" && !this.token) {
      this.#drop();
      this.page.forgotten();
    } else if (name === "token" || name === "poke") this.hurry();
  }

  // -- polling

  #startPolling() {
    Object.assign(this, { polling: true, busy: false, sending: "" });
    clearTimeout(this.socketAgain);
    this.socketAgain = setTimeout(() => this.#leavePolling(), SOCKET_AGAIN);
    this.#poll();
  }

  #leavePolling() {
    Object.assign(this, { polling: false, up: false, tries: SOCKET_TRIES - 1 });
    clearTimeout(this.timer);
    this.#connect();
  }

  #pollSoon(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#poll(), wait);
  }

  async #poll() {
    try {
      const { token, ...told } = await this.#ask("GET", `/messages?known=${this.version}`);
      if (!this.polling) return;
      if (token) this.store.set("token", token);
      Object.assign(this, { up: true, wait: FIRST_WAIT, version: told.version });
      this.#line("on");
      if (told.messages) this.#told(told);
    } catch (error) {
      if (!this.polling) return;
      this.up = false;
      return this.#trouble(error);
    }
    this.#flush();
    const calm = document.hidden ? 30_000 : this.lively ? 4_000 : 15_000;
    this.#pollSoon(this.thinking ? 1_200 : calm);
  }

  async #ask(method, path, content) {
    const headers = this.token ? { Authorization: `Bearer ${this.token}` } : {};
    const isFile = content instanceof Blob;
    if (content) headers["Content-Type"] = isFile ? content.type || "application/octet-stream" : "application/json";
    const body = isFile ? content : content && JSON.stringify(content);
    return ask(this.http + path, { method, headers, body });
  }

  #line(word) {
    this.page.line(word);
  }
}

/** JSON from the desk; a refusal is thrown with its `word` and, when waiting helps, its `wait` in seconds. */
export async function ask(url, options = {}) {
  const answer = await fetch(url, { ...options, credentials: "omit", referrerPolicy: "no-referrer" });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(content.error || answer.status), { word: content.error, wait: content.wait });
  return content;
}

/** Tell whoever built the page, in its console, what to do. */
export function explain(word) {
  const why = {
    origin: `this site (${location.origin}) is not among the domains of this chat. Add it in Frontdesk: Account, Channels.`,
    unknown: "no web chat has this data-channel, or it is switched off.",
  }[word];
  console.warn(`Frontdesk chat: ${why || "cannot be reached."}`);
}
