// The chat of a client (ponte.js): questions to the assistant and their streamed answers. docs/client.md describes it.
//
// All state lives in C (wasm-client/src/chat.h); what happens is told through the callbacks, and this file keeps nothing but the handle.

export class Chat {
  #core;
  #withText;
  #handle;
  #callbacks;

  /** For Client. */
  constructor(core, withText, client, callbacks) {
    this.#core = core;
    this.#withText = withText;
    this.#callbacks = callbacks;
    this.#handle = core._ponte_chat_new(client);
    if (!this.#handle) throw new Error('the chat could not be made');
  }

  /** The message's number; 0: blank, too long, or too many wait. withContext: send what this page has heard, since the service does not keep it. */
  ask(text, { language = '', withContext = false } = {}) {
    return this.#withText([text, language], (t, l) => this.#core._ponte_chat_ask(this.#handle, t, l, withContext ? 1 : 0));
  }

  stop(id) { this.#core._ponte_chat_stop(this.#handle, id); }
  retry(id) { return this.#core._ponte_chat_retry(this.#handle, id) === 0; }

  /** rating: 'HELPFUL', 'NOT_HELPFUL' or 'UNSPECIFIED'. */
  rate(id, rating) { return this.#withText([rating], (r) => this.#core._ponte_chat_rate(this.#handle, id, r)) === 0; }

  /** Another conversation; '' begins a new one. False while questions wait. */
  open(conversation = '') { return this.#withText([conversation], (c) => this.#core._ponte_chat_open(this.#handle, c)) === 0; }

  /** Fetches the messages before the first one that is here. False: there are none, or they are on their way. */
  earlier() { return this.#core._ponte_chat_earlier(this.#handle) === 0; }

  /** Who reads, as soon as it is known: a user's id. What was somebody else's is gone. */
  setReader(userId) { this.#withText([userId], (id) => this.#core._ponte_chat_set_reader(this.#handle, id)); }

  /** Whoever reads has signed out. */
  forget() { this.#core._ponte_chat_forget(this.#handle); }
  retryNow() { this.#core._ponte_chat_retry_now(this.#handle); }

  /** The answer as Markdown, with its sources. */
  text(id) { return this.#text(this.#core._ponte_chat_text(this.#handle, id)); }

  /** What a citation rests on: {materialId, begin, end, title, heading, startMs, captionMs, before, mark, after}, or null; the passage is the bytes [begin, end) of the material's text. */
  passage(id, number, offset = -1) { return JSON.parse(this.#text(this.#core._ponte_chat_passage(this.#handle, id, number, offset)) || 'null'); }

  /** What C tells; for Client. */
  handle(event) {
    const handlers = { chat: this.#callbacks.onChat, chatCleared: this.#callbacks.onCleared, chatMessage: this.#callbacks.onMessage };
    handlers[event.type](event);
  }

  #text(address) { return address ? this.#core.UTF8ToString(address) : ''; }
}
