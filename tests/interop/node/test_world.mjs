// The test service, and its descriptor from the .proto at run time.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { servicesOf } from "./codec.mjs";

export { startGateway, stop, until } from "./processes.mjs";

export async function startTestService() {
  const child = spawn(process.env.INTEROP_SERVER, ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) return { child, port: Number(line) };
  throw new Error("interop_server ended without saying where it listens");
}

export const service = () => servicesOf(descriptorSet());

export function descriptorSet() {
  const folder = mkdtempSync(join(tmpdir(), "ponte-interop-"));
  try {
    const out = join(folder, "set");
    const root = join(process.env.PONTE_SOURCE_DIR, "tests/proto");
    const args = [`-I${root}`, "--include_imports", `--descriptor_set_out=${out}`, "grpc/testing/test.proto"];
    if (spawnSync("protoc", args, { stdio: "inherit" }).status !== 0) throw new Error("protoc failed");
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
