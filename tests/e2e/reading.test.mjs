// The chat panel in Chromium, when reading takes longer: waits that the service asks for.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ask, exchange, folder, labelOf, openBrowser, openPage, reaches, signUp, startClassroom } from './lib.mjs';

const screenshots = process.env.PONTE_SCREENSHOTS ?? folder;
const errors = [];
let browser;

before(async () => { browser = await openBrowser(); });
after(() => browser?.close());

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

test('no script failed and no policy was broken', () => assert.deepEqual(errors, []));
