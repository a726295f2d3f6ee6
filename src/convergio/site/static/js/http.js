// Requests that htmx does not make: JSON reads for the palette, small writes for the board and undo.

function token() {
  return JSON.parse(document.body.getAttribute('hx-headers') || '{}')['X-CSRFToken'] || '';
}

async function sentence(response) {
  const said = await response.json().catch(() => ({}));
  return said.error || `The server answered ${response.status}. Try again in a moment.`;
}

/** POST form fields; resolves to the response, rejects with an Error whose message is a sentence for the person. */
export async function post(url, fields = {}) {
  const headers = { 'X-CSRFToken': token(), Accept: 'application/json' };
  let response;
  try {
    response = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) });
  } catch {
    throw new Error('The server cannot be reached. Check the connection and try again.');
  }
  if (!response.ok) throw new Error(await sentence(response));
  return response;
}

/** GET JSON; resolves to the value, or to `fallback` when the server refuses. An aborted request still rejects. */
export async function getJSON(url, { signal, fallback = null } = {}) {
  const response = await fetch(url, { signal, headers: { Accept: 'application/json' } });
  return response.ok ? response.json() : fallback;
}

/** GET a part of a page, as htmx would; resolves to a document. */
export async function getPage(url) {
  const response = await fetch(url, { headers: { 'HX-Request': 'true' } });
  if (!response.ok) throw new Error(await sentence(response));
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

/** POST one file as `file`; resolves to the answer's JSON. */
export async function upload(url, file) {
  const body = new FormData();
  body.append('file', file);
  const response = await fetch(url, { method: 'POST', headers: { 'X-CSRFToken': token(), Accept: 'application/json' }, body });
  if (!response.ok) throw new Error(await sentence(response));
  return response.json();
}
