// Toasts. The server asks for one with the header HX-Trigger: {"convergio:toast": {text, kind, undo, label, seconds}}.
// 5 s without an action, 10 s at most with one; errors stay; hover and focus stop the clock.

import { element, icon } from './dom.js';
import { post } from './http.js';

const ICONS = { ok: 'check', err: 'alert-circle', send: 'send', '': 'check' };

function startClock(toast, seconds, onEnd) {
  let left = seconds * 1000;
  let since = 0;
  let timer = 0;
  const run = () => {
    since = performance.now();
    timer = setTimeout(onEnd, left);
  };
  const pause = () => {
    clearTimeout(timer);
    left -= performance.now() - since;
  };
  for (const name of ['mouseenter', 'focusin']) toast.addEventListener(name, pause);
  for (const name of ['mouseleave', 'focusout']) toast.addEventListener(name, run);
  run();
}

async function undo(toast, url) {
  try {
    const { next } = await (await post(url)).json();
    location.assign(next); // where what was taken back can be worked on
  } catch (error) {
    toast.remove();
    showToast({ text: error.message, kind: 'err' });
  }
}

function wire(toast, seconds) {
  const button = toast.querySelector('[data-undo]');
  button?.addEventListener('click', () => undo(toast, button.dataset.undo));
  toast.querySelector('[data-close]')?.addEventListener('click', () => toast.remove());
  if (seconds) startClock(toast, seconds, () => toast.remove());
}

/** Show one toast and return it. `undo` is an address that takes a POST; `label` is its button, "Undo" if not said. */
export function showToast({ text, kind = '', undo: address = '', label = 'Undo', seconds }) {
  const stays = kind === 'err';
  const act = address ? element('button', { type: 'button', class: 'btn btn-sm', 'data-undo': address }, label) : null;
  const close = stays
    ? element('button', { type: 'button', class: 'btn btn-sm btn-square-icon', 'data-close': true, 'aria-label': 'Close' }, icon('x'))
    : null;
  const name = kind === 'err' || kind === 'ok' ? ` cv-toast--${kind}` : '';
  const toast = element('div', { class: `cv-toast${name}`, role: stays ? 'alert' : 'status' },
    icon(ICONS[kind] ?? 'check'), element('span', {}, text), act, close);
  document.getElementById('toasts')?.append(toast);
  wire(toast, stays ? 0 : Math.min(seconds ?? (address ? 10 : 5), 10));
  return toast;
}

function onFailure(event) {
  const { xhr } = event.detail;
  if (xhr?.status === 401) {
    location.reload(); // signed out elsewhere: the page leads to the sign-in form and back
    return;
  }
  let said = '';
  try {
    said = JSON.parse(xhr.responseText).error;
  } catch {
    said = xhr?.status ? `The server answered ${xhr.status}.` : 'The server cannot be reached.';
  }
  showToast({ text: `Not done: ${said}`, kind: 'err' });
}

export function startToasts() {
  for (const toast of document.querySelectorAll('#toasts > [data-toast]')) {
    wire(toast, 'stay' in toast.dataset ? 0 : 10);
  }
  document.body.addEventListener('convergio:toast', (event) => showToast(event.detail));
  document.body.addEventListener('htmx:responseError', onFailure);
  document.body.addEventListener('htmx:sendError', onFailure);
}
