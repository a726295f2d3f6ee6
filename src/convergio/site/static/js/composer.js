// Writing: rich text over a plain text area, attachments as chips, Ctrl Enter sends, text kept in this tab until sent.
// Loaded where mail is written, after Trix.

import { element, icon } from './dom.js';

const keyOf = (form) => `draft:${form.getAttribute('action')}`;

/** Put a rich editor over the text area; both are sent: body_html as written, body_text as its plain form. */
function enrich(form) {
  const area = form.querySelector('textarea[name="body_text"]');
  const bar = form.querySelector('trix-toolbar');
  const html = element('input', { type: 'hidden', name: 'body_html', id: `${area.id}-html` });
  const label = form.querySelector(`label[for="${area.id}"]`)?.textContent || area.placeholder;
  html.value = sessionStorage.getItem(keyOf(form)) || form.dataset.html || '';
  const editor = element('trix-editor', { input: html.id, toolbar: bar.id, 'aria-label': label, placeholder: area.placeholder });
  area.hidden = true;
  area.after(html, editor);
  form.querySelector('.cv-composer__box').classList.add('is-rich');
  editor.addEventListener('trix-change', () => {
    area.value = editor.editor.getDocument().toString().trim();
    sessionStorage.setItem(keyOf(form), html.value);
  });
  return editor;
}

function addFiles(input, files) {
  const all = new DataTransfer();
  for (const file of [...input.files, ...files]) all.items.add(file);
  input.files = all.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}

function removeFile(input, index) {
  const rest = new DataTransfer();
  [...input.files].forEach((file, at) => at !== index && rest.items.add(file));
  input.files = rest.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}

function chip(input, file, index) {
  const close = element('button', { type: 'button', class: 'btn btn-sm btn-quiet btn-square-icon', 'aria-label': `Remove ${file.name}` }, icon('x'));
  close.addEventListener('click', () => removeFile(input, index));
  const size = file.size < 1e6 ? `${Math.ceil(file.size / 1e3)} kB` : `${(file.size / 1e6).toFixed(1)} MB`;
  return element('span', { class: 'cv-tag' }, icon('paperclip'), `${file.name}, ${size}`, close);
}

function wireFiles(form, editor) {
  const input = form.querySelector('input[type="file"]');
  const shown = form.querySelector('.cv-composer__files');
  input.addEventListener('change', () => shown.replaceChildren(...[...input.files].map((file, at) => chip(input, file, at))));
  // Files dropped or pasted into the text become attachments; mail has no place for an upload inside the text.
  editor.addEventListener('trix-file-accept', (event) => {
    event.preventDefault();
    addFiles(input, [event.file]);
  });
}

function onSent(form, editor) {
  sessionStorage.removeItem(keyOf(form));
  form.reset();
  editor.editor.loadHTML('');
  form.querySelector('.cv-composer__files').replaceChildren();
}

function start(form) {
  if (form.dataset.ready) return;
  form.dataset.ready = 'yes';
  const editor = enrich(form);
  wireFiles(form, editor);
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener('htmx:afterRequest', (event) => {
    if (event.target === form && event.detail.successful) onSent(form, editor);
  });
}

// R on the page: the reply button is a link to #reply; the editor takes the focus that the hidden area cannot.
function focusEditor(event) {
  if (!event.target.closest?.('a[href="#reply"]')) return;
  event.preventDefault();
  document.querySelector('form[data-composer] trix-editor')?.focus();
}

const startAll = () => document.querySelectorAll('form[data-composer]').forEach(start);
startAll();
document.addEventListener('htmx:load', startAll);
document.addEventListener('click', focusEditor);
