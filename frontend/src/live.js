import { say, sentence } from "./toasts.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const TOGETHER = 200;
const CALM = 2_000;
const POLL = 10_000;
const TICK = 5_000;
const SILENCE = 45_000; // the server says every 20 s that it is there
const SLEPT = 30_000; // a clock that ticks so late was asleep, with the machine
const GREETING = 5_000;
const OVER = [4401, 4403]; // signed out, no seat any more
// Told under their own name only: nothing that a page shows of chats has changed by them.
const APART = /^(notice|presence|suggestion|team)\./;

/**
 * Hear what changes, by websocket. An event carries a name and ids, never content: the parts of the page
 * that listen (`hx-trigger="live:… from:body"`) fetch themselves.
 *
 * Nothing is missed: each event has the next number of its business, and the page carries the number that it
 * was made after (`data-seq`). Whenever the two do not fit (an event between the page and its line, a line that
 * was cut, a server or a laptop that slept), and whenever a part could not be fetched, `live:refresh` has every
 * part fetched again.
 */
export function live() {
  document.addEventListener("DOMContentLoaded", () => {
    if (document.body.dataset.live) new Line(document.body.dataset.live).open();
  });
}

/** Whether the page itself asked, because it heard something, and nobody waits for the answer. */
export function isBackground(detail) {
  return /^live:/.test(detail.requestConfig?.triggeringEvent?.type ?? "");
}

class Line {
  constructor(path) {
    this.url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    this.wait = FIRST_WAIT;
    this.seq = Number.parseInt(document.body.dataset.seq, 10); // NaN: not known, so everything is fetched
    this.due = new Set();
    this.ticked = Date.now();
    addEventListener("online", () => this.hurry());
    addEventListener("pageshow", (event) => event.persisted && this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    setInterval(() => this.show() === "off" && !this.isOver && !document.hidden && tell("refresh"), POLL);
    setInterval(() => this.tick(), TICK);
    for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"])
      document.addEventListener(name, (event) => this.failed(event.detail));
  }

  open() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url);
    const mine = (then) => (event) => socket === this.socket && then(event); // one that was given up says nothing
    this.socket = socket;
    this.heardAt = Date.now();
    socket.addEventListener("open", mine(() => this.opened()));
    socket.addEventListener("message", mine((event) => this.heard(event.data)));
    socket.addEventListener("close", mine((event) => this.closed(event.code)));
  }

  opened() {
    this.wait = FIRST_WAIT;
    this.show("on");
    clearTimeout(this.greeting);
    this.greeting = setTimeout(() => tell("refresh"), GREETING); // the server hears no events itself
  }

  closed(code) {
    clearTimeout(this.greeting);
    this.show("off");
    this.isOver = OVER.includes(code);
    if (this.isOver) return say(sentence("saySignedOut"), "error"); // what is typed stays where it is
    // Spread out, so that a restarted server is not met by every page at the same instant.
    this.timer = setTimeout(() => this.open(), this.wait * (0.5 + Math.random()));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  /** A line that is closed, or only looks open, is opened at once. */
  hurry() {
    const isClosed = this.socket.readyState === WebSocket.CLOSED;
    if (isClosed || Date.now() - this.heardAt > SILENCE) this.again();
  }

  again() {
    const old = this.socket;
    this.show("off");
    this.open();
    old.close();
  }

  tick() {
    const slept = Date.now() - this.ticked > SLEPT;
    this.ticked = Date.now();
    if (document.hidden || this.isOver) return; // whose clock a browser slows down; it is looked at when it is shown
    if (slept || (this.socket.readyState < 2 && Date.now() - this.heardAt > SILENCE)) this.again();
  }

  /** Several events in one breath become one fetch each. */
  heard(data) {
    const { event, seq, ...ids } = JSON.parse(data);
    this.heardAt = Date.now();
    if (event === "beat") return;
    if (event === "hello") return this.greeted(seq);
    if (event === "refresh") return tell("refresh");
    if (seq && !(seq <= this.seq + 1)) this.missed();
    if (seq) this.seq = Math.max(seq, this.seq || 0);
    this.take(event, ids);
  }

  /** Where the business stands: what was committed before is in what is fetched from now on. */
  greeted(seq) {
    clearTimeout(this.greeting);
    const isKnown = seq === this.seq || (seq && seq < this.seq);
    if (!isKnown) this.missed();
    this.seq = isKnown ? this.seq : seq;
  }

  missed() {
    tell("refresh");
  }

  take(event, ids) {
    const own = event.startsWith("conversation.") ? ids.id : undefined;
    const chat = ids.conversation ?? ids.conversation_id ?? own;
    const customer = event === "contact.changed" && `contact-${ids.id || "any"}`;
    const isTyping = event === "contact.typing";
    if (isTyping || event === "message.received") tell("typing", { chat: Number(chat), ended: !isTyping });
    if (isTyping) return; // nothing has changed in what the page shows
    if (event === "message.changed") tell("message", { id: ids.id });
    const names = APART.test(event) ? [event, chat && `${event}-${chat}`] : [event, "change", chat && `chat-${chat}`, customer];
    names.filter(Boolean).forEach((name) => this.due.add(name));
    this.soon ??= setTimeout(() => this.tellDue(), TOGETHER);
  }

  tellDue() {
    this.soon = undefined;
    const names = [...this.due];
    this.due.clear();
    names.forEach((name) => tell(name));
    if (names.includes("change")) this.calm();
  }

  /** For what is dear to fetch: at once, then at most every two seconds, and always after the last change. */
  calm() {
    if (this.calming) return (this.calmAgain = true);
    tell("calm");
    this.calming = setTimeout(() => {
      const isDue = this.calmAgain;
      this.calming = this.calmAgain = undefined;
      if (isDue) this.calm();
    }, CALM);
  }

  /** A part that could not be fetched shows what was: everything is fetched again, soon. */
  failed(detail) {
    const status = detail.xhr?.status ?? 0;
    if (!isBackground(detail) || (status && status < 500 && status !== 429)) return;
    this.seq = Number.NaN;
    clearTimeout(this.repair);
    this.repair = setTimeout(() => this.show() === "on" && tell("refresh"), 3_000);
  }

  show(state) {
    if (state) document.documentElement.dataset.line = state;
    return document.documentElement.dataset.line;
  }
}

function tell(name, detail) {
  document.body.dispatchEvent(new CustomEvent(`live:${name}`, { bubbles: true, detail }));
}
