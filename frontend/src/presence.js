const REPEAT = 20_000;
const FADES = 7_000; // so long "is writing" is believed without being said again

/** Colleagues see that this chat is open here, and this page shows who else has it open and writes. */
export function presence() {
  document.addEventListener("DOMContentLoaded", () => {
    const bar = document.querySelector("[data-presence]");
    if (bar) new Presence(bar).begin();
  });
}

class Presence {
  constructor(bar) {
    this.bar = bar;
  }

  begin() {
    this.say();
    setInterval(() => document.hidden || this.say(), REPEAT);
    document.addEventListener("visibilitychange", () => (document.hidden ? this.leave() : this.say()));
    addEventListener("pagehide", () => this.leave());
    document.addEventListener(`live:presence.changed-${this.bar.dataset.presence}`, () => this.look());
    document.addEventListener("live:refresh", () => this.look());
  }

  /** I am here; the answer is who else is. Who only reads, looks. */
  say() {
    if (!this.bar.dataset.here) return this.look();
    return this.ask("POST", this.bar.dataset.here);
  }

  look() {
    if (!document.hidden) this.ask("GET", this.bar.dataset.look);
  }

  async ask(method, path) {
    try {
      const answer = await fetch(path, { method, headers: { "X-CSRFToken": token() } });
      if (!answer.ok) return;
      this.bar.innerHTML = await answer.text();
      this.fade();
    } catch {
      // No connection: who is here is not known, and the line says so.
    }
  }

  fade() {
    clearTimeout(this.timer);
    if (this.bar.querySelector("[data-writes]")) this.timer = setTimeout(() => this.look(), FADES);
  }

  leave() {
    if (!this.bar.dataset.here) return;
    const body = new FormData();
    body.set("csrfmiddlewaretoken", token());
    body.set("left", "1");
    navigator.sendBeacon(this.bar.dataset.here, body);
  }
}

function token() {
  return document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}
