// Starts the echo service and the gateway before it, on free ports, and ends them.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const source = process.env.PONTE_SOURCE_DIR;

// Resolves with the first line that the function turns into something.
async function start(program, args, ready) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, PONTE_LOG: "error" } });
  for await (const line of createInterface({ input: child.stdout })) {
    const found = ready(line);
    if (found) return { child, ...found };
  }
  throw new Error(`${program} ended without saying where it listens`);
}

export async function stop(process) {
  if (process.child.exitCode !== null || process.child.signalCode !== null) return;
  const ended = once(process.child, "exit");
  process.child.kill("SIGTERM");
  await ended;
}

export function startEcho(port = 0) {
  return start(process.env.ECHO_SERVER, [`127.0.0.1:${port}`], (line) => ({ port: Number(line) }));
}

export function startGateway(upstreamPort, ...more) {
  let admin;
  const args = ["--listen", "http://127.0.0.1:0", "--admin", "127.0.0.1:0", "--upstream", `127.0.0.1:${upstreamPort}`, "--grace", "500ms"];
  return start(process.env.PONTE_GATEWAY, [...args, ...more], (line) => {
    const [what, url] = line.split(" ");
    if (what === "admin") admin = url;
    return what === "listening" && { url, admin };
  });
}

// The service's descriptor, from the .proto at run time: no generated code to keep.
export function echoService() {
  const folder = mkdtempSync(join(tmpdir(), "ponte-interop-"));
  try {
    const out = join(folder, "set");
    const root = join(source, "tests/proto");
    const run = spawnSync("protoc", [`-I${root}`, `--descriptor_set_out=${out}`, "ponte/echo/v1/echo.proto"], { stdio: "inherit" });
    if (run.status !== 0) throw new Error("protoc failed");
    const set = fromBinary(FileDescriptorSetSchema, readFileSync(out));
    return createFileRegistry(set).getService("ponte.echo.v1.EchoService");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Asks again until the answer satisfies, for what becomes true a moment later; the test's own time limit is the deadline.
export async function until(ask, satisfied) {
  for (;;) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
