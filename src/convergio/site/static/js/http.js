// Requests that htmx does not make: JSON reads for the palette, small writes for the board and undo.

// Pages before sign-in have no hx-headers; their forms carry the token.
function token() {
  const carried = document.querySelector('[name=csrfmiddlewaretoken]')?.value;
  return JSON.parse(document.body.getAttribute('hx-headers') || '{}')['X-CSRFToken'] || carried || '';
}

async function failure(response) {
  const said = await response.json().catch(() => ({}));
  const message = said.error || `The server answered ${response.status}. Try again in a moment.`;
  return Object.assign(new Error(message), { code: said.code });
}

async function send(url, body, more = {}) {
  const headers = { 'X-CSRFToken': token(), Accept: 'application/json', ...more };
  try {
    return await fetch(url, { method: 'POST', headers, body });
  } catch {
    throw new Error('The server cannot be reached. Check the connection and try again.');
  }
}

/** POST form fields; resolves to the response, rejects with an Error whose message is a sentence for the person. */
export async function post(url, fields = {}) {
  const response = await send(url, new URLSearchParams(fields));
  if (!response.ok) throw await failure(response);
  return response;
}

/** POST JSON and get JSON; a refusal's Error also has its stable `code`. */
export async function postJSON(url, value = {}) {
  const response = await send(url, JSON.stringify(value), { 'Content-Type': 'application/json' });
  if (!response.ok) throw await failure(response);
  return response.json();
}

/** GET JSON; resolves to the value, or to `fallback` when the server refuses. An aborted request still rejects. */
export async function getJSON(url, { signal, fallback = null } = {}) {
  const response = await fetch(url, { signal, headers: { Accept: 'application/json' } });
  return response.ok ? response.json() : fallback;
}

/** GET a part of a page, as htmx would; resolves to a document. */
export async function getPage(url) {
  const response = await fetch(url, { headers: { 'HX-Request': 'true' } });
  if (!response.ok) throw await failure(response);
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}

/** POST one file as `file`; resolves to the answer's JSON. */
export async function upload(url, file) {
  const body = new FormData();
  body.append('file', file);
  const response = await fetch(url, { method: 'POST', headers: { 'X-CSRFToken': token(), Accept: 'application/json' }, body });
  if (!response.ok) throw await failure(response);
  return response.json();
}
