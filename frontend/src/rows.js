const MOST = 120; // a form has an end

/** Lists of rows in a form: another one at a button, one moved or taken out; without script there is an empty one. */
export function rows() {
  for (const group of document.querySelectorAll("[data-rows]")) {
    const list = group.querySelector("[data-rows-list]");
    const blank = group.querySelector("template");
    for (const part of [group, blank.content])
      for (const button of part.querySelectorAll("[data-row-add], [data-row-remove], [data-row-up], [data-row-down]"))
        button.hidden = false;
    group.addEventListener("click", (event) => {
      const add = event.target.closest("[data-row-add]");
      if (add) {
        list.append(blank.content.cloneNode(true));
        box(list.lastElementChild).focus();
        add.hidden = list.children.length >= MOST;
      }
      const row = event.target.closest("[data-row]");
      if (event.target.closest("[data-row-remove]")) remove(row, list, blank);
      if (event.target.closest("[data-row-up]")) move(row, -1, event.target);
      if (event.target.closest("[data-row-down]")) move(row, 1, event.target);
    });
  }
}

function box(row) {
  return row.querySelector("textarea, input:not([type=hidden])");
}

function remove(row, list, blank) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  if (!list.children.length && list.closest("[data-autosave]")) list.append(blank.content.cloneNode(true));
  box(next ?? list.firstElementChild ?? list)?.focus();
  tell(list);
}

/** One place up or down; the button keeps the focus, so that it can be pressed again. */
function move(row, by, button) {
  const other = by < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  other[by < 0 ? "before" : "after"](row);
  button.closest("button").focus();
  tell(row);
}

/** To whoever keeps the form by itself: something was changed that no box tells of. */
function tell(part) {
  part.dispatchEvent(new Event("change", { bubbles: true }));
}
