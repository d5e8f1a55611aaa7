// gRPC-Web by other people's clients, in Node: the rows of cases.mjs that HTTP can carry.
import { after, before, describe, test } from "node:test";
import { caller, rowsFor } from "./cases.mjs";
import { drivers } from "./web_clients.mjs";
import { service as load, startGateway, startTestService, stop, until } from "./test_world.mjs";
import { XMLHttpRequest } from "./xhr.mjs";

globalThis.XMLHttpRequest = XMLHttpRequest;
globalThis.self ??= globalThis;

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
  return Number(/^ponte_gateway_streams\{kind="grpc-web"\} (\d+)$/m.exec(metrics)[1]);
}

for (const [name, driver] of Object.entries(drivers)) {
  describe(name, () => {
    for (const [row, , run] of rowsFor(driver, "server_streaming")) {
      test(row, { timeout: 20_000 }, () => run(caller(driver, gateway.url, services, openCalls, until)));
    }
  });
}
