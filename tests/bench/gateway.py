"""What the gateway costs beside its peers, in one run: CPU time of its process per call and per message, memory per idle stream, growth with readers that do not read,
latency of one call at a time.

h2load, bench_streams and bench_sockets are the browsers, bench_backend the service, both as cheap as can be and on the other core; each gateway has a core of its own, in turn. Each
figure is the best of some interleaved rounds, since other work on the machine only ever adds. Ponte runs as it comes: limits, metrics and the access log are on.
"""
import argparse
import contextlib
import functools
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time

import bench_report
import ponte_procs as procs
from harness import certificate

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import peers

UNARY, STREAM = "/bench.Echo/Unary", "/bench.Echo/Stream"
GATEWAY_CORE, OTHER_CORE = 0, 1 if os.cpu_count() > 1 else 0
KIB = 1024


def frame(message):
    return b"\0" + struct.pack(">I", len(message)) + message


def wanted(count, size):
    return frame(struct.pack(">II", count, size))


# name, unit, path, body, requests, units a request, h2load's arguments, over TLS
ROWS = [
    ("unary 64 B, HTTP/1.1", "us/call", UNARY, frame(bytes(64)), 10000, 1, ["--h1", "-c8"], False),
    ("unary 64 B, h2c", "us/call", UNARY, frame(bytes(64)), 10000, 1, ["-c1", "-m32"], False),
    ("unary 1 KiB, HTTP/1.1", "us/call", UNARY, frame(bytes(KIB)), 10000, 1, ["--h1", "-c8"], False),
    ("unary 1 KiB, h2c", "us/call", UNARY, frame(bytes(KIB)), 10000, 1, ["-c1", "-m32"], False),
    ("unary 1 KiB, HTTP/1.1 TLS", "us/call", UNARY, frame(bytes(KIB)), 10000, 1, ["--h1", "-c8"], True),
    ("unary 1 KiB, HTTP/2 TLS", "us/call", UNARY, frame(bytes(KIB)), 10000, 1, ["-c1", "-m32"], True),
    ("unary 64 KiB, HTTP/1.1", "us/call", UNARY, frame(bytes(64 * KIB)), 4000, 1, ["--h1", "-c8"], False),
    ("unary 64 KiB, h2c", "us/call", UNARY, frame(bytes(64 * KIB)), 4000, 1, ["-c1", "-m8"], False),
    ("stream of 1 KiB, HTTP/1.1", "us/message", STREAM, wanted(50000, KIB), 8, 50000, ["--h1", "-c4"], False),
    ("stream of 1 KiB, h2c", "us/message", STREAM, wanted(50000, KIB), 8, 50000, ["-c1", "-m4"], False),
    ("stream of 64 KiB, HTTP/1.1", "us/message", STREAM, wanted(2000, 64 * KIB), 8, 2000, ["--h1", "-c4"], False),
    ("stream of 64 KiB, h2c", "us/message", STREAM, wanted(2000, 64 * KIB), 8, 2000, ["-c1", "-m4"], False),
]
BIDI = [("bidi audio 320 B at 50/s, 400 streams, h2c", 400), ("bidi audio 320 B at 50/s, 800 streams, h2c", 800)]
# One call a WebSocket: what bench_sockets is told, and who speaks it.
MUX, SINGLE = "ponte.v1", "grpc-websockets"
SOCKETS = [(f"bidi audio 320 B at 50/s, 400 WebSockets, {MUX}", MUX), (f"bidi audio 320 B at 50/s, 400 WebSockets, {SINGLE}", SINGLE)]
IDLE, UNREAD = 400, 10


def speaks(gateway, protocol):
    return gateway.name.startswith("ponte") or (protocol == SINGLE and gateway.name.startswith("grpcwebproxy"))


def cpu_us(pid):
    return procs.cpu_seconds(pid) * 1e6


def pin(pid, core):
    subprocess.run(["taskset", "-a", "-c", "-p", str(core), str(pid)], check=True, stdout=subprocess.DEVNULL)


def on_core(core, command, **more):
    return subprocess.Popen(["taskset", "-c", str(core), *command], text=True, **more)


class Gateway:
    """One of the contestants; `start_tls` makes another process of it, since each has one port."""

    def __init__(self, name, start, start_tls=None):
        self.name, self.start = name, start
        self.process, self.port = self.pinned(start)
        self.tls_process, self.tls_port = self.pinned(start_tls) if start_tls else (None, None)

    @staticmethod
    def pinned(start):
        process, port = start()
        pin(process.pid, GATEWAY_CORE)
        return process, port

    def renew(self):
        """A process that has done nothing yet: memory that others have given back would be used again unseen."""
        self.end(self.process)
        self.process, self.port = self.pinned(self.start)

    @staticmethod
    def end(process):
        process.terminate()
        process.wait(30)

    def stop(self):
        for process in filter(None, (self.process, self.tls_process)):
            self.end(process)


def h2load(url, body, *args, content_type="application/grpc-web+proto"):
    with tempfile.NamedTemporaryFile(prefix="ponte-body-") as file:
        file.write(body)
        file.flush()
        run = on_core(OTHER_CORE, ["h2load", *args, "-d", file.name, "-H", f"content-type: {content_type}", "-H", "te: trailers", url],
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = run.communicate(timeout=600)[0]
    requests = re.search(r"(\d+) succeeded", output)
    data = re.search(r"\((\d+)\) data", output)
    return int(requests[1]) if requests else 0, int(data[1]) if data else 0, output


def answer_bytes(row):
    """Of one request's answer, at least."""
    _, _, path, body, _, units, _, _ = row
    return len(body) if path == UNARY else units * struct.unpack(">II", body[5:])[1]


def cost(gateway, row):
    name, _, path, body, count, units, args, tls = row
    process, port = (gateway.tls_process, gateway.tls_port) if tls else (gateway.process, gateway.port)
    if process is None:
        return None
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{path}"
    h2load(url, body, "-n", str(max(count // 20, 1)), "-c1" if count < 20 else "-c8", *[a for a in args if a == "--h1"])
    before = cpu_us(process.pid)
    done, got, output = h2load(url, body, "-n", str(count), *args)
    # A refusal is an HTTP 200 too: only the answers' bytes tell that the calls were made.
    if done != count or got < count * answer_bytes(row):
        print(f"{gateway.name}: {name}: {done} of {count} succeeded, {got} bytes\n{output}", file=sys.stderr)
        return None
    return (cpu_us(process.pid) - before) / (count * units)


def bidi_cost(gateway, streams, program="bench_streams", more=()):
    """None when the gateway cannot, or the messages fell behind: then the figure would flatter."""
    command = [procs.program(program), str(gateway.port), "streams", str(streams), *more, "seconds", "5"]
    run = on_core(OTHER_CORE, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if not run.stdout.readline():
        print(f"{gateway.name}: {run.communicate()[1].strip()}", file=sys.stderr)
        return None
    before = cpu_us(gateway.process.pid)
    output, errors = run.communicate(timeout=120)
    if run.returncode != 0:
        print(f"{gateway.name}: {errors.strip()}", file=sys.stderr)
        return None
    sent, received, late = (int(word) for word in output.split())
    if received < sent * 0.98 or late > sent * 0.02:
        print(f"{gateway.name}: {streams} streams: {sent} sent, {received} received, {late} late", file=sys.stderr)
        return None
    return (cpu_us(gateway.process.pid) - before) / max(received, 1)


def settled_kb(process):
    """Memory once it has stopped growing."""
    last = -1
    while (now := procs.private_kb(process.pid)) != last:
        last = now
        time.sleep(0.5)
    return now


def post(port, body):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall((f"POST {STREAM} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
    return s


def idle_http1_kb(gateway):
    """Per open stream that is silent, over a connection of its own."""
    sockets = [post(gateway.port, wanted(0, 0)) for _ in range(20)]
    before = settled_kb(gateway.process)
    sockets += [post(gateway.port, wanted(0, 0)) for _ in range(IDLE)]
    grown = settled_kb(gateway.process) - before
    for s in sockets:
        s.close()
    return grown / IDLE


def hold(gateway, streams, program="bench_streams", more=("connections", "4")):
    run = on_core(OTHER_CORE, [procs.program(program), str(gateway.port), "streams", str(streams), *more, "hold", "1"],
                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if run.stdout.readline().strip() != "open":
        raise SystemExit(f"{gateway.name}: streams cannot be opened")
    return run


def idle_kb(gateway, *how):
    few = hold(gateway, 20, *how)
    before = settled_kb(gateway.process)
    many = hold(gateway, IDLE, *how)
    grown = settled_kb(gateway.process) - before
    for run in (few, many):
        run.stdin.close()
        run.wait()
    return grown / IDLE


def unread_kb(gateway):
    """Growth with readers that never read streams of 16 KiB messages."""
    before = settled_kb(gateway.process)
    sockets = []
    for _ in range(UNREAD):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", gateway.port))
        body = wanted(100000, 16 * KIB)
        s.sendall((f"POST {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
        sockets.append(s)
    time.sleep(2)
    grown = settled_kb(gateway.process) - before
    for s in sockets:
        s.close()
    return grown


def latency_us(port, *args, content_type="application/grpc-web+proto"):
    _, _, output = h2load(f"http://127.0.0.1:{port}{UNARY}", frame(bytes(64)), "-n", "3000", "-c1", "-m1", *args, content_type=content_type)
    words = next(line for line in output.splitlines() if line.startswith("time for request:")).split()
    mean = words[5]
    number = float(mean.rstrip("nmus"))
    return number * (1000 if mean.endswith("ms") else 1)


@contextlib.contextmanager
def contestants(scratch, upstream, cert, key, with_peers):
    def before(start, **more):
        return functools.partial(start, scratch, upstream, **more)

    def pair(start):
        return before(start), before(start, cert=cert, key=key)

    gateways = [Gateway("ponte-gateway", *pair(peers.start_ponte)), Gateway("ponte-gateway, C core leg", before(peers.start_ponte, leg="core"))]
    try:
        if with_peers:
            gateways.append(Gateway(f"envoy {peers.ENVOY_VERSION}", *pair(peers.start_envoy)))
            gateways.append(Gateway("tonic-web 0.14", before(peers.start_tonic)))
            gateways.append(Gateway("grpcwebproxy 0.15", before(peers.start_grpcwebproxy)))
        yield gateways
    finally:
        for gateway in gateways:
            gateway.stop()


def once_rows(gateway):
    """What is measured once, each in a process of its own: name, function."""
    yield "memory before the first call", lambda: settled_kb(gateway.process)
    yield "idle stream, HTTP/1.1", lambda: idle_http1_kb(gateway)
    if not gateway.name.startswith("grpcwebproxy"):  # it speaks HTTP/2 over TLS only
        yield "idle stream, h2c", lambda: idle_kb(gateway)
    if speaks(gateway, MUX):
        yield "idle WebSocket", lambda: idle_kb(gateway, "bench_sockets", ("calls", "0"))
        yield f"idle call on a WebSocket of its own, {MUX}", lambda: idle_kb(gateway, "bench_sockets", ())
    if speaks(gateway, SINGLE):
        yield f"idle call on a WebSocket of its own, {SINGLE}", lambda: idle_kb(gateway, "bench_sockets", ("protocol", SINGLE))
    yield f"growth with {UNREAD} unread streams of 16 KiB, HTTP/1.1", lambda: unread_kb(gateway)


def measure(gateways, rounds, seen):
    def note(gateway, name, unit, value):
        if value is not None:
            seen.setdefault((gateway.name, name, unit), []).append(value)
            print(f"  {gateway.name:28} {name:44} {value:10.2f} {unit}", flush=True)

    for gateway in gateways:
        for name, value in once_rows(gateway):
            gateway.renew()
            note(gateway, name, "KB", value())
    for _ in range(rounds):
        for row in ROWS:
            for gateway in gateways:
                if "h2" in row[0] and gateway.name.startswith("grpcwebproxy"):
                    continue
                note(gateway, row[0], f"CPU {row[1]}", cost(gateway, row))
        for name, streams in BIDI:
            for gateway in gateways:
                if not gateway.name.startswith("grpcwebproxy"):
                    note(gateway, name, "CPU us/message", bidi_cost(gateway, streams, more=("connections", str(streams // 100))))
        for name, protocol in SOCKETS:
            for gateway in gateways:
                if speaks(gateway, protocol):
                    note(gateway, name, "CPU us/message", bidi_cost(gateway, 400, "bench_sockets", ("protocol", protocol)))
        for gateway in gateways:
            note(gateway, "latency of one call at a time, HTTP/1.1", "us", latency_us(gateway.port, "--h1"))


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run gateway", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3, help="of CPU and latency; 0: memory only")
    parser.add_argument("--peers", action="store_true", help="measure Envoy, tonic-web and grpcwebproxy too; they are fetched and built into the folder of dependencies")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    load, seen = os.getloadavg(), {}
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as scratch, certificate() as (cert, key):
        backend = on_core(OTHER_CORE, [procs.program("bench_backend")], stdout=subprocess.PIPE)
        try:
            upstream = int(backend.stdout.readline())
            with contestants(scratch, upstream, cert, key, options.peers) as gateways:
                measure(gateways, options.rounds, seen)
            if options.rounds:
                direct = min(latency_us(upstream, content_type="application/grpc") for _ in range(options.rounds))
                seen[("no gateway (h2c)", "latency of one call at a time, HTTP/1.1", "us")] = [direct]
        finally:
            backend.terminate()
            backend.wait()
    results = [{"process": who, "name": name, "unit": unit, "value": round(min(values), 2), "rounds": [round(v, 2) for v in values]}
               for (who, name, unit), values in seen.items()]
    print()
    for r in sorted(results, key=lambda r: [x[1] for x in seen].index(r["name"])):
        print(f"{r['name']:52} {r['process']:28} {r['value']:10} {r['unit']}")
    bench_report.write("gateway", results, load)


main()
