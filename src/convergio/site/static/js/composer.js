// Writing: rich text over a plain text area, files uploaded as they are chosen, Ctrl Enter sends. The server keeps the
// draft while one writes; this tab keeps it until the server has it. Loaded where mail is written, after Trix.

import { element, icon } from './dom.js';
import { post, upload } from './http.js';
import { showToast } from './toast.js';

const PAUSE = 800; // ms after the last letter before the draft is saved

class Composer {
  constructor(form) {
    this.form = form;
    this.key = `draft:${form.getAttribute('action')}`;
    this.timer = 0;
    this.pending = 0;
    this.waiting = Promise.resolve();
    this.editor = this.enrich();
    this.files = form.querySelector('.cv-composer__files');
    this.wire();
  }

  /** Put a rich editor over the text area; both are sent: body_html as written, body_text as its plain form. */
  enrich() {
    const area = this.form.querySelector('textarea[name="body_text"]');
    const bar = this.form.querySelector('trix-toolbar');
    this.html = element('input', { type: 'hidden', name: 'body_html', id: `${area.id}-html` });
    this.html.value = sessionStorage.getItem(this.key) || this.form.dataset.html || '';
    const label = this.form.querySelector(`label[for="${area.id}"]`)?.textContent || area.placeholder;
    const editor = element('trix-editor', { input: this.html.id, toolbar: bar.id, 'aria-label': label, placeholder: area.placeholder });
    area.hidden = true;
    area.required = false;
    area.after(this.html, editor);
    this.form.querySelector('.cv-composer__box').classList.add('is-rich');
    const copy = () => { area.value = editor.editor.getDocument().toString().trim(); };
    editor.addEventListener('trix-initialize', copy);
    editor.addEventListener('trix-change', () => {
      copy();
      this.changed();
    });
    return editor;
  }

  wire() {
    const { form, editor } = this;
    const input = form.querySelector('input[type="file"]');
    for (const chip of this.files.querySelectorAll('[data-file]')) this.makeRemovable(chip);
    input.addEventListener('change', () => {
      for (const file of input.files) this.add(file);
      input.value = '';
    });
    // Files dropped or pasted into the text become attachments; mail has no place for an upload inside the text.
    editor.addEventListener('trix-file-accept', (event) => {
      event.preventDefault();
      this.add(event.file);
    });
    form.addEventListener('input', () => this.changed());
    form.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener('submit', (event) => this.onSubmit(event), { capture: true });
  }

  changed() {
    sessionStorage.setItem(this.key, this.html.value);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE);
  }

  /** Have the server keep what is written. One request at a time, so that a new draft gets one id. */
  save() {
    this.timer = 0;
    this.pending += 1;
    this.waiting = this.waiting.then(() => this.send()).finally(() => { this.pending -= 1; });
  }

  async send() {
    const fields = [...new FormData(this.form)].filter(([, value]) => typeof value === 'string');
    try {
      const { draft } = await (await post(this.form.dataset.composer, fields)).json();
      this.form.querySelector('[name="draft"]').value = draft;
      sessionStorage.removeItem(this.key);
      this.say('Saved');
    } catch {
      this.say('Kept in this tab');
    }
  }

  say(words) {
    this.form.querySelector('[data-saved]').textContent = words;
  }

  async add(file) {
    const chip = element('span', { class: 'cv-tag', 'aria-busy': 'true' }, icon('paperclip'), file.name);
    this.files.append(chip);
    this.pending += 1;
    try {
      const kept = await upload(this.form.dataset.upload, file);
      chip.removeAttribute('aria-busy');
      chip.append(element('input', { type: 'hidden', name: 'stored', value: `${kept.id}/${kept.filename}` }));
      this.makeRemovable(chip);
      this.changed();
    } catch (error) {
      chip.remove();
      showToast({ text: `${file.name} was not attached. ${error.message}`, kind: 'err' });
    } finally {
      this.pending -= 1;
    }
  }

  makeRemovable(chip) {
    const button = element('button', { type: 'button', class: 'btn btn-sm btn-quiet btn-square-icon', 'aria-label': `Remove ${chip.textContent.trim()}` }, icon('x'));
    button.addEventListener('click', () => {
      chip.remove();
      this.changed();
    });
    chip.append(button);
  }

  /** Nothing is sent while a file or the draft is on its way: the mail would leave without it, or leave a draft behind. */
  onSubmit(event) {
    clearTimeout(this.timer);
    if (!this.pending) {
      sessionStorage.removeItem(this.key);
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    setTimeout(() => this.form.requestSubmit(), 100);
  }
}

// R on the page: the reply button is a link to #reply; the editor takes the focus that the hidden area cannot.
function focusEditor(event) {
  if (!event.target.closest?.('a[href="#reply"]')) return;
  event.preventDefault();
  document.querySelector('form[data-composer] trix-editor')?.focus();
}

function startAll() {
  for (const form of document.querySelectorAll('form[data-composer]:not([data-ready])')) {
    form.dataset.ready = 'yes';
    new Composer(form);
  }
}

startAll();
document.addEventListener('htmx:load', startAll);
document.addEventListener('click', focusEditor);
