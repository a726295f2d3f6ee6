// Buttons that copy the text of another element: data-copy holds its id. Hidden until there is script and a clipboard.

import { showToast } from './toast.js';

for (const button of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard) continue; // only pages under https and on this machine have one
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    showToast({ text: 'Copied', kind: 'ok' });
  });
}
