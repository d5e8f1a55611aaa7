// What runs in the browser: one row of cases.mjs with one client. browser.test.mjs bundles it and calls it.
import { caller, rowsFor } from "./cases.mjs";
import { grpcWebDriver } from "./client_grpc_web.mjs";
import { grpc, improbableDriver } from "./client_improbable.mjs";
import { bytesOf, servicesOf } from "./codec.mjs";

const drivers = {
  "grpc-web, text": grpcWebDriver("text"),
  "grpc-web, binary": Object.assign(grpcWebDriver("binary"), { atEnd: true }),
  "@improbable-eng/grpc-web, as the browser can": improbableDriver(() => grpc.CrossBrowserHttpTransport({ withCredentials: false })),
  "@improbable-eng/grpc-web, XMLHttpRequest": Object.assign(improbableDriver(() => grpc.XhrTransport({})), { atEnd: true }),
  "@improbable-eng/grpc-web, WebSocket": improbableDriver(() => grpc.WebsocketTransport()),
};
const kindsOf = (name) => (name.endsWith("WebSocket") ? ["server_streaming", "client_streaming", "bidi_streaming"] : ["server_streaming"]);

async function until(ask, satisfied) {
  for (;;) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

window.rows = () => Object.entries(drivers).map(([name, driver]) => [name, rowsFor(driver, ...kindsOf(name)).map(([row]) => row)]);
window.run = async (name, row, url, descriptorSet) => {
  const [, , run] = rowsFor(drivers[name], ...kindsOf(name)).find(([wanted]) => wanted === row);
  await run(caller(drivers[name], url, servicesOf(bytesOf(descriptorSet)), window.openCalls, until));
};
