/** What a figure means is shown by pointing at its mark or by focus (the style sheet does); Escape hides it. */
export function tips() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll(".tip-place").forEach((place) => place.classList.add("is-shut"));
  });
  for (const name of ["focusin", "mouseover"]) {
    document.addEventListener(name, (event) => {
      const place = event.target.closest?.(".tip-place");
      document.querySelectorAll(".tip-place.is-shut").forEach((one) => one !== place && one.classList.remove("is-shut"));
    });
  }
}
