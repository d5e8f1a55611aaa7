// grpc-websockets by clients that are not ours: improbable's grpc-web and nice-grpc-web with their WebSocket transports, against the real gateway and
// grpc.testing.TestService: the rows of grpc's interop list, and what they leave out (half-close, metadata, details, what a cancel leaves behind).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { drivers } from "./websocket_clients.mjs";
import { service as load, startGateway, startTestService, stop, until } from "./websocket_world.mjs";

const limit = { timeout: 60_000 };
const services = load();
let server, gateway;

before(async () => {
  server = await startTestService();
  gateway = await startGateway(server.port);
});
after(async () => {
  await stop(gateway);
  await stop(server);
});

async function openCalls() {
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text();
  return Number(/^ponte_gateway_streams\{kind="grpc-websockets"\} (\d+)$/m.exec(metrics)[1]);
}

const body = (n) => ({ body: new Uint8Array(n) });
const ask = (...sizes) => ({ responseParameters: sizes.map((size) => ({ size })) });
const sizes = (messages) => messages.map((m) => m.payload.body.length);
const requests = [27182, 8, 1828, 45904];
const replies = [31415, 9, 2653, 58979];

for (const [name, driver] of Object.entries(drivers)) {
  describe(name, () => {
    // Resolves with {headers, messages, code, message, trailers}; `step(handle, reply)` comes at the start and with every reply.
    const call = (method, options) => driver(gateway.url, services.test.method[method], options);
    const one = (method, request, options) => call(method, { ...options, requests: [request] });

    test("empty_unary", limit, async () => {
      const r = await one("emptyCall", {});
      assert.equal(r.code, 0, r.message);
      assert.equal(r.messages.length, 1);
    });

    test("large_unary", limit, async () => {
      const r = await one("unaryCall", { responseSize: 314159, payload: body(271828) });
      assert.equal(r.code, 0, r.message);
      assert.deepEqual(sizes(r.messages), [314159]);
    });

    test("a message of 3 MiB each way", limit, async () => {
      const r = await one("unaryCall", { responseSize: 3 << 20, payload: body(3 << 20) });
      assert.equal(r.code, 0, r.message);
      assert.deepEqual(sizes(r.messages), [3 << 20]);
    });

    test("a message above the limit", limit, async () => {
      const r = await one("unaryCall", { payload: body((4 << 20) + 1) });
      assert.equal(r.code, 8);
      assert.match(r.message, /larger than/);
    });

    test("server_streaming", limit, async () => {
      const r = await one("streamingOutputCall", ask(...replies));
      assert.equal(r.code, 0, r.message);
      assert.deepEqual(sizes(r.messages), replies);
    });

    test("a long stream", limit, async () => {
      const r = await one("streamingOutputCall", ask(...Array(400).fill(20000)));
      assert.equal(r.code, 0, r.message);
      assert.equal(r.messages.length, 400);
    });

    test("client_streaming", limit, async () => {
      const r = await call("streamingInputCall", { requests: requests.map((n) => ({ payload: body(n) })) });
      assert.equal(r.code, 0, r.message);
      assert.equal(r.messages[0].aggregatedPayloadSize, 74922);
    });

    test("ping_pong", limit, async () => {
      let n = 0;
      const r = await call("fullDuplexCall", {
        step(handle, reply) {
          if (reply) assert.equal(reply.payload.body.length, replies[n - 1]);
          if (n === replies.length) return handle.finish();
          handle.send({ ...ask(replies[n]), payload: body(requests[n]) });
          n++;
        },
      });
      assert.equal(r.code, 0, r.message);
      assert.deepEqual(sizes(r.messages), replies);
    });

    test("empty_stream", limit, async () => {
      const r = await call("fullDuplexCall", { requests: [] });
      assert.equal(r.code, 0, r.message);
      assert.equal(r.messages.length, 0);
    });

    test("half-close: the answers come after the finish", limit, async () => {
      const r = await call("halfDuplexCall", { requests: replies.map((n) => ask(n)) });
      assert.equal(r.code, 0, r.message);
      assert.deepEqual(sizes(r.messages), replies);
    });

    test("custom_metadata", limit, async () => {
      const bytes = new Uint8Array([0xab, 0xab, 0xab, 0, 1]);
      for (const [method, request] of [
        ["unaryCall", { responseSize: 10, payload: body(10) }],
        ["fullDuplexCall", { ...ask(10), payload: body(10) }],
      ]) {
        const metadata = { "x-grpc-test-echo-initial": "test_initial_metadata_value", "x-grpc-test-echo-trailing-bin": bytes };
        const r = await one(method, request, { metadata });
        assert.equal(r.code, 0, r.message);
        assert.equal(r.headers("x-grpc-test-echo-initial"), "test_initial_metadata_value");
        assert.deepEqual([...r.trailers("x-grpc-test-echo-trailing-bin")], [...bytes]);
      }
    });

    test("status_code_and_message", limit, async () => {
      const responseStatus = { code: 2, message: "test status message" };
      for (const method of ["unaryCall", "fullDuplexCall"]) {
        const r = await one(method, { responseStatus });
        assert.equal(r.code, 2);
        assert.equal(r.message, "test status message");
      }
    });

    test("special_status_message", limit, async () => {
      const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
      const r = await one("unaryCall", { responseStatus: { code: 2, message } });
      assert.equal(r.code, 2);
      assert.equal(r.message, message);
    });

    test("an error with details", limit, async () => {
      const r = await one("unaryCall", {}, { metadata: { "x-test-error-field": "lesson.title" } });
      assert.equal(r.code, 3);
      assert.match(r.message, /100% of ç/);
      const details = r.trailers("grpc-status-details-bin");
      assert.ok(details.length > 0);
      assert.ok(Buffer.from(details).includes("google.rpc.BadRequest"));
      assert.ok(Buffer.from(details).includes("lesson.title"));
    });

    test("unimplemented_method", limit, async () => {
      const r = await one("unimplementedCall", {});
      assert.equal(r.code, 12);
    });

    test("unimplemented_service", limit, async () => {
      const r = await driver(gateway.url, services.unimplemented.method.unimplementedCall, { requests: [{}] });
      assert.equal(r.code, 12);
    });

    test("cancel_after_begin", limit, async () => {
      const step = async (handle) => {
        await until(openCalls, (n) => n === 1);
        handle.cancel();
      };
      await call("streamingInputCall", { step });
      await until(openCalls, (n) => n === 0);
    });

    test("cancel_after_first_response", limit, async () => {
      const r = await call("fullDuplexCall", {
        step(handle, reply) {
          if (reply) handle.cancel();
          else handle.send({ ...ask(31415), payload: body(27182) });
        },
      });
      assert.equal(r.messages.length, 1);
      await until(openCalls, (n) => n === 0);
    });

    test("timeout_on_sleeping_server", limit, async () => {
      const r = await call("fullDuplexCall", {
        metadata: { "grpc-timeout": "150m" },
        step: (handle, reply) => reply || handle.send({ payload: body(27182) }),
      });
      assert.equal(r.code, 4, r.message);
    });

    test("a bad header is told as a status", limit, async () => {
      const r = await one("emptyCall", {}, { metadata: { "grpc-timeout": "soon" } });
      assert.equal(r.code, 3);
      assert.match(r.message, /grpc-timeout/);
    });

    test("a service that is not there", limit, async () => {
      const alone = await startGateway(1);
      try {
        const r = await driver(alone.url, services.test.method.emptyCall, { requests: [{}] });
        assert.equal(r.code, 14, r.message);
      } finally {
        await stop(alone);
      }
    });
  });
}
