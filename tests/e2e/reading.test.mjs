// The chat panel in Chromium, when reading takes longer: waits that the service asks for, whole materials.

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
