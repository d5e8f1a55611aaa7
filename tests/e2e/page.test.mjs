// The page's own features: files, pause, copy, download, languages, and a clear state for everything that can go wrong with a microphone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clips, finalTexts, finished, folder, openBrowser, openPage, recorded, silence, startStack, wordErrorRate, writeWav } from './lib.mjs';

const speech = clips();
const clip = writeWav('clip.wav', silence(0.5), speech[1].samples, silence(1), speech[4].samples, silence(1));
const said = `${speech[1].words} ${speech[4].words}`;
const screenshots = process.env.PONTE_SCREENSHOTS ?? folder;
const errors = [];
let stack;
let browser;

before(async () => {
  stack = await startStack();
  browser = await openBrowser({ microphone: writeWav('mic.wav', silence(0.5), speech[0].samples, silence(1)).path });
});
after(async () => { await browser?.close(); await stack?.stop(); });

const noticeOf = (page) => page.waitForSelector('#notice:not([hidden])', { timeout: 30000 }).then(() => page.textContent('#notice p'));

async function withFile(options, use) {
  const page = await openPage(browser, stack.url, { errors, ...options });
  await page.setInputFiles('#file', clip.path);
  await page.waitForSelector('#stop:not([hidden])');
  await finished(page);
  await use(page);
  await page.context().close();
}

test('a file is transcribed, copied, downloaded in four formats, and cleared', { timeout: 120000 }, async () => {
  await withFile({ permissions: ['clipboard-read', 'clipboard-write'], acceptDownloads: true }, async (page) => {
    const texts = await finalTexts(page);
    assert.ok(wordErrorRate(said, texts.join(' ')) <= 0.1, texts.join(' '));
    await page.screenshot({ path: join(screenshots, 'light.png') });

    await page.click('#copy');
    await page.waitForFunction(() => document.querySelector('#copy').textContent.includes('Copied'));
    assert.equal((await page.evaluate(() => navigator.clipboard.readText())).trim(), texts.join('\n'));

    const expected = { txt: /^He was not/, srt: /^1\n00:00:\d\d,\d{3} --> 00:00:\d\d,\d{3}\nHe was/, vtt: /^WEBVTT\n\n00:00:/, json: /^\{/ };
    for (const [format, pattern] of Object.entries(expected)) {
      await page.click('#download summary');
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(`[data-format=${format}]`)]);
      assert.match(download.suggestedFilename(), new RegExp(`^ponte-.*\\.${format}$`));
      const content = readFileSync(await download.path(), 'utf8');
      assert.match(content, pattern);
      if (format === 'json') assert.equal(JSON.parse(content).segments.length, texts.length);
    }

    page.once('dialog', (dialog) => dialog.accept());
    await page.click('#clear');
    assert.deepEqual(await finalTexts(page), []);
    assert.ok(await page.isDisabled('#copy'));
  });
});

test('a file that is no audio is refused in words', { timeout: 60000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  await page.setInputFiles('#file', { name: 'x.wav', mimeType: 'audio/wav', buffer: Buffer.from('not audio') });
  assert.match(await noticeOf(page), /cannot be read as audio/);
  await page.context().close();
});

test('languages: from the browser, switched, remembered', { timeout: 60000 }, async () => {
  const page = await openPage(browser, stack.url, { errors, locale: 'pt-BR' });
  assert.equal((await page.textContent('#start span')).trim(), 'Iniciar');
  assert.equal(await page.getAttribute('html', 'lang'), 'pt-BR');
  await page.selectOption('#locale', 'en');
  assert.equal((await page.textContent('#start span')).trim(), 'Start');
  await page.reload();
  await page.waitForSelector('#start:not([disabled])');
  assert.equal((await page.textContent('#start span')).trim(), 'Start');
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
  await page.context().close();
});

test('pause holds the clock, resume goes on, by keyboard', { timeout: 120000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  await page.focus('#start');
  await page.keyboard.press('Enter');
  await recorded(page, 2000);
  await page.focus('#pause');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('#pause').getAttribute('aria-pressed') === 'true');
  await page.waitForTimeout(300); // frames that were on their way
  const at = await page.textContent('#clock');
  await page.waitForTimeout(1500);
  assert.equal(await page.textContent('#clock'), at);
  await page.keyboard.press('Enter');
  await recorded(page, 4000);
  await page.click('#stop');
  await finished(page);
  await page.context().close();
});

test('screen readers hear finals politely and interim texts not at all', { timeout: 60000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  assert.equal(await page.getAttribute('#finals', 'aria-live'), 'polite');
  assert.equal(await page.getAttribute('#interim', 'aria-hidden'), 'true');
  assert.equal(await page.getAttribute('#connection', 'role'), 'status');
  assert.equal(await page.getAttribute('#notice', 'role'), 'alert');
  for (const control of await page.$$('button:visible, select:visible')) {
    const name = await control.evaluate((e) => e.textContent.trim() || e.getAttribute('aria-label') || e.closest('label')?.textContent.trim());
    assert.ok(name, await control.evaluate((e) => e.outerHTML));
  }
  await page.context().close();
});

test('a reader who scrolled up is left alone and can jump to the latest', { timeout: 120000 }, async () => {
  const page = await openPage(browser, stack.url, { errors, viewport: { width: 390, height: 420 } });
  for (let i = 0; i < 3; i++) {
    await page.setInputFiles('#file', clip.path);
    await page.waitForSelector('#stop:not([hidden])');
    if (i === 2) await page.waitForFunction(() => { // a text that comes in the same frame scrolls back, so until it has been noticed
      document.querySelector('#transcript').scrollTop = 0;
      return !document.querySelector('#latest').hidden;
    });
    await finished(page);
  }
  await page.waitForSelector('#latest:not([hidden])');
  assert.equal(await page.evaluate(() => document.querySelector('#transcript').scrollTop), 0);
  await page.click('#latest');
  await page.waitForSelector('#latest', { state: 'hidden' });
  await page.screenshot({ path: join(screenshots, 'phone.png') });
  await page.context().close();
});

test('dark', { timeout: 120000 }, async () => {
  await withFile({ colorScheme: 'dark' }, async (page) => {
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.ok(Math.max(...background.slice(0, 3)) < 60, `the background is dark: ${background}`);
    await page.screenshot({ path: join(screenshots, 'dark.png') });
  });
});

test('offline is said, and over when the network is back', { timeout: 60000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  const stateIs = (state) => page.waitForFunction((s) => document.querySelector('#connection').dataset.state === s, state, { timeout: 30000 });
  await page.context().setOffline(true);
  await stateIs('offline');
  await page.context().setOffline(false);
  await stateIs('online');
  await page.context().close();
});

test('no permission', { timeout: 60000 }, async () => {
  const denying = await openBrowser({ deny: true });
  const page = await openPage(denying, stack.url, { errors });
  await page.click('#start');
  assert.match(await noticeOf(page), /microphone is blocked/);
  assert.ok(await page.isVisible('#start'));
  await denying.close();
});

test('no microphone, a microphone in use', { timeout: 60000 }, async () => {
  for (const [name, words] of [['NotFoundError', /No microphone/], ['NotReadableError', /Another program/]]) {
    const page = await openPage(browser, stack.url, { errors });
    await page.evaluate((n) => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', n)); }, name);
    await page.click('#start');
    assert.match(await noticeOf(page), words);
    await page.context().close();
  }
});

test('a silent microphone', { timeout: 60000 }, async () => {
  const silent = await openBrowser({ microphone: writeWav('silent.wav', silence(30)).path });
  const page = await openPage(silent, stack.url, { errors });
  await page.click('#start');
  assert.match(await noticeOf(page), /microphone is silent/);
  await silent.close();
});

test('an unplugged microphone keeps the text so far', { timeout: 60000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  await page.evaluate(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => { window.stream = await real(wanted); return window.stream; };
  });
  await page.click('#start');
  await recorded(page, 2000);
  await page.evaluate(() => window.stream.getAudioTracks()[0].dispatchEvent(new Event('ended')));
  assert.match(await noticeOf(page), /unplugged/);
  await finished(page);
  await page.context().close();
});

test('no error was thrown in any page', () => assert.deepEqual(errors, []));
