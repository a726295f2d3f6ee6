// Live updates. Every event of the server becomes a DOM event on <body> that htmx can wait for:
// hx-trigger="convergio:email.received from:body". After a lost connection "convergio:resync" says that events may
// have been missed; "convergio:counts" follows any of them, at most twice a second, for the numbers in the sidebar.

import { openStream } from './stream.js';

const PATIENCE = 5000; // ms without a connection before the person is told
const GATHER = 500;

let lostTimer = 0;
let countTimer = 0;
let wasLost = false;

function dispatch(name, detail = {}) {
  document.body.dispatchEvent(new CustomEvent(`convergio:${name}`, { detail, bubbles: true }));
}

function refreshCounts() {
  clearTimeout(countTimer);
  countTimer = setTimeout(() => dispatch('counts'), GATHER);
}

function onState(state) {
  const note = document.getElementById('lost');
  if (state === 'lost') {
    wasLost = true;
    lostTimer ||= setTimeout(() => { note.hidden = false; }, PATIENCE);
    return;
  }
  clearTimeout(lostTimer);
  lostTimer = 0;
  note.hidden = true;
  if (wasLost) {
    wasLost = false;
    dispatch('resync');
    refreshCounts();
  }
}

function receive(message) {
  if (message.state) {
    onState(message.state);
    return;
  }
  dispatch(message.name, message.data);
  refreshCounts();
}

function openShared(url) {
  const worker = new SharedWorker(new URL('./live-worker.js', import.meta.url), { type: 'module', name: 'live' });
  worker.onerror = () => openStream(url, receive);
  worker.port.onmessage = ({ data }) => receive(data);
  worker.port.postMessage({ url });
}

export function startLive() {
  const path = document.body.dataset.events;
  if (!path) return;
  const url = new URL(path, location.href).href;
  if ('SharedWorker' in window) openShared(url);
  else openStream(url, receive);
}
