// Started on every signed-in page. Pages read and submit without it; it adds keys, live updates, toasts and panes.

import { startCopying } from './copy.js';
import { startKeys } from './keys.js';
import { startLive } from './live.js';
import { startPalette } from './palette.js';
import { startPanes } from './panes.js';
import { startToasts } from './toast.js';

// Controls that need script are hidden until there is script.
for (const control of document.querySelectorAll('[data-needs-script]')) control.hidden = false;

startToasts();
startCopying();
startKeys();
startPalette();
startPanes();
startLive();
