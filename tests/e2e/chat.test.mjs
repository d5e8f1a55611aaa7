// The chat panel in Chromium against the real processes, with the scripted engine: what a reader sees of answers, sources, faults and reloads.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addMaterial, answerOf, ask, clips, exchange, finalTexts, finished, folder, labelOf, openBrowser, openPage, reaches, signUp, silence, startClassroom, startStack, until, writeWav } from './lib.mjs';

const screenshots = process.env.PONTE_SCREENSHOTS ?? folder;
const errors = [];
let stack;
let browser;

const LESSON = `# Photosynthesis

Plants turn light into sugar. This happens in the chloroplasts, which hold chlorophyll.

## Light reactions

The light reactions split water and release oxygen. They take place in the thylakoid membrane.
`;

/** Before a script for the engine, whose words the material holds too: a doubt that it says nothing about never reaches the engine. */
const TOPIC = 'scripted engine';
const SCRIPTED = 'The scripted engine: fake, text, end, MAX_TOKENS, max tokens, SAFETY, NOT_IN_MATERIAL, not in material, lie, quote, pause, endless, error, UNAVAILABLE, MALFORMED, 1, 2, 3, 50, 400, 1000, 1500.\n';

before(async () => {
  stack = await startStack({ assistant: 'fake' });
  browser = await openBrowser();
  const page = await openPage(browser, stack.url, { errors });
  await addMaterial(page, 'photosynthesis.md', LESSON);
  await addMaterial(page, 'engine.txt', SCRIPTED);
  await page.context().close();
});
after(async () => { await browser?.close(); await stack?.stop(); });

/** Counters of the service: answers by how they ended. */
async function answers() {
  const metrics = await (await fetch(`http://127.0.0.1:${stack.service.admin}/metrics`)).text();
  return metrics.split('\n').filter((line) => /^ponte_chatbot_answers_total/.test(line)).reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
}

async function withPage(options, use) {
  const page = await openPage(browser, stack.url, { errors, ...options });
  await use(page);
  await page.context().close();
}

test('a doubt is answered with a source, whose passage opens with the quote marked', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await page.setViewportSize({ width: 1360, height: 820 });
    await ask(page, 'Where do the light reactions take place?');
    await reaches(page, 0, 'DONE');
    assert.match(await answerOf(page, 0), /\[1\]/);
    assert.equal(await page.inputValue('#chat-input'), '');
    assert.equal(await page.locator('.exchange .source').count(), 1);
    await page.screenshot({ path: join(screenshots, 'chat-light.png') });
    await page.click('.exchange .cite');
    const quote = await page.textContent('#passage-text mark');
    assert.ok(quote.length > 5 && LESSON.replace(/\n/g, ' ').includes(quote.replace(/\n/g, ' ')), quote);
    await page.screenshot({ path: join(screenshots, 'chat-passage.png') });
    await page.keyboard.press('Escape');
    assert.ok(await page.evaluate(() => document.activeElement.classList.contains('cite')), 'the focus returns');
  });
});

test('what was heard on this page is a source, and pressing it shows the sentence', { timeout: 120000 }, async () => {
  const speech = clips();
  const clip = writeWav('lesson.wav', silence(0.5), speech[1].samples, silence(1), speech[4].samples, silence(1));
  for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 780 }]) {
    await withPage({ viewport }, async (page) => {
      await page.setInputFiles('#file', clip.path);
      await page.waitForSelector('#stop:not([hidden])');
      await finished(page);
      const sentence = (await finalTexts(page)).at(-1);
      if (viewport.width < 900) await page.click('[data-show=chat]');
      await ask(page, sentence);
      await reaches(page, 0, 'DONE');
      await page.locator('.exchange .cite').first().click();
      await page.waitForSelector('#finals li.cited');
      assert.ok(await page.isVisible('#finals li.cited'));
      assert.ok(await page.evaluate(() => document.activeElement.matches('#finals li.cited')));
      const marked = await page.textContent('#finals li.cited span');
      assert.ok((await finalTexts(page)).includes(marked));
      await page.screenshot({ path: join(screenshots, `chat-caption-${viewport.width}.png`) });
    });
  }
});

test('Enter sends, Shift+Enter begins a line, a word being composed is left alone', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await page.focus('#chat-input');
    const before = (await page.locator('#chat-input').boundingBox()).height;
    await page.keyboard.type('one');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('two');
    await page.keyboard.press('Shift+Enter');
    assert.ok((await page.locator('#chat-input').boundingBox()).height > before, 'it grows');
    await page.evaluate(() => document.querySelector('#chat-input').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true })));
    assert.equal(await page.locator('.exchange').count(), 0);
    await page.keyboard.press('Enter');
    await reaches(page, 0, 'DONE');
    assert.equal(await exchange(page, 0).locator('.question').textContent(), 'one\ntwo');
    await page.fill('#chat-input', '   ');
    await page.press('#chat-input', 'Enter');
    assert.equal(await page.locator('.exchange').count(), 1);
    await ask(page, 'x'.repeat(2001));
    assert.match(await page.textContent('#chat-problem'), /2000/);
  });
});

test('an answer is stopped, and asked again', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await ask(page, `${TOPIC} fake:endless`);
    await reaches(page, 0, 'ANSWERING');
    await page.waitForFunction(() => document.querySelector('.prose').textContent.length > 50);
    await page.screenshot({ path: join(screenshots, 'chat-streaming.png') });
    await page.click('#chat-stop');
    await reaches(page, 0, 'STOPPED');
    assert.match(await labelOf(page, 0), /not a whole answer/);
    const text = await answerOf(page, 0);
    await page.waitForTimeout(500);
    assert.equal(await answerOf(page, 0), text, 'nothing comes any more');
    assert.ok(await page.isVisible('#chat-send'));
    await exchange(page, 0).getByText('Ask again').click();
    await reaches(page, 0, 'ANSWERING');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'chat-log', 'the button is gone, the focus is not');
    await page.click('#chat-stop');
    await reaches(page, 0, 'STOPPED');
  });
});

test('the reader who scrolled up is left alone; at the end the text is followed', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await page.setViewportSize({ width: 1100, height: 420 });
    await ask(page, `${TOPIC} fake:text=400`);
    await reaches(page, 0, 'DONE');
    const atEnd = () => page.$eval('#chat-log', (e) => e.scrollHeight - e.scrollTop - e.clientHeight < 48);
    assert.ok(await atEnd());
    await ask(page, `${TOPIC} fake:endless`);
    await reaches(page, 1, 'ANSWERING');
    await page.waitForFunction(() => {
      document.querySelector('#chat-log').scrollTop = 0;
      return !document.querySelector('#chat-latest').hidden;
    });
    const length = (await answerOf(page, 1)).length;
    await page.waitForFunction((n) => document.querySelectorAll('.prose')[1].textContent.length > n + 200, length);
    assert.equal(await page.$eval('#chat-log', (e) => e.scrollTop), 0);
    await page.click('#chat-latest');
    assert.ok(await atEnd());
    await page.click('#chat-stop');
  });
});

test('labels are honest: cut, blocked, not in the material, no verified source, failed', { timeout: 90000 }, async () => {
  await withPage({}, async (page) => {
    const rows = [
      [`${TOPIC} fake:text=2,end=MAX_TOKENS`, 'DONE', /Cut off/],
      [`${TOPIC} fake:text=2,end=SAFETY`, 'DONE', /Blocked/],
      [`${TOPIC} fake:end=NOT_IN_MATERIAL`, 'DONE', /Not in the material/],
      [`${TOPIC} fake:lie,text=2`, 'DONE', /No verified source/],
      [`${TOPIC} fake:error=UNAVAILABLE`, 'FAILED', /cannot be reached/],
      [`${TOPIC} fake:error=MALFORMED`, 'FAILED', /failed/],
    ];
    for (const [i, [question, state, label]] of rows.entries()) {
      await ask(page, question);
      await reaches(page, i, state);
      assert.match(await labelOf(page, i), label, question);
    }
    assert.equal(await page.locator('.prose .cite').count(), 0);
    await page.screenshot({ path: join(screenshots, 'chat-labels.png') });
  });
});

test('the gateway dies while an answer streams: it is answered once, and nothing is doubled', { timeout: 90000 }, async () => {
  await withPage({}, async (page) => {
    await ask(page, `${TOPIC} fake:text=3,pause=1500,text=3,quote=1`);
    await page.waitForFunction(() => document.querySelector('.prose')?.textContent.includes('3'));
    await stack.gateway.kill();
    await reaches(page, 0, 'QUEUED');
    assert.match(await labelOf(page, 0), /Waiting for the connection/);
    assert.match(await answerOf(page, 0), /3/, 'what was read stays');
    await page.screenshot({ path: join(screenshots, 'chat-waiting.png') });
    await stack.gateway.start();
    await reaches(page, 0, 'DONE');
    assert.equal(await answerOf(page, 0), 'peça 1 peça 2 peça 3 peça 4 peça 5 peça 6 [1]');
    assert.equal(await page.locator('.exchange').count(), 1);
  });
});

/** Whether the record from which a reload takes its questions holds these. */
const isRecorded = (questions) => new Promise((resolve, reject) => {
  const opening = indexedDB.open('ponte');
  opening.onerror = reject;
  opening.onsuccess = () => {
    const request = opening.result.transaction('records').objectStore('records').get('chat');
    request.onsuccess = () => {
      const record = new TextDecoder().decode(request.result ?? new Uint8Array());
      opening.result.close();
      resolve(questions.every((question) => record.includes(question)));
    };
  };
});

test('asked offline, reloaded, online again: answered exactly once', { timeout: 90000 }, async () => {
  await withPage({}, async (page) => {
    await ask(page, 'Where is chlorophyll?');
    await reaches(page, 0, 'DONE');
    const counted = await answers();
    await stack.gateway.kill();
    await page.waitForFunction(() => document.querySelector('#connection').dataset.state !== 'online');
    await ask(page, 'What releases oxygen?');
    await ask(page, 'What splits water?');
    await until(page, isRecorded, ['What releases oxygen?', 'What splits water?']);
    await stack.gateway.start(); // the page itself comes from it; its calls are blocked until the reload is over
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll('.exchange[data-state=DONE]').length === 3, null, { timeout: 30000 });
    assert.deepEqual(await page.locator('.exchange .question').allTextContents(), ['Where is chlorophyll?', 'What releases oxygen?', 'What splits water?']);
    assert.equal(await answers(), counted + 2);
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll('.exchange[data-state=DONE]').length === 3, null, { timeout: 30000 });
    assert.equal(await answers(), counted + 2, 'nothing is asked again');
  });
});

test('the browser is offline: the question waits and goes out once', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    const counted = await answers();
    await page.context().setOffline(true);
    await stack.gateway.kill(); // an open WebSocket does not notice setOffline
    await ask(page, 'What releases oxygen?');
    await reaches(page, 0, 'QUEUED');
    await page.waitForFunction(() => /Waiting/.test(document.querySelector('.label > span').textContent));
    await stack.gateway.start();
    await page.context().setOffline(false);
    await reaches(page, 0, 'DONE');
    assert.equal(await answers(), counted + 1);
  });
});

test('a reload inside an answer', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await ask(page, `${TOPIC} fake:text=3,pause=1000,quote=1`);
    await reaches(page, 0, 'ANSWERING');
    await page.reload();
    await reaches(page, 0, 'DONE');
    await page.waitForSelector('#chat-earlier[aria-disabled=false]', { state: 'attached' }); // the conversation was fetched behind it
    assert.ok(!(await page.isVisible('#chat-problem')), 'nobody asked for earlier messages');
    assert.equal(await page.locator('.exchange').count(), 1);
    assert.match(await answerOf(page, 0), /\[1\]/);
  });
});

test('what asks again goes away, the focus does not', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await ask(page, 'What splits water?');
    await reaches(page, 0, 'DONE');
    await page.focus('.actions [data-action=retry]');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement.dataset.action !== 'retry');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'chat-log');
  });
});

test('a source opened while the answer is written gives the focus back to the chat', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await ask(page, `${TOPIC} fake:quote=1,pause=1500,text=3`);
    await page.click('.exchange .cite');
    await page.waitForSelector('#passage-dialog[open]');
    assert.notEqual(await page.getAttribute('.exchange', 'data-state'), 'DONE');
    await reaches(page, 0, 'DONE'); // its words were written anew meanwhile
    await page.keyboard.press('Escape');
    await page.waitForSelector('#passage-dialog', { state: 'hidden' });
    assert.ok(await page.evaluate(() => document.querySelector('#chat-log').contains(document.activeElement)));
  });
});

test('conversations: a new one, the list, going back, removing', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await ask(page, 'History one?');
    await reaches(page, 0, 'DONE');
    await exchange(page, 0).locator('[data-action=helpful]').click();
    await page.waitForSelector('[data-action=helpful][aria-pressed=true]');
    await page.click('#chat-new');
    await page.waitForSelector('#chat-empty:not([hidden])');
    await ask(page, 'History two?');
    await reaches(page, 0, 'DONE');
    await page.click('#chat-history');
    await page.waitForSelector('#history-list li');
    await page.screenshot({ path: join(screenshots, 'chat-history.png') });
    await page.locator('#history-list .row', { hasText: 'History one?' }).click();
    await page.waitForFunction(() => document.querySelector('.question')?.textContent === 'History one?');
    assert.equal(await page.getAttribute('[data-action=helpful]', 'aria-pressed'), 'true');
    page.on('dialog', (dialog) => dialog.accept());
    await page.click('#chat-history');
    await page.locator('#history-list li', { hasText: 'History one?' }).locator('.remove').click();
    await page.waitForSelector('#chat-empty:not([hidden])');
    await page.click('#history-dialog [data-close]');
  });
});

test('material: added, refused in words, removed', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    assert.match(await addMaterial(page, 'Cells.txt', 'Mitochondria make energy for the cell.'), /Cells can be asked about now/);
    assert.match(await addMaterial(page, 'bad.srt', 'this is no cue'), /not of its format.*line/i);
    assert.match(await addMaterial(page, 'x.pdf', 'no'), /none of/);
    assert.match(await addMaterial(page, 'big.txt', 'x'.repeat(1024 * 1024 + 1)), /larger than 1 MB/);
    await page.click('#chat-materials');
    page.on('dialog', (dialog) => dialog.accept());
    await page.waitForSelector('#material-list li');
    await page.screenshot({ path: join(screenshots, 'chat-materials.png') });
    await page.locator('#material-list li', { hasText: 'Cells' }).locator('.remove').click();
    await page.waitForFunction(() => /was removed/.test(document.querySelector('#material-status').textContent));
    assert.equal(await page.locator('#material-list li', { hasText: 'Cells' }).count(), 0);
  });
});

test('copy gives the answer with its sources', { timeout: 60000 }, async () => {
  await withPage({ permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    await ask(page, 'Where do the light reactions take place?');
    await reaches(page, 0, 'DONE');
    await page.click('[data-action=copy]');
    await page.waitForSelector('[data-action=copy].done');
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\[1\][\s\S]*\n\n\[1\] photosynthesis/i);
  });
});

test('a browser that refuses to copy is named; in a low window the log keeps its room, and the panel scrolls', { timeout: 60000 }, async () => {
  for (const [locale, said] of [['en', /did not allow copying/], ['pt-BR', /não permitiu copiar/]]) {
    await withPage({ locale, viewport: { width: 1100, height: 420 } }, async (page) => {
      await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); });
      await ask(page, 'Where do the light reactions take place?');
      await reaches(page, 0, 'DONE');
      await page.click('[data-action=copy]');
      await page.waitForSelector('#notice:not([hidden])');
      assert.match(await page.textContent('#notice p'), said);
      assert.equal(await page.locator('[data-action=copy].done').count(), 0);
      await page.screenshot({ path: join(screenshots, `chat-low-${locale}.png`) });
      const log = await page.locator('#chat-log').boundingBox();
      assert.ok(log.height > 100, `the log is ${log.height} px high`);
      await page.locator('#chat-form').scrollIntoViewIfNeeded();
      const [above, form] = await Promise.all(['#chat-log', '#chat-form'].map((id) => page.locator(id).boundingBox()));
      assert.ok(above.y + above.height <= form.y, 'nothing lies over the input');
      assert.ok(await page.evaluate(() => {
        const at = document.querySelector('#chat-input').getBoundingClientRect();
        return document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2)?.id === 'chat-input';
      }), 'the input can be pressed');
    });
  }
});

test('screen readers hear the start and the end, and not each word', { timeout: 60000 }, async () => {
  await withPage({}, async (page) => {
    await page.evaluate(() => {
      window.said = [];
      new MutationObserver(() => window.said.push(document.querySelector('#chat-status').textContent))
        .observe(document.querySelector('#chat-status'), { childList: true, characterData: true, subtree: true });
    });
    await ask(page, `${TOPIC} fake:text=50,quote=1`);
    await reaches(page, 0, 'DONE');
    const said = await page.evaluate(() => window.said);
    assert.ok(said.length <= 2 && said.at(-1) === 'The answer is complete.', said.join('|'));
    assert.equal(await page.$eval('#chat-log', (e) => e.closest('[aria-live]') ?? e.querySelector('[aria-live]')), null);
    for (const control of await page.$$('#chat button:not([hidden]), [data-close], #chat textarea')) {
      const name = await control.evaluate((e) => e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.[0]?.textContent);
      assert.ok(name, await control.evaluate((e) => e.outerHTML));
    }
  });
});

test('signed out, a question waits for the sign-in, over a reload too; signing out clears the chat', { timeout: 120000 }, async () => {
  const school = await startClassroom({ services: ['--llm', 'fake'] });
  try {
    const page = await openPage(browser, school.url, { errors });
    await page.waitForSelector('#sign-in:not([hidden])');
    await ask(page, 'Who waits?');
    await page.waitForFunction(() => /Sign in, and it will be asked/.test(document.querySelector('.label > span').textContent));
    await page.reload();
    await page.waitForFunction(() => /Sign in, and it will be asked/.test(document.querySelector('.label > span')?.textContent));
    await page.screenshot({ path: join(screenshots, 'chat-signed-out.png') });
    await page.locator('.label').getByText('Sign in', { exact: true }).click();
    await signUp(page);
    await reaches(page, 0, 'DONE');
    assert.match(await addMaterial(page, 'mine.txt', 'Only mine.'), /can be asked about/);
    page.on('dialog', (dialog) => dialog.accept());
    await page.click('#chat-history');
    await page.locator('#history-list .remove').click();
    await page.waitForFunction(() => /^No conversations yet/.test(document.querySelector('#history-status').textContent));
    await page.click('#history-dialog [data-close]');
    await page.click('#chat-materials');
    await page.locator('#material-list .remove').click();
    await page.waitForFunction(() => /was removed. No material yet/.test(document.querySelector('#material-status').textContent));
    await page.check('#material-shared');
    await page.click('#materials-dialog [data-close]');
    assert.match(await addMaterial(page, 'ours.txt', 'For everybody.'), /role does not allow/);
    await page.click('#account summary');
    await page.click('#sign-out');
    await page.waitForFunction(() => document.querySelectorAll('.exchange').length === 0);
    await page.context().close();
  } finally {
    await school.stop();
  }
});

test('in Portuguese, on a phone, in the dark', { timeout: 60000 }, async () => {
  await withPage({ locale: 'pt-BR', viewport: { width: 390, height: 780 }, colorScheme: 'dark', hasTouch: true, isMobile: true }, async (page) => {
    assert.ok(!(await page.isVisible('#chat')));
    await page.click('[data-show=chat]');
    assert.ok(await page.isVisible('#chat-input'));
    assert.ok(!(await page.isVisible('#transcript')));
    assert.equal(await page.getAttribute('#chat-input', 'placeholder'), 'Digite uma dúvida…');
    await ask(page, 'Where do the light reactions take place?');
    await reaches(page, 0, 'DONE');
    assert.equal(await page.getAttribute('.actions [data-action=copy]', 'aria-label'), 'Copiar');
    await page.screenshot({ path: join(screenshots, 'chat-phone-dark.png') });
    const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(width[0] <= width[1], 'nothing is wider than the screen');
  });
});

test('no script failed and no policy was broken', () => assert.deepEqual(errors, []));
