// What a page's fetch sees of gRPC-Web besides the calls: HTTP statuses, CORS, trailers-only answers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startEcho, startGateway, stop } from "./processes.mjs";

const limit = { timeout: 60_000 };
const page = "https://page.example";
let echo, gateway;

before(async () => {
  echo = await startEcho();
  gateway = await startGateway(echo.port, "--allow-origin", page);
});
after(async () => {
  await stop(gateway);
  await stop(echo);
});

const unary = "/ponte.echo.v1.EchoService/Unary";
const frame = new Uint8Array(5);
const post = (path, headers = {}, body = frame) =>
  fetch(gateway.url + path, { method: "POST", body, headers: { "content-type": "application/grpc-web+proto", origin: page, ...headers } });

test("trailers-only: HTTP 200, status in the headers, no body", limit, async () => {
  const r = await post("/ponte.echo.v1.EchoService/Nothing");
  assert.equal(r.status, 200);
  const body = new Uint8Array(await r.arrayBuffer());
  const status = r.headers.get("grpc-status") ?? /grpc-status: ?(\d+)/.exec(Buffer.from(body).toString())?.[1];
  assert.equal(status, "12");
});

test("a wrong header is named", limit, async () => {
  const r = await post(unary, { "x-raw-bin": "*" });
  assert.equal(r.status, 200);
  assert.equal(r.headers.get("grpc-status"), "3");
  assert.match(r.headers.get("grpc-message"), /^x-raw-bin: /);
  assert.equal((await r.arrayBuffer()).byteLength, 0);
});

test("a broken body ends with INTERNAL", limit, async () => {
  const r = await post(unary, {}, new Uint8Array([0, 0, 0, 0, 9, 1]));
  assert.equal(r.headers.get("grpc-status"), "13");
});

for (const [why, status, path, headers] of [
  ["JSON", 415, unary, { "content-type": "application/grpc-web+json" }],
  ["no method", 404, "/ponte.echo.v1.EchoService", {}],
]) {
  test(`${why} is ${status}, with CORS headers`, limit, async () => {
    const r = await post(path, headers);
    assert.equal(r.status, status);
    assert.equal(r.headers.get("access-control-allow-origin"), page);
    assert.notEqual(await r.text(), "");
  });
}

test("CORS: all headers of an answer are exposed", limit, async () => {
  const r = await post(unary, { "x-echo-a": "b" });
  assert.equal(r.headers.get("access-control-allow-origin"), page);
  const exposed = r.headers.get("access-control-expose-headers").split(", ");
  for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-echo-a"]) assert.ok(exposed.includes(name), name);
  assert.equal(r.headers.get("x-echo-a"), "b");
});

test("CORS: the preflight is answered here", limit, async () => {
  const r = await fetch(gateway.url + unary, {
    method: "OPTIONS",
    headers: { origin: page, "access-control-request-method": "POST", "access-control-request-headers": "content-type,x-grpc-web,x-user-agent,grpc-timeout" },
  });
  assert.equal(r.status, 204);
  assert.equal(r.headers.get("access-control-allow-origin"), page);
});

test("CORS: another origin is refused", limit, async () => {
  const r = await post(unary, { origin: "https://other.example" });
  assert.equal(r.status, 403);
  assert.equal(r.headers.get("access-control-allow-origin"), null);
});
