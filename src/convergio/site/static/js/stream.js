// One connection to the event stream. Used inside the shared worker, or in the page where there is none.

/** The names the server sends; each arrives as "event: <name>", "data: {"ids": [...]}". */
export const NAMES = [
  'email.received', 'email.read', 'email.queued', 'email.sent', 'reply.drafted', 'reply.decided',
  'task.changed', 'inbox.changed', 'tokens.purchased', 'usage.notice', 'resync',
];

const RETRY = 5000;

/** Open `url` and keep it open. `tell` gets {state: "open"|"lost"} and {name, data}. */
export function openStream(url, tell) {
  const source = new EventSource(url, { withCredentials: true });
  source.onopen = () => tell({ state: 'open' });
  source.onerror = () => {
    tell({ state: 'lost' });
    // The browser reconnects by itself, except after an HTTP error.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => openStream(url, tell), RETRY);
  };
  for (const name of NAMES) {
    source.addEventListener(name, (event) => tell({ name, data: JSON.parse(event.data || '{}') }));
  }
}
