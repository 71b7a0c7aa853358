import { sentence } from "./toasts.js";

const AT_ONCE = 2;

/** Several files at once, each with its own progress and a state in words; without script it is a plain form. */
export function dropzone() {
  return {
    over: false,
    files: [],
    busy: 0,
    enter() {
      this.over = true;
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
    add(list) {
      for (const file of list) {
        this.files.push({ id: crypto.randomUUID?.() ?? Math.random(), name: file.name, size: size(file.size), sent: 0,
          state: "waiting", text: sentence("sayWaiting"), failed: false, done: false });
        this.queue ??= [];
        this.queue.push({ row: this.files[this.files.length - 1], file });
      }
      this.next();
    },
    next() {
      while (this.busy < AT_ONCE && this.queue?.length) {
        this.busy += 1;
        this.send(this.queue.shift());
      }
    },
    send({ row, file }) {
      const form = this.$root;
      const body = new FormData();
      body.append(form.dataset.field, file);
      const request = new XMLHttpRequest();
      request.open("POST", form.action);
      request.setRequestHeader("X-CSRFToken", form.querySelector("[name=csrfmiddlewaretoken]").value);
      request.setRequestHeader("HX-Request", "true");
      request.upload.addEventListener("progress", (event) => {
        row.sent = Math.round((100 * event.loaded) / Math.max(event.total, 1));
        row.text = sentence("saySending");
      });
      request.addEventListener("loadend", () => this.ended(row, request));
      request.send(body);
    },
    ended(row, request) {
      this.busy -= 1;
      row.done = request.status >= 200 && request.status < 300;
      row.failed = !row.done;
      row.text = row.done ? sentence("sayReceived") : reason(request);
      if (row.done) setTimeout(() => (this.files = this.files.filter((other) => other.id !== row.id)), 1500);
      document.body.dispatchEvent(new CustomEvent("live:documents", { bubbles: true }));
      this.next();
    },
  };
}

export function reason(request) {
  if (request.status === 413) return sentence("sayTooLarge");
  const type = request.getResponseHeader("Content-Type") || "";
  if (type.startsWith("text/plain") && request.responseText.length < 300) return request.responseText;
  return sentence(request.status ? "sayError" : "sayOffline");
}

export function size(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let step = 0;
  let value = bytes;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: step > 1 ? 1 : 0 })} ${units[step]}`;
}
