/**
 * Frontdesk's web chat. On a page:
 *
 *   <script src="https://<installation>/widget.js" data-channel="<channel id>" defer></script>
 *
 * A page with a content security policy allows the installation in script-src and connect-src (https: and wss:);
 * styles need nothing. No cookie is ever set; what the browser remembers is in store.js.
 */
import { Panel } from "./panel.js";
import { Store } from "./store.js";
import { Wire, ask, explain } from "./wire.js";

const script = document.currentScript || document.querySelector("script[data-channel][src*='/widget.js']");

function mount(into, look, options) {
  const host = document.createElement("frontdesk-chat");
  into.append(host);
  return new Panel(host, look, options);
}

async function start() {
  const { channel } = script.dataset;
  const base = new URL(script.src).origin;
  const look = await ask(`${base}/chat/${channel}`).catch((error) => explain(error.word));
  if (!look) return;
  const panel = mount(document.body, look);
  const wire = new Wire(base, channel, new Store(channel), panel);
  Object.assign(panel, { wire, base });
  wire.queue.forEach((message) => panel.pending(message));
  wire.start();
  self.FrontdeskChat = { open: () => panel.open(), close: () => panel.close() };
}

/** On the page of the settings: nothing is asked or sent, and the look follows what is chosen there. */
function preview(into) {
  const panel = mount(into, JSON.parse(into.dataset.look), { preview: true });
  panel.state({ messages: JSON.parse(into.dataset.messages), thinking: false, by: "agent", earlier: false });
  into.addEventListener("frontdesk:look", ({ detail }) => panel.dress(detail));
}

function ready(act) {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", act);
  else act();
}

if (script?.dataset.preview) ready(() => preview(document.querySelector(script.dataset.preview)));
else if (script?.dataset.channel && !self.FrontdeskChat) ready(start);
else explain("unknown");
