// The chat panel in Chromium, when reading takes longer: waits that the service asks for, whole materials, long conversations.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addMaterial, ask, exchange, folder, labelOf, openBrowser, openPage, reaches, signUp, startClassroom, startStack } from './lib.mjs';

const screenshots = process.env.PONTE_SCREENSHOTS ?? folder;
const errors = [];
let stack;
let browser;

/** Long enough to scroll, its offsets no characters; what is asked about is far from both ends. */
const filler = (word, n) => Array.from({ length: n }, (_, i) => `## ${word} ${i}\n\n${word} 🌱 não é a questão número ${i}, nem será. `.concat('Até lá. '.repeat(12))).join('\n\n');
const LESSON = `${filler('Abertura', 60)}\n\n## Cells\n\nMitochondria make the energy of the cell. They are very small.\n\n${filler('Fecho', 60)}\n`;
const OTHER = `${filler('Prólogo', 30)}\n\n## Volcanoes\n\nVolcanoes throw out lava and ashes.\n`;

before(async () => {
  stack = await startStack({ assistant: 'fake' });
  browser = await openBrowser();
});
after(async () => { await browser?.close(); await stack?.stop(); });

const isInView = (page, selector, box) => page.$eval(selector, (node, within) => {
  const [a, b] = [node.getBoundingClientRect(), document.querySelector(within).getBoundingClientRect()];
  return a.height > 0 && a.top >= b.top && a.bottom <= b.bottom;
}, box);

/** What the dialog shows of its material, as soon as that is there. */
async function wholeMaterial(page) {
  await page.waitForSelector('#passage.within');
  return page.textContent('#passage-text');
}

/** All that the chat says to screen readers from now on, in order. */
const listen = (page) => page.evaluate(() => {
  window.said = [];
  const status = document.querySelector('#chat-status');
  new MutationObserver(() => window.said.push(status.textContent)).observe(status, { childList: true, characterData: true, subtree: true });
});

const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id);

test('over the limit the wait counts down in silence; then the question is asked again from the keyboard', { timeout: 120000 }, async () => {
  const school = await startClassroom({ services: ['--llm', 'fake', '--chatbot-questions', '12'] }); // twelve at once, then one each 5 s
  try {
    const page = await openPage(browser, school.url, { errors });
    await page.click('#sign-in');
    await signUp(page);
    await page.waitForSelector('#account:not([hidden])');
    await listen(page);
    let n = -1;
    while (await page.locator('.exchange[data-state=FAILED]').count() === 0) {
      await ask(page, `Question ${++n}?`);
      await page.waitForFunction((i) => /DONE|FAILED/.test(document.querySelectorAll('.exchange')[i]?.dataset.state), n);
    }
    assert.match(await labelOf(page, n), /reached your limit/);
    const again = exchange(page, n).locator('.label button:not([hidden])');
    const countdown = exchange(page, n).locator('.countdown');
    assert.match(await countdown.textContent(), /^You can ask again in [1-5] s\.$/);
    assert.ok(await again.isDisabled());
    await page.focus('#chat-input');
    await page.keyboard.press('Shift+Tab');
    assert.notEqual(await focused(page), 'Ask again', 'what cannot be pressed is no stop of the tab key');
    for (const width of [1280, 400]) {
      await page.setViewportSize({ width, height: 800 });
      if (width < 900) await page.click('[data-show=chat]');
      await page.screenshot({ path: join(screenshots, `reading-wait-${width}.png`) });
    }
    const said = await page.evaluate(() => window.said.length);
    assert.match(await page.textContent('#chat-status'), /You can ask again in \d s\./);
    await page.waitForFunction((i) => document.querySelectorAll('.exchange')[i].querySelector('.countdown').textContent === '', n);
    assert.deepEqual(await page.evaluate((from) => window.said.slice(from), said), ['You can ask again now.']);
    assert.equal(await exchange(page, n).locator('.question').textContent(), `Question ${n}?`);
    await page.focus('#chat-input');
    await page.keyboard.press('Shift+Tab');
    assert.equal(await focused(page), 'Ask again');
    await page.keyboard.press('Enter');
    await reaches(page, n, 'DONE');
    assert.equal(await page.locator('.exchange').count(), n + 1);
    await page.context().close();
  } finally {
    await school.stop();
  }
});

test('a source opens its material at the passage, which is marked; the keyboard reads on from there', { timeout: 90000 }, async () => {
  for (const viewport of [{ width: 1280, height: 800 }, { width: 400, height: 800 }]) {
    const page = await openPage(browser, stack.url, { errors, viewport });
    if (viewport.width < 900) await page.click('[data-show=chat]');
    else assert.match(await addMaterial(page, 'cells.md', LESSON), /can be asked about/);
    await ask(page, 'What makes the energy of the cell?');
    await reaches(page, 0, 'DONE');
    await exchange(page, 0).locator('.cite').first().focus();
    await page.keyboard.press('Enter');
    assert.equal(await wholeMaterial(page), LESSON);
    assert.ok(LESSON.includes(await page.textContent('#passage mark')));
    assert.match(await page.textContent('#passage'), /Mitochondria make/);
    assert.ok(await isInView(page, '#passage', '#passage-text'), 'the passage is in view');
    assert.equal(await page.textContent('#passage-status'), '');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'passage');
    await page.screenshot({ path: join(screenshots, `reading-material-${viewport.width}.png`) });
    const top = await page.$eval('#passage-text', (box) => box.scrollTop);
    await page.keyboard.press('PageDown');
    await page.waitForFunction((from) => document.querySelector('#passage-text').scrollTop > from + 100, top);
    await page.keyboard.press('Shift+Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'passage-text');
    await page.keyboard.press('Shift+Tab');
    assert.ok(await page.evaluate(() => document.activeElement.matches('#passage-dialog [data-close]')));
    await page.keyboard.press('Enter');
    assert.ok(await page.evaluate(() => document.activeElement.classList.contains('cite')), 'the focus returns');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the screen');
    await page.context().close();
  }
});

test('of two sources the last one stays; what was removed since is shown as far as it was quoted', { timeout: 90000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  await addMaterial(page, 'volcanoes.md', OTHER);
  await ask(page, 'What makes the energy of the cell?');
  await ask(page, 'What do volcanoes throw out?');
  await reaches(page, 1, 'DONE');
  await page.evaluate(() => {
    const [cells, volcanoes] = [...document.querySelectorAll('.exchange')].map((e) => e.querySelector('.cite'));
    cells.click();
    document.querySelector('#passage-dialog').close();
    volcanoes.click();
  });
  assert.equal(await wholeMaterial(page), OTHER);
  assert.equal(await page.textContent('#passage-title'), 'volcanoes');
  await page.keyboard.press('Escape');
  page.on('dialog', (dialog) => dialog.accept());
  await page.click('#chat-materials');
  await page.locator('#material-list li', { hasText: 'volcanoes' }).locator('.remove').click();
  await page.waitForFunction(() => /was removed/.test(document.querySelector('#material-status').textContent));
  await page.click('#materials-dialog [data-close]');
  await exchange(page, 1).locator('.source').first().click();
  await page.waitForFunction(() => /removed since/.test(document.querySelector('#passage-status').textContent));
  assert.match(await page.textContent('#passage-text'), /^Volcanoes throw out lava and ashes\.\s*$/);
  await page.screenshot({ path: join(screenshots, 'reading-gone.png') });
  await page.context().close();
});

/** A conversation of so many questions, as the service keeps it. */
const talk = (page, title, count) => page.evaluate(async ([name, n]) => {
  const service = 'ponte.chatbot.v1.ChatbotService';
  const { createClient } = await import('/client/ponte.js');
  const client = await createClient();
  const { conversationId } = await client.call(`${service}/CreateConversation`, { title: name });
  for (let i = 1; i <= n; i++) await client.stream(`${service}/ResolveDuvidaStream`, { duvida: `Number ${i}?`, conversationId }, () => {});
}, [title, count]);

const questions = (page) => page.locator('.exchange .question').allTextContents();
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => `Number ${from + i}?`);
const shown = (page, n) => page.waitForFunction((want) => document.querySelectorAll('.exchange').length === want && document.querySelector('#chat-earlier').ariaDisabled !== 'true', n, { timeout: 30000 });

test('a long conversation opens at its end and is read back page by page, from the keyboard too', { timeout: 120000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  await talk(page, 'Long one', 120);
  await page.click('#chat-history');
  await page.locator('#history-list .row', { hasText: 'Long one' }).click();
  await shown(page, 50);
  assert.deepEqual(await questions(page), numbers(71, 120));
  assert.ok(await page.$eval('#chat-log', (e) => e.scrollHeight - e.scrollTop - e.clientHeight < 48), 'at the end');
  await listen(page);
  await page.focus('#chat-log');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Earlier messages');
  await page.screenshot({ path: join(screenshots, 'reading-earlier-1280.png') });
  const place = () => page.$$eval('.question', (all) => all.find((q) => q.textContent === 'Number 71?').getBoundingClientRect().top);
  const before = await place();
  await page.keyboard.press('Enter');
  await shown(page, 100);
  assert.ok(Math.abs(await place() - before) < 2, `the reader stays where they were: ${before}, ${await place()}`);
  assert.deepEqual(await questions(page), numbers(21, 120));
  assert.equal(await focused(page), 'Earlier messages');
  await page.keyboard.press('Enter');
  await shown(page, 120);
  assert.deepEqual(await questions(page), numbers(1, 120));
  assert.ok(!(await page.isVisible('#chat-earlier')));
  assert.equal(await page.evaluate(() => document.activeElement.id), 'chat-log', 'the button is gone, the focus is not');
  assert.deepEqual(await page.evaluate(() => window.said), ['Earlier messages are here.', 'This is the whole conversation.']);
  await ask(page, 'Number 121?');
  await reaches(page, 120, 'DONE');
  assert.deepEqual((await questions(page)).slice(-2), numbers(120, 121));
  await page.setViewportSize({ width: 400, height: 800 });
  await page.reload();
  await page.click('[data-show=chat]');
  await shown(page, 50);
  assert.deepEqual(await questions(page), numbers(72, 121));
  await page.locator('#chat-earlier').scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(screenshots, 'reading-earlier-400.png') });
  await page.click('#chat-earlier');
  await shown(page, 100);
  assert.ok(!(await page.isVisible('#chat-problem')));
  await page.evaluate(async () => { // elsewhere
    const { createClient } = await import('/client/ponte.js');
    const client = await createClient();
    const { conversations } = await client.call('ponte.chatbot.v1.ChatbotService/ListConversations');
    await client.call('ponte.chatbot.v1.ChatbotService/DeleteConversation', { conversationId: conversations.find((c) => c.title === 'Long one').conversationId });
  });
  await page.click('#chat-earlier');
  await page.waitForSelector('#chat-problem:not([hidden])');
  assert.match(await page.textContent('#chat-problem'), /could not be fetched/);
  await shown(page, 100); // what is here stays, and the button too
  assert.ok(await page.isVisible('#chat-earlier'));
  await page.click('#chat-new');
  await page.waitForSelector('#chat-empty:not([hidden])');
  assert.ok(!(await page.isVisible('#chat-problem')), 'no matter of the new one');
  await page.context().close();
});

test('another conversation while earlier messages are on their way: nothing has failed', { timeout: 90000 }, async () => {
  const page = await openPage(browser, stack.url, { errors });
  await talk(page, 'Left behind', 60);
  await page.click('#chat-history');
  await page.locator('#history-list .row', { hasText: 'Left behind' }).click();
  await shown(page, 50);
  await stack.gateway.kill();
  await page.click('#chat-earlier');
  await page.waitForSelector('#chat-earlier[aria-disabled=true]');
  await page.click('#chat-new');
  await page.waitForSelector('#chat-earlier[aria-disabled=false]', { state: 'attached' });
  assert.ok(!(await page.isVisible('#chat-problem')), await page.textContent('#chat-problem'));
  assert.equal(await page.textContent('#chat-status'), '');
  await stack.gateway.start();
  await page.context().close();
});

test('material as large as may be', { timeout: 90000 }, async (t) => {
  const page = await openPage(browser, stack.url, { errors });
  const most = filler('Muito', 9000).slice(0, 620000).concat('\n\nGlaciers grind valleys.\n\n');
  const large = most.concat(filler('Mais', 9000)).slice(0, 780000); // characters; just under a MiB in UTF-8
  assert.match(await addMaterial(page, 'glaciers.md', large), /can be asked about/);
  await ask(page, 'What do glaciers grind?');
  await reaches(page, 0, 'DONE');
  const begin = Date.now();
  await exchange(page, 0).locator('.cite').first().click();
  assert.equal((await wholeMaterial(page)).length, large.length);
  assert.ok(await isInView(page, '#passage', '#passage-text'));
  t.diagnostic(`${Buffer.byteLength(large)} bytes shown after ${Date.now() - begin} ms`);
  await page.context().close();
});

test('no script failed and no policy was broken', () => assert.deepEqual(errors, []));
