// A button with data-copy="#id" copies the text of that element. Browsers allow it on https and on this machine only, so
// elsewhere the button stays hidden and the text is selected by hand.

import { showToast } from './toast.js';

export function startCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
      showToast({ text: 'Copied' });
    });
  }
}
