// Bringing shown parts up to date in place: what did not change is not touched, so focus, frames and open parts stay.

/** Take over class and content of `fresh`; nothing happens when there is none, or nothing changed. */
export function update(shown, fresh) {
  if (!shown || !fresh || (shown.className === fresh.className && shown.innerHTML === fresh.innerHTML)) return;
  shown.className = fresh.className;
  shown.replaceChildren(...fresh.childNodes);
  window.htmx.process(shown);
}

function exchange(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : '';
  if (old instanceof HTMLDetailsElement) fresh.open = old.open;
  old.remove();
  return focused;
}

/** Make the children of `shown` those of `fresh`, in order, matched by id; one with another data-version is replaced. */
export function patchChildren(shown, fresh) {
  if (!shown || !fresh) return;
  const wanted = [...fresh.children];
  const ids = new Set(wanted.map((child) => child.id));
  for (const old of [...shown.children]) if (!ids.has(old.id)) old.remove();
  const known = new Map([...shown.children].map((child) => [child.id, child]));
  let place = shown.firstElementChild;
  for (const child of wanted) {
    const old = known.get(child.id);
    if (old && old === place) place = place.nextElementSibling;
    if (old && old.dataset.version === child.dataset.version) {
      if (old.nextElementSibling !== place) shown.insertBefore(old, place);
      continue;
    }
    const focused = old ? exchange(old, child) : '';
    shown.insertBefore(child, place);
    window.htmx.process(child);
    if (focused) document.getElementById(focused)?.focus();
  }
}
