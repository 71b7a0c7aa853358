/**
 * Forms in the panel at the side: they take the words of the writing box with them, close the panel once they
 * are done, and stay with what was typed when the server says no. And small things that go when they were done.
 */
export function later() {
  const box = () => document.querySelector("form[data-sends] textarea");
  document.addEventListener("htmx:afterSwap", (event) => {
    const form = event.target.querySelector?.("form[data-takes-words]");
    const words = form?.querySelector("textarea");
    if (words && !words.value && box()) words.value = box().value;
  });
  document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
    const form = target.closest?.("form");
    if (!form || !detail.successful) return;
    if (form.matches("[data-close-when-done]")) form.closest("dialog")?.close();
    if (form.matches("[data-takes-words]")) emptied(box(), form.querySelector("textarea").value);
    if (form.matches("[data-dismisses]")) form.closest(".toast-item")?.remove();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    if (!button) return;
    const field = document.querySelector(button.dataset.fill);
    field.value = button.dataset.value;
    field.focus();
  });
  // A menu is open until one looks elsewhere.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]"))
      if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest?.("details[data-menu][open]");
    if (!menu) return;
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
    event.preventDefault();
  });
}

/** What goes later stands in the box no longer. */
function emptied(box, words) {
  if (!box || box.value.trim() !== words.trim()) return;
  box.value = "";
  box.dispatchEvent(new Event("input", { bubbles: true }));
}
