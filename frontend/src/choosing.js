/** Who writes into the field of a choice (`data-chooses` around both) has chosen it. */
export function choosing() {
  document.addEventListener("input", ({ target }) => {
    const choice = target.type !== "radio" && target.closest("[data-chooses]")?.querySelector("input[type=radio]");
    if (choice) choice.checked = true;
  });
}
