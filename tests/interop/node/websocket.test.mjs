// grpc-websockets by clients that are not ours: improbable's grpc-web and nice-grpc-web with their WebSocket transports, against the real gateway and
// grpc.testing.TestService: all rows of cases.mjs.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { caller, rowsFor } from "./cases.mjs";
import { drivers } from "./websocket_clients.mjs";
import { service as load, startGateway, startTestService, stop, until } from "./test_world.mjs";

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

for (const [name, driver] of Object.entries(drivers)) {
  describe(name, () => {
    for (const [row, , run] of rowsFor(driver, "server_streaming", "client_streaming", "bidi_streaming")) {
      test(row, limit, () => run(caller(driver, gateway.url, services, openCalls, until)));
    }

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
