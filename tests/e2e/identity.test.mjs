// Accounts in the page: the dialog, who is signed in over reloads and tabs, one-time passwords, refreshes by several tabs, and calls with any request.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clips, finalTexts, finished, folder, openBrowser, openPage, silence, startClassroom, until, writeWav } from './lib.mjs';

const clip = writeWav('clip.wav', silence(0.5), clips()[1].samples, silence(1));
const screenshots = process.env.PONTE_SCREENSHOTS ?? folder;
const PASSWORD = 'correct horse battery';
const errors = [];
let stack;
let browser;
let people = 0;

before(async () => {
  stack = await startClassroom();
  browser = await openBrowser();
});
after(async () => { await browser?.close(); await stack?.stop(); });

const open = (options) => openPage(browser, stack.url, { errors, ...options });
const signedIn = (page) => page.waitForSelector('#account:not([hidden])', { timeout: 15000 });
const signedOut = (page) => page.waitForSelector('#sign-in:not([hidden])', { timeout: 15000 });
const said = (page) => page.waitForSelector('#identity-error:not([hidden])', { timeout: 15000 }).then((e) => e.textContent());
const focused = (page) => page.evaluate(() => document.activeElement.id);

/** A new account of its own, signed in through the dialog. */
async function signUp(page, name = 'Ana Prado') {
  const email = `person${++people}@example.org`;
  await page.click('#sign-in');
  await page.click('#identity-other button');
  await page.fill('#identity-name', name);
  await page.fill('#identity-email', email);
  await page.fill('#identity-new-password', PASSWORD);
  await page.keyboard.press('Enter');
  await signedIn(page);
  return email;
}

async function signIn(page, email, password) {
  await page.click('#sign-in');
  await page.fill('#identity-email', email);
  await page.fill('#identity-password', password);
  await page.click('#identity-submit');
}

/** A second client in the same page, for calls: it finds the same session. */
const withClient = (page) => page.evaluate(async () => {
  const { createClient } = await import('/client/ponte.js');
  const states = window.states = [];
  window.client = await createClient({ onIdentity: ({ state }) => states.push(state) });
  const deadline = Date.now() + 15000;
  while (window.client.identity.state !== 'SIGNED_IN' && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  return window.client.identity;
});
const call = (page, method, request) => page.evaluate(([m, r]) => window.client.call(m, r).then((answer) => ({ answer }),
  ({ name, code, reason, message }) => ({ name, code, reason, message })), [method, request]);

test('captions need no account', { timeout: 120000 }, async () => {
  const page = await open();
  await signedOut(page);
  await page.setInputFiles('#file', clip.path);
  await page.waitForSelector('#stop:not([hidden])');
  await finished(page);
  assert.ok((await finalTexts(page)).length > 0);
  assert.ok(await page.isHidden('#notice'));
  await page.context().close();
});

test('the dialog: rules of the form, refusals at their field, focus back', { timeout: 60000 }, async () => {
  const page = await open();
  await page.focus('#sign-in');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'identity-email');
  await page.screenshot({ path: join(screenshots, 'sign-in.png') });
  await page.fill('#identity-email', 'not an address');
  await page.fill('#identity-password', 'x');
  await page.click('#identity-submit');
  assert.ok(await page.evaluate(() => !document.querySelector('#identity-form').checkValidity()), 'the browser refuses it');
  assert.ok(await page.isVisible('#identity-submit:not([disabled])'));
  await page.fill('#identity-email', 'nobody@example.org');
  await page.keyboard.press('Enter');
  assert.match(await said(page), /password is wrong/);
  assert.equal(await focused(page), 'identity-password');
  assert.equal(await page.getAttribute('#identity-password', 'aria-invalid'), 'true');
  assert.equal(await page.getAttribute('#identity-password', 'type'), 'password');
  await page.click('#identity [data-field=password] [data-reveal]');
  assert.equal(await page.getAttribute('#identity-password', 'type'), 'text');
  await page.keyboard.press('Escape');
  assert.ok(await page.isHidden('#identity'));
  assert.equal(await focused(page), 'sign-in');
  assert.equal(await page.inputValue('#identity-password'), '');
  const autocomplete = await page.$$eval('#identity input', (inputs) => Object.fromEntries(inputs.map((i) => [i.name, i.autocomplete])));
  assert.deepEqual(autocomplete, { name: 'name', email: 'username', password: 'current-password', 'old-password': 'current-password', 'new-password': 'new-password' });
  await page.context().close();
});

test('an account: made, kept over reloads and tabs, taken once, signed out everywhere', { timeout: 90000 }, async () => {
  const page = await open();
  const email = await signUp(page);
  assert.equal(await page.textContent('#account-name'), 'Ana Prado');
  await page.click('#account summary');
  assert.equal(await page.textContent('#account-email'), email);
  await page.screenshot({ path: join(screenshots, 'account.png') });
  await page.reload();
  await signedIn(page);

  const tab = await page.context().newPage();
  await tab.goto(stack.url);
  await signedIn(tab);
  await page.click('#account summary');
  await page.click('#sign-out');
  await signedOut(page);
  await signedOut(tab);
  assert.equal((await page.evaluate(recordSize)), 0);

  await page.click('#sign-in');
  await page.click('#identity-other button');
  await page.fill('#identity-name', 'Other');
  await page.fill('#identity-email', email.toUpperCase());
  await page.fill('#identity-new-password', PASSWORD);
  await page.click('#identity-submit');
  assert.match(await said(page), /is an account with this/);
  await page.click('#identity-other button');
  await page.fill('#identity-email', email);
  await page.fill('#identity-password', PASSWORD);
  await page.click('#identity-submit');
  await signedIn(page);
  await signedIn(tab); // told by the first
  await page.context().close();
});

test('in Portuguese', { timeout: 60000 }, async () => {
  const page = await open({ locale: 'pt-BR', viewport: { width: 390, height: 700 } });
  assert.equal((await page.textContent('#sign-in')).trim(), 'Entrar');
  await signIn(page, 'nobody@example.org', 'wrong');
  assert.match(await said(page), /senha está errado/);
  await page.screenshot({ path: join(screenshots, 'sign-in-mobile.png') });
  await page.keyboard.press('Escape');
  await page.selectOption('#locale', 'en');
  assert.equal((await page.textContent('#sign-in')).trim(), 'Sign in');
  await page.context().close();
});

test('a one-time password is changed first; then an administrator calls any method', { timeout: 90000 }, async () => {
  const page = await open();
  await signIn(page, 'admin@ponte.local', stack.firstPassword);
  await page.waitForSelector('#identity-new-password:not([disabled])');
  assert.match(await page.textContent('#identity-note'), /one time/);
  assert.equal(await page.inputValue('#identity-old-password'), stack.firstPassword);
  await page.fill('#identity-old-password', 'wrong');
  await page.fill('#identity-new-password', PASSWORD);
  await page.click('#identity-submit');
  assert.match(await said(page), /present password is wrong/);
  assert.equal(await focused(page), 'identity-old-password');
  await page.fill('#identity-old-password', stack.firstPassword);
  await page.click('#identity-submit');
  await page.waitForSelector('#identity', { state: 'hidden' });
  await signedIn(page);

  assert.deepEqual((await withClient(page)).roles, ['admin']);
  const made = await call(page, 'ponte.users.v1.UserService/CreateUser',
    { displayName: 'Téa', email: 'tea@example.org', role: 'ROLE_TEACHER', password: PASSWORD, idempotencyKey: 'once' });
  assert.equal(made.answer.displayName, 'Téa');
  assert.equal(made.answer.role, 'ROLE_TEACHER');
  const { answer } = await call(page, 'ponte.users.v1.UserService/ListUsers', { query: 'tea@', pageSize: 10 });
  assert.equal(answer.users[0].userId, made.answer.userId);
  assert.equal((await call(page, 'ponte.users.v1.UserService/GetUser', { userId: 'no id' })).reason, 'INVALID_FIELD');
  assert.match((await call(page, 'ponte.users.v1.UserService/GetUser', { userld: 'x' })).message, /GetUser.*userld/);
  assert.match((await call(page, 'ponte.orders.v1.OrderService/GetOrder', {})).message, /no such method/);
  await page.context().close();
});

/** In the page: what the record "identity" holds. */
const recordSize = () => new Promise((resolve, reject) => {
  const opening = indexedDB.open('ponte');
  opening.onerror = reject;
  opening.onsuccess = () => {
    const request = opening.result.transaction('records').objectStore('records').get('identity');
    request.onsuccess = () => { opening.result.close(); resolve(request.result?.length ?? 0); };
  };
});

/** The wall clocks of all pages move on; they look at it when the reader comes back to them. */
const skew = (minutes) => {
  const real = Date.now;
  Date.now = () => real() + minutes * 60000;
  document.dispatchEvent(new Event('visibilitychange'));
};

test('three tabs refresh at once, again and again, and stay signed in', { timeout: 90000 }, async () => {
  const page = await open();
  await signUp(page);
  const tabs = [page];
  for (let i = 0; i < 2; i++) {
    const tab = await page.context().newPage();
    await tab.goto(stack.url);
    await signedIn(tab);
    tabs.push(tab);
  }
  for (const tab of tabs) await withClient(tab);
  for (let round = 0; round < 5; round++) await Promise.all(tabs.map((tab) => tab.evaluate(skew, 15)));
  for (const tab of tabs) {
    const { answer } = await call(tab, 'ponte.chatbot.v1.ChatbotService/ListMaterials', {});
    assert.ok(answer);
    await signedIn(tab);
  }
  assert.doesNotMatch(readFileSync(stack.service.log, 'utf8'), /used twice/);
  await page.context().close();
});

/** In the page: the record is as it was before; or its access token is another one. */
const exchangeRecord = ({ keep, put, forge }) => new Promise((resolve, reject) => {
  const opening = indexedDB.open('ponte');
  opening.onerror = reject;
  opening.onsuccess = () => {
    const transaction = opening.result.transaction('records', 'readwrite');
    const records = transaction.objectStore('records');
    const request = records.get('identity');
    request.onsuccess = () => {
      const bytes = request.result;
      if (keep) window.kept = bytes;
      if (put) records.put(window.kept, 'identity');
      if (forge) {
        const text = new TextDecoder('latin1').decode(bytes);
        const at = text.indexOf('.', text.indexOf('.', text.indexOf('eyJ')) + 1) + 10; // in the signature
        bytes[at] = bytes[at] === 65 ? 66 : 65;
        records.put(bytes, 'identity');
      }
    };
    transaction.oncomplete = () => { opening.result.close(); resolve(); };
  };
});

const recordChanged = () => new Promise((resolve, reject) => {
  const opening = indexedDB.open('ponte');
  opening.onerror = reject;
  opening.onsuccess = () => {
    const request = opening.result.transaction('records').objectStore('records').get('identity');
    request.onsuccess = () => { opening.result.close(); resolve(request.result.some((byte, i) => byte !== window.kept[i])); };
  };
});

test('a token that is refused is refreshed', { timeout: 60000 }, async () => {
  const page = await open();
  await signUp(page);
  await page.evaluate(exchangeRecord, { forge: true });
  await page.reload();
  await signedIn(page);
  await withClient(page);
  await until(page, () => window.client.call('ponte.chatbot.v1.ChatbotService/ListMaterials', {}).then(() => true, () => false));
  await signedIn(page);
  await page.context().close();
});

test('a refresh whose answer was lost ends in words, and one signs in again', { timeout: 60000 }, async () => {
  const page = await open();
  const email = await signUp(page);
  await page.evaluate(exchangeRecord, { keep: true });
  await page.evaluate(skew, 15); // refreshed; but then the answer is forgotten
  await until(page, recordChanged);
  await page.evaluate(exchangeRecord, { put: true });
  await page.evaluate(skew, 30);
  await page.waitForSelector('#notice:not([hidden])', { timeout: 15000 });
  assert.match(await page.textContent('#notice p'), /session has ended/);
  await page.click('#notice button');
  await page.fill('#identity-email', email);
  await page.fill('#identity-password', PASSWORD);
  await page.click('#identity-submit');
  await signedIn(page);
  await page.context().close();
});

test('a password is changed, or not, although the dialog was closed meanwhile', { timeout: 60000 }, async () => {
  const page = await open();
  await signUp(page);
  const change = async (old, fresh) => {
    await page.click('#account summary');
    await page.click('#change-password');
    await page.fill('#identity-old-password', old);
    await page.fill('#identity-new-password', fresh);
    await page.evaluate(() => { document.querySelector('#identity-submit').click(); document.querySelector('#identity').close(); });
    await page.waitForSelector('#notice:not([hidden])');
    return page.textContent('#notice p');
  };
  assert.match(await change('wrong', `${PASSWORD} two`), /password is wrong/);
  await page.evaluate(() => { document.querySelector('#notice').hidden = true; });
  assert.match(await change(PASSWORD, `${PASSWORD} two`), /password was changed/);
  await signedIn(page);
  await page.context().close();
});

const CHATBOT = 'ponte.chatbot.v1.ChatbotService';
const attached = (page, state) => page.waitForSelector(`#attached[data-state=${state}]`, { timeout: 60000 });

/** Controls that leave the window at the left or right. */
const outside = (page) => page.$$eval('.bar :is(button, select), .dock :is(button, select, .button, .meter, #share, #attached)', (controls) => controls
  .filter((c) => c.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }) && !c.closest('details:not([open]) > div'))
  .filter((c) => { const r = c.getBoundingClientRect(); return r.width > 1 && (r.left < 0 || r.right > innerWidth); }).map((c) => c.id || c.textContent));

async function transcribe(page) {
  await page.setInputFiles('#file', clip.path);
  await page.waitForSelector('#stop:not([hidden])');
  await finished(page);
  return finalTexts(page);
}

test('what is said is kept for questions: one\'s own, or shared by a teacher', { timeout: 180000 }, async () => {
  const student = await open();
  await signUp(student);
  await withClient(student);
  assert.ok(await student.isHidden('#share'));
  const heard = await transcribe(student);
  await attached(student, 'SAVED');
  const { materials } = (await call(student, `${CHATBOT}/ListMaterials`, {})).answer;
  assert.equal(materials.length, 1);
  assert.equal(materials[0].format, 'MATERIAL_FORMAT_LIVE');
  assert.match(materials[0].title, /^Lesson of /);
  assert.ok(!materials[0].shared);
  const { answer } = await call(student, `${CHATBOT}/GetMaterial`, { materialId: materials[0].materialId });
  assert.equal(answer.text.trim(), heard.join('\n'));
  assert.ok(answer.cues.every((cue) => cue.endMs > (cue.startMs ?? 0)));
  await student.screenshot({ path: join(screenshots, 'kept.png') });

  const teacher = await open();
  await signIn(teacher, 'tea@example.org', PASSWORD); // made by the administrator above
  await signedIn(teacher);
  await teacher.check('#share-switch');
  await teacher.screenshot({ path: join(screenshots, 'share.png') });
  await transcribe(teacher);
  await attached(teacher, 'SAVED');
  const seen = (await call(student, `${CHATBOT}/ListMaterials`, {})).answer.materials;
  assert.equal(seen.filter((m) => m.shared).length, 1);
  assert.equal(seen.length, 2);
  for (const width of [1280, 1000, 720, 400, 320]) {
    await teacher.setViewportSize({ width, height: 700 });
    assert.deepEqual(await outside(teacher), [], `${width} px wide`);
  }
  await student.context().close();
  await teacher.context().close();
});

test('what was said before the sign-in is kept after it', { timeout: 120000 }, async () => {
  const page = await open();
  await transcribe(page);
  await attached(page, 'NEEDS_SIGN_IN');
  await signUp(page);
  await attached(page, 'SAVED');
  await withClient(page);
  assert.equal((await call(page, `${CHATBOT}/ListMaterials`, {})).answer.materials.filter((m) => !m.shared).length, 1);
  await page.context().close();
});

/** From now on the page's calls of this method get nowhere: their frames (docs/protocol.md) are dropped. */
function loseCalls(method) {
  const OPEN = 0x10, HEAD = 9;
  const send = WebSocket.prototype.send;
  const lost = new Set();
  WebSocket.prototype.send = function (bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), kept = [];
    for (let at = 0, size; at < bytes.length; at += size) {
      size = HEAD + (view.getUint16(at + 6) << 8 | view.getUint8(at + 8));
      const frame = bytes.subarray(at, at + size), call = view.getUint32(at + 2);
      if (frame[0] === OPEN && new TextDecoder().decode(frame).includes(method)) lost.add(call);
      if (!lost.has(call)) kept.push(...frame);
    }
    if (kept.length) send.call(this, new Uint8Array(kept));
  };
}

/** Waits until the record of what the assistant does not have yet holds this text, or, without one, is gone. */
const unkept = (page, last = '') => until(page, (text) => new Promise((resolve) => {
  indexedDB.open('ponte').onsuccess = ({ target: { result: database } }) => {
    database.transaction('records').objectStore('records').get('attach').onsuccess = ({ target: { result: bytes } }) => {
      database.close();
      resolve(text ? bytes && new TextDecoder().decode(bytes).includes(text) : !bytes);
    };
  };
}), last);

test('what was not kept when its page was closed is kept by the next one, for its reader', { timeout: 180000 }, async () => {
  const page = await open();
  await signUp(page);
  await page.evaluate(loseCalls, 'ChatbotService/AppendTranscript');
  const heard = await transcribe(page);
  await unkept(page, heard.at(-1));
  await page.context().setOffline(true);
  await page.close();
  await page.context().setOffline(false);

  const next = await page.context().newPage();
  await next.goto(stack.url);
  await attached(next, 'SAVED');
  await withClient(next);
  const materials = async () => (await call(next, `${CHATBOT}/ListMaterials`, {})).answer.materials?.filter((m) => !m.shared) ?? [];
  const [kept, ...others] = await materials();
  assert.equal(others.length, 0);
  assert.equal((await call(next, `${CHATBOT}/GetMaterial`, { materialId: kept.materialId })).answer.text.trim(), heard.join('\n'));
  await unkept(next);

  await next.evaluate(loseCalls, 'ChatbotService/AppendTranscript');
  await unkept(next, (await transcribe(next)).at(-1));
  await next.click('#account summary');
  await next.click('#sign-out');
  await signedOut(next);
  await unkept(next);
  await next.reload();
  await signUp(next, 'Bia Reis');
  await withClient(next);
  assert.deepEqual(await materials(), []);
  await page.context().close();
});

test('no error was thrown in any page', () => assert.deepEqual(errors, []));
