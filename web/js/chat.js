// The chat panel: what C tells (client/ponte-chat.js) becomes elements, and what the reader does becomes calls. It decides nothing about questions and answers.

import { addTexts, currentLocale, hasText, text } from './i18n.js';
import { openHistory, openMaterials } from './chat-dialogs.js';
import { showBlocks } from './nodes.js';
import { showPassage } from './passage.js';
import * as view from './view.js';
import chatTexts from './chat-texts.js';

addTexts(chatTexts);

const $ = (id) => document.getElementById(id);
const log = $('chat-log');
const AT_END_PX = 48;
const COPIED_MS = 1500;

let client;
let chat;
let callbacks;
let following = true; // a reader who scrolled up is left alone
let state = { conversation: '', busy: false, signIn: false, earlier: false, fetching: false };
let behind = null; // the first message when those before it were asked for; null: nobody waits for any
const messages = new Map(); // id -> {node, and the last of each that was told}

// -- words --------------------------------------------------------------------------------------------------------------------

export function chatErrorText({ code, reason, message }) {
  const key = [`chat_err_${reason}`, `chat_code_${code}`].find(hasText) ?? 'chat_err_unknown';
  return text(key, { message });
}

const finishes = { NOT_IN_MATERIAL: 'chat_not_in_material', MAX_TOKENS: 'chat_cut', SAFETY: 'chat_blocked' };

/** What stands under an answer: [kind, words]. */
function labelOf(m) {
  const labels = {
    QUEUED: () => {
      if (m.code === 16) return ['wait', text('chat_needs_sign_in')];
      if (m.code === 8) return ['wait', text('chat_turn')]; // as many as may be are answered already, perhaps in another window
      if (m.code !== 0 || !navigator.onLine) return ['wait', text('chat_waiting')];
      return ['wait', text(runningId() ? 'chat_turn' : 'chat_sending')];
    },
    ASKING: () => ['wait', text(callbacks.isOnline() ? 'chat_searching' : 'chat_waiting')],
    ANSWERING: () => ['wait', text('chat_writing')],
    STOPPED: () => ['warn', text(m.blocks ? 'chat_stopped' : 'chat_not_sent')],
    FAILED: () => ['bad', chatErrorText(m)],
    DONE: () => {
      if (finishes[m.finish]) return [m.finish === 'NOT_IN_MATERIAL' ? 'note' : 'warn', text(finishes[m.finish])];
      return m.citations ? ['', ''] : ['warn', text('chat_unverified')];
    },
  };
  return labels[m.state]();
}

const pendingStates = ['QUEUED', 'ASKING', 'ANSWERING'];
const isPending = (m) => pendingStates.includes(m.state);
const runningId = () => [...messages.values()].find((m) => m.state === 'ASKING' || m.state === 'ANSWERING')?.id;

const waitText = (m) => (m.waitS > 0 ? text('chat_wait', { time: m.waitS < 60 ? `${m.waitS} s` : view.clockText(m.waitS * 1000) }) : '');

/** Start and end, once; never the words of an answer, nor each second of a wait, which would be read over and over. */
function say(m, before) {
  if (before.waitS > 0 && m.state === 'FAILED' && m.waitS === 0) $('chat-status').textContent = text('chat_wait_over');
  if (before.state === m.state) return;
  if (m.state === 'ASKING' && !pendingStates.slice(1).includes(before.state)) $('chat-status').textContent = text('chat_searching');
  if (!isPending(m) && pendingStates.includes(before.state)) $('chat-status').textContent = `${labelOf(m)[1]} ${waitText(m)}`.trim() || text('chat_done');
}

// -- messages -----------------------------------------------------------------------------------------------------------------

const icons = {
  copy: 'M8.5 8.5h11v11h-11zM15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2',
  retry: 'M19 12a7 7 0 1 1-2-4.9M19 4v4h-4',
  helpful: 'M8 11v9H5v-9zM8 12l4-8c1.5 0 2.4 1 2.2 2.4L13.7 10H18a2 2 0 0 1 2 2.4l-1.2 6a2 2 0 0 1-2 1.6H8',
  not_helpful: 'M16 13V4h3v9zM16 12l-4 8c-1.5 0-2.4-1-2.2-2.4l.5-3.6H6a2 2 0 0 1-2-2.4l1.2-6A2 2 0 0 1 7.2 4H16',
};

function icon(path) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const shape = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}

/** A text in the page's language that follows it when it changes. */
function worded(node, key, values) {
  Object.assign(node.dataset, { word: key, values: JSON.stringify(values ?? {}) });
  node.textContent = text(key, values);
  return node;
}

function labelled(node, key, values) {
  Object.assign(node.dataset, { label: key, labelValues: JSON.stringify(values ?? {}) });
  node.setAttribute('aria-label', text(key, values));
  node.title = text(key, values);
  return node;
}

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

function action(name, run, path) {
  const button = labelled(element('button', 'icon', icon(path)), `chat_${name}`);
  button.type = 'button';
  button.dataset.action = name;
  button.addEventListener('click', () => run(button));
  return button;
}

async function copy(id, button) {
  if (!await view.copyText(chat.text(id))) return;
  labelled(button, 'chat_copied');
  button.classList.add('done');
  setTimeout(() => { labelled(button, 'chat_copy'); button.classList.remove('done'); }, COPIED_MS);
}

const rate = (m, rating) => chat.rate(m.id, m.rated === rating ? 'UNSPECIFIED' : rating);

/** Behind the message that it follows; what comes before the others leaves the reader where they are. */
function place(node, after) {
  const list = $('chat-list');
  const next = after ? messages.get(after)?.node.nextSibling ?? null : list.firstChild;
  const fromEnd = log.scrollHeight - log.scrollTop;
  list.insertBefore(node, next);
  if (next) log.scrollTop = log.scrollHeight - fromEnd;
}

function makeMessage(id, after) {
  const node = element('li', 'exchange');
  const m = { id, node, state: '', blocks: 0 };
  m.question = element('p', 'question');
  m.answer = element('div', 'prose');
  m.sources = element('ul', 'sources');
  m.label = element('p', 'label');
  m.wait = element('i', 'dots');
  m.words = element('span', '');
  m.countdown = element('small', 'countdown');
  m.signIn = worded(element('button', ''), 'chat_sign_in');
  m.cancel = worded(element('button', ''), 'chat_cancel');
  m.again = worded(element('button', ''), 'chat_retry');
  // What was pressed is gone then; the focus must not be.
  const askAgain = () => { chat.retry(id); log.focus({ preventScroll: true }); };
  m.actions = element('div', 'actions', action('copy', (b) => copy(id, b), icons.copy), action('helpful', () => rate(m, 'HELPFUL'), icons.helpful),
    action('not_helpful', () => rate(m, 'NOT_HELPFUL'), icons.not_helpful), action('retry', askAgain, icons.retry));
  for (const button of [m.signIn, m.cancel, m.again]) button.type = 'button';
  m.signIn.addEventListener('click', () => callbacks.onSignIn());
  m.cancel.addEventListener('click', () => { chat.stop(id); log.focus({ preventScroll: true }); });
  m.again.addEventListener('click', askAgain);
  m.label.append(m.wait, m.words, m.countdown, m.signIn, m.cancel, m.again);
  labelled(m.sources, 'chat_sources').title = '';
  node.append(element('h3', 'vh', ''), m.question, element('h3', 'vh', ''), m.answer, m.label, m.sources, m.actions);
  worded(node.children[0], 'chat_you');
  worded(node.children[2], 'chat_answer');
  m.answer.addEventListener('click', (event) => {
    const cite = event.target.closest('.cite');
    if (cite) openSource(m, Number(cite.dataset.number), Number(cite.dataset.offset), cite);
  });
  place(node, after);
  messages.set(id, m);
  return m;
}

function showState(m) {
  const [kind, words] = labelOf(m);
  const done = !isPending(m);
  m.question.textContent = m.text;
  m.node.dataset.state = m.state;
  m.label.dataset.kind = kind;
  m.words.textContent = words;
  m.wait.hidden = !['ASKING', 'ANSWERING'].includes(m.state);
  m.label.hidden = !words;
  m.signIn.hidden = !(m.state === 'QUEUED' && m.code === 16);
  m.cancel.hidden = m.state !== 'QUEUED';
  m.again.hidden = !(m.state === 'FAILED' || m.state === 'STOPPED');
  m.countdown.textContent = waitText(m);
  m.again.disabled = m.waitS > 0;
  m.actions.hidden = !done || m.blocks === 0;
  const named = (name) => m.actions.querySelector(`[data-action=${name}]`);
  for (const [name, rating] of [['helpful', 'HELPFUL'], ['not_helpful', 'NOT_HELPFUL']]) {
    named(name).hidden = !m.messageId;
    named(name).setAttribute('aria-pressed', String(m.rated === rating));
  }
  named('retry').hidden = !m.again.hidden;
}

/** The cited ones, once the answer is there; a passage that nobody quotes is no source. */
function showSources(m) {
  const cited = (m.passages ?? []).filter((p) => p.cited);
  m.sources.replaceChildren(...cited.map((p) => {
    const place = [p.title || text('chat_live'), p.heading].filter(Boolean).join(' · ');
    const button = element('button', 'source', element('b', '', String(p.number)), element('span', '', place));
    // Of the quote, not of the passage, which may begin sentences before; on this page's own clock where it was said here.
    const said = chat?.passage(m.id, p.number, -1) ?? { captionMs: -1, startMs: p.startMs };
    const ms = said.captionMs >= 0 ? said.captionMs : said.startMs;
    if (ms >= 0) button.append(element('time', '', view.clockText(ms)));
    button.type = 'button';
    button.title = place; // the chip may be too narrow for it
    button.dataset.number = p.number;
    button.addEventListener('click', () => openSource(m, p.number, -1, button));
    return element('li', '', button);
  }));
  m.sources.hidden = cited.length === 0;
}

function nameCite(m, button) {
  const passage = m.passages?.find((p) => p.number === Number(button.dataset.number));
  labelled(button, 'chat_source', { number: button.dataset.number, title: passage?.title || text('chat_live') });
}

function follow() {
  if (following) log.scrollTop = log.scrollHeight;
  $('chat-latest').hidden = following;
}

function onMessage(event) {
  const m = messages.get(event.id) ?? makeMessage(event.id, event.after);
  const before = { state: m.state, waitS: m.waitS };
  const { question, sources, answer, type, id, after, ...rest } = event;
  if (question !== undefined) Object.assign(m, rest, { text: question });
  if (sources) m.passages = sources;
  if (answer) {
    showBlocks(m.answer, answer, (cite) => nameCite(m, cite));
    m.blocks = answer.keep + answer.blocks.length;
  }
  if (sources) showSources(m);
  showState(m);
  say(m, before);
  showComposer();
  follow();
}

function onCleared() {
  messages.clear();
  $('chat-list').replaceChildren();
  $('chat-status').textContent = '';
  $('chat-problem').hidden = true;
  behind = null;
  following = true;
  showComposer();
}

/** The focus stays on the button, unless there is nothing more for it to fetch. */
function onChat(event) {
  const asked = behind && !event.fetching; // not the first ones of a conversation that was opened
  const came = asked && $('chat-list').firstChild !== behind;
  if (asked) behind = null;
  const hadFocus = document.activeElement === $('chat-earlier');
  state = event;
  $('chat-earlier').hidden = !event.earlier;
  $('chat-earlier').setAttribute('aria-disabled', String(event.fetching));
  if (came) $('chat-status').textContent = text(event.earlier ? 'chat_earlier_here' : 'chat_earlier_all');
  if (asked) $('chat-problem').hidden = came;
  if (asked && !came) $('chat-problem').textContent = text('chat_earlier_failed');
  if (hadFocus && !event.earlier) log.focus({ preventScroll: true });
  showComposer();
}

// -- sources ------------------------------------------------------------------------------------------------------------------

/** A sentence of this page's transcript is shown there; everything else in its material. */
function openSource(m, number, offset, from) {
  const passage = chat.passage(m.id, number, offset);
  if (!passage) return;
  if (passage.captionMs >= 0) {
    showView('transcript');
    if (view.showMoment(passage.captionMs)) return;
    showView('chat');
  }
  showPassage(client, passage, from);
}

// -- the composer -------------------------------------------------------------------------------------------------------------

function grow() {
  const input = $('chat-input');
  input.style.height = 'auto';
  input.style.height = `${input.scrollHeight + 2}px`;
}

function showComposer() {
  const running = [...messages.values()].some(isPending);
  const blank = $('chat-input').value.trim() === '';
  $('chat-stop').hidden = !running;
  $('chat-send').hidden = running && blank;
  $('chat-send').disabled = !chat || blank;
  $('chat-empty').hidden = messages.size > 0;
  $('chat-new').disabled = running || messages.size === 0;
  $('chat-history').disabled = running || !chat;
  $('chat-materials').disabled = !chat;
}

function send() {
  const input = $('chat-input');
  const question = input.value.trim();
  if (!chat || !question) return;
  const id = chat.ask(question, { withContext: callbacks.hasUnkeptContext() });
  $('chat-problem').hidden = id !== 0;
  if (!id) {
    $('chat-problem').textContent = text([...question].length > 2000 ? 'chat_too_long' : 'chat_too_many');
    return;
  }
  input.value = '';
  if (document.activeElement === $('chat-send')) input.focus(); // it makes room for the stop button
  grow();
  following = true;
}

function stop() {
  const running = [...messages.values()].find((m) => m.state === 'ASKING' || m.state === 'ANSWERING') ?? [...messages.values()].find(isPending);
  if (running) chat.stop(running.id);
  $('chat-input').focus();
}

// -- the page -----------------------------------------------------------------------------------------------------------------

/** On narrow screens one of the two is shown. */
export function showView(name) {
  document.body.dataset.view = name;
  for (const tab of document.querySelectorAll('[data-show]')) tab.setAttribute('aria-pressed', String(tab.dataset.show === name));
  if (name === 'chat') follow();
}

/** The words that are not in the page's own markup follow its language. */
export function translateChat() {
  for (const node of document.querySelectorAll('[data-word]')) node.textContent = text(node.dataset.word, JSON.parse(node.dataset.values));
  for (const node of document.querySelectorAll('[data-label]')) labelled(node, node.dataset.label, JSON.parse(node.dataset.labelValues));
  for (const node of document.querySelectorAll('[data-i18n-placeholder]')) node.placeholder = text(node.dataset.i18nPlaceholder);
  for (const node of document.querySelectorAll('#chat [data-i18n-label]')) node.title = text(node.dataset.i18nLabel);
  for (const m of messages.values()) { showState(m); showSources(m); }
}

function listen() {
  const input = $('chat-input');
  input.addEventListener('input', () => { grow(); showComposer(); $('chat-problem').hidden = true; });
  input.addEventListener('keydown', (event) => {
    // Enter that ends a word being composed (IME) is not ours; Safari tells it by 229 only.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  });
  $('chat-form').addEventListener('submit', (event) => { event.preventDefault(); send(); });
  $('chat-stop').addEventListener('click', stop);
  $('chat-earlier').addEventListener('click', () => { if (chat.earlier()) behind = $('chat-list').firstChild; });
  $('chat-new').addEventListener('click', () => { chat.open(''); input.focus(); });
  $('chat-history').addEventListener('click', () => openHistory(client, { current: state.conversation, open: (id) => chat.open(id), locale: currentLocale() }));
  $('chat-materials').addEventListener('click', () => openMaterials(client));
  log.addEventListener('scroll', () => {
    following = log.scrollHeight - log.scrollTop - log.clientHeight < AT_END_PX;
    $('chat-latest').hidden = following;
  }, { passive: true });
  $('chat-latest').addEventListener('click', () => { following = true; follow(); log.focus({ preventScroll: true }); });
  new ResizeObserver(follow).observe(log);
  for (const dialog of ['passage-dialog', 'history-dialog', 'materials-dialog'].map($)) {
    dialog.addEventListener('click', (event) => { if (event.target === dialog || event.target.closest('[data-close]')) dialog.close(); });
  }
  $('passage-dialog').addEventListener('close', () => {
    const from = $('passage-dialog').returnTo;
    (from.isConnected ? from : log).focus({ preventScroll: !from.isConnected }); // an answer that went on was written anew
  });
  for (const event of ['online', 'offline']) addEventListener(event, () => { for (const m of messages.values()) showState(m); });
}

/** onSignIn(): the reader wants to; isOnline(): there is a connection; hasUnkeptContext(): the page has heard what the service does not keep. */
export function startChat(ofPage, { onSignIn, isOnline, hasUnkeptContext }) {
  client = ofPage;
  callbacks = { onSignIn, isOnline, hasUnkeptContext };
  chat = client.chat({ onChat, onCleared, onMessage });
  listen();
  showComposer();
  return chat;
}

for (const tab of document.querySelectorAll('[data-show]')) tab.addEventListener('click', () => showView(tab.dataset.show));
