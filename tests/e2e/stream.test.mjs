// Client.stream() in Chromium, against the real processes: what a page of somebody else's gets of a server stream, whatever becomes of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addMaterial, openBrowser, openPage, startStack } from './lib.mjs';

const errors = [];
let stack;
let browser;
let page;

before(async () => {
  stack = await startStack({ assistant: 'fake' });
  browser = await openBrowser();
  page = await openPage(browser, stack.url, { errors });
  await addMaterial(page, 'engine.txt', 'The scripted engine: fake, text, pause, endless, quote, error, UNAVAILABLE, wait, 1, 2, 3, 5.\n');
  await page.evaluate(async () => {
    const { createClient } = await import('/client/ponte.js');
    window.client = await createClient();
    /** Runs a stream; what came of it so far is in what it returns. */
    window.start = (request, method = 'ResolveDuvidaStream', onPart = () => {}) => {
      const run = { parts: [], end: null };
      window.client.stream(`ponte.chatbot.v1.ChatbotService/${method}`, request, (part) => { run.parts.push(part); onPart(part); }).then(
        (value) => { run.end = { value: value ?? null }; },
        ({ name, message, code, reason, field, retryAfterMs }) => { run.end = { name, message, code, reason, field, retryAfterMs }; });
      return run;
    };
  });
});
after(async () => { await browser?.close(); await stack?.stop(); });

/** Begins a stream that is kept as window[name]. */
const begin = (name, request, method) => page.evaluate(([n, r, m]) => { window[n] = window.start(r, m); }, [name, request, method]);
const ended = async (name) => {
  await page.waitForFunction((n) => window[n].end, name, { timeout: 30000 });
  return page.evaluate((n) => window[n], name);
};
const script = (steps) => ({ duvida: `scripted engine fake:${steps}` });
const kinds = (run) => run.parts.map((part) => Object.keys(part).join());
const words = (run) => run.parts.map((part) => part.text ?? '').join('');

test('parts come one by one and in order, then it resolves with nothing', async () => {
  await begin('a', script('text=3,wait'));
  await page.waitForFunction(() => window.a.parts.length >= 4); // while the engine still writes
  assert.equal(await page.evaluate(() => window.a.end), null);
  await begin('b', script('text=3,quote=1'));
  const b = await ended('b');
  assert.deepEqual(b.end, { value: null });
  assert.match(kinds(b).join(' '), /^sources( text)+ final$/);
  assert.equal(words(b).trim(), 'peça 1 peça 2 peça 3 [1]');
  assert.equal(b.parts.at(-1).final.finishReason, 'FINISH_REASON_STOP');
  assert.equal(b.parts.at(-1).final.citations[0].materialId, b.parts[0].sources.passages[0].materialId);
});

test('many at once do not mix', async () => {
  const counts = [1, 2, 3, 5];
  for (const n of counts) await begin(`many${n}`, script(`text=${n}`));
  for (const n of counts) {
    const run = await ended(`many${n}`);
    assert.equal(words(run).trim(), Array.from({ length: n }, (_, i) => `peça ${i + 1}`).join(' '));
  }
});

test('a unary method is a stream of one', async () => {
  await begin('one', {}, 'ListMaterials');
  const run = await ended('one');
  assert.deepEqual(run.end, { value: null });
  assert.deepEqual(run.parts.map((part) => part.materials[0].title), ['engine']);
});

test('what is refused rejects, with what a page needs to say why', async () => {
  const rows = [
    [{ duvida: '' }, undefined, { name: 'PonteError', code: 3, reason: 'INVALID_FIELD', field: 'duvida' }],
    [{ duvida: 'x'.repeat(2001) }, undefined, { name: 'PonteError', code: 3, reason: 'INVALID_FIELD', field: 'duvida' }],
    [{ duvida: 'a', conversationId: '00000000-0000-4000-8000-000000000000' }, undefined, { name: 'PonteError', code: 5, reason: 'NOT_FOUND' }],
    [{ duvida: 7 }, undefined, { name: 'Error', message: /ResolveDuvidaStream: .*duvida/ }], // no such request: not sent
    [{ question: 'a' }, undefined, { name: 'Error', message: /ResolveDuvidaStream: .*question/ }],
    [[], undefined, { name: 'Error', message: /ResolveDuvidaStream: / }],
    [{}, 'Nothing', { name: 'Error', message: /no such method/ }],
    [script('text=2,error=UNAVAILABLE'), undefined, { name: 'PonteError', code: 14, reason: 'ENGINE_UNAVAILABLE' }],
  ];
  for (const [i, [request, method, want]] of rows.entries()) {
    await begin(`refused${i}`, request, method);
    const { end } = await ended(`refused${i}`);
    for (const [key, value] of Object.entries(want)) {
      if (value instanceof RegExp) assert.match(end[key], value, `row ${i}`);
      else assert.equal(end[key], value, `row ${i}: ${JSON.stringify(end)}`);
    }
  }
  const broken = await page.evaluate(() => window.refused7);
  assert.equal(words(broken).trim(), 'peça 1 peça 2', 'what came before the end was told');
  assert.ok(broken.end.retryAfterMs > 0);
});

test('a callback that throws is the page\'s own matter: the stream and the client go on', async () => {
  const before = errors.length;
  await page.evaluate(([request]) => { window.thrown = window.start(request, undefined, () => { throw new Error('of the page'); }); }, [script('text=50')]); // many in one message
  const run = await ended('thrown');
  assert.deepEqual(run.end, { value: null });
  assert.match(words(run), /^peça 1 .* peça 50 $/);
  assert.equal(run.parts.length, 52);
  const reported = errors.splice(before);
  assert.equal(reported.length, run.parts.length);
  assert.match(reported[0], /of the page/);
  await begin('next', script('text=1'));
  assert.deepEqual((await ended('next')).end, { value: null });
});

test('a callback that throws holds up no promise', async () => {
  const before = errors.length;
  const code = await page.evaluate(async () => {
    let failing = true;
    const fails = () => { if (failing) throw new Error('of the page'); };
    const { createClient } = await import('/client/ponte.js');
    const client = await createClient({ onIdentity: fails, onConnection: fails });
    while (client.identity.state === 'STARTING') await new Promise((resolve) => setTimeout(resolve, 10));
    const late = new Promise((resolve) => setTimeout(resolve, 10000, 'never'));
    const end = await Promise.race([client.signIn('ana@example.org', 'correct horse battery').catch((error) => error.code), late]);
    failing = false;
    return end;
  });
  assert.equal(code, 12, 'no users service here');
  const reported = errors.splice(before);
  assert.ok(reported.length > 0 && reported.every((error) => error.includes('of the page')));
});

test('the gateway dies inside a stream: it rejects once, and the next one finds the new gateway', async () => {
  await begin('cut', script('text=2,wait'));
  await page.waitForFunction(() => window.cut.parts.length >= 3);
  await stack.gateway.kill();
  const run = await ended('cut');
  assert.equal(run.end.code, 14);
  assert.ok(!kinds(run).includes('final'));
  await stack.gateway.start();
  await page.waitForFunction(() => { // its back-off may not be over yet
    window.again ??= window.start({ duvida: 'scripted engine fake:text=1' });
    if (window.again.end && !('value' in window.again.end)) window.again = null;
    return window.again?.end;
  }, null, { timeout: 30000 });
  assert.equal(words(await page.evaluate(() => window.again)).trim(), 'peça 1');
});

test('no script failed and no policy was broken', () => assert.deepEqual(errors, []));
