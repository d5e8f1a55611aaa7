// The calls that every client must be able to make through the gateway, whatever transport it has: the rows of grpc's interop list for browsers, and what that list leaves out.
// A row runs with {call, one, services, openCalls, until}: `call(method, options)` and `one(method, request, options)` call TestService with a driver (client_improbable.mjs says
// what that is), `openCalls()` tells how many calls the gateway has open. `needs` names the kinds of call: a client that has none of a kind leaves its rows out.
// This file runs in Node and in browsers.

function fail(what, got, want) {
  throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}
const equal = (got, want, what = "value") => got === want || fail(what, got, want);
const same = (got, want, what = "values") => JSON.stringify([...got]) === JSON.stringify([...want]) || fail(what, [...got], [...want]);
const contains = (bytes, text) => new TextDecoder("latin1").decode(bytes).includes(text) || fail("details", text, "in them");
const good = (r) => equal(r.code, 0, `status (${r.message})`);

const body = (n) => ({ body: new Uint8Array(n) });
const ask = (...sizes) => ({ responseParameters: sizes.map((size) => ({ size })) });
const sizes = (messages) => messages.map((m) => m.payload.body.length);
const requests = [27182, 8, 1828, 45904];
const replies = [31415, 9, 2653, 58979];
const NEVER_US = 1_000_000_000;

const SERVER = "server_streaming";
const CLIENT = "client_streaming";
const BIDI = "bidi_streaming";
const EARLY = "early"; // messages are seen before the stream's end

async function metadataOf(one, method, request) {
  const bytes = new Uint8Array([0xab, 0xab, 0xab, 0, 1]);
  const metadata = { "x-grpc-test-echo-initial": "test_initial_metadata_value", "x-grpc-test-echo-trailing-bin": bytes };
  const r = await one(method, request, { metadata });
  good(r);
  equal(r.headers("x-grpc-test-echo-initial"), "test_initial_metadata_value");
  same(r.trailers("x-grpc-test-echo-trailing-bin"), bytes);
}

async function statusOf(one, method) {
  const r = await one(method, { responseStatus: { code: 2, message: "test status message" } });
  equal(r.code, 2);
  equal(r.message, "test status message");
}

async function sleeping(one, method, request) {
  const r = await one(method, request, { timeoutMs: 150 });
  equal(r.code, 4, `status (${r.message})`);
}

const cases = [
  ["empty_unary", [], async ({ one }) => {
    const r = await one("emptyCall", {});
    good(r);
    equal(r.messages.length, 1);
  }],
  ["large_unary", [], async ({ one }) => {
    const r = await one("unaryCall", { responseSize: 314159, payload: body(271828) });
    good(r);
    same(sizes(r.messages), [314159]);
  }],
  ["a message of 3 MiB each way", [], async ({ one }) => {
    const r = await one("unaryCall", { responseSize: 3 << 20, payload: body(3 << 20) });
    good(r);
    same(sizes(r.messages), [3 << 20]);
  }],
  ["a message above the limit", [], async ({ one }) => {
    const r = await one("unaryCall", { payload: body((4 << 20) + 1) });
    equal(r.code, 8, `status (${r.message})`);
    r.message.includes("larger than") || fail("message", r.message, "larger than");
  }],
  ["server_streaming", [SERVER], async ({ one }) => {
    const r = await one("streamingOutputCall", ask(...replies));
    good(r);
    same(sizes(r.messages), replies);
  }],
  ["a long stream", [SERVER], async ({ one }) => {
    const r = await one("streamingOutputCall", ask(...Array(400).fill(20000)));
    good(r);
    equal(r.messages.length, 400);
  }],
  ["client_streaming", [CLIENT], async ({ call }) => {
    const r = await call("streamingInputCall", { requests: requests.map((n) => ({ payload: body(n) })) });
    good(r);
    equal(r.messages[0].aggregatedPayloadSize, 74922);
  }],
  ["ping_pong", [BIDI], async ({ call }) => {
    let n = 0;
    const r = await call("fullDuplexCall", {
      step(handle, reply) {
        if (reply) equal(reply.payload.body.length, replies[n - 1]);
        if (n === replies.length) return handle.finish();
        handle.send({ ...ask(replies[n]), payload: body(requests[n]) });
        n++;
      },
    });
    good(r);
    same(sizes(r.messages), replies);
  }],
  ["empty_stream", [SERVER], async ({ one }) => {
    const r = await one("streamingOutputCall", {});
    good(r);
    equal(r.messages.length, 0);
  }],
  ["empty_stream, both ways", [BIDI], async ({ call }) => {
    const r = await call("fullDuplexCall", { requests: [] });
    good(r);
    equal(r.messages.length, 0);
  }],
  ["half-close: the answers come after the finish", [BIDI], async ({ call }) => {
    const r = await call("halfDuplexCall", { requests: replies.map((n) => ask(n)) });
    good(r);
    same(sizes(r.messages), replies);
  }],
  ["custom_metadata, unary", [], ({ one }) => metadataOf(one, "unaryCall", { responseSize: 10, payload: body(10) })],
  ["custom_metadata, server stream", [SERVER], ({ one }) => metadataOf(one, "streamingOutputCall", ask(10))],
  ["custom_metadata, both ways", [BIDI], ({ one }) => metadataOf(one, "fullDuplexCall", { ...ask(10), payload: body(10) })],
  ["status_code_and_message, unary", [], ({ one }) => statusOf(one, "unaryCall")],
  ["status_code_and_message, server stream", [SERVER], ({ one }) => statusOf(one, "streamingOutputCall")],
  ["status_code_and_message, both ways", [BIDI], ({ one }) => statusOf(one, "fullDuplexCall")],
  ["special_status_message", [], async ({ one }) => {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const r = await one("unaryCall", { responseStatus: { code: 2, message } });
    equal(r.code, 2);
    equal(r.message, message);
  }],
  ["an error with details", [], async ({ one }) => {
    const r = await one("unaryCall", {}, { metadata: { "x-test-error-field": "lesson.title" } });
    equal(r.code, 3);
    equal(r.message, "the request asked for an error: 100% of ç");
    const details = r.trailers("grpc-status-details-bin");
    contains(details, "google.rpc.BadRequest");
    contains(details, "lesson.title");
  }],
  ["an error with details, server stream", [SERVER], async ({ one }) => {
    const r = await one("streamingOutputCall", {}, { metadata: { "x-test-error-field": "lesson.title" } });
    equal(r.code, 3);
    contains(r.trailers("grpc-status-details-bin"), "lesson.title");
  }],
  ["unimplemented_method", [], async ({ one }) => {
    const r = await one("unimplementedCall", {});
    equal(r.code, 12);
  }],
  ["unimplemented_service", [], async ({ driver, url, services }) => {
    const r = await driver(url, services.unimplemented.method.unimplementedCall, { requests: [{}] });
    equal(r.code, 12);
  }],
  ["cancel_after_begin, client stream", [CLIENT], async ({ call, openCalls, until }) => {
    const step = async (handle) => {
      await until(openCalls, (n) => n === 1);
      handle.cancel();
    };
    await call("streamingInputCall", { step });
    await until(openCalls, (n) => n === 0);
  }],
  ["cancel_after_begin", [SERVER], async ({ one, openCalls, until }) => {
    const step = async (handle, reply) => {
      if (reply) fail("reply", reply, "none");
      await until(openCalls, (n) => n === 1);
      handle.cancel();
    };
    await one("streamingOutputCall", { responseParameters: [{ size: 1, intervalUs: NEVER_US }] }, { step });
    await until(openCalls, (n) => n === 0);
  }],
  ["cancel_after_first_response", [SERVER, EARLY], async ({ one, openCalls, until }) => {
    const responseParameters = [{ size: 31415 }, { size: 1, intervalUs: NEVER_US }];
    const r = await one("streamingOutputCall", { responseParameters }, { step: (handle, reply) => reply && handle.cancel() });
    same(sizes(r.messages), [31415]);
    await until(openCalls, (n) => n === 0);
  }],
  ["cancel_after_first_response, both ways", [BIDI], async ({ call, openCalls, until }) => {
    const r = await call("fullDuplexCall", {
      step(handle, reply) {
        if (reply) handle.cancel();
        else handle.send({ ...ask(31415), payload: body(27182) });
      },
    });
    equal(r.messages.length, 1);
    await until(openCalls, (n) => n === 0);
  }],
  ["timeout_on_sleeping_server", [SERVER], ({ one }) => sleeping(one, "streamingOutputCall", { responseParameters: [{ size: 1, intervalUs: NEVER_US }] })],
  ["timeout_on_sleeping_server, both ways", [BIDI], async ({ call }) => {
    const r = await call("fullDuplexCall", { timeoutMs: 150, step: (handle, reply) => reply || handle.send({ payload: body(27182) }) });
    equal(r.code, 4, `status (${r.message})`);
  }],
  ["a bad header is told as a status", [], async ({ one }) => {
    const r = await one("emptyCall", {}, { metadata: { "grpc-timeout": "soon" } });
    equal(r.code, 3);
    r.message.includes("grpc-timeout") || fail("message", r.message, "grpc-timeout");
  }],
];

// The functions that rows use, for one driver.
export function caller(driver, url, services, openCalls, until) {
  const call = (method, options) => driver(url, services.test.method[method], options);
  const one = (method, request, options) => call(method, { ...options, requests: [request] });
  return { driver, url, services, openCalls, until, call, one };
}

// The rows for a client of these kinds of call.
export const rowsFor = (driver, ...kinds) => cases.filter(([, needs]) => needs.every((need) => (need === EARLY ? !driver.atEnd : kinds.includes(need))));
