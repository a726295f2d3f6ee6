// Passkeys: signing in, confirming, and making a new one. Everything here stays hidden where the browser cannot.

import { postJSON } from './http.js';
import { showToast } from './toast.js';

const api = window.PublicKeyCredential;
const able = Boolean(api?.parseRequestOptionsFromJSON && api.prototype.toJSON);

// The person closed the browser's window or waited too long; that needs no words.
const wasCancelled = (error) => error.name === 'NotAllowedError' || error.name === 'AbortError';

function words(error) {
  return error instanceof DOMException ? 'Your browser could not use a passkey here; try again.' : error.message;
}

let waiting = null; // the autofill offer: browsers take one request at a time

async function assertion(address, mediation) {
  const { ceremony, options } = await postJSON(`${address}/options`);
  waiting?.abort();
  waiting = new AbortController();
  const publicKey = api.parseRequestOptionsFromJSON(options);
  const credential = await navigator.credentials.get({ publicKey, mediation, signal: waiting.signal });
  return { ceremony, answer: credential.toJSON() };
}

async function prove(box, mediation) {
  const said = box.querySelector('[data-said]');
  said.hidden = true;
  try {
    const answer = await assertion(box.dataset.passkey, mediation);
    const { next } = await postJSON(box.dataset.passkey, { ...answer, next: box.dataset.next });
    location.assign(next);
  } catch (error) {
    if (wasCancelled(error)) return;
    said.textContent = words(error);
    said.hidden = false;
  }
}

async function startProof(box) {
  const button = box.querySelector('button');
  button.addEventListener('click', async () => {
    button.disabled = true;
    await prove(box);
    button.disabled = false;
  });
  box.hidden = false;
  // Where the form asks for a user name, browsers offer passkeys among the names.
  const field = document.querySelector('input[autocomplete~="webauthn"]');
  if (field && (await api.isConditionalMediationAvailable?.())) prove(box, 'conditional');
}

async function add(address) {
  const { ceremony, options } = await postJSON(`${address}/options`);
  const credential = await navigator.credentials.create({ publicKey: api.parseCreationOptionsFromJSON(options) });
  await postJSON(address, { ceremony, answer: credential.toJSON() });
  location.assign('/dashboard/settings/security?done=passkey_added');
}

function startAdding(button) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await add(button.dataset.addPasskey);
    } catch (error) {
      if (error.code === 'fresh_sign_in_required') location.assign('/confirm?next=/dashboard/settings/security');
      else if (error.name === 'InvalidStateError') showToast({ text: 'This device has a passkey for your account already.', kind: 'err' });
      else if (!wasCancelled(error)) showToast({ text: words(error), kind: 'err' });
    }
    button.disabled = false;
  });
}

if (able) {
  document.querySelectorAll('[data-passkey]').forEach(startProof);
  document.querySelectorAll('[data-add-passkey]').forEach(startAdding);
}
