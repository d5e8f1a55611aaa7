// gRPC-Web by clients that are not ours: Connect's transports over fetch, HTTP/1.1 and HTTP/2, against the real gateway and a real gRPC service.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Code, ConnectError, createClient, decodeBinaryHeader, encodeBinaryHeader } from "@connectrpc/connect";
import { createGrpcWebTransport as overFetch } from "@connectrpc/connect-web";
import { createGrpcWebTransport as overNode } from "@connectrpc/connect-node";
import { echoService, startEcho, startGateway, stop, until } from "./processes.mjs";

const service = echoService();
const limit = { timeout: 60_000 };
let echo, gateway;

before(async () => {
  echo = await startEcho();
  gateway = await startGateway(echo.port);
});
after(async () => {
  await stop(gateway);
  await stop(echo);
});

const fails = (promise, code) =>
  assert.rejects(promise, (e) => {
    assert.equal(ConnectError.from(e).code, code, String(e));
    return true;
  });

async function openCalls(of) {
  const metrics = await (await fetch(`${of.admin}/metrics`)).text();
  return Number(/^ponte_gateway_streams\{kind="grpc-web"\} (\d+)$/m.exec(metrics)[1]);
}

async function collect(stream) {
  const all = [];
  for await (const reply of stream) all.push(reply);
  return all;
}

const transports = {
  "connect-web over fetch": (to) => overFetch({ baseUrl: to.url }),
  "connect-node over HTTP/1.1": (to) => overNode({ baseUrl: to.url, httpVersion: "1.1" }),
  "connect-node over HTTP/2": (to) => overNode({ baseUrl: to.url, httpVersion: "2" }),
};

for (const [name, transport] of Object.entries(transports)) {
  describe(name, () => {
    let client;
    before(() => {
      client = createClient(service, transport(gateway));
    });

    test("unary", limit, async () => {
      const reply = await client.unary({ text: "olá", data: new Uint8Array([0, 1, 255]) });
      assert.equal(reply.text, "olá");
      assert.deepEqual([...reply.data], [0, 1, 255]);
      assert.equal(reply.deadlineMs, 0n);
    });

    test("an empty message", limit, async () => {
      assert.equal((await client.unary({})).text, "");
    });

    test("3 MiB each way", limit, async () => {
      const data = new Uint8Array(3 << 20).map((_, i) => i * 31);
      const reply = await client.unary({ data });
      assert.deepEqual(Buffer.from(reply.data), Buffer.from(data));
    });

    test("metadata both ways", limit, async () => {
      const raw = new Uint8Array([0, 127, 128, 255]);
      let header;
      const reply = await client.unary({}, {
        headers: { "x-echo-text": "a b", "x-echo-raw-bin": encodeBinaryHeader(raw), "x-ponte-user": "forged", authorization: "Bearer t" },
        onHeader: (h) => (header = h),
      });
      const got = Object.fromEntries(reply.metadata.map((m) => [m.key, Buffer.from(m.value)]));
      assert.equal(got["x-echo-text"].toString(), "a b");
      assert.deepEqual(got["x-echo-raw-bin"], Buffer.from(raw));
      assert.equal(got.authorization.toString(), "Bearer t");
      assert.equal(got["x-ponte-user"], undefined);
      assert.equal(got["x-grpc-web"], undefined);
      assert.equal(header.get("x-echo-text"), "a b");
      assert.deepEqual(Buffer.from(decodeBinaryHeader(header.get("x-echo-raw-bin"))), Buffer.from(raw));
    });

    test("the deadline reaches the service", limit, async () => {
      const reply = await client.unary({}, { timeoutMs: 30_000 });
      assert.ok(reply.deadlineMs > 0n && reply.deadlineMs < 31_000n, String(reply.deadlineMs)); // the gRPC core rounds up
    });

    test("an error with its details", limit, async () => {
      await assert.rejects(client.unary({ fail: true }), (e) => {
        assert.equal(e.code, Code.InvalidArgument);
        assert.equal(e.rawMessage, "the request asked for an error: 100% of ç");
        assert.deepEqual(e.details.map((d) => d.type).sort(), ["google.rpc.BadRequest", "google.rpc.ErrorInfo"]);
        return true;
      });
    });

    test("server streaming in order", limit, async () => {
      const replies = await collect(client.serverStream({ text: "t", count: 500, size: 1000 }));
      assert.deepEqual(replies.map((r) => r.sequence), [...Array(500).keys()]);
      assert.ok(replies.every((r) => r.data.length === 1000));
    });

    test("a stream of no messages", limit, async () => {
      assert.deepEqual(await collect(client.serverStream({ count: 0 })), []);
    });

    test("a stream of large messages", limit, async () => {
      const replies = await collect(client.serverStream({ count: 8, size: 2 << 20 }));
      assert.deepEqual(replies.map((r) => r.data.length), Array(8).fill(2 << 20));
    });

    test("an error after some messages", limit, async () => {
      let seen = 0;
      const read = async () => {
        for await (const reply of client.serverStream({ count: 3, fail: true })) seen = reply.sequence + 1;
      };
      await fails(read(), Code.InvalidArgument);
      assert.equal(seen, 3);
    });

    test("a deadline that passes", limit, async () => {
      await fails(collect(client.serverStream({ count: 1, hang: true }, { timeoutMs: 300 })), Code.DeadlineExceeded);
    });

    test("a cancelled stream ends at the service", limit, async () => {
      const abort = new AbortController();
      const read = async () => {
        for await (const reply of client.serverStream({ count: 2, hang: true }, { signal: abort.signal })) {
          if (reply.sequence === 1) abort.abort();
        }
      };
      await fails(read(), Code.Canceled);
      await until(() => openCalls(gateway), (n) => n === 0);
    });

    test("many calls at once", limit, async () => {
      const texts = [...Array(200).keys()].map(String);
      const replies = await Promise.all(texts.map((text) => client.unary({ text })));
      assert.deepEqual(replies.map((r) => r.text), texts);
    });
  });
}

describe("the service dies", () => {
  for (const [name, transport] of Object.entries(transports)) {
    test(name, limit, async () => {
      const mortal = await startEcho();
      const way = await startGateway(mortal.port);
      try {
        const client = createClient(service, transport(way));
        let seen = 0;
        const read = async () => {
          for await (const reply of client.serverStream({ count: 2, hang: true })) {
            seen++;
            if (reply.sequence === 1) mortal.child.kill("SIGKILL");
          }
        };
        await fails(read(), Code.Unavailable);
        assert.equal(seen, 2);
        await fails(client.unary({}), Code.Unavailable);
      } finally {
        await stop(way);
        await stop(mortal);
      }
    });
  }
});

describe("the gateway goes down and finishes what runs", () => {
  for (const [name, transport] of Object.entries(transports)) {
    test(name, limit, async () => {
      const way = await startGateway(echo.port, "--grace", "20s");
      try {
        const client = createClient(service, transport(way));
        const answer = client.unary({ text: "last", delayMs: 700 });
        await until(() => openCalls(way), (n) => n === 1);
        const ended = stop(way);
        assert.equal((await answer).text, "last");
        await ended;
        assert.equal(way.child.exitCode, 0);
        await assert.rejects(client.unary({})); // nobody listens any more; the clients name that differently
      } finally {
        await stop(way);
      }
    });
  }
});
