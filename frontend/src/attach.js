import { sentence } from "./toasts.js";
import { reason, size } from "./dropzone.js";
import { newest } from "./thread.js";

/**
 * Files in the writing box: dropped, pasted or chosen; sent one after the other, in their order, each with its
 * progress. The words go with the first as its caption. What failed stays, with the reason, until it is sent or
 * taken out; each carries a key of its own, so that a second try never sends twice.
 */
export function attach() {
  return {
    over: false,
    files: [],
    busy: false,
    init() {
      this.$root.addEventListener("submit", (event) => {
        if (!this.busy && !this.next()) return; // what failed waits for its own button
        event.preventDefault();
        this.sendAll();
      });
      this.$root.addEventListener("recorder:spoken", ({ detail }) => {
        this.add([detail.file], { spoken: true });
        this.sendAll();
      });
    },
    enter(event) {
      this.over = [...(event.dataTransfer?.types ?? [])].includes("Files");
    },
    leave() {
      this.over = false;
    },
    drop(event) {
      this.over = false;
      this.add(event.dataTransfer.files);
    },
    picked(event) {
      this.add(event.target.files);
      event.target.value = "";
    },
    pasted(event) {
      const files = event.clipboardData?.files;
      if (!files?.length) return;
      event.preventDefault();
      this.add(files);
    },
    add(list, { spoken = false } = {}) {
      const largest = Number(this.$root.dataset.largest);
      for (const file of list) {
        const fits = file.size <= largest;
        this.files.push({ key: newKey(), file, name: file.name, size: size(file.size), sent: 0, waiting: fits, spoken,
          anyway: false, failed: !fits, fits, text: fits ? size(file.size) : this.$root.dataset.tooLarge });
      }
      this.mark();
      this.$root.querySelector("textarea").focus();
    },
    remove(row) {
      this.files = this.files.filter((other) => other.key !== row.key);
      this.mark();
    },
    again(row) {
      row.failed = false;
      row.anyway = row.isHeld;
      row.waiting = true;
      this.sendAll();
    },
    mark() {
      this.$root.toggleAttribute("data-has-files", this.files.length > 0);
    },
    async sendAll() {
      if (this.busy) return;
      this.busy = true;
      for (let row = this.next(); row; row = this.next()) await this.send(row);
      this.busy = false;
      this.mark();
    },
    next() {
      return this.files.find((row) => row.waiting);
    },
    send(row) {
      const form = this.$root;
      const box = form.querySelector("textarea");
      const caption = row.spoken ? "" : box.value.trim(); // a voice note has no words beside it
      const body = new FormData(form);
      body.delete("file");
      body.set("text", caption);
      body.set("key", row.key);
      body.set("seen", form.dataset.seen || String(newest()));
      if (row.spoken) body.set("spoken", "1");
      if (row.anyway) body.set("anyway", "1");
      body.append("file", row.file, row.name);
      row.waiting = false;
      row.sent = 0;
      row.text = sentence("saySending");
      return new Promise((done) => {
        const request = new XMLHttpRequest();
        request.open("POST", form.action);
        request.setRequestHeader("HX-Request", "true");
        request.upload.addEventListener("progress", (event) => {
          row.sent = Math.round((100 * event.loaded) / Math.max(event.total, 1));
        });
        request.addEventListener("loadend", () => done(this.ended(row, request, { box, caption })));
        request.send(body);
      });
    },
    ended(row, request, { box, caption }) {
      if (request.status >= 200 && request.status < 300) {
        this.remove(row);
        // What was typed while the file was on its way is the next message, not this caption.
        if (caption && box.value.trim() === caption) box.value = "";
        box.dispatchEvent(new Event("input", { bubbles: true }));
        document.dispatchEvent(new CustomEvent("composer:sent", { detail: { form: this.$root } }));
        document.body.dispatchEvent(new CustomEvent(`live:chat-${this.$root.dataset.chat}`, { bubbles: true }));
      } else {
        row.failed = true;
        row.isHeld = request.status === 409; // a colleague was quicker: the button sends it all the same
        row.text = reason(request);
      }
    },
  };
}

/** A key under which the server knows one wish to send; also where the page is not secure. */
export function newKey() {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(16).slice(2)}`;
}
