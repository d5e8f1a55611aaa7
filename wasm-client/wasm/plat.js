// What plat_js.c imports: the browser's clock, randomness, timers and WebSockets. An Emscripten library, linked with --js-library.
// Handles are addresses in C; C owns them and says when they end.

mergeInto(LibraryManager.library, {
  $ponteTimers: {},
  $ponteSockets: {},

  ponte_js_now: function() { return performance.now(); },

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

  ponte_js_event: function(client, json, n) {
    Module.onEvent(client, JSON.parse(UTF8ToString(json, n)));
  },
});
