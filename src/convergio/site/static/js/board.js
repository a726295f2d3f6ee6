// The board: drag a card, or press M on it and say where. The card moves at once; if the server refuses, it goes back
// and a toast says why. Loaded on the board only, after SortableJS.

import { bind } from './keys.js';
import { getPage, post } from './http.js';
import { patchChildren } from './patch.js';
import { showToast } from './toast.js';

const LISTS = '.cv-col__list';
let dragging = false;
let missed = false;

const board = () => document.querySelector('.cv-board');
const card = () => document.activeElement?.closest?.('.cv-task');
const titles = () => document.querySelectorAll('.cv-task__title');

function count(list, by) {
  const label = list.closest('.cv-col').querySelector('[data-total]');
  label.dataset.total = Number(label.dataset.total) + by;
  if (!('more' in label.dataset)) label.textContent = label.dataset.total;
}

function place(task) {
  const [next, previous] = [task.nextElementSibling, task.previousElementSibling];
  if (next) return { before: next.dataset.id };
  return previous ? { after: previous.dataset.id } : {};
}

function settle(task, list, before) {
  const from = task.parentElement;
  list.insertBefore(task, before);
  task.classList.toggle('is-done', list.dataset.status === 'done');
  if (from !== list) {
    count(from, -1);
    count(list, 1);
  }
}

/** Tell the server where `task` stands now; put it back to `origin` when it refuses. */
async function save(task, origin) {
  try {
    await post(`${board().dataset.move}/${task.dataset.id}/move`, { status: task.parentElement.dataset.status, ...place(task) });
  } catch (error) {
    settle(task, origin.list, origin.before);
    showToast({ text: `The task went back to its place. ${error.message}`, kind: 'err' });
  }
}

function onStart() {
  dragging = true;
}

function onEnd({ item, from, to, oldDraggableIndex, newDraggableIndex }) {
  dragging = false;
  if (from === to && oldDraggableIndex === newDraggableIndex) return;
  const others = [...from.querySelectorAll('.cv-task')].filter((other) => other !== item);
  item.classList.toggle('is-done', to.dataset.status === 'done');
  if (from !== to) {
    count(from, -1);
    count(to, 1);
  }
  save(item, { list: from, before: others[oldDraggableIndex] || null }).finally(() => missed && refresh());
}

function makeSortable() {
  for (const list of document.querySelectorAll(LISTS)) {
    if (window.Sortable.get(list)) continue;
    window.Sortable.create(list, {
      group: 'board', draggable: '.cv-task', animation: 150, delay: 150, delayOnTouchOnly: true,
      ghostClass: 'sortable-ghost', dragClass: 'sortable-drag', onStart, onEnd,
    });
  }
}

function openMove() {
  const dialog = document.getElementById('move');
  if (!card()) titles()[0].focus(); // nobody chose one yet: begin with the first
  const task = card();
  dialog.querySelector('[data-title]').textContent = task.querySelector('.cv-task__title').textContent;
  dialog.querySelector('[name="status"]').value = task.parentElement.dataset.status;
  dialog.returnValue = '';
  dialog.onclose = () => dialog.returnValue === 'move' && moveTo(task, new FormData(dialog.querySelector('form')));
  dialog.showModal();
}

function moveTo(task, choice) {
  const origin = { list: task.parentElement, before: task.nextElementSibling };
  const list = document.querySelector(`${LISTS}[data-status="${choice.get('status')}"]`);
  const cards = [...list.querySelectorAll('.cv-task')].filter((other) => other !== task);
  settle(task, list, choice.get('place') === 'top' ? cards[0] || null : null);
  task.querySelector('.cv-task__title').focus();
  save(task, origin);
}

// Other people's moves, new tasks: cards come, go and change places; what did not change stays, with its focus. A change
// under the pointer would drop the card, so it waits until the hand is empty.
async function refresh() {
  missed = false;
  const fresh = await getPage(document.getElementById('tasks').dataset.live);
  for (const list of document.querySelectorAll(LISTS)) {
    const now = fresh.querySelector(`${LISTS}[data-status="${list.dataset.status}"]`);
    if (!now) continue;
    const [shown, counted] = [list, now].map((one) => one.closest('.cv-col').querySelector('[data-total]'));
    shown.dataset.total = counted.dataset.total;
    shown.textContent = counted.textContent;
    patchChildren(list, now);
  }
}

function onChange() {
  if (dragging) missed = true;
  else refresh();
}

makeSortable();
document.addEventListener('htmx:load', makeSortable);
bind('M', 'Move task to', openMove, () => titles().length > 0);
for (const name of ['task.changed', 'resync']) {
  document.body.addEventListener(`convergio:${name}`, onChange);
}
