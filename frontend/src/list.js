import htmx from "htmx.org/dist/htmx.esm.js";

const PAGE = 50;
const HITS = 25;
const MOST = 300; // rows that the server gives at once
const AHEAD = "600px"; // so far before its end the list goes on
const PLACE = "chats:place";

/**
 * The list of chats: only what changed is put in anew, so that scrolling, focus and what is chosen stay; it goes
 * on by itself when its end is near; what is looked for stands in the address.
 */
export function list() {
  htmx.defineExtension("keep", {
    handleSwap: (style, target, fragment) => style === "keep" && keep(target, fragment),
  });
  document.addEventListener("DOMContentLoaded", () => {
    const side = document.getElementById("chat-side");
    if (side) new List(side);
  });
}

class List {
  constructor(side) {
    this.side = side;
    this.url = document.getElementById("chat-search").getAttribute("hx-get");
    this.ahead = new IntersectionObserver((seen) => this.near(seen), { root: this.pane(), rootMargin: AHEAD });
    document.addEventListener("htmx:configRequest", (event) => this.configure(event));
    document.addEventListener("htmx:afterSwap", (event) => event.detail.target === side && this.watch());
    document.addEventListener("click", (event) => this.clicked(event));
    document.getElementById("chat-search-form").addEventListener("formdata", withoutEmpty);
    addEventListener("pagehide", () => this.remember());
    this.watch();
    this.comeBack();
  }

  pane() {
    return document.getElementById("chat-list");
  }

  /** What the list shows is what the address says; a search that is being typed comes into the address first. */
  configure(event) {
    const { detail } = event;
    const isSearch = detail.elt.id === "chat-search";
    if (!isSearch && detail.elt !== this.side) return;
    const wanted = isSearch ? this.typed() : new URLSearchParams(location.search);
    if (isSearch) history.replaceState(history.state, "", `${location.pathname}?${wanted}`);
    else if (this.isFarDown() && detail.triggeringEvent?.type === "live:calm") return event.preventDefault();
    detail.path = this.address(wanted, isSearch ? 0 : document.querySelectorAll("#chat-rows > li").length);
    detail.parameters = {};
  }

  /** What was found goes on below what is fetched at once: it stays as it was found. */
  isFarDown() {
    return document.querySelectorAll("#chat-hits > li").length > HITS;
  }

  typed() {
    return new URLSearchParams(new FormData(document.getElementById("chat-search-form")));
  }

  address(wanted, rows = 0) {
    const open = document.querySelector("[data-conversation]")?.dataset.conversation ?? openFrom(location.pathname);
    if (open) wanted.set("open", open);
    if (rows > PAGE) wanted.set("rows", Math.min(rows, MOST));
    return `${this.url}?${wanted}`;
  }

  watch() {
    const link = document.getElementById("chat-more");
    this.ahead.disconnect();
    if (link) this.ahead.observe(link);
  }

  near(seen) {
    if (seen.some((one) => one.isIntersecting)) this.more(document.querySelector("#chat-more [data-more]"));
  }

  clicked(event) {
    const link = event.target.closest?.("[data-more]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.more(link);
  }

  /** The next rows below these; a link that did not work once leads there as any link does. */
  async more(link) {
    if (!link || link.dataset.going) return;
    link.dataset.going = "";
    try {
      const answer = await fetch(this.address(new URLSearchParams(link.search)), { headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(answer.status);
      if (link.isConnected) this.append(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      delete link.dataset.more;
    }
    this.watch();
  }

  append(page) {
    for (const id of ["chat-rows", "chat-hits"]) {
      const rows = [...page.querySelectorAll(`#${id} > li`)].filter((row) => !document.getElementById(row.id));
      document.getElementById(id)?.append(...rows);
    }
    const next = page.getElementById("chat-more");
    const old = document.getElementById("chat-more");
    if (next) old.replaceWith(next);
    else old.remove();
  }

  remember() {
    const rows = document.querySelectorAll("#chat-rows > li").length;
    const place = { list: listed(), top: this.pane().scrollTop, rows };
    sessionStorage.setItem(PLACE, JSON.stringify(place));
  }

  /** Where one was before the page was left for another chat of the same list. */
  async comeBack() {
    const place = JSON.parse(sessionStorage.getItem(PLACE) || "null");
    if (!place || place.list !== listed() || !place.top) return;
    if (place.rows > PAGE && this.pane().querySelector("[data-more]")) {
      const path = this.address(new URLSearchParams(location.search), place.rows);
      const answer = await fetch(path, { headers: { "HX-Request": "true" } }).catch(() => undefined);
      if (answer?.ok) keep(this.side, new DOMParser().parseFromString(await answer.text(), "text/html").body);
      this.watch();
    }
    this.pane().scrollTop = place.top;
  }
}

/** The chat of an address, where the page does not say it. */
function openFrom(path) {
  return /\/chats\/(\d+)\//.exec(path)?.[1];
}

/** Which list it is: the address without what belongs to one chat. */
function listed() {
  const wanted = new URLSearchParams(location.search);
  ["at", "open", "rows"].forEach((name) => wanted.delete(name));
  return wanted.toString();
}

function withoutEmpty(event) {
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
}

// -- putting in only what changed

const GONE_INTO = "#chat-list, #chat-rows, #chat-hits";

/** Make what is in `old` as it is in `next`, piece by piece; gives back what is new. */
function keep(old, next) {
  const fresh = [];
  const known = new Map([...old.children].filter((item) => item.id).map((item) => [item.id, item]));
  const isCut = old.id === "chat-rows" && next.children.length >= MOST; // more is shown than was asked for
  const wanted = new Set([...next.children].map((item) => item.id));
  for (const item of [...old.children]) if (!item.id || (!wanted.has(item.id) && !isCut)) item.remove();
  let at = old.firstElementChild;
  for (const item of [...next.children]) {
    const here = known.get(item.id);
    const kept = here ? mended(here, item, fresh) : item;
    if (!here) fresh.push(item);
    if (here === at) at = kept.nextElementSibling;
    else old.insertBefore(kept, at);
  }
  return fresh;
}

function mended(here, item, fresh) {
  if (here.isEqualNode(item)) return here;
  if (here.matches(GONE_INTO) && here.tagName === item.tagName) {
    fresh.push(...keep(here, item));
    return here;
  }
  const focus = here.contains(document.activeElement) && mark(document.activeElement);
  const pick = here.querySelector(".pick");
  const next = item.querySelector(".pick");
  if (pick && next) next.checked = pick.checked;
  const aside = here.scrollLeft;
  here.replaceWith(item);
  item.scrollLeft = aside;
  if (focus) item.querySelector(focus)?.focus({ preventScroll: true });
  fresh.push(item);
  return item;
}

/** How the same thing is found in the new piece. */
function mark(item) {
  if (item.matches(".pick")) return ".pick";
  return item.matches(".chat-row") ? ".chat-row" : `[href="${CSS.escape(item.getAttribute("href") ?? "")}"]`;
}
