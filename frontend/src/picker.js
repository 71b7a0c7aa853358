const SOON = 120;

/**
 * What stands ready while one writes: `/` at the beginning of a word for canned replies, `@` in a note for
 * colleagues. Arrows choose, Enter and Tab take, Escape closes; a screen reader follows as in any combobox.
 */
export function picker() {
  document.addEventListener("input", (event) => {
    const box = event.target.closest?.("textarea[data-picks]");
    if (box) look(box);
  });
  // Before the writing box hears it: Enter takes what is chosen, and does not send.
  document.addEventListener("keydown", pressed, { capture: true });
  document.addEventListener("focusout", (event) => {
    if (event.target.matches?.("textarea[data-picks]")) setTimeout(() => close(event.target), 150);
  });
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[data-pick-list] [role=option]");
    if (!option) return;
    event.preventDefault(); // the focus stays in the box
    take(boxOf(option), option);
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-pick-open]");
    if (opener) begin(opener.closest("form").querySelector("textarea[data-picks]"), opener.dataset.pickOpen);
  });
}

/** A sign in the box, as if it had been typed. */
function begin(box, sign) {
  box.focus();
  const before = box.value.slice(0, box.selectionStart);
  box.setRangeText(/(^|\s)$/.test(before) ? sign : ` ${sign}`, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

/** What is being called, from its sign to the caret; null for nothing. */
function called(box) {
  const sign = box.dataset.picks;
  const before = box.value.slice(0, box.selectionStart);
  const at = before.lastIndexOf(sign);
  if (at < 0 || (at > 0 && !/\s/.test(before[at - 1]))) return null;
  const words = before.slice(at + 1);
  const longest = sign === "@" ? /^[^\n@]{0,40}$/ : /^[^\s/]{0,40}$/;
  return longest.test(words) ? { at, words } : null;
}

function look(box) {
  clearTimeout(box.pickTimer);
  const found = called(box);
  if (!found) return close(box);
  box.pickTimer = setTimeout(() => fetchList(box, found), SOON);
}

async function fetchList(box, { words }) {
  const list = listOf(box);
  const address = new URL(box.dataset.pickFrom, location.href);
  address.searchParams.set("q", words);
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!answer.ok || called(box)?.words !== words) return;
    list.innerHTML = await answer.text();
  } catch {
    return close(box);
  }
  const options = optionsOf(list);
  if (!options.length && box.dataset.picks === "@") return close(box);
  list.hidden = false;
  choose(box, options[0]);
}

function pressed(event) {
  const box = event.target.closest?.("textarea[data-picks]");
  const list = box && listOf(box);
  if (!list || list.hidden) return;
  const options = optionsOf(list);
  const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length) choose(box, options[(at + step + options.length) % options.length]);
  else if ((event.key === "Enter" || event.key === "Tab") && options[at]) take(box, options[at]);
  else if (event.key === "Escape") close(box);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function choose(box, option) {
  for (const other of optionsOf(listOf(box))) other.setAttribute("aria-selected", other === option ? "true" : "false");
  if (!option) return box.removeAttribute("aria-activedescendant");
  box.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

/** The words instead of what called them. */
function take(box, option) {
  const found = called(box);
  if (!found) return close(box);
  box.setRangeText(option.dataset.words, found.at, box.selectionStart, "end");
  if (option.dataset.canned && box.form.elements.canned) box.form.elements.canned.value = option.dataset.canned;
  close(box);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  close(box);
}

function close(box) {
  clearTimeout(box.pickTimer);
  const list = listOf(box);
  list.hidden = true;
  list.replaceChildren();
  box.removeAttribute("aria-activedescendant");
}

function listOf(box) {
  return document.getElementById(box.getAttribute("aria-controls"));
}

function boxOf(option) {
  return document.querySelector(`[aria-controls="${option.closest("[data-pick-list]").id}"]`);
}

function optionsOf(list) {
  return [...list.querySelectorAll("[role=option]")];
}
