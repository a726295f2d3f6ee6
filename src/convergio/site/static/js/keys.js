// Single-key shortcuts. An element takes part with data-key="E"; modules bind others with bind(). They are off
// while typing, while a dialog is open, and when switched off on this device (WCAG 2.1.4).

import { element, isVisible, words } from './dom.js';

const SWITCH = 'single-keys';
const FIELDS = 'input, textarea, select, trix-editor, [contenteditable]:not([contenteditable="false"])';
const bound = [];

/** Bind `key` ("J", "Shift+E", "?") to `run`. `applies` tells whether it means anything on the page now. */
export function bind(key, label, run, applies = () => true) {
  bound.push({ key, label, run, applies });
}

function isTyping(target) {
  const field = target.closest?.(FIELDS);
  return Boolean(field) && !['checkbox', 'radio', 'button', 'submit'].includes(field.type);
}

function nameOf(event) {
  if (!/^[a-z]$/i.test(event.key)) return event.key;
  return (event.shiftKey ? 'Shift+' : '') + event.key.toUpperCase();
}

function controls() {
  return [...document.querySelectorAll('[data-key]')].filter(isVisible);
}

/** Do what the key of `control` does: click it, or go into a field. */
export function press(control) {
  if (control.matches('input:not([type="checkbox"]), textarea, select')) control.focus();
  else control.click();
}

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
  const name = nameOf(event);
  if (name !== '?' && name !== 'Escape' && localStorage.getItem(SWITCH) === 'off') return;
  const control = controls().find((item) => item.dataset.key === name);
  const own = bound.find((item) => item.key === name && item.applies());
  if (!control && !own) return;
  event.preventDefault();
  if (control) press(control);
  else own.run(event);
}

/** What is bound on this page now: pairs of key and words. */
export function boundKeys() {
  const own = bound.filter((item) => item.applies()).map((item) => [item.key, item.label]);
  return [...own, ...controls().map((item) => [item.dataset.key, words(item)])];
}

function showKeys() {
  const dialog = document.getElementById('keys');
  const list = dialog.querySelector('dl');
  const seen = new Set();
  list.replaceChildren();
  for (const [key, label] of [['Ctrl K', 'Search or run a command'], ...boundKeys()]) {
    if (seen.has(key)) continue;
    seen.add(key);
    list.append(element('dt', {}, element('kbd', {}, key === 'Escape' ? 'Esc' : key)), element('dd', {}, label));
  }
  dialog.showModal();
}

export function startKeys() {
  const toggle = document.querySelector('[data-single-keys]');
  if (toggle) {
    toggle.checked = localStorage.getItem(SWITCH) !== 'off';
    toggle.addEventListener('change', () => localStorage.setItem(SWITCH, toggle.checked ? 'on' : 'off'));
  }
  bind('?', 'Show all keys', showKeys);
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', (event) => {
    if (event.target.closest('[data-open="keys"]')) showKeys();
  });
}
