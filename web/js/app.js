// The live page: buttons, states and words. It knows the client's API (../client/ponte.js) and no protocol.

import { createClient } from '../client/ponte.js';
import { showView, startChat, translateChat } from './chat.js';
import { Capture, FRAME_SAMPLES, SAMPLE_RATE, captureProblem, decodeFile, microphones } from './capture.js';
import { attachChanged, attachOptions, isAttached, showAttached, showShare } from './attach.js';
import { askToSignIn, identityChanged, listenToIdentity, showIdentity } from './identity.js';
import { errorText, preferredLocale, rememberLocale, setLocale, text } from './i18n.js';
import * as view from './view.js';

const $ = (id) => document.getElementById(id);
const SILENT_AFTER_MS = 8000;
const SILENCE_LEVEL = 0.0005; // a muted microphone gives digital zero, an open one never less than this
const FILE_QUEUE_BYTES = 256 * 1024;

let client;
let chat;
let reader = ''; // who signed in last
let live = null; // the transcription that runs, or null
let capture = null;
let connection = 'connecting';
let recordedMs = 0;
let lastSoundMs = 0;

// -- what is shown ------------------------------------------------------------------------------------------------------------

function showConnection(state) {
  connection = state;
  const pill = $('connection');
  pill.dataset.state = state;
  pill.lastElementChild.textContent = text(`state_${state}`);
  if (live && (state === 'offline' || state === 'reconnecting')) view.showNotice(text('offline_kept'));
  if (state !== 'online') return;
  view.hideNotice();
  showModels().catch((error) => console.warn('ListModels failed', error));
}

function showControls() {
  const running = live !== null;
  const paused = running && live.paused;
  $('start').hidden = running;
  $('pause').hidden = !running || live.isFile || live.ending;
  $('pause').setAttribute('aria-pressed', String(Boolean(paused)));
  $('pause').querySelector('span').textContent = text(paused ? 'resume' : 'pause');
  $('stop').hidden = !running;
  $('stop').disabled = running && live.ending;
  $('stop').querySelector('span').textContent = text(running && live.ending ? 'finishing' : 'stop');
  for (const id of ['microphone', 'file', 'model', 'share-switch']) $(id).disabled = running;
  const empty = !client || client.segmentCount() === 0;
  $('copy').disabled = empty;
  $('clear').disabled = empty || running;
  $('download').toggleAttribute('data-disabled', empty);
  document.body.dataset.state = running ? (paused ? 'paused' : 'running') : 'idle';
}

function showClock(ms) {
  recordedMs = ms;
  $('clock').textContent = view.clockText(ms);
}

async function showMicrophones() {
  const select = $('microphone');
  const chosen = select.value;
  const found = await microphones();
  select.replaceChildren(select.options[0], ...found.filter((d) => d.label).map((d) => new Option(d.label, d.deviceId)));
  select.value = found.some((d) => d.deviceId === chosen) ? chosen : '';
}

/** The default model serves without the list, so a failure only waits for the next connection. */
async function showModels() {
  if (!client || $('model').options.length > 0) return;
  const { models = [], defaultModel } = await client.call('ponte.transcription.v1.TranscriptionService/ListModels', {});
  $('model').replaceChildren(...models.map((m) => new Option(`${m.name} (${(m.languages ?? []).join(', ')})`, m.name)));
  $('model').value = defaultModel;
  $('model').hidden = models.length < 2;
}

// -- a transcription ----------------------------------------------------------------------------------------------------------

function openLive(isFile) {
  view.hideNotice();
  live = client.transcribe({
    sampleRate: SAMPLE_RATE,
    model: $('model').value,
    ...attachOptions(),
    onInterim: view.setInterim,
    onFinal: (segment) => { view.clearInterim(); view.addFinal(segment); showControls(); },
    onEnd: closeLive,
  });
  Object.assign(live, { isFile, paused: false, ending: false });
  lastSoundMs = performance.now();
  showControls();
}

/** The service's last word: status 0, or why it stopped. Also called when the reader cancelled. */
async function closeLive({ code, reason, message }) {
  const wasFile = live.isFile;
  live = null;
  view.clearInterim();
  view.setLevel(0);
  $('progress').hidden = true;
  await capture?.stop();
  capture = null;
  if (code !== 0 && code !== 1) view.showNotice(errorText({ reason, message }));
  else if (wasFile && client.segmentCount() === 0) view.showNotice(text('no_speech'));
  showControls();
}

function onFrame(frame) {
  if (!live || live.ending) return;
  live.push(frame);
  showClock(recordedMs + 1000 * frame.length / SAMPLE_RATE);
  let peak = 0;
  for (const sample of frame) peak = Math.max(peak, Math.abs(sample));
  view.setLevel(Math.sqrt(peak)); // the ear, and so the meter, is not linear
  const now = performance.now();
  if (peak > SILENCE_LEVEL) lastSoundMs = now;
  if (now - lastSoundMs > SILENT_AFTER_MS && connection === 'online') {
    lastSoundMs = now;
    view.showNotice(text('mic_silent'));
  }
}

async function startMicrophone() {
  if (!window.isSecureContext) return view.showNotice(text('insecure'));
  $('start').disabled = true;
  capture = new Capture();
  try {
    await capture.start({ deviceId: $('microphone').value, onFrame, onEnded: onUnplugged });
  } catch (error) {
    capture = null;
    return view.showNotice(text(captureProblem(error)));
  } finally {
    $('start').disabled = false;
  }
  openLive(false);
  showMicrophones();
}

function onUnplugged() {
  finish();
  view.showNotice(text('mic_unplugged'));
}

/** Stop listening, wait for the last words. A second press does not wait. */
function finish() {
  if (!live || live.ending) return;
  live.ending = true;
  capture?.stop();
  live.end();
  showControls();
}

async function transcribeFile(file) {
  if (live) return;
  let samples;
  try {
    samples = await decodeFile(file);
  } catch {
    return view.showNotice(text('file_unreadable'));
  }
  openLive(true);
  const mine = live;
  const progress = $('progress');
  progress.hidden = false;
  for (let at = 0; at < samples.length && live === mine && !mine.ending; at += FRAME_SAMPLES) {
    const frame = new Float32Array(FRAME_SAMPLES); // the last one is filled up with silence
    frame.set(samples.subarray(at, at + FRAME_SAMPLES));
    mine.push(frame);
    progress.value = at / samples.length;
    if (at % SAMPLE_RATE === 0) {
      showClock(recordedMs + 1000);
      await mine.drained(FILE_QUEUE_BYTES);
    }
  }
  if (live === mine) finish();
}

// -- the reader's actions -----------------------------------------------------------------------------------------------------

async function copyAll() {
  if (!await view.copyText(client.exportTranscript('txt'))) return;
  const label = $('copy').querySelector('span');
  label.textContent = text('copied');
  setTimeout(() => { label.textContent = text('copy'); }, 1500);
}

const types = { txt: 'text/plain', srt: 'application/x-subrip', vtt: 'text/vtt', json: 'application/json' };

function download(format) {
  const url = URL.createObjectURL(new Blob([client.exportTranscript(format)], { type: `${types[format]};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `ponte-${new Date().toISOString().slice(0, 16).replace(/[:T]/g, '-')}.${format}`;
  link.click();
  URL.revokeObjectURL(url);
  $('download').open = false;
}

function clearAll() {
  if (!window.confirm(text('clear_confirm'))) return;
  client.clearTranscript();
  view.clear();
  showClock(0);
  showControls();
}

async function togglePause() {
  live.paused = !live.paused;
  await capture.pause(live.paused);
  view.setLevel(0);
  lastSoundMs = performance.now();
  showControls();
}

/** Questions and answers are their reader's: the next one does not find them. */
function readerChanged({ state, user, roles }) {
  showShare({ roles });
  if (user && state !== 'SIGNING_IN') {
    reader = user.userId;
    chat.setReader(reader);
  } else if (state === 'SIGNED_OUT' && reader) {
    reader = '';
    chat.forget();
  }
  if (state === 'SIGNED_IN') chat.retryNow();
}

function changeLocale(next) {
  rememberLocale(next);
  translateChat();
  showConnection(connection);
  showControls();
  showIdentity();
  showAttached();
}

function watchDrops() {
  const hasFile = (event) => [...event.dataTransfer.types].includes('Files');
  const show = (event, visible) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    $('drop').hidden = !visible || live !== null;
  };
  addEventListener('dragover', (event) => show(event, true));
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) show(event, false); });
  addEventListener('drop', (event) => {
    show(event, false);
    if (event.dataTransfer.files[0]) transcribeFile(event.dataTransfer.files[0]);
  });
}

function listen() {
  $('start').addEventListener('click', startMicrophone);
  $('pause').addEventListener('click', togglePause);
  $('stop').addEventListener('click', finish);
  $('copy').addEventListener('click', copyAll);
  $('clear').addEventListener('click', clearAll);
  $('download').addEventListener('click', (event) => {
    const format = event.target.closest('[data-format]')?.dataset.format;
    if (format) download(format);
  });
  $('file').addEventListener('change', (event) => {
    if (event.target.files[0]) transcribeFile(event.target.files[0]);
    event.target.value = '';
  });
  $('locale').addEventListener('change', (event) => changeLocale(event.target.value));
  addEventListener('beforeunload', (event) => { if (live) event.preventDefault(); });
  addEventListener('click', (event) => { if (!$('download').contains(event.target)) $('download').open = false; });
  navigator.mediaDevices?.addEventListener('devicechange', showMicrophones);
  watchDrops();
}

async function main() {
  const locale = preferredLocale();
  $('locale').value = locale;
  setLocale(locale);
  translateChat();
  showView('transcript');
  showConnection('connecting');
  listen();
  try {
    client = await createClient({ onConnection: showConnection, onIdentity: identityChanged, onAttach: attachChanged });
  } catch (error) {
    console.error(error);
    view.showNotice(text('load_failed'));
    return;
  }
  chat = startChat(client, { onSignIn: askToSignIn, isOnline: () => connection === 'online', hasUnkeptContext: () => !isAttached() });
  $('start').disabled = false;
  showControls();
  listenToIdentity(client, readerChanged);
  showMicrophones();
  showModels().catch((error) => console.warn('ListModels failed', error));
}

main();
