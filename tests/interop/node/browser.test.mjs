// gRPC-Web and grpc-websockets by other people's clients in real Chromium: a page of one origin, the gateway at another, so that CORS is the browser's own judgement.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { descriptorSet, startGateway, startTestService, stop } from "./test_world.mjs";

const limit = { timeout: 60_000 };
const set = descriptorSet().toString("base64");
let site, server, gateway, browser, page;

async function serve() {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL("browser_page.mjs", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    logLevel: "error",
  });
  const script = bundle.outputFiles[0].text;
  const http = createServer((request, response) => {
    const isScript = request.url === "/bundle.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : "<!doctype html><title>interop</title><script src=bundle.js></script>");
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return http;
}

async function openCalls() {
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text();
  return [...metrics.matchAll(/^ponte_gateway_streams\{kind="[^"]*"\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
}

before(async () => {
  site = await serve();
  const origin = `http://127.0.0.1:${site.address().port}`;
  server = await startTestService();
  gateway = await startGateway(server.port, "--allow-origin", origin);
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  page = await browser.newPage();
  await page.exposeFunction("openCalls", openCalls);
  await page.goto(origin);
});
after(async () => {
  await browser?.close();
  if (gateway) await stop(gateway);
  if (server) await stop(server);
  site?.close();
});

test("every client, every row", { timeout: 300_000 }, async (t) => {
  const clients = await page.evaluate(() => window.rows());
  assert.equal(clients.length, 5);
  for (const [client, rows] of clients) {
    await t.test(client, async (t) => {
      for (const row of rows) {
        await t.test(row, limit, () => page.evaluate((a) => window.run(...a), [client, row, gateway.url, set]));
      }
    });
  }
});

test("a page of another origin is refused before the service sees anything", limit, async () => {
  const other = await browser.newPage();
  await other.goto(`http://localhost:${site.address().port}`); // the same page, and another origin
  await other.exposeFunction("openCalls", openCalls);
  await assert.rejects(other.evaluate((a) => window.run(...a), ["grpc-web, text", "empty_unary", gateway.url, set]));
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text();
  assert.match(metrics, /^ponte_gateway_rejected_total\{reason="origin"\} [1-9]/m);
});
