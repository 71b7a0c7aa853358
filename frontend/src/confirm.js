/** A button marked data-confirm asks before its form is sent. */
export function confirmations() {
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
}
