// Who is signed in: the button and menu in the header, and the dialog for signing in, creating an account and changing the password. All rules live in the client (../client/ponte.js).

import { addTexts, hasText, text } from './i18n.js';
import { identityTexts } from './identity-texts.js';
import * as view from './view.js';

addTexts(identityTexts);

const $ = (id) => document.getElementById(id);

// What the one form is at a time. `fields` are shown; the others are not sent.
const modes = {
  'sign-in': { title: 'sign_in', note: 'why_sign_in', submit: 'sign_in', busy: 'signing_in', fields: ['email', 'password'], other: { hint: 'no_account', label: 'sign_up', mode: 'sign-up' } },
  'sign-up': { title: 'sign_up', note: 'why_sign_in', submit: 'sign_up', busy: 'signing_up', fields: ['name', 'email', 'new-password'], other: { hint: 'have_account', label: 'sign_in', mode: 'sign-in' } },
  'change': { title: 'change_title', note: '', submit: 'set_password', busy: 'changing', fields: ['email', 'old-password', 'new-password'], other: null },
};
// Where a refusal is to be mended: by its reason, or by the field of the request.
const fieldOf = { SIGN_IN_FAILED: ['password'], EMAIL_TAKEN: ['email'], display_name: ['name'], email: ['email'], password: ['password', 'new-password'], old_password: ['old-password'], new_password: ['new-password'] };

let client = null;
let identity = { state: 'STARTING', user: null, roles: [], error: null };
let mode = 'sign-in';
let busy = false;
let sayError = null; // again in another language
let mustChange = false;
let onChange = () => {};

const field = (name) => $(`identity-${name}`);
const isShown = (name) => modes[mode].fields.includes(name);

function identityError({ code, reason, field: of, message, retryAfterMs }) {
  const seconds = Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1000));
  const keys = reason === 'INVALID_FIELD' ? [`bad_${of}`, 'err_INVALID_FIELD'] : [`err_${reason}`];
  for (const key of keys) if (hasText(key)) return text(key, { seconds, message });
  if (code === 14 || code === 4) return text('identity_offline');
  if (code === 12) return text('identity_none');
  return text('identity_failed', { message });
}

// -- the header

function showHeader() {
  const { state, user } = identity;
  const here = user !== null && state !== 'SIGNING_IN';
  $('sign-in').hidden = here || state === 'STARTING' || !client;
  $('account').hidden = !here;
  if (!here) {
    $('account').open = false;
    return;
  }
  $('account-name').textContent = user.displayName;
  $('account-email').textContent = state === 'REFRESHING' ? text('refreshing') : user.email;
}

// -- the dialog

function showError(message) {
  sayError = message;
  $('identity-error').textContent = message ? message() : '';
  $('identity-error').hidden = !message;
  for (const input of $('identity-form').querySelectorAll('input')) input.removeAttribute('aria-invalid');
}

function showDialog() {
  const { title, note, submit, busy: doing, other } = modes[mode];
  const words = mustChange && mode === 'change' ? 'must_change' : note;
  $('identity-title').textContent = text(title);
  $('identity-note').textContent = words ? text(words) : '';
  $('identity-note').hidden = !words;
  for (const row of $('identity-form').querySelectorAll('[data-field]')) {
    row.hidden = !isShown(row.dataset.field);
    const input = row.querySelector('input');
    input.disabled = row.hidden; // neither asked for nor checked by the form
    input.readOnly = mode === 'change' && row.dataset.field === 'email'; // for the password manager: whose password this is
  }
  $('identity-submit').textContent = text(busy ? doing : submit);
  $('identity-submit').disabled = busy;
  $('identity-form').setAttribute('aria-busy', String(busy));
  $('identity-cancel').textContent = text(mustChange && mode === 'change' ? 'sign_out' : 'cancel');
  $('identity-other').hidden = !other;
  if (other) {
    $('identity-other').querySelector('span').textContent = text(other.hint);
    $('identity-other').querySelector('button').textContent = text(other.label);
  }
  for (const button of $('identity-form').querySelectorAll('[data-reveal]')) {
    const word = button.previousElementSibling.type === 'password' ? 'show_password' : 'hide_password';
    button.textContent = text(word);
    button.setAttribute('aria-label', text(`${word}_label`));
  }
}

const firstEmpty = () => modes[mode].fields.map(field).find((input) => !input.value && !input.readOnly) ?? $('identity-submit');

function openDialog(next) {
  mode = next;
  showError(null);
  showDialog();
  if (!$('identity').open) $('identity').showModal();
  firstEmpty().focus();
}

function clearPasswords() {
  for (const name of ['password', 'old-password', 'new-password']) {
    field(name).value = '';
    field(name).type = 'password';
  }
}

function closeDialog() {
  if ($('identity').open) $('identity').close(); // gives the focus back to where it was
}

function refuse(error) {
  showError(() => identityError(error));
  const wrong = (fieldOf[error.reason] ?? fieldOf[error.field] ?? []).filter(isShown).map(field)[0];
  if (!wrong) return;
  wrong.setAttribute('aria-invalid', 'true');
  wrong.focus();
  wrong.select();
}

const actions = {
  'sign-in': () => client.signIn(field('email').value, field('password').value),
  'sign-up': () => client.signUp(field('name').value, field('email').value, field('new-password').value),
  'change': () => client.setPassword(field('old-password').value, field('new-password').value),
};

/** The dialog was closed meanwhile. That the session has ended is told already. */
function tellChanged(error) {
  if (error && identity.state !== 'ENDED') view.showNotice(identityError(error));
  else if (identity.state === 'SIGNED_IN') view.showNotice(text('changed'));
}

async function submit(event) {
  event.preventDefault();
  if (busy) return;
  const doing = mode;
  busy = true;
  showError(null);
  showDialog();
  let error = null;
  try {
    await actions[doing]();
  } catch (caught) {
    error = caught;
  }
  busy = false;
  showDialog();
  if (doing === 'change' && !$('identity').open) tellChanged(error);
  else if (error) refuse(error);
  else if (identity.state === 'MUST_CHANGE') changePassword();
  else if (identity.state === 'SIGNED_IN') closeDialog();
}

function changePassword() {
  mustChange = identity.state === 'MUST_CHANGE';
  field('email').value = identity.user.email;
  field('old-password').value = field('password').value; // typed a moment ago, or empty
  openDialog('change');
}

/** However the dialog was closed: what has not come to its end is given up. */
function onClose() {
  if (identity.state === 'SIGNING_IN' || identity.state === 'MUST_CHANGE') client.signOut();
  clearPasswords();
  showError(null);
}

// -- for the page

/** What createClient's onIdentity tells. */
export function identityChanged(next) {
  const before = identity.state;
  identity = next;
  if (next.state === 'ENDED') {
    closeDialog();
    view.showNotice(text('session_ended'), { label: text('sign_in'), run: () => openDialog('sign-in') });
  }
  if (next.state === 'MUST_CHANGE' && before === 'STARTING') changePassword();
  if (next.state === 'SIGNED_IN' && !busy && mode !== 'change') closeDialog(); // another page signed in
  if (next.state === 'SIGNED_OUT' && mode === 'change' && !busy) closeDialog();
  showHeader();
  onChange(next);
}

/** The language changed. */
export function showIdentity() {
  showHeader();
  showDialog();
  if (sayError) showError(sayError);
}

/** Asks the reader to sign in, for what needs it. */
export const askToSignIn = () => openDialog('sign-in');

/** The client is there. changed(identity) is told of every change from now on, and of the present state. */
export function listenToIdentity(of, changed = () => {}) {
  client = of;
  onChange = changed;
  $('sign-in').addEventListener('click', () => openDialog('sign-in'));
  $('sign-out').addEventListener('click', () => { client.signOut(); });
  $('change-password').addEventListener('click', () => { $('account').open = false; changePassword(); });
  $('identity-form').addEventListener('submit', submit);
  $('identity-cancel').addEventListener('click', closeDialog);
  $('identity').addEventListener('close', onClose);
  $('identity-other').querySelector('button').addEventListener('click', () => openDialog(modes[mode].other.mode));
  for (const button of $('identity-form').querySelectorAll('[data-reveal]')) {
    button.addEventListener('click', () => {
      const input = button.previousElementSibling;
      input.type = input.type === 'password' ? 'text' : 'password';
      showDialog();
    });
  }
  addEventListener('click', (event) => { if (!$('account').contains(event.target)) $('account').open = false; });
  showDialog();
  identityChanged(client.identity);
}
