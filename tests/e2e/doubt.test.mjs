// The main job: a lesson is spoken into the microphone, its captions appear, and a doubt about it is answered from them while it goes on, with the place it was said at.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { clips, finished, folder, openBrowser, openPage, RATE, recorded, silence, startClassroom, startStack, wordErrorRate, writeWav } from './lib.mjs';

const WER_MAX = 0.2; // of a quote: some ten words
const EARLY_MS = 700; // a sentence begins before its first sound, and the microphone a little before or after the clock
const screenshots = process.env.PONTE_SCREENSHOTS ?? folder;
const speech = clips();
const microphone = writeWav('lesson.wav', silence(1), ...speech.flatMap((c) => [c.samples, silence(1)]));

/** When a clip is spoken, in ms: [begin, end]. */
function spoken(i) {
  const ms = (c) => c.samples.length / 2 / RATE * 1000;
  const begin = speech.slice(0, i).reduce((sum, c) => sum + ms(c) + 1000, 1000);
  return [begin, begin + ms(speech[i])];
}

// Which clip, a word of it that says that its caption is there, and the doubt.
const DOUBTS = [
  { clip: 0, word: 'leisure', question: 'What did John Dashwood have leisure to consider?' },
  { clip: 2, word: 'selfish', question: 'is it ill disposed to be cold hearted and selfish?' },
];
const LAST_WORD = 'himself'; // of the last clip
const errors = [];
let stack;
let browser;

afterEach(async () => { await browser?.close(); await stack?.stop(); });

const clockMs = (page) => page.$eval('#clock', (clock) => clock.textContent.split(':').reduce((m, s) => m * 60 + Number(s), 0) * 1000);
const captions = (page) => page.$$eval('#finals li', (items) => items.map((li) => ({ startMs: Number(li.dataset.startMs), endMs: Number(li.dataset.endMs), text: li.querySelector('span').textContent })));

/** Waits for the caption with this word. */
const heard = (page, word) => page.waitForFunction((w) => document.querySelector('#finals').textContent.includes(w), word, { timeout: 60000 });

/** Asks as soon as the caption is there; gives the answer as it is read and what was recorded by then. */
async function ask(page, n, { word, question }) {
  await heard(page, word);
  await page.fill('#chat-input', question);
  await page.press('#chat-input', 'Enter');
  await page.waitForFunction((i) => ['DONE', 'FAILED', 'STOPPED'].includes(document.querySelectorAll('.exchange')[i]?.dataset.state), n, { timeout: 30000 });
  const exchange = page.locator('.exchange').nth(n);
  const answer = await exchange.locator('.prose').innerText();
  assert.equal(await exchange.getAttribute('data-state'), 'DONE', await exchange.innerText());
  assert.ok(await page.isVisible('#stop'), 'the microphone is still open');
  const at = await clockMs(page);
  assert.ok(at < microphone.ms, `answered at ${at} ms, when the clip was over`);
  const quote = await exchange.locator('.prose blockquote').first().innerText().then((text) => text.replace(/\[\d+\]/g, '').trim(), () => '');
  return { answer, quote, at };
}

/** The quote is in a caption of that clip's time, and says what the clip says. */
async function check(page, t, { clip }, { answer, quote, at }) {
  const [begin, end] = spoken(clip);
  const sentence = (text) => text.replace(/\s+/g, ' ').trim();
  const caption = (await captions(page)).find((c) => sentence(c.text).includes(sentence(quote)));
  assert.ok(quote && caption, `the quote is not of the captions: ${answer}`);
  assert.ok(caption.startMs > begin - EARLY_MS && caption.startMs < end && caption.endMs <= end + 1000, `${caption.startMs} to ${caption.endMs} ms, spoken from ${begin} to ${end}`);
  const rate = wordErrorRate(speech[clip].words, caption.text);
  t.diagnostic(`answered at ${at} ms from "${quote}" (${caption.startMs} to ${caption.endMs} ms, spoken from ${Math.round(begin)} to ${Math.round(end)}); WER ${(100 * rate).toFixed(1)} %`);
  assert.ok(rate <= WER_MAX, `heard "${caption.text}"`);
  return caption;
}

/** The source of answer n shows the caption's time; a click scrolls to the caption and marks it. */
async function follow(page, n, caption) {
  const source = page.locator('.exchange').nth(n).locator('.source').first();
  const seconds = (await source.locator('time').innerText()).split(':').reduce((m, s) => m * 60 + Number(s), 0);
  assert.equal(seconds, Math.floor(caption.startMs / 1000));
  await source.click();
  const marked = page.locator('#finals .cited');
  assert.equal(await marked.count(), 1);
  assert.equal(await marked.locator('span').textContent(), caption.text);
  assert.ok(await inView(page, '#finals .cited'), 'the caption is in view');
  assert.ok(await marked.evaluate((li) => li === document.activeElement), 'the focus is on it');
}

const inView = (page, selector) => page.$eval(selector, (item) => {
  const [a, b] = [item.getBoundingClientRect(), document.querySelector('#transcript').getBoundingClientRect()];
  return a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
});

/** A lesson is spoken, and asked about; `prepare` comes before it. */
async function lesson(t, name, prepare = async () => {}) {
  browser = await openBrowser({ microphone: microphone.path });
  const page = await openPage(browser, stack.url, { errors, viewport: { width: 1000, height: 420 } });
  await prepare(page);
  await page.click('#start');
  const cited = [];
  for (const [n, doubt] of DOUBTS.entries()) cited.push(await check(page, t, doubt, await ask(page, n, doubt)));
  await page.screenshot({ path: join(screenshots, `doubt-${name}.png`) });

  await recorded(page, spoken(speech.length - 1)[0]);
  assert.ok(!(await inView(page, '#finals li')), 'the first caption has been scrolled away');
  await follow(page, 0, cited[0]);
  await page.screenshot({ path: join(screenshots, `doubt-${name}-source.png`) });
  await heard(page, LAST_WORD);
  assert.ok(await inView(page, '#finals .cited'), 'a new caption leaves the reader where the source is');
  await follow(page, 1, cited[1]);
  await page.click('#stop');
  await finished(page);
  assert.deepEqual(errors, []);
}

test('doubts are answered while the lesson goes on, from what was said and when', { timeout: 180000 }, async (t) => {
  stack = await startStack({ assistant: 'embedded' });
  await lesson(t, 'anybody');
});

test('the same with accounts: the transcript is the student\'s material', { timeout: 180000 }, async (t) => {
  stack = await startClassroom({ services: ['--llm', 'embedded'] });
  await lesson(t, 'student', async (page) => {
    await page.click('#sign-in');
    await page.click('#identity-other button');
    await page.fill('#identity-name', 'Ana Prado');
    await page.fill('#identity-email', 'ana@example.org');
    await page.fill('#identity-new-password', 'correct horse battery');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#account:not([hidden])', { timeout: 15000 });
  });
});
