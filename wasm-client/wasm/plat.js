// What plat_js.c imports: the browser's clock, randomness, timers, WebSockets, records (IndexedDB) and locks (Web Locks). An Emscripten library, linked with --js-library.
// Handles are addresses in C; C owns them and says when they end.

mergeInto(LibraryManager.library, {
  $ponteTimers: {},
  $ponteSockets: {},

  ponte_js_now: function() { return performance.now(); },
  ponte_js_wall: function() { return Date.now(); },

  ponte_js_random: function(out, n) {
    crypto.getRandomValues(HEAPU8.subarray(out, out + n));
  },

  ponte_js_timer_set__deps: ['$ponteTimers', 'ponte_js_timer_clear'],
  ponte_js_timer_set: function(timer, delay) {
    _ponte_js_timer_clear(timer);
    ponteTimers[timer] = setTimeout(() => {
      delete ponteTimers[timer];
      _ponte__timer_fired(timer);
    }, delay);
  },

  ponte_js_timer_clear__deps: ['$ponteTimers'],
  ponte_js_timer_clear: function(timer) {
    clearTimeout(ponteTimers[timer]);
    delete ponteTimers[timer];
  },

  ponte_js_socket_open__deps: ['$ponteSockets'],
  ponte_js_socket_open: function(handle, url) {
    const end = (code) => {
      if (!ponteSockets[handle]) return;
      delete ponteSockets[handle];
      _ponte__socket_closed(handle, code);
    };
    let socket;
    try {
      socket = new WebSocket(UTF8ToString(url), 'ponte.v1');
    } catch (error) { // a bad address, or one that the page's policy forbids: told like any failure, and not from inside this call
      ponteSockets[handle] = { close() {} };
      setTimeout(() => end(1006));
      return;
    }
    ponteSockets[handle] = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => { if (ponteSockets[handle] === socket) _ponte__socket_opened(handle); };
    socket.onclose = (event) => { if (ponteSockets[handle] === socket) end(event.code); };
    socket.onmessage = (event) => {
      if (ponteSockets[handle] !== socket || typeof event.data === 'string') return;
      const bytes = new Uint8Array(event.data);
      const at = _ponte_malloc(bytes.length || 1);
      if (!at) return;
      HEAPU8.set(bytes, at); // afresh after malloc: the memory may have moved
      _ponte__socket_message(handle, at, bytes.length);
      _ponte_free(at);
    };
  },

  ponte_js_socket_send__deps: ['$ponteSockets'],
  ponte_js_socket_send: function(handle, bytes, n) {
    const socket = ponteSockets[handle];
    if (!socket || socket.readyState !== 1) return 0;
    socket.send(HEAPU8.slice(bytes, bytes + n));
    return 1;
  },

  ponte_js_socket_close__deps: ['$ponteSockets'],
  ponte_js_socket_close: function(handle, code) {
    const socket = ponteSockets[handle];
    delete ponteSockets[handle];
    if (socket) socket.close(code >= 3000 ? code : 1000); // browsers let pages send no other codes
  },

  // One database for all pages of this origin. A connection that the browser closed, or that makes room for a newer version, is opened again by the next use.
  $ponteRecords: {
    opened: null,
    open: function() {
      if (!this.opened) this.opened = new Promise((resolve, reject) => {
        const request = indexedDB.open('ponte', 1);
        request.onupgradeneeded = () => request.result.createObjectStore('records');
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const forget = () => { this.opened = null; };
          request.result.onclose = forget;
          request.result.onversionchange = () => { request.result.close(); forget(); };
          resolve(request.result);
        };
      }).catch((error) => { this.opened = null; throw error; });
      return this.opened;
    },
    // Resolves when the transaction is on disk, not when its request was taken.
    run: function(mode, use) {
      return this.open().then((database) => new Promise((resolve, reject) => {
        const transaction = database.transaction('records', mode, { durability: 'strict' });
        const request = use(transaction.objectStore('records'));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      }));
    },
  },

  ponte_js_record_get__deps: ['$ponteRecords'],
  ponte_js_record_get: function(key, done, ctx) {
    const name = UTF8ToString(key);
    ponteRecords.run('readonly', (records) => records.get(name)).then((value) => {
      const bytes = value ?? new Uint8Array();
      const at = bytes.length ? _ponte_malloc(bytes.length) : 0;
      if (at) HEAPU8.set(bytes, at);
      _ponte__record_got(done, ctx, 1, at, bytes.length);
      if (at) _ponte_free(at);
    }, () => _ponte__record_got(done, ctx, 0, 0, 0));
  },

  ponte_js_record_put__deps: ['$ponteRecords'],
  ponte_js_record_put: function(key, bytes, n, done, ctx) {
    const name = UTF8ToString(key);
    const value = HEAPU8.slice(bytes, bytes + n);
    ponteRecords.run('readwrite', (records) => (n ? records.put(value, name) : records.delete(name)))
      .then(() => _ponte__record_put(done, ctx, 1), () => _ponte__record_put(done, ctx, 0));
  },

  ponte_js_record_refuse: function(code, got, put, ctx) {
    setTimeout(() => _ponte__record_refused(code, got, put, ctx));
  },

  $ponteLocks: {},

  ponte_js_lock_take__deps: ['$ponteLocks'],
  ponte_js_lock_take: function(handle, name) {
    const abort = new AbortController();
    const mine = ponteLocks[handle] = { release: () => abort.abort() };
    const hold = () => new Promise((resolve) => {
      if (ponteLocks[handle] !== mine) return resolve();
      mine.release = resolve;
      _ponte__lock_held(handle);
    });
    if (navigator.locks) navigator.locks.request(`ponte.${UTF8ToString(name)}`, { signal: abort.signal }, hold).catch(() => {}); // taken back
    else setTimeout(hold);
  },

  ponte_js_lock_release__deps: ['$ponteLocks'],
  ponte_js_lock_release: function(handle) {
    const lock = ponteLocks[handle];
    delete ponteLocks[handle];
    lock.release();
  },

  ponte_js_event: function(client, json, n) {
    try {
      Module.onEvent(client, JSON.parse(UTF8ToString(json, n)));
    } catch (error) {
      reportError(error); // of the page's own callback: thrown on from here it would skip what C has to do still
    }
  },
});
