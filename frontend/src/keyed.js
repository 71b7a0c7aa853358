import htmx from "htmx.org/dist/htmx.esm.js";

// A new token at each answer: no change that anybody sees.
const TOKEN = /(name="csrfmiddlewaretoken" value=")[^"]*/g;
const sources = new WeakMap();

/**
 * Where a part of the page is a list that fetches itself (`data-keyed`), only what has changed is put in anew:
 * a player goes on playing, what was marked or unfolded stays so, and the focus stays where it is. The children
 * have an id or a `data-key`; the page's body has `hx-ext="keyed"`.
 */
export function keyed() {
  htmx.defineExtension("keyed", {
    isInlineSwap: (style) => style === "keyed",
    handleSwap: (style, target, fragment) => (style === "keyed" ? exchange(target, fragment) : false),
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target?.matches?.("[data-keyed]") && detail.shouldSwap) detail.swapOverride = "keyed";
  });
  document.addEventListener("DOMContentLoaded", () => {
    for (const list of document.querySelectorAll("[data-keyed]"))
      for (const node of list.children) sources.set(node, source(node));
  });
}

/** Make the children of a list those of the fragment; returns the ones that are new or have changed. */
function exchange(list, fragment) {
  const wanted = [...fragment.children];
  const keys = new Set(wanted.map(key));
  const known = new Map();
  for (const node of [...list.children]) keys.has(key(node)) ? known.set(key(node), node) : node.remove();
  const fresh = [];
  let place = list.firstElementChild;
  for (const node of wanted) {
    const old = known.get(key(node));
    const now = source(node);
    let kept = old;
    if (!old || sources.get(old) !== now) {
      kept = node;
      sources.set(node, now);
      fresh.push(node);
      if (place === old) place = old?.nextElementSibling ?? null;
      old?.remove();
    }
    if (kept === place) place = place.nextElementSibling;
    else list.insertBefore(kept, place);
  }
  return fresh;
}

function key(node) {
  return node.id || node.dataset.key || node.textContent;
}

function source(node) {
  return node.outerHTML.replace(TOKEN, "$1");
}
