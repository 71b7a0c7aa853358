const MOST = 120; // a form has an end

/** A list of rows in a form: another one at a button, one taken out; without script there are a few empty ones. */
export function rows() {
  for (const form of document.querySelectorAll("[data-rows]")) {
    const list = form.querySelector("[data-rows-list]");
    const blank = form.querySelector("template");
    for (const button of form.querySelectorAll("[data-row-add], [data-row-remove]")) button.hidden = false;
    for (const button of blank.content.querySelectorAll("[data-row-remove]")) button.hidden = false;
    form.addEventListener("click", (event) => {
      if (event.target.closest("[data-row-add]")) {
        list.append(blank.content.cloneNode(true));
        list.lastElementChild.querySelector("input:not([type=hidden])").focus();
        event.target.closest("[data-row-add]").hidden = list.children.length >= MOST;
      }
      const taken = event.target.closest("[data-row-remove]");
      if (taken) {
        const row = taken.closest("[data-row]");
        const next = row.nextElementSibling ?? row.previousElementSibling;
        row.remove();
        next?.querySelector("input:not([type=hidden])")?.focus();
      }
    });
  }
}
