// Moving through rows and panes: J K X Enter, 1 2 3, ] for details, the bar that holds new mail back, mail frames.

import { element, icon, isVisible } from './dom.js';
import { getPage } from './http.js';
import { bind } from './keys.js';
import { patchChildren, update } from './patch.js';

const ROW = '.cv-row[href]';
const CHANGES = ['email.read', 'email.queued', 'email.sent', 'email.failed', 'email.uncertain', 'reply.drafted', 'reply.decided', 'resync'];
const FOLDED = 48; // px: a folded mail stays in sight above
const GATHER = 250; // ms in which several events become one look
const ROWS = '.cv-row[href], .cv-task__title';
const panes = () => document.querySelector('.cv-panes');
const rows = () => [...document.querySelectorAll(ROWS)].filter(isVisible);

function focused() {
  const list = rows();
  const here = list.indexOf(document.activeElement);
  return here >= 0 ? here : list.findIndex((row) => row.getAttribute('aria-current') === 'true');
}

function step(by) {
  const list = rows();
  const next = list[Math.max(0, Math.min(list.length - 1, focused() + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

function pick() {
  document.activeElement.closest('li')?.querySelector('.cv-row__pick')?.click();
}

function back() {
  const view = panes();
  if (view?.dataset.view === 'thread' && matchMedia('(max-width: 767.98px)').matches) {
    document.querySelector('[data-back]')?.click();
  } else {
    rows()[Math.max(0, focused())]?.focus();
  }
}

function toPane(index) {
  const pane = document.querySelectorAll('.cv-pane')[index];
  (pane?.querySelector('[tabindex="0"], a, button') || pane)?.focus();
}

function toggleDetails() {
  const details = document.getElementById('details');
  const name = matchMedia('(min-width: 1280px)').matches ? 'is-closed' : 'is-open';
  details.classList.toggle(name);
  if (isVisible(details)) details.querySelector('a, button')?.focus();
  else document.querySelector('[data-open="details"]')?.focus();
}

// A mail frame carries no script (sandbox), so the page reads its height and gives it the room.
function fitFrame(frame) {
  const page = frame.contentDocument?.documentElement;
  if (!page) return;
  frame.style.height = '1px'; // a document is never shorter than its frame
  frame.style.height = `${page.scrollHeight + 2}px`;
}

function fitFrames(root) {
  for (const frame of root.querySelectorAll('iframe.cv-mailframe')) {
    if (frame.contentDocument?.readyState === 'complete') fitFrame(frame);
    frame.onload = () => fitFrame(frame);
  }
}

// A conversation opens where reading goes on: at the first mail that is not folded, the older ones above it.
function showNewest(conversation) {
  const mail = conversation?.querySelector('#messages > details[open]');
  if (!mail || location.hash) return;
  const scroll = mail.closest('.cv-pane__scroll');
  scroll.scrollTop = mail.offsetTop < scroll.clientHeight / 2 ? 0 : mail.offsetTop - FOLDED;
}

// The list changes by itself only when nobody is at it: scrolled to the top, no pointer, no focus inside, nothing picked.
let waiting = 0;

function mayJoin(scroll) {
  return scroll.scrollTop === 0 && !scroll.matches(':hover, :focus-within, :has(.cv-row__pick:checked)');
}

function refreshList() {
  waiting = 0;
  document.body.dispatchEvent(new CustomEvent('convergio:list', { bubbles: true }));
}

function showWaiting(scroll) {
  const text = waiting === 1 ? '1 new mail' : `${waiting} new mails`;
  const bar = element('button', { type: 'button', class: 'cv-newbar' }, icon('arrow-up'), text);
  bar.addEventListener('click', () => {
    scroll.scrollTop = 0;
    refreshList();
  });
  scroll.parentElement.querySelector('.cv-newbar')?.remove();
  scroll.before(bar);
}

function onNewMail(event) {
  const scroll = document.querySelector('[data-live-list]');
  if (!scroll) return;
  waiting += event.detail.ids?.length || 1;
  if (mayJoin(scroll)) refreshList();
  else showWaiting(scroll);
}

// What a list or conversation shows is brought up to date in place, so that nothing moves and no frame loads again.
function gathered(run) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, GATHER);
  };
}

const addresses = (root) => [...root.querySelectorAll(ROW)].map((row) => row.getAttribute('href')).join();

const patchRows = gathered(async () => {
  const listing = document.getElementById('listing');
  if (!listing) return;
  const fresh = await getPage(listing.getAttribute('hx-get'));
  if (addresses(listing) !== addresses(fresh) && mayJoin(listing.querySelector('[data-live-list]'))) {
    refreshList(); // a draft more or less, a mail read in the view of unread ones
    return;
  }
  const now = new Map([...fresh.querySelectorAll(ROW)].map((row) => [row.getAttribute('href'), row]));
  for (const row of listing.querySelectorAll(ROW)) update(row, now.get(row.getAttribute('href')));
});

const patchThread = gathered(async () => {
  const messages = document.getElementById('messages');
  // Whoever edits the draft right now keeps it; the server refuses what was decided meanwhile.
  if (!messages || messages.querySelector('.cv-edit[open]')) return;
  const fresh = await getPage(messages.dataset.live);
  patchChildren(messages, fresh.getElementById('messages'));
  update(document.getElementById('details'), fresh.getElementById('details'));
});

function onThreadEvent({ type, detail }) {
  const open = document.getElementById('conversation')?.dataset.thread;
  if (!open) return;
  const ids = (detail?.ids || []).map(String);
  const concerns = !ids.length
    || (type.startsWith('convergio:reply.') ? ids.includes(open) : /received|queued/.test(type) || ids.some((id) => document.getElementById(`mail-${id}`)));
  if (concerns) patchThread();
}

function markCurrent(event) {
  const row = event.target.closest?.('.cv-row[href]');
  if (!row) return;
  for (const other of document.querySelectorAll('.cv-row[aria-current]')) other.removeAttribute('aria-current');
  row.setAttribute('aria-current', 'true');
  row.classList.remove('is-unread');
  if (panes()) panes().dataset.view = 'thread';
}

function bindKeys() {
  const has = (selector) => () => Boolean(document.querySelector(selector));
  bind('J', 'Next row', () => step(1), () => rows().length > 0);
  bind('K', 'Previous row', () => step(-1), () => rows().length > 0);
  bind('X', 'Pick row', pick, has('.cv-row__pick'));
  bind('Escape', 'Back to the list', back, has('.cv-panes'));
  bind('1', 'Go to the list', () => toPane(0), has('.cv-panes'));
  bind('2', 'Go to the conversation', () => toPane(1), has('[data-thread]'));
  bind(']', 'Show or hide details', toggleDetails, has('[data-open="details"]'));
}

export function startPanes() {
  bindKeys();
  fitFrames(document);
  showNewest(document.getElementById('conversation'));
  document.querySelector('.cv-row[aria-current]')?.scrollIntoView({ block: 'nearest' });
  document.addEventListener('htmx:load', (event) => {
    fitFrames(event.target);
    if (event.target.id === 'conversation') showNewest(event.target);
  });
  window.addEventListener('resize', gathered(() => fitFrames(document)));
  document.addEventListener('toggle', (event) => {
    if (event.target.matches?.('.cv-edit[open]')) event.target.querySelector('textarea').focus();
  }, { capture: true });
  document.addEventListener('htmx:beforeRequest', markCurrent);
  document.body.addEventListener('convergio:email.received', onNewMail);
  for (const name of CHANGES) document.body.addEventListener(`convergio:${name}`, patchRows);
  for (const name of ['email.received', ...CHANGES]) document.body.addEventListener(`convergio:${name}`, onThreadEvent);
  document.addEventListener('click', (event) => {
    if (!event.target.closest('[data-open="details"], [data-close="details"]')) return;
    event.preventDefault();
    toggleDetails();
  });
}
