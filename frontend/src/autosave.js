const AGAIN = 5_000;

/**
 * A form marked data-autosave keeps itself (htmx sends it): this says how that stands, tries again when the
 * connection was lost, lets links marked data-after-keeping wait until all is kept, and asks before a page is
 * left on which something is not.
 */
export function autosave() {
  const form = document.querySelector("form[data-autosave]");
  if (!form) return;
  const says = document.querySelector("[data-autosave-says]");
  let typed = 0;
  let sent = 0;
  let kept = 0;
  let next = "";
  const send = () => window.htmx.trigger(form, "submit");
  form.querySelectorAll("[data-autosave-plain]").forEach((button) => (button.hidden = true));
  for (const name of ["input", "change"]) form.addEventListener(name, () => (typed += 1));
  form.addEventListener("htmx:beforeRequest", () => {
    sent = typed;
    says.textContent = says.dataset.saving;
  });
  form.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
    const isKept = xhr.status >= 200 && xhr.status < 300;
    says.textContent = xhr.status ? "" : says.dataset.failed;
    if (isKept) kept = sent;
    if (!xhr.status || xhr.status >= 500) setTimeout(send, AGAIN);
    if (next && isKept && typed === kept) location.assign(next);
    next = isKept ? next : "";
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-after-keeping]");
    if (!link || typed === kept) return;
    event.preventDefault();
    next = link.href;
    send();
  });
  addEventListener("beforeunload", (event) => {
    if (typed > kept) event.preventDefault();
  });
}
