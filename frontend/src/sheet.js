/** The panel at the side: a link marked data-sheet fills it, Escape, the cross or the backdrop close it. */
export function sheet() {
  const panel = () => document.getElementById("sheet");
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.target.closest("[data-sheet]")) return;
    const body = document.getElementById("sheet-body");
    body.replaceChildren(document.getElementById("sheet-waiting").content.cloneNode(true));
    if (!panel().open) panel().showModal();
  });
  document.addEventListener("click", (event) => {
    if (event.target === panel() || event.target.closest("[data-sheet-close]")) panel()?.close();
  });
}
