/** A form that has taken the place of what it changes gives it back at Escape. */
export function inplace() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest?.("form")?.querySelector("[data-cancel]")?.click();
  });
}
