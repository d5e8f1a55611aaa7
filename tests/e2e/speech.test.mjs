// Human speech through the whole chain: fake microphone, AudioWorklet, Opus, wasm client, gateway, service, and back into the page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clips, finalTexts, finished, openBrowser, openPage, recorded, silence, startStack, wordErrorRate, writeWav } from './lib.mjs';

const WER_MAX = 0.10;
const speech = clips();
const said = speech.map((c) => c.words).join(' ');
const microphone = writeWav('speech.wav', silence(1), ...speech.flatMap((c) => [c.samples, silence(1)]));
let stack;
let browser;
const errors = [];

before(async () => { stack = await startStack(); });
after(async () => { await browser?.close(); await stack?.stop(); });

/** Listens to the whole file; `during` runs meanwhile. Gives the finals. */
async function listen(during = async () => {}) {
  browser = await openBrowser({ microphone: microphone.path });
  const page = await openPage(browser, stack.url, { errors });
  await page.click('#start');
  await during(page);
  await recorded(page, Math.floor(microphone.ms / 1000) * 1000);
  await page.click('#stop');
  await finished(page);
  const texts = await finalTexts(page);
  const seen = await page.evaluate(() => window.seen);
  await browser.close();
  return { texts, seen };
}

test('speech becomes text, interim before final', { timeout: 180000 }, async (t) => {
  const { texts, seen } = await listen();
  const rate = wordErrorRate(said, texts.join(' '));
  t.diagnostic(`WER ${(100 * rate).toFixed(1)} %, first interim ${Math.round(seen.interims[0]?.at - seen.sound)} ms after the first sound`);
  t.diagnostic(texts.join(' | '));
  assert.ok(seen.interims.length > 5, 'interim texts were shown');
  assert.ok(seen.interims[0].at < seen.finals[0].at, 'an interim text appears before the first final');
  assert.ok(rate <= WER_MAX, `WER ${rate}`);
  assert.deepEqual(errors, []);
});

test('the gateway, then the service, dies in mid-sentence and comes back: nothing is lost', { timeout: 180000 }, async (t) => {
  const { texts } = await listen(async (page) => {
    await recorded(page, 4000);
    await stack.gateway.kill();
    await page.waitForFunction(() => ['reconnecting', 'offline'].includes(document.querySelector('#connection').dataset.state), null, { timeout: 30000 });
    await recorded(page, 7000); // the page goes on listening meanwhile
    await stack.gateway.start();
    await page.waitForFunction(() => document.querySelector('#connection').dataset.state === 'online', null, { timeout: 30000 });
    await recorded(page, 15000);
    await stack.service.kill();
    await recorded(page, 17000);
    await stack.service.start();
  });
  const rate = wordErrorRate(said, texts.join(' '));
  t.diagnostic(`WER ${(100 * rate).toFixed(1)} %`);
  t.diagnostic(texts.join(' | '));
  assert.ok(rate <= WER_MAX, `WER ${rate}`);
  assert.deepEqual(errors, []);
});
