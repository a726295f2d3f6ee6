// Ctrl K: go to a page, run what the page offers, or find mail and tasks. A combobox with a listbox (ARIA APG).

import { element, icon, isVisible, words } from './dom.js';
import { getJSON } from './http.js';
import { press } from './keys.js';

const PAUSE = 150; // ms after the last letter before the server is asked
const FOUND = 5;

let dialog, input, list, empty, timer, request;
let options = [];
let current = 0;

function pages() {
  const links = document.querySelectorAll('.cv-nav a[href], .cv-side__foot > a[href]');
  const first = new Map([...links].reverse().map((link) => [link.href, link]));
  return [...first.values()].reverse()
    .map((link) => ({ group: 'Go to', icon: 'chevron-right', text: words(link), href: link.href }));
}

const iconOf = (node) => node.querySelector('use')?.getAttribute('href').split('#')[1] || 'chevron-right';

function actions() {
  return [...document.querySelectorAll('.cv-main [data-key]')].filter(isVisible)
    .map((node) => ({ group: 'Actions', icon: iconOf(node), text: words(node), key: node.dataset.key, run: () => press(node) }));
}

function matching(query) {
  const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
  return [...actions(), ...pages()].filter((item) => parts.every((part) => item.text.toLowerCase().includes(part)));
}

async function found(query, signal) {
  const ask = `search=${encodeURIComponent(query)}&limit=${FOUND}`;
  const [emails, tasks] = await Promise.all([
    getJSON(`/api/emails?${ask}`, { signal, fallback: [] }),
    getJSON(`/api/tasks?${ask}`, { signal, fallback: [] }),
  ]);
  return [
    ...emails.map((mail) => ({ group: 'Mail', icon: 'mail', text: mail.subject || '(no subject)', note: mail.tag,
      href: `${dialog.dataset.mail}/threads/${mail.thread_id}` })),
    ...tasks.map((task) => ({ group: 'Tasks', icon: 'checkbox', text: task.title, href: `${dialog.dataset.tasks}/tasks/${task.id}` })),
    { group: 'Mail', icon: 'search', text: `Search all mail for “${query}”`, href: `${dialog.dataset.mail}?q=${encodeURIComponent(query)}` },
  ];
}

function choose(item) {
  dialog.close();
  if (item.href) location.assign(item.href);
  else item.run();
}

function mark(index) {
  current = options.length ? (index + options.length) % options.length : 0;
  const rows = list.querySelectorAll('[role="option"]');
  rows.forEach((row, at) => row.setAttribute('aria-selected', String(at === current)));
  rows[current]?.scrollIntoView({ block: 'nearest' });
  if (rows[current]) input.setAttribute('aria-activedescendant', rows[current].id);
  else input.removeAttribute('aria-activedescendant');
}

function row(item, index) {
  const end = item.key ? element('kbd', { class: 'cv-push' }, item.key)
    : item.note ? element('span', { class: 'cv-push cv-12 cv-3' }, item.note) : null;
  const made = element('div', { role: 'option', id: `palette-${index}`, 'aria-selected': 'false' },
    icon(item.icon), element('span', { class: 'cv-clip' }, item.text), end);
  made.addEventListener('click', () => choose(item));
  made.addEventListener('mousemove', () => mark(index));
  return made;
}

function draw(items) {
  const names = [...new Set(items.map((item) => item.group))];
  options = names.flatMap((name) => items.filter((item) => item.group === name));
  list.replaceChildren(...names.map((name) => {
    const group = element('div', { class: 'cv-cmdk__group', role: 'group', 'aria-label': name }, element('p', { 'aria-hidden': 'true' }, name));
    options.forEach((item, index) => item.group === name && group.append(row(item, index)));
    return group;
  }));
  empty.hidden = options.length > 0;
  empty.textContent = options.length ? '' : 'Nothing matches. Check the spelling.';
  mark(0);
}

async function search(query) {
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  try {
    const more = await found(query, signal);
    if (!signal.aborted) draw([...matching(query), ...more]);
  } catch (error) {
    if (error.name !== 'AbortError') draw(matching(query));
  }
}

function onInput() {
  const query = input.value.trim();
  clearTimeout(timer);
  request?.abort();
  draw(matching(query));
  if (query.length > 1) timer = setTimeout(() => search(query), PAUSE);
}

function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) mark(current + step);
  else if (event.key === 'Enter' && options[current]) choose(options[current]);
  else return;
  event.preventDefault();
}

function open() {
  if (dialog.open) return;
  input.value = '';
  draw(matching(''));
  dialog.showModal();
}

export function startPalette() {
  dialog = document.getElementById('palette');
  if (!dialog) return;
  input = dialog.querySelector('input');
  list = dialog.querySelector('[role="listbox"]');
  empty = dialog.querySelector('[data-empty]');
  input.addEventListener('input', onInput);
  input.addEventListener('keydown', onKey);
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k') return;
    event.preventDefault();
    open();
  });
  for (const opener of document.querySelectorAll('[data-open="palette"]')) {
    opener.addEventListener('click', (event) => {
      event.preventDefault();
      open();
    });
  }
}
