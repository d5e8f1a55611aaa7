// The client for pages: gRPC calls and live transcription through a Ponte gateway. docs/client.md describes it.
//
// All protocol and all state live in C (ponte-core, wasm); this file moves bytes and turns events into callbacks. It never repeats a number of C's.

import createCore from './ponte-core.js';
import createOpus from './ponte-opus.js';
import { Chat } from './ponte-chat.js';

const RETRY_IDLE_MS = 2000;

const gatewayUrl = () => new URL('/ponte.v1', location.href).href.replace(/^http/, 'ws');

/** The error of a call: `code` is the gRPC status, `reason` the service's stable name for the cause, or ''; `field` of the request that it is about, or '';
 *  `retryAfterMs` when it said when to come back, else 0. */
export class PonteError extends Error {
  constructor({ code, message, reason, field = '', retryAfterMs = 0 }) {
    super(message || reason || `gRPC status ${code}`);
    Object.assign(this, { name: 'PonteError', code, reason, field, retryAfterMs });
  }
}

/** url: the gateway's WebSocket, by default at this page's host. token: a bearer token, or nothing: then this page has an identity, kept between visits.
 *  onConnection(state): 'connecting', 'online', 'reconnecting' or 'offline'.
 *  onIdentity({state, user, roles, error}): 'STARTING', 'SIGNED_OUT', 'SIGNING_IN', 'SIGNED_IN', 'REFRESHING', 'MUST_CHANGE', 'CHANGING' or 'ENDED'; user is {userId, displayName,
 *  email} or null; error a PonteError or null.
 *  onAttach({state, code, reason, message}): of what is transcribed: 'NOTHING', 'SAVING', 'SAVED', 'WAITING', 'NEEDS_SIGN_IN' or 'REFUSED'. */
export async function createClient({ url = gatewayUrl(), token = '', onConnection = () => {}, onIdentity = () => {}, onAttach = () => {} } = {}) {
  let client;
  const [core, opus] = await Promise.all([createCore({ onEvent: (_, event) => client.handle(event) }), createOpus()]);
  client = new Client(core, opus, url, token, { onConnection, onIdentity, onAttach });
  return client;
}

class Client {
  #core;
  #opus;
  #handle;
  #callbacks;
  #connection = { state: 'IDLE' };
  #shown = 'connecting';
  #wasOnline = false;
  #calls = new Map();
  #lastCall = 0;
  #live = null;
  #chat = null;
  #idleTimer = 0;
  #identity = { state: 'STARTING', user: null, roles: [], error: null };
  #identityWaits = [];
  #otherPages = new BroadcastChannel('ponte.identity');

  constructor(core, opus, url, token, callbacks) {
    this.#core = core;
    this.#opus = opus;
    this.#callbacks = callbacks;
    this.#handle = this.#withText([url, token], (u, t) => core._ponte_client_new(u, t));
    if (!this.#handle) throw new Error('the client could not be made');
    addEventListener('online', () => {
      core._ponte_client_retry_now(this.#handle);
      this.#chat?.retryNow();
      this.#connectionChanged(this.#connection); // it may have outlived the gap
    });
    addEventListener('offline', () => this.#show('offline'));
    document.addEventListener('visibilitychange', () => { if (!document.hidden) core._ponte_client_retry_now(this.#handle); }); // perhaps the machine slept
    this.#otherPages.onmessage = () => core._ponte_identity_reread(this.#handle);
  }

  /** A call by name, 'package.Service/Method', of the transcription, users and chatbot services; the request as JSON.stringify and the proto3 JSON mapping have it. Resolves with
   *  the answer. */
  async call(method, request = {}) {
    let answer;
    await this.stream(method, request, (message) => { answer = message; });
    return answer;
  }

  /** The same with a stream of answers: onMessage(message) for each; resolves at the end. */
  stream(method, request, onMessage) {
    const number = ++this.#lastCall;
    const why = this.#withText([`/${method}`, JSON.stringify(request)],
      (path, json) => this.#core._ponte_client_call(this.#handle, path, json, number));
    if (why) return Promise.reject(new Error(`${method}: ${this.#core.UTF8ToString(why)}`));
    return new Promise((resolve, reject) => this.#calls.set(number, { resolve, reject, onMessage }));
  }

  /** Who is signed in: what onIdentity got last. */
  get identity() { return this.#identity; }

  /** Each resolves with the identity when it is done, or rejects with a PonteError. */
  signIn(email, password) {
    return this.#becomes([email, password], (e, p) => this.#core._ponte_identity_sign_in(this.#handle, e, p));
  }
  signUp(name, email, password) {
    return this.#becomes([name, email, password], (n, e, p) => this.#core._ponte_identity_sign_up(this.#handle, n, e, p));
  }
  setPassword(oldPassword, newPassword) {
    return this.#becomes([oldPassword, newPassword], (o, n) => this.#core._ponte_identity_set_password(this.#handle, o, n));
  }
  /** At once; the service is told when it can be. */
  signOut() { this.#core._ponte_identity_sign_out(this.#handle); }

  /** Starts a transcription of 20 ms frames of 16 kHz mono; its text is added to this client's transcript, and kept as material of this title to ask about, for
   *  everybody if shared (teachers and administrators may); onAttach tells how that goes.
   *  onInterim({startMs, stable, rest}), onFinal({id, startMs, endMs, text}), onEnd({code, reason, message}). */
  transcribe({ sampleRate = 16000, model = '', language = '', title = '', shared = false, onInterim = () => {}, onFinal = () => {}, onEnd = () => {} } = {}) {
    const failed = this.#opus._ponte_opus_reset()
      || this.#withText([model, language, title], (m, l, t) => this.#core._ponte_live_start(this.#handle, sampleRate, m, l, t, shared ? 1 : 0));
    if (failed) throw new Error('a transcription runs already');
    this.#live = new Live(this.#core, this.#opus, this.#handle, { onInterim, onFinal, onEnd });
    return this.#live;
  }

  /** The chat with the assistant, one of a client. onChat({conversation, busy, signIn, earlier, fetching}); onCleared(): no messages any more; onMessage(what is
   *  new of one: wasm/chat_exports.h). */
  chat({ onChat = () => {}, onCleared = () => {}, onMessage = () => {} } = {}) {
    this.#chat ??= new Chat(this.#core, (texts, use) => this.#withText(texts, use), this.#handle, { onChat, onCleared, onMessage });
    return this.#chat;
  }

  /** The transcript so far as 'txt', 'srt', 'vtt' or 'json'. */
  exportTranscript(format) {
    const at = this.#withText([format], (f) => this.#core._ponte_transcript_text(this.#handle, f));
    if (!at) throw new Error(`no such format: ${format}`);
    return this.#core.UTF8ToString(at);
  }

  segmentCount() { return this.#core._ponte_transcript_count(this.#handle); }
  clearTranscript() { this.#core._ponte_transcript_clear(this.#handle); }

  /** What C tells; not for pages. */
  handle(event) {
    const handlers = {
      connection: () => this.#connectionChanged(event),
      live: () => this.#liveChanged(event),
      interim: () => this.#live?.callbacks.onInterim(event),
      final: () => this.#live?.callbacks.onFinal(event),
      drained: () => this.#live?.wake(),
      message: () => this.#calls.get(event.call).onMessage(event.body),
      reply: () => this.#replied(event),
      identity: () => this.#identityChanged(event),
      attach: () => this.#callbacks.onAttach(event),
      identityRecord: () => this.#otherPages.postMessage('changed'),
    };
    if (event.type === 'chat' && event.signIn) this.#core._ponte_identity_refused(this.#handle); // does nothing unless somebody is signed in
    if (event.type.startsWith('chat')) this.#chat?.handle(event);
    else handlers[event.type]();
  }

  #show(state) {
    if (state === 'online') this.#wasOnline = true;
    if (state === this.#shown) return;
    this.#shown = state;
    this.#callbacks.onConnection(state);
  }

  #connectionChanged(event) {
    const { state } = this.#connection = event;
    clearTimeout(this.#idleTimer);
    // The core connects when a call needs it. A page likes to know before that whether the gateway is there.
    if (state === 'IDLE') this.#idleTimer = setTimeout(() => this.#probe(), RETRY_IDLE_MS);
    // Last: the page's callback may throw.
    if (state === 'OPEN') this.#show('online');
    else if (state === 'STOPPED' || !navigator.onLine) this.#show('offline');
    else this.#show(this.#wasOnline ? 'reconnecting' : 'connecting');
  }

  #probe() {
    this.call('ponte.transcription.v1.TranscriptionService/GetServiceStatus').catch(() => {});
  }

  #liveChanged({ state, code, message, reason }) {
    if (state === 'LIVE') this.#show('online');
    if (state === 'RECONNECTING') this.#show(navigator.onLine ? 'reconnecting' : 'offline');
    if (state !== 'DONE' && state !== 'FAILED') return;
    const live = this.#live;
    this.#live = null;
    live.finish({ code, message, reason });
  }

  #replied({ call, ...status }) {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    if (status.code === 0) waiting.resolve();
    else waiting.reject(new PonteError(status));
  }

  #becomes(texts, use) {
    if (this.#withText(texts, use)) return Promise.reject(new Error('not now'));
    return new Promise((resolve, reject) => this.#identityWaits.push({ resolve, reject }));
  }

  #identityChanged({ state, user = null, roles = [], ...status }) {
    const error = status.code === 0 ? null : new PonteError(status);
    this.#identity = { state, user, roles, error };
    const waits = state === 'SIGNING_IN' || state === 'CHANGING' ? [] : this.#identityWaits.splice(0);
    for (const { resolve, reject } of waits) (error ? reject(error) : resolve(this.#identity));
    this.#callbacks.onIdentity(this.#identity); // last: it may throw
  }

  /** Calls use(addresses...) with the texts in C's memory. */
  #withText(texts, use) {
    const core = this.#core;
    const addresses = texts.map((text) => {
      const size = core.lengthBytesUTF8(text) + 1;
      const at = core._ponte_malloc(size);
      core.stringToUTF8(text, at, size);
      return at;
    });
    const result = use(...addresses);
    addresses.forEach((at) => core._ponte_free(at));
    return result;
  }
}

/** A running transcription. */
class Live {
  #core;
  #opus;
  #handle;
  #waiting = [];
  #over = false;

  constructor(core, opus, handle, callbacks) {
    this.#core = core;
    this.#opus = opus;
    this.#handle = handle;
    this.callbacks = callbacks;
  }

  /** One frame of 320 samples between -1 and 1. False: not accepted, because the transcription ended. */
  push(frame) {
    if (this.#over) return false;
    const opus = this.#opus;
    opus.HEAPF32.set(frame, opus._ponte_opus_input() >> 2);
    const size = opus._ponte_opus_encode();
    if (size <= 0) return false;
    const packet = opus._ponte_opus_output();
    const at = this.#core._ponte_malloc(size);
    if (!at) return false;
    this.#core.HEAPU8.set(opus.HEAPU8.subarray(packet, packet + size), at);
    const failed = this.#core._ponte_live_push(this.#handle, at, size, frame.length);
    this.#core._ponte_free(at);
    return !failed;
  }

  /** No more frames; onEnd follows when the last words are there. */
  end() {
    if (!this.#over) this.#core._ponte_live_end(this.#handle);
  }

  /** Stops at once, without the last words. */
  cancel() {
    if (this.#over) return;
    this.#core._ponte_live_cancel(this.#handle);
    this.finish({ code: 1, message: 'cancelled', reason: '' });
  }

  /** Milliseconds of audio that wait for their text. */
  waitingMs() { return this.#over ? 0 : this.#core._ponte_live_waiting_ms(this.#handle); }

  /** Resolves when at most so many bytes wait to be sent: what a file is paced by. */
  async drained(bytes) {
    while (!this.#over && (this.#core._ponte_live_unsent(this.#handle) > bytes || this.waitingMs() > MAX_AHEAD_MS)) {
      await new Promise((resolve) => { this.#waiting.push(resolve); setTimeout(resolve, POLL_MS); });
    }
  }

  /** For Client. */
  wake() { this.#waiting.splice(0).forEach((resolve) => resolve()); }

  finish(end) {
    this.#over = true;
    this.wake();
    this.callbacks.onEnd(end);
  }
}

// A file may run this far ahead of its text; the rest stays in the file instead of in the core's memory.
const MAX_AHEAD_MS = 60000;
const POLL_MS = 100;
