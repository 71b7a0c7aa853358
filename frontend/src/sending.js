import { newKey } from "./attach.js";
import { forget } from "./drafts.js";
import { keep, kept, tidy } from "./kept.js";
import { newest } from "./thread.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
const HOURS = 7 * 24;
const FRESH = 12 * 3_600_000; // what has waited for longer is not sent without being asked for again

/**
 * Words leave the box at once and stand in the thread as what they are: on their way, waiting for a connection,
 * refused, or held back because a colleague was quicker. Each carries a key, so that it is one message however
 * often it is sent; what has not arrived is kept in this browser, and goes on after a reload.
 */
export function sending() {
  document.addEventListener("DOMContentLoaded", () => {
    tidy("outbox:", HOURS);
    const form = document.querySelector("form[data-sends]");
    if (form) new Outbox(form).open();
  });
}

class Outbox {
  constructor(form) {
    this.form = form;
    this.shelf = document.getElementById("thread-sending");
    this.says = this.shelf.dataset;
    this.name = `outbox:${form.dataset.draft}`;
    this.rows = kept(this.name, HOURS) ?? [];
    this.wait = FIRST_WAIT;
  }

  open() {
    for (const row of this.rows) {
      // A page that was closed while this was on its way does not know whether it arrived: the key does.
      if (row.state === "sending") row.state = "waiting";
      if (row.state === "waiting" && Date.now() - row.at > FRESH) row.state = "stopped";
      this.draw(row);
    }
    this.form.addEventListener("submit", (event) => this.submitted(event));
    this.shelf.addEventListener("click", (event) => this.pressed(event));
    addEventListener("online", () => this.run());
    addEventListener("beforeunload", () => (this.isLeaving = true));
    this.run();
  }

  submitted(event) {
    if (event.defaultPrevented) return; // files go their own way
    event.preventDefault();
    const box = this.form.querySelector("textarea");
    const text = box.value.trim();
    if (!text) return;
    const given = new FormData(this.form);
    const row = { key: newKey(), text, at: Date.now(), state: "sending", reason: "", anyway: false,
      replyTo: given.get("reply_to") || "", canned: given.get("canned") || "", seen: this.seen() };
    this.rows.push(row);
    this.emptied(box);
    this.draw(row);
    this.run();
  }

  /** The last message that the writer had seen when they began. */
  seen() {
    return this.form.dataset.seen || String(newest());
  }

  emptied(box) {
    box.value = "";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    forget(this.form);
    delete this.form.dataset.seen;
    document.dispatchEvent(new CustomEvent("composer:sent", { detail: { form: this.form } }));
    box.focus();
  }

  /** One after the other, in their order; one that must wait for a connection holds those behind it. */
  async run() {
    if (this.isBusy) return;
    this.isBusy = true;
    clearTimeout(this.timer);
    for (let row = this.next(); row; row = this.next()) if (!(await this.send(row))) break;
    this.isBusy = false;
  }

  next() {
    return this.rows.find((row) => row.state === "sending" || row.state === "waiting");
  }

  async send(row) {
    this.turn(row, "sending");
    const body = new FormData();
    const token = this.form.querySelector("[name=csrfmiddlewaretoken]").value;
    const since = document.getElementById("thread").dataset.since ?? "";
    const said = { csrfmiddlewaretoken: token, text: row.text, key: row.key, reply_to: row.replyTo,
      canned: row.canned, seen: row.seen, since, ...(row.anyway && { anyway: "1" }) };
    for (const [name, value] of Object.entries(said)) body.set(name, value);
    document.body.dataset.busySending = ""; // the answer brings the thread: nobody fetches it meanwhile
    try {
      const answer = await fetch(this.form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
      return this.answered(row, answer, await answer.text());
    } catch {
      if (!this.isLeaving) this.later(row);
      return false;
    } finally {
      delete document.body.dataset.busySending;
      document.dispatchEvent(new Event("sending:idle"));
    }
  }

  answered(row, answer, text) {
    if (answer.status >= 500 || answer.status === 429) return this.later(row);
    this.wait = FIRST_WAIT;
    if (answer.ok) {
      this.drop(row);
      document.dispatchEvent(new CustomEvent("thread:exchange", { detail: { html: text } }));
      return true;
    }
    const plain = (answer.headers.get("Content-Type") || "").startsWith("text/plain");
    row.reason = plain ? text.slice(0, 600) : document.body.dataset[answer.status === 403 ? "sayForbidden" : "sayError"];
    this.turn(row, answer.status === 409 ? "held" : "failed");
    if (answer.status === 409) document.body.dispatchEvent(new CustomEvent(`live:chat-${this.form.dataset.chat}`));
    return true;
  }

  later(row) {
    this.turn(row, "waiting");
    this.timer = setTimeout(() => this.run(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    return false;
  }

  async pressed(event) {
    const name = event.target.closest("[data-do]")?.dataset.do;
    const row = this.rows.find((one) => one.key === event.target.closest("[data-sending]")?.dataset.sending);
    if (!name || !row) return;
    if (name === "again" || name === "anyway") {
      row.anyway ||= name === "anyway";
      this.turn(row, "waiting");
      this.run();
    } else if (await this.isOurs(row)) {
      this.drop(row);
      if (name === "edit") this.giveBack(row);
    }
  }

  /** Whether it may be taken back into the box: not when it has arrived, and not while nobody knows. */
  async isOurs(row) {
    if (row.state === "held" || row.state === "failed") return true;
    try {
      const answer = await fetch(`${this.form.dataset.sent}?key=${encodeURIComponent(row.key)}`);
      const { sent } = await answer.json();
      if (sent) this.run();
      return !sent;
    } catch {
      row.reason = this.says.sayUnknown;
      this.turn(row, row.state);
      return false;
    }
  }

  giveBack(row) {
    const box = this.form.querySelector("textarea");
    box.value = [row.text, box.value].filter(Boolean).join("\n");
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  }

  turn(row, state) {
    row.state = state;
    if (state !== "held" && state !== "failed" && state !== "waiting") row.reason = "";
    this.draw(row);
  }

  drop(row) {
    this.rows = this.rows.filter((one) => one !== row);
    this.bubble(row)?.remove();
    this.save();
  }

  save() {
    keep(this.name, this.rows.length ? this.rows : undefined);
  }

  bubble(row) {
    return this.shelf.querySelector(`[data-sending="${row.key}"]`);
  }

  draw(row) {
    let bubble = this.bubble(row);
    if (!bubble) {
      bubble = this.form.querySelector("template[data-mould]").content.firstElementChild.cloneNode(true);
      bubble.dataset.sending = row.key;
      bubble.querySelector("[data-text]").textContent = row.text;
      this.shelf.append(bubble);
      const pane = this.shelf.closest("[data-stick]");
      pane.querySelector("[data-empty]")?.remove();
      pane.scrollTop = pane.scrollHeight;
    }
    const isStuck = row.state !== "sending" && row.state !== "waiting";
    bubble.classList.toggle("is-stuck", isStuck);
    bubble.querySelector("[data-state]").textContent = this.says[`say${row.state[0].toUpperCase()}${row.state.slice(1)}`];
    bubble.querySelector("[data-reason]").textContent = row.reason;
    bubble.querySelector("[data-do=again]").hidden = !["failed", "stopped", "waiting"].includes(row.state);
    bubble.querySelector("[data-do=anyway]").hidden = row.state !== "held";
    bubble.querySelector("[data-do=edit]").hidden = row.state === "sending";
    bubble.querySelector("[data-do=discard]").hidden = row.state === "sending";
    this.save();
  }
}
