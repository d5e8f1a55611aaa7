// What the browser tests share: the real processes, the real browser, its fake microphone, and the judging of text.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, openSync, closeSync, fstatSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const RATE = 16000;
const CLIPS = '/usr/share/pocketsphinx/test/data/librivox'; // Debian: pocketsphinx-testdata
const READY_MS = 60000;

export const folder = mkdtempSync(join(tmpdir(), 'ponte-e2e-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

// -- processes

const freePort = () => new Promise((resolve, reject) => {
  const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

class Process {
  constructor(command, admin, environment = {}) {
    Object.assign(this, { command, admin, environment, log: join(folder, `${admin}.log`) });
  }

  async start() {
    const log = openSync(this.log, 'a'), said = fstatSync(log).size;
    this.child = spawn(this.command[0], this.command.slice(1), { stdio: ['ignore', log, log], env: { ...process.env, ...this.environment } });
    closeSync(log);
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    const deadline = Date.now() + READY_MS;
    // What answers may be somebody else on a port that was free a moment ago: the process must have said so itself.
    while (!(await this.isReady()) || !/"message":"(serving|listening)"/.test(readFileSync(this.log, 'utf8').slice(said))) {
      if (this.child.exitCode !== null || Date.now() > deadline) throw new Error(`${this.command[0]} is not ready:\n${readFileSync(this.log)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async isReady() {
    try {
      return (await fetch(`http://127.0.0.1:${this.admin}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  async kill(signal = 'SIGKILL') {
    if (!this.child || this.child.exitCode !== null) return;
    this.child.kill(signal);
    await this.ended;
  }
}

/** Transcription service and gateway with the built site, on ports of their own; `assistant`: an engine's name, and there is a chatbot too, for everybody. */
export async function startStack({ assistant } = {}) {
  const [servicePort, serviceAdmin, port, gatewayAdmin, chatbotPort] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()];
  const upstream = `127.0.0.1:${servicePort}`;
  const flags = ['--only', assistant ? 'transcription,chatbot' : 'transcription', '--admin', `127.0.0.1:${serviceAdmin}`];
  if (assistant) flags.push('--chatbot-port', String(chatbotPort), '--llm', assistant, '--chatbot-questions', '0');
  const service = new Process([process.env.PONTE_SERVICES, ...flags], serviceAdmin,
    { PONTE_TRANSCRIPTION_PORT: String(servicePort), PONTE_STORE: `sqlite:${mkdtempSync(join(folder, 'data-'))}` });
  const config = join(folder, `gateway-${gatewayAdmin}.yaml`);
  writeFileSync(config, `clusters:
  - {name: transcription, targets: ["${upstream}"]}
  - {name: chatbot, targets: ["127.0.0.1:${chatbotPort}"]}
routes:
  - {prefix: /ponte.chatbot.v1.ChatbotService/, cluster: chatbot}
  - {prefix: /, cluster: transcription}
`);
  const gateway = new Process([process.env.PONTE_GATEWAY, '--listen', `127.0.0.1:${port}`, ...(assistant ? ['--config', config] : ['--upstream', upstream]),
    '--admin', `127.0.0.1:${gatewayAdmin}`, '--web', process.env.PONTE_WEB], gatewayAdmin);
  const stop = async () => { await gateway.kill('SIGTERM'); await service.kill('SIGTERM'); };
  try {
    await service.start();
    await gateway.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { service, gateway, url: `http://127.0.0.1:${port}/`, stop };
}

/** The same with accounts and the assistant, as run.sh starts them: every service in one process, tokens judged by the gateway and by them. `firstPassword`: the one-time password of
 *  the first administrator. */
export async function startClassroom({ services = [] } = {}) {
  const ports = {};
  for (const name of ['transcription', 'users', 'chatbot', 'admin', 'gateway', 'gatewayAdmin']) ports[name] = await freePort();
  const data = mkdtempSync(join(folder, 'data-'));
  const service = new Process([process.env.PONTE_SERVICES, '--only', 'transcription,users,chatbot', '--auth', 'on', '--admin', `127.0.0.1:${ports.admin}`,
    ...['transcription', 'users', 'chatbot'].flatMap((name) => [`--${name}-port`, String(ports[name])]), ...services], ports.admin,
  { PONTE_STORE: `sqlite:${data}` });
  const config = join(data, 'gateway.yaml');
  const anybody = 'roles: [student, teacher, admin]';
  writeFileSync(config, `
listen: [{address: "127.0.0.1:${ports.gateway}"}]
admin: 127.0.0.1:${ports.gatewayAdmin}
web: "${process.env.PONTE_WEB}"
clusters:
${['users', 'chatbot', 'transcription'].map((name) => `  - {name: ${name}, targets: ["127.0.0.1:${ports[name]}"]}`).join('\n')}
routes:
  - {prefix: /ponte.users.v1.UserService/, cluster: users}
  - {prefix: /ponte.chatbot.v1.ChatbotService/, cluster: chatbot}
  - {prefix: /, cluster: transcription}
auth:
  issuers: [{issuer: ponte, audience: ponte, jwks_url: "http://127.0.0.1:${ports.admin}/.well-known/jwks.json", jwks_refresh: 1m}]
  rules:
    - {prefix: /ponte.users.v1.UserService/, ${anybody}}
    - {prefix: /ponte.users.v1.UserService/SetPassword}
${['SignUp', 'SignIn', 'RefreshSession', 'SignOut'].map((m) => `    - {prefix: /ponte.users.v1.UserService/${m}, public: true}`).join('\n')}
    - {prefix: /ponte.chatbot.v1.ChatbotService/, ${anybody}}
    - {prefix: /, public: true}
`);
  const gateway = new Process([process.env.PONTE_GATEWAY, '--config', config], ports.gatewayAdmin);
  const stop = async () => { await gateway.kill('SIGTERM'); await service.kill('SIGTERM'); };
  try {
    await service.start();
    await gateway.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { service, gateway, stop, url: `http://127.0.0.1:${ports.gateway}/`, firstPassword: readFileSync(service.log, 'utf8').match(/one-time password (\S+)/)[1] };
}

// -- the browser

/** A Chromium whose microphone plays the file once, or refuses. */
export const openBrowser = ({ microphone, deny = false } = {}) => chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--use-fake-device-for-media-stream', deny ? '--deny-permission-prompts' : '--use-fake-ui-for-media-stream',
    ...(microphone ? [`--use-file-for-fake-audio-capture=${microphone}%noloop`] : [])],
});

export async function openPage(browser, url, { errors, ...options } = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.on('pageerror', (error) => errors?.push(error.stack));
  page.on('console', (message) => /Content Security Policy|Permissions Policy/i.test(message.text()) && errors?.push(message.text()));
  await page.addInitScript(recordEvents);
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector('#connection').dataset.state === 'online', null, { timeout: 30000 });
  return page;
}

/** In the page: notes when sound, interim texts and finals appear. */
function recordEvents() {
  window.seen = { sound: 0, interims: [], finals: [] };
  const now = () => performance.now();
  addEventListener('DOMContentLoaded', () => {
    new MutationObserver(() => {
      const level = parseFloat(document.querySelector('#meter').style.getPropertyValue('--level'));
      if (level > 25 && !window.seen.sound) window.seen.sound = now();
    }).observe(document.querySelector('#meter'), { attributes: true });
    new MutationObserver(() => {
      const text = document.querySelector('#interim span').textContent;
      if (text && !document.querySelector('#interim').hidden) window.seen.interims.push({ at: now(), text });
    }).observe(document.querySelector('#interim'), { attributes: true, childList: true, subtree: true, characterData: true });
    new MutationObserver(() => window.seen.finals.push({ at: now() })).observe(document.querySelector('#finals'), { childList: true });
  });
}

export const finalTexts = (page) => page.$$eval('#finals li span', (spans) => spans.map((s) => s.textContent));

/** Waits until `ask` says yes in the page. For what answers with a promise, which waitForFunction takes for a yes. */
export async function until(page, ask, arg) {
  for (const deadline = Date.now() + 15000; !(await page.evaluate(ask, arg));) {
    if (Date.now() > deadline) throw new Error(`still not so: ${ask}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until so many milliseconds have been recorded. */
export const recorded = (page, ms) => page.waitForFunction((want) => {
  const [m, s] = document.querySelector('#clock').textContent.split(':').map(Number);
  return (m * 60 + s) * 1000 >= want;
}, ms, { timeout: ms + 60000 });

/** Waits for the end of a transcription. */
export const finished = (page) => page.waitForSelector('#start:not([hidden])', { timeout: 120000 });

// -- the chat: the nth question of the page and its answer

export async function addMaterial(page, name, text) {
  await page.click('#chat-materials');
  await page.setInputFiles('#material-file', { name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  await page.waitForFunction(() => !/Adding|Loading|^$/.test(document.querySelector('#material-status').textContent), null, { timeout: 15000 });
  const said = await page.textContent('#material-status');
  await page.click('#materials-dialog [data-close]');
  return said;
}

export async function ask(page, question) {
  await page.fill('#chat-input', question);
  await page.press('#chat-input', 'Enter');
}

export const exchange = (page, n) => page.locator('.exchange').nth(n);
export const reaches = (page, n, state) => page.waitForFunction(([i, s]) => document.querySelectorAll('.exchange')[i]?.dataset.state === s, [n, state], { timeout: 30000 });
export const answerOf = (page, n) => exchange(page, n).locator('.prose').textContent();
export const labelOf = (page, n) => exchange(page, n).locator('.label > span').textContent();

/** In the dialog that asks who is there. */
export async function signUp(page) {
  await page.click('#identity-other button');
  await page.fill('#identity-name', 'Ana');
  await page.fill('#identity-email', 'ana@example.org');
  await page.fill('#identity-new-password', 'correct horse battery');
  await page.click('#identity-submit');
}

// -- audio and text

const header = (bytes) => {
  const h = Buffer.alloc(44);
  h.write('RIFF', 0); h.writeUInt32LE(36 + bytes, 4); h.write('WAVEfmt ', 8); h.writeUInt32LE(16, 16); h.writeUInt16LE(1, 20); h.writeUInt16LE(1, 22);
  h.writeUInt32LE(RATE, 24); h.writeUInt32LE(RATE * 2, 28); h.writeUInt16LE(2, 32); h.writeUInt16LE(16, 34); h.write('data', 36); h.writeUInt32LE(bytes, 40);
  return h;
};

export const silence = (seconds) => Buffer.alloc(RATE * seconds * 2);

export function writeWav(name, ...parts) {
  const samples = Buffer.concat(parts);
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([header(samples.length), samples]));
  return { path, ms: samples.length / 2 / RATE * 1000 };
}

/** The clips of human speech: [{samples, words}]. */
export function clips() {
  const names = new Set(readdirSync(CLIPS));
  return readFileSync(join(CLIPS, 'transcription'), 'utf8').split('\n').map((line) => line.match(/^<s> (.*) <\/s> \((.*)\)/))
    .filter((m) => m && names.has(`${m[2]}.wav`))
    .map((m) => ({ samples: readFileSync(join(CLIPS, `${m[2]}.wav`)).subarray(44), words: m[1] }));
}

const normalise = (text) => text.toLowerCase().replace(/\bmr\b\.?/g, 'mister').replace(/-/g, ' ').replace(/[^a-z0-9' ]/g, '').split(/\s+/).filter(Boolean);

/** Word error rate: edit distance by words. */
export function wordErrorRate(said, heard) {
  const a = normalise(said);
  const b = normalise(heard);
  let row = b.map((_, j) => j + 1);
  row.unshift(0);
  a.forEach((x, i) => {
    const next = [i + 1];
    b.forEach((y, j) => next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (x !== y))));
    row = next;
  });
  return row[b.length] / a.length;
}
