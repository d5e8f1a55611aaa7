"""What the gateway costs: CPU time of its process per unary gRPC-Web call and per streamed message, and memory per idle connection.

h2load is the browser, echo_server the service (both on the other core, where there is one); the gateway is pinned to a core of its own. Each row is the
best of some interleaved rounds, since other work on the machine only ever adds. With --peer, grpcwebproxy is measured in the same rounds.
"""
import argparse
import os
import resource
import socket
import subprocess
import time

import bench_report
from harness import SERVER_STREAM, UNARY, Process, echo_and_gateway, h2load, request

PEER = "github.com/improbable-eng/grpc-web/go/grpcwebproxy@v0.15.0"
CALLS = 20000
STREAMS, MESSAGES = 8, 10000
IDLE = 1000
KIB = request(b"x" * 1024)
STREAM = request(size=1024, count=MESSAGES)

# name, unit, path, body, requests, messages a request, h2load's arguments, whether the peer can be asked too
ROWS = [
    ("unary 1 KiB, HTTP/1.1", "us/call", UNARY, KIB, CALLS, 1, ["--h1", "-c8"], True),
    ("unary 1 KiB, HTTP/2 cleartext", "us/call", UNARY, KIB, CALLS, 1, ["-c1", "-m32"], False),
    ("streamed 1 KiB message, HTTP/1.1", "us/message", SERVER_STREAM, STREAM, STREAMS, MESSAGES, ["--h1", "-c4"], True),
    ("streamed 1 KiB message, HTTP/2 cleartext", "us/message", SERVER_STREAM, STREAM, STREAMS, MESSAGES, ["-c1", "-m4"], False),
]


def pin(process, core):
    if os.cpu_count() > 1:
        subprocess.run(["taskset", "-a", "-c", "-p", str(core), str(process.popen.pid)], check=True, stdout=subprocess.DEVNULL)


def cost(process, url, row):
    """CPU microseconds of the process for one unit of the row."""
    name, _, path, body, count, messages, args, _ = row
    before = process.cpu_us()
    done, output = h2load(url + path, body, "-n", str(count), *args)
    if done != count:
        raise SystemExit(f"{name}: {done} of {count} succeeded\n{output}")
    return (process.cpu_us() - before) / (count * messages)


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)))


def idle_websocket(address):
    s = connect(address)
    s.sendall((f"GET /ponte.v1 HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ponte.v1\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = s.recv(4096)
        if not piece:
            raise SystemExit(f"no WebSocket: {answer!r}")
        answer += piece
    if b" 101 " not in answer.split(b"\r\n", 1)[0]:
        raise SystemExit(f"no WebSocket: {answer!r}")
    # HELLO of docs/protocol.md, masked with zeroes: version 1, credit 64 KiB, no calls from there, messages up to 4 MiB, no pings, no token.
    hello = b"\0\1" + b"".join(n.to_bytes(4, "big") for n in (65536, 0, 4 << 20, 0)) + b"\0"
    frame = b"\x01\0" + bytes(4) + len(hello).to_bytes(3, "big") + hello
    s.sendall(b"\x82" + bytes([0x80 | len(frame)]) + bytes(4) + frame)
    return s


def idle_http1(address):
    s = connect(address)
    s.sendall(f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    s.recv(4096)
    return s


def idle_http2(address):
    s = connect(address)
    # Preface, SETTINGS, and one GET, so that what a first request allocates counts.
    head = b"\x82\x86\x84\x41" + bytes([len(address)]) + address.encode()
    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + len(head).to_bytes(3, "big") + b"\1\5\0\0\0\1" + head)
    s.recv(4096)
    return s


def settled_kb(process):
    """Memory once it has stopped growing."""
    last = -1
    while (now := process.memory_kb()) != last:
        last = now
        time.sleep(0.3)
    return now


def idle_row(name, opening):
    """In a gateway of its own: memory that others have given back would be used again unseen."""
    with echo_and_gateway() as (_, gateway):
        sockets = [opening(gateway.plain) for _ in range(20)]  # what the first ones allocate for all is not theirs
        base = settled_kb(gateway)
        sockets += [opening(gateway.plain) for _ in range(IDLE)]
        grown = settled_kb(gateway) - base
        for s in sockets:
            s.close()
    return {"process": "ponte-gateway", "name": f"idle {name}", "unit": "KB", "value": round(grown / IDLE, 2), "connections": IDLE}


def idle_rows():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return [idle_row("WebSocket (ponte.v1)", idle_websocket), idle_row("HTTP/1.1 connection", idle_http1), idle_row("HTTP/2 connection", idle_http2)]


def start_peer(echo):
    folder = os.path.join(os.environ.get("PONTE_DEPS_DIR") or os.path.join(os.environ["PONTE_SOURCE_DIR"], "deps"), "bench")
    binary = os.path.join(folder, "grpcwebproxy")
    if not os.path.exists(binary):
        print("building grpcwebproxy ...", flush=True)
        subprocess.run(["go", "install", PEER], env=dict(os.environ, GOBIN=folder, GOFLAGS=""), check=True)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    os.environ["GRPCWEBPROXY"] = binary
    peer = Process("grpcwebproxy", ["--backend_addr", f"127.0.0.1:{echo.said[0]}", "--run_tls_server=false", "--server_bind_address", "127.0.0.1",
                                    "--server_http_debug_port", str(port), "--allow_all_origins"], 0)
    peer.plain = f"127.0.0.1:{port}"
    for _ in range(600):
        try:
            connect(peer.plain).close()
            return peer
        except OSError:
            time.sleep(0.05)
    raise SystemExit("grpcwebproxy did not start")


def measure(rounds, with_peer):
    with echo_and_gateway() as (echo, gateway):
        processes = {"ponte-gateway": gateway}
        if with_peer:
            processes["grpcwebproxy 0.15.0"] = start_peer(echo)
        try:
            for process in processes.values():
                pin(process, 0)
            base = settled_kb(gateway)
            seen = {}
            for _ in range(rounds):
                for row in ROWS:
                    for who, process in processes.items():
                        if process is gateway or row[7]:
                            seen.setdefault((who, row[0], row[1]), []).append(cost(process, f"http://{process.plain}", row))
            results = [{"process": who, "name": name, "unit": f"CPU {unit}", "value": round(min(all_), 2), "rounds": [round(v, 2) for v in all_]}
                       for (who, name, unit), all_ in seen.items()]
            results.append({"process": "ponte-gateway", "name": "private memory before the first call", "unit": "KB", "value": base})
            return results
        finally:
            for process in processes.values():
                if process is not gateway:
                    process.stop()


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run gateway", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help="measure grpcwebproxy too; it is built by go into the folder of dependencies")
    options = parser.parse_args()
    load = os.getloadavg()
    results = measure(options.rounds, options.peer) + idle_rows()
    for r in results:
        print(f"{r['process']:20} {r['name']:42} {r['value']:10} {r['unit']}")
    bench_report.write("gateway", results, load)


main()
