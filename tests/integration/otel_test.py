"""Traces, judged by a real OpenTelemetry collector: what the gateway exports by OTLP, and what it tells the service. The collector is built once, from the pinned
module otelcol/, into the folder of dependencies; without a Go compiler new enough for it the test is skipped."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from harness import UNARY, Process, echo_and_gateway, request
import ponte_procs as procs

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
GO_NEEDED = (1, 23)
PATIENCE_SECONDS = 60
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def go_version():
    try:
        text = subprocess.run(["go", "env", "GOVERSION"], stdout=subprocess.PIPE, text=True, check=False, env=dict(os.environ, GOTOOLCHAIN="local")).stdout
    except FileNotFoundError:
        return (0, 0)
    found = re.search(r"go(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def collector_program():
    folder = os.environ.get("PONTE_DEPS_DIR") or os.path.join(os.environ["PONTE_SOURCE_DIR"], "deps")
    out = os.path.join(folder, "otelcol", "otelcol")
    if not os.path.exists(out):
        if go_version() < GO_NEEDED:
            print(f"skipped: the collector needs Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or later to be built")
            sys.exit(SKIPPED)
        print("building the OpenTelemetry collector ...", flush=True)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        subprocess.run(["go", "build", "-mod=readonly", "-o", out + ".new", "."], cwd=os.path.join(HERE, "otelcol"),
                       env=dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0"), check=True)
        os.rename(out + ".new", out)
    return out


CONFIG = """
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{file: {{path: "{file}", flush_interval: 100ms}}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: error}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}
"""


def call(address, headers):
    r = urllib.request.Request(f"http://{address}{UNARY}", data=request(b"x"), method="POST", headers={"content-type": "application/grpc-web+proto", **headers})
    with urllib.request.urlopen(r, timeout=30) as answer:
        return answer.read()


def spans(path):
    """Every span so far, with its attributes as a dictionary."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            for resource in json.loads(line)["resourceSpans"]:
                names = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
                for span in resource["scopeSpans"][0]["spans"]:
                    values = {a["key"]: a["value"].get("stringValue", a["value"].get("intValue")) for a in span["attributes"]}
                    found.append({**span, "attributes": values, "service": names["service.name"]})
    return found


def until(condition, what):
    """The condition's first true value."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise SystemExit(f"never came: {what}")


def wait_for(path, wanted):
    return until(lambda: os.path.exists(path) and len(seen := spans(path)) >= wanted and seen, f"{wanted} spans")


def metric(admin, name):
    with urllib.request.urlopen(f"{admin}/metrics", timeout=30) as answer:
        return next(float(line.split()[-1]) for line in answer.read().decode().splitlines() if line.startswith(name + " "))


def check(condition, what):
    if not condition:
        raise SystemExit(f"wrong: {what}")


def run(collector, folder):
    port, path = procs.free_port(), os.path.join(folder, "spans.json")
    config = os.path.join(folder, "otelcol.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(port=port, file=path))
    tracing = os.path.join(folder, "gateway.yaml")
    with open(tracing, "w", encoding="utf-8") as file:
        file.write(f"tracing: {{endpoint: \"127.0.0.1:{port}\", sample_ratio: 1}}\n")
    with echo_and_gateway("--config", tracing) as (_, gateway):
        call(gateway.plain, {})  # before there is a collector: the span waits for it
        os.environ["OTELCOL"] = collector
        receiver = Process("otelcol", ["--config", config], 0)
        try:
            answer = call(gateway.plain, {"traceparent": CALLER, "tracestate": "vendor=1"})
            call(gateway.plain, {"traceparent": CALLER[:-2] + "00"})  # its caller does not want it sampled
            call(gateway.plain, {"traceparent": "nonsense", "tracestate": "vendor=2"})
            seen = wait_for(path, 3)
            below = [s for s in seen if s["traceId"] == CALLER[3:35]]
            check(len(seen) == 3 and len(below) == 1, f"spans {seen}")
            span = below[0]
            check(span["parentSpanId"] == CALLER[36:52], "the caller's span is the parent")
            check(f"00-{span['traceId']}-{span['spanId']}-01".encode() in answer, "the service was told the gateway's span")
            check(b"vendor=1" in answer, "the service was told the tracestate")
            check(span["service"] == "ponte-gateway" and span["name"] == UNARY[1:] and span["kind"] == 2, f"names {span}")
            check(span["attributes"]["rpc.method"] == "Unary" and span["attributes"]["rpc.grpc.status_code"] == "0", f"attributes {span}")
            check(span["attributes"]["client.address"] == "127.0.0.1" and span["attributes"]["ponte.protocol"] == "grpc-web", f"attributes {span}")
            check(0 <= int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) < 60e9, "times")
            check(abs(int(span["endTimeUnixNano"]) / 1e9 - time.time()) < 3600, "the clock")
            check(all(not s.get("parentSpanId") for s in seen if s is not span), "the others are roots")
            until(lambda: metric(gateway.admin, "ponte_otlp_spans_sent_total") == 3, "the count of what was sent")
            call(gateway.plain, {})
            gateway.stop()
            check(len(wait_for(path, 4)) == 4, "the last span leaves while the gateway goes down")
        finally:
            receiver.stop()


def main():
    collector = collector_program()
    with tempfile.TemporaryDirectory(prefix="ponte-otel-") as folder:
        run(collector, folder)
    print("spans and trace context are right")


main()
