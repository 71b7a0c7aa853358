/** What a reader has unfolded or folded (`<details id=…>`) stays so when the part of the page around it comes anew. */
export function unfolded() {
  let was = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    was = [...event.detail.target.querySelectorAll("details[id]")].map((item) => [item.id, item.open]);
  });
  document.addEventListener("htmx:afterSwap", () => {
    was.forEach(([id, open]) => document.getElementById(id)?.toggleAttribute("open", open));
    was = [];
  });
}
