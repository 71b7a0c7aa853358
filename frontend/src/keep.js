/**
 * What somebody types in a form marked data-keep (with an id) is still there, with the cursor where it was, when
 * the part of the page around it comes anew. What was sent is not.
 */
export function keep() {
  let kept = [];
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const sent = detail.requestConfig?.elt;
    kept = [...detail.target.querySelectorAll("form[data-keep][id]")]
      .filter((form) => form !== sent)
      .flatMap((form) => [...form.elements].filter(isTyped).map((box) => remembered(form, box)));
  });
  document.addEventListener("htmx:afterSwap", () => {
    kept.forEach(restore);
    kept = [];
  });
}

function isTyped(box) {
  const hasWords = box.matches("textarea, input:not([type=hidden])");
  return hasWords && (box.value !== box.defaultValue || box === document.activeElement);
}

function remembered(form, box) {
  const isHere = box === document.activeElement;
  const { value, defaultValue, selectionStart, selectionEnd } = box;
  return { form: form.id, name: box.name, isHere, value, isChanged: value !== defaultValue, selectionStart, selectionEnd };
}

function restore({ form, name, isHere, value, isChanged, selectionStart, selectionEnd }) {
  const box = document.getElementById(form)?.elements[name];
  if (!box) return;
  if (isChanged) box.value = value;
  if (!isHere) return;
  box.focus({ preventScroll: true });
  box.setSelectionRange?.(selectionStart, selectionEnd);
}
