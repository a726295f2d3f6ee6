// Runs in the head, before the first paint. The cookie lets the server write the attribute too, so pages without
// script keep the choice; an empty choice follows the system and its changes.
(() => {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const chosen = () => (document.cookie.match(/(?:^|; )theme=(light|dark)/) || [])[1] || '';
  const apply = () => {
    document.documentElement.dataset.bsTheme = chosen() || (system.matches ? 'dark' : 'light');
    for (const button of document.querySelectorAll('[data-set-theme]')) {
      button.setAttribute('aria-pressed', String(button.dataset.setTheme === chosen()));
    }
  };
  apply();
  system.addEventListener('change', apply);
  document.addEventListener('DOMContentLoaded', apply);
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-set-theme]');
    if (!button) return;
    const age = button.dataset.setTheme ? 31536000 : 0;
    document.cookie = `theme=${button.dataset.setTheme}; path=/; max-age=${age}; samesite=lax`;
    apply();
  });
})();
