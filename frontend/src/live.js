const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const TOGETHER = 200;
const POLL = 10_000;

/**
 * Hear what changes, by websocket. An event carries a name and ids, never content: the parts of the page
 * that listen (`hx-trigger="live:… from:body"`) fetch themselves. After a gap everything is fetched again.
 */
export function live() {
  document.addEventListener("DOMContentLoaded", () => {
    if (document.body.dataset.live) new Line(document.body.dataset.live).open();
  });
}

class Line {
  constructor(path) {
    this.url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
    this.wait = FIRST_WAIT;
    this.missed = false;
    this.due = new Set();
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    setInterval(() => this.show() === "off" && !document.hidden && tell("refresh"), POLL);
  }

  open() {
    clearTimeout(this.timer);
    this.socket = new WebSocket(this.url);
    this.socket.addEventListener("open", () => this.opened());
    this.socket.addEventListener("message", (event) => this.heard(event.data));
    this.socket.addEventListener("close", () => this.closed());
  }

  opened() {
    this.wait = FIRST_WAIT;
    this.show("on");
    if (this.missed) tell("refresh");
    this.missed = false;
  }

  closed() {
    this.missed = true;
    this.show("off");
    // Spread out, so that a restarted server is not met by every page at the same instant.
    this.timer = setTimeout(() => this.open(), this.wait * (0.5 + Math.random()));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  hurry() {
    if (this.socket.readyState === WebSocket.CLOSED) this.open();
  }

  /** Several events in one breath become one fetch each. */
  heard(data) {
    const { event, ...ids } = JSON.parse(data);
    const chat = ids.conversation ?? ids.conversation_id;
    const isTyping = event === "contact.typing";
    if (isTyping || event === "message.received") tell("typing", { chat: Number(chat), ended: !isTyping });
    if (isTyping) return; // nothing has changed in what the page shows
    [event, "change", chat && `chat-${chat}`].filter(Boolean).forEach((name) => this.due.add(name));
    this.soon ??= setTimeout(() => this.tellDue(), TOGETHER);
  }

  tellDue() {
    this.soon = undefined;
    const names = [...this.due];
    this.due.clear();
    names.forEach((name) => tell(name));
  }

  show(state) {
    if (state) document.documentElement.dataset.line = state;
    return document.documentElement.dataset.line;
  }
}

function tell(name, detail) {
  document.body.dispatchEvent(new CustomEvent(`live:${name}`, { bubbles: true, detail }));
}
