"""Random clients of every protocol come, call, and go at random moments; afterwards the gateway's heap, descriptors and calls are where they began.

PONTE_SOAK_SECONDS: how long (60). PONTE_SOAK_SEED: to see a run again, as far as threads allow. What clients get is not judged here, other tests do; but each kind must
have got something.
"""
import collections
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import clients
from harness import SERVER_STREAM, UNARY, echo_and_gateway, request
from ponte_procs import private_kb

SECONDS = float(os.environ.get("PONTE_SOAK_SECONDS", "60"))
SEED = int(os.environ.get("PONTE_SOAK_SEED", str(random.randrange(1 << 32))))
CLIENTS, WARM_UP, WAIT_SECONDS = 24, 0.35, 60
# What tables and caches may still have grown by; 100 bytes lost in every turn of a minute are more. Resident pages are only printed: how many the allocator keeps is a matter
# of how the largest moments of a storm lay in memory (measured: 9 to 15 MB over eight storms, with 2.1 to 2.25 MB allocated after each).
SLACK_KB = 384
BIDI, CLIENT_STREAM = "/ponte.echo.v1.EchoService/Bidi", "/ponte.echo.v1.EchoService/ClientStream"


def some_body(rng):
    return request(bytes(rng.choice((0, 1, 100, 3000, 60000, 400000))), size=rng.choice((0, 0, 50, 20000)), count=rng.choice((0, 1, 5, 40)),
                   hang=rng.random() < 0.2)


def pause(rng):
    time.sleep(rng.choice((0, 0, 0.001, 0.01, 0.05)))


def grpc_web(where, rng):
    """Whole calls, and calls that are cut anywhere: in the head, in the body, in the answer. Every call has a deadline below WAIT_SECONDS."""
    path = rng.choice((UNARY, SERVER_STREAM, BIDI, "/no.Such/Method", "/x"))
    body = some_body(rng) if path in (SERVER_STREAM, BIDI) else request(bytes(rng.choice((0, 1000, 60000))))
    head = (f"POST {path} HTTP/1.1\r\nHost: {where}\r\ncontent-type: application/grpc-web{rng.choice(('', '+proto', '-text'))}\r\n"
            f"grpc-timeout: {rng.choice(('50m', '2S', '20S'))}\r\ncontent-length: {len(body)}\r\n\r\n").encode()
    wire = head + body
    host, port = where.rsplit(":", 1)
    with contextlib.closing(clients.socket.create_connection((host, int(port)), 5)) as s:
        for _ in range(rng.choice((1, 1, 3))):
            s.sendall(wire if rng.random() < 0.7 else wire[:rng.randrange(len(wire))])
            pause(rng)
            got = len(s.recv(rng.choice((1, 100, 65536)))) if rng.random() < 0.8 else 0
    return got


def multiplex(where, rng):
    m = clients.Mux(where)
    try:
        m.hello(credit=rng.choice((0, 1000, 1 << 20)))
        last = rng.randrange(1, 12)
        for call in range(1, last + 1):
            m.open(call, rng.choice((UNARY, SERVER_STREAM, CLIENT_STREAM, BIDI, "/no.Such/Method")), timeout_ms=rng.choice((0, 20, 5000)))
            for _ in range(rng.randrange(4)):
                body = some_body(rng)[:60000]
                m.send(clients.DATA, call, body[:rng.randrange(1, len(body) + 1)] if rng.random() < 0.2 else body)
            what = rng.random()
            if what < 0.5:
                m.send(clients.DATA, call, b"", clients.END)
            elif what < 0.7:
                m.send(clients.CANCEL, rng.randrange(1, call + 1))
            elif what < 0.75:
                m.send_raw(2, os.urandom(20))
            pause(rng)
        m.socket.settimeout(rng.choice((0.01, 0.2)))
        return sum(len(m.frame()[3]) for _ in range(rng.randrange(20)))
    finally:
        m.close()


def single(where, rng):
    s = clients.Single(where, rng.choice((UNARY, SERVER_STREAM, CLIENT_STREAM, BIDI, "/no.Such/Method")))
    try:
        for _ in range(rng.randrange(4)):
            s.data(some_body(rng))
            pause(rng)
        if rng.random() < 0.6:
            s.finish()
        s.socket.settimeout(rng.choice((0.01, 0.2)))
        return sum(len(s.message()) for _ in range(rng.randrange(5)))
    finally:
        s.close()


def http2(where, rng, tls):
    """h2load does the calls; mostly it is stopped in the middle of them, or of the TLS handshake."""
    url = rng.choice((f"http://{where}", f"https://{tls}")) + rng.choice((UNARY, SERVER_STREAM))
    with tempfile.NamedTemporaryFile(prefix="ponte-body-") as file:
        file.write(some_body(rng))
        file.flush()
        run = subprocess.Popen(["h2load", "-n", "200", "-c", str(rng.choice((1, 4))), "-m", str(rng.choice((1, 20))), "-d", file.name,
                                "-H", "content-type: application/grpc-web+proto", url],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            run.wait(rng.choice((0.005, 0.02, 0.1, 0.5)))
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
    return 1


KINDS = {"gRPC-Web": grpc_web, "ponte.v1": multiplex, "grpc-websockets": single, "HTTP/2": http2}


class Storm:
    """CLIENTS threads that keep choosing what to be next, until stopped."""

    def __init__(self, gateway, seed):
        self.where, self.tls, self.stop, self.done, self.got = (
            gateway.plain, gateway.tls, threading.Event(), collections.Counter(), collections.Counter())
        self.failures = []
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed + i),)) for i in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def run(self, rng):
        while not self.stop.is_set():
            # Processes are dear: HTTP/2 in one turn of ten.
            kind = "HTTP/2" if rng.random() < 0.1 else rng.choice(("gRPC-Web", "ponte.v1", "grpc-websockets"))
            try:
                self.got[kind] += KINDS[kind](self.where, rng, *((self.tls,) if kind == "HTTP/2" else ()))
            except ConnectionRefusedError as e:
                self.failures.append(f"{kind}: {e}")
                return
            except (OSError, clients.Closed, AssertionError):
                pass  # cut, by one side or the other: that is the point
            self.done[kind] += 1

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()


def metrics(gateway):
    with urllib.request.urlopen(f"{gateway.admin}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}


def open_calls(gateway):
    return sum(v for k, v in metrics(gateway).items() if k.startswith(("ponte_gateway_streams", "ponte_gateway_websockets")))


def memory_kb(gateway):
    """(allocated, resident); a sanitizer's malloc does not tell what is allocated: 0."""
    return int(metrics(gateway).get("process_heap_bytes", 0)) // 1024, private_kb(gateway.popen.pid)


def descriptors(process):
    return len(os.listdir(f"/proc/{process.popen.pid}/fd"))


def quiet(gateway, echo):
    """Waits until nothing is open any more and the descriptors stay the same; (calls, gateway's descriptors, echo's descriptors)."""
    before = None
    for _ in range(WAIT_SECONDS * 2):
        now = (open_calls(gateway), descriptors(gateway), descriptors(echo))
        if now == before and now[0] == 0:
            return now
        before = now
        time.sleep(0.5)
    return now


def main():
    print(f"seed {SEED}, {SECONDS:.0f} s")
    with echo_and_gateway() as (echo, gateway):
        storm = Storm(gateway, SEED)
        time.sleep(SECONDS * WARM_UP)
        storm.end()
        first, first_kb = quiet(gateway, echo), memory_kb(gateway)
        again = Storm(gateway, SEED + CLIENTS)
        time.sleep(SECONDS * (1 - WARM_UP))
        again.end()
        last, last_kb = quiet(gateway, echo), memory_kb(gateway)
        alive = gateway.popen.poll() is None
    done = storm.done + again.done
    print("turns:", ", ".join(f"{kind} {n}" for kind, n in sorted(done.items())))
    print(f"calls, descriptors of gateway and service: {first} -> {last}; KB allocated, resident: {first_kb} -> {last_kb}")
    failed = storm.failures + again.failures
    failed += [f"{kind}: nobody got anything" for kind in KINDS if not (storm.got + again.got)[kind]]
    if not alive:
        failed.append("the gateway is gone")
    if first[0] or last[0]:
        failed.append("calls or WebSockets are left over")
    # The gateway may keep one connection more or less to the service; a leak is one a turn.
    if last[1] > first[1] + 4 or last[2] > first[2] + 4:
        failed.append("descriptors are left over")
    if last_kb[0] > first_kb[0] + SLACK_KB:
        failed.append("the heap has grown")
    print("\n".join(failed) if failed else "ok")
    return bool(failed)


sys.exit(main())
