/** The web chat beside its settings follows what is chosen there, before it is saved. */
export function widgetPreview() {
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("[data-widget-form]");
    const preview = form && document.querySelector(form.dataset.widgetForm);
    if (preview) form.addEventListener("input", () => show(form, preview));
  });
}

function show(form, preview) {
  const { title, ...chosen } = Object.fromEntries(new FormData(form));
  const detail = { ...chosen, title: title || form.dataset.business };
  preview.dispatchEvent(new CustomEvent("frontdesk:look", { detail }));
}
