// Building small pieces of page without innerHTML: text stays text.

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of the sprite, decoration only. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  svg.setAttribute('class', 'ti');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `${document.body.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** An element with attributes and children; null children are left out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, '');
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** Whether a person can see and use the element now. */
export function isVisible(node) {
  return !node.hidden && !node.disabled && node.getClientRects().length > 0;
}

/** The words of a control: its label, else its title without the key, else its text. */
export function words(node) {
  const text = node.getAttribute('aria-label') || node.labels?.[0]?.textContent.trim() || node.title.replace(/ \([^)]*\)$/, '');
  if (text) return text;
  const copy = node.cloneNode(true);
  copy.querySelectorAll('kbd, .cv-nav__count').forEach((part) => part.remove());
  return copy.textContent.trim().replace(/\s+/g, ' ');
}
