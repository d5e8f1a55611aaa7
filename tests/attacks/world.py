"""What the attacks share: a real gateway with its default limits before the echo service, an honest client that must be served meanwhile, and a meter.

Attackers come from 127.0.0.2 and up, honest clients from 127.0.0.1: limits by address keep them apart. Payloads are made beforehand, so that the attacker's CPU time is
that of a cheap attacker: mostly the kernel's. Standard library only.
"""
import contextlib
import http.client
import os
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from harness import SERVER_STREAM, UNARY, Process, request  # noqa: E402

ATTACKER = "127.0.0.2"
GRPC_WEB = "application/grpc-web+proto"
SECONDS = 1.0  # of attack, at least
BOUND = 10.0  # amplification, the issue's
# Growth below this is the allocator's noise, whatever the attacker sent; and CPU below a clock tick or two says nothing.
NOISE_BYTES = 1 << 20
NOISE_SECONDS = 0.1


def cpu_seconds(pid):
    """Of all threads so far, in the scheduler's nanoseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Conn:
    """An attacker's connection; counts what it sends, headers of TCP and IP left out."""

    def __init__(self, world, address=ATTACKER, to=None):
        self.world = world
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.settimeout(5)
        self.socket.bind((address, 0))
        self.socket.connect(("127.0.0.1", to or world.port))

    def send(self, data):
        """False when the gateway has had enough; what the kernel took until then counts."""
        view = memoryview(data)
        try:
            while view:
                n = self.socket.send(view)
                self.world.sent += n
                view = view[n:]
        except OSError:
            return False
        return True

    def read(self, seconds=2.0, until=None, limit=1 << 24):
        """What comes until the end, until `until` is in it, or until nothing comes for so long."""
        out = b""
        self.socket.settimeout(seconds)
        with contextlib.suppress(OSError):
            while len(out) < limit and not (until and until in out):
                data = self.socket.recv(65536)
                if not data:
                    break
                out += data
        return out

    def is_closed(self, seconds=5.0):
        """The gateway closes it within this time; what it still says is dropped."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                if not self.socket.recv(65536):
                    return True
            except socket.timeout:
                return False
            except OSError:
                return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Honest(threading.Thread):
    """One who calls all the time, one call after the other, on one connection at a time."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stopping = port, False
        self.served, self.failed, self.slowest = 0, [], 0.0

    def call(self, connection):
        connection.request("POST", UNARY, request(b"hello"), {"content-type": GRPC_WEB})
        response = connection.getresponse()
        body = response.read()
        return response.status == 200 and b"hello" in body and b"grpc-status: 0" in body.replace(b"grpc-status:0", b"grpc-status: 0")

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stopping:
            start = time.monotonic()
            try:
                if not self.call(connection):
                    self.failed.append("refused")
                self.served += 1
            except (OSError, http.client.HTTPException) as e:
                self.failed.append(repr(e))
                connection.close()
            self.slowest = max(self.slowest, time.monotonic() - start)
            time.sleep(0.01)
        connection.close()


class Sampler(threading.Thread):
    """The highest resident memory of a process."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.stopping, self.peak = pid, False, resident_bytes(pid)

    def run(self):
        while not self.stopping:
            with contextlib.suppress(OSError):
                self.peak = max(self.peak, resident_bytes(self.pid))
            time.sleep(0.005)


class Failure(Exception):
    pass


def check(condition, why):
    if not condition:
        raise Failure(why)


class World:
    def __init__(self, gateway, echo, port, admin):
        self.gateway, self.echo, self.port, self.admin = gateway, echo, port, admin
        self.sent = 0
        self.round = 0  # of an attack that is made again and again
        self.pid = gateway.popen.pid
        self.idle_cpu = 0.0  # of the honest client's calls, a second

    def connect(self, address=ATTACKER):
        return Conn(self, address)

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def metric(self, sample):
        found = re.search("^" + re.escape(sample) + r" (\d+)", self.metrics(), re.M)
        return int(found.group(1)) if found else 0

    def rejected(self, reason):
        return self.metric(f'ponte_gateway_rejected_total{{reason="{reason}"}}')

    def settle(self):
        """Until the attack's connections and calls are gone."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            text = self.metrics()
            if all(int(float(v)) == 0 for v in re.findall(r"^ponte_gateway_(?:streams|websockets)(?:\{[^}]*\})? (\S+)", text, re.M)):
                return
            time.sleep(0.05)

    def honest(self):
        client = Honest(self.port)
        client.start()
        return client

    def warm_up(self):
        """The allocator's and the caches' first growth is nobody's attack."""
        client = self.honest()
        time.sleep(0.2)
        before, start = cpu_seconds(self.pid), time.monotonic()
        time.sleep(0.5)
        self.idle_cpu = (cpu_seconds(self.pid) - before) / (time.monotonic() - start)
        self.stop(client)

    @staticmethod
    def stop(client):
        client.stopping = True
        client.join()
        check(not client.failed, f"an honest client was not served: {client.failed[:3]}")
        check(client.served > 0, "an honest client was never served")


def measure(world, attack):
    """Runs an attack again and again for SECONDS; a row of the table. Raises Failure."""
    client = world.honest()
    sampler = Sampler(world.pid)
    base = sampler.peak
    sampler.start()
    world.sent = 0
    gateway_cpu, own_cpu, start, rounds = cpu_seconds(world.pid), time.thread_time(), time.monotonic(), 0
    note = ""
    while rounds == 0 or (time.monotonic() - start < SECONDS and not getattr(attack, "once", False)):
        world.round = rounds
        note = attack(world) or note
        rounds += 1
    took, own_cpu = time.monotonic() - start, time.thread_time() - own_cpu
    gateway_cpu = max(0.0, cpu_seconds(world.pid) - gateway_cpu - world.idle_cpu * took)
    sampler.stopping = True
    sampler.join()
    world.stop(client)
    check(world.gateway.popen.poll() is None, "the gateway is gone")
    growth = max(0, sampler.peak - base)
    row = {"attack": attack.__doc__.strip(), "sent": world.sent, "growth": growth, "memory": growth / max(1, world.sent),
           "own_cpu": own_cpu, "gateway_cpu": gateway_cpu, "cpu": gateway_cpu / max(own_cpu, 1e-6), "honest_ms": client.slowest * 1000, "note": note}
    if os.environ.get("PONTE_PRESET", "release") != "release":
        return row
    bound = getattr(attack, "memory_bound", BOUND)
    check(growth < NOISE_BYTES or row["memory"] <= bound, f"memory: {growth} bytes for {world.sent} sent")
    check(gateway_cpu < NOISE_SECONDS or row["cpu"] <= BOUND, f"CPU: {gateway_cpu:.3f} s for {own_cpu:.3f} s")
    return row


@contextlib.contextmanager
def gateway(more="", upstream=None):
    """Yields a World; `more` is YAML beside the listener, the cluster and the route."""
    echo = None if upstream else Process("echo_server", ["127.0.0.1:0"], 1)
    with tempfile.TemporaryDirectory(prefix="ponte-") as folder:
        path = os.path.join(folder, "gateway.yaml")
        with open(path, "w", encoding="ascii") as f:
            f.write(more)
        program = Process("ponte-gateway", ["--config", path, "--listen", "http://127.0.0.1:0", "--admin", "127.0.0.1:0", "--grace", "1s",
                                            "--upstream", upstream or f"127.0.0.1:{echo.said[0]}"], 2)
        said = dict(line.rsplit(" ", 1) for line in program.said)
        try:
            yield World(program, echo, int(said["listening"].rsplit(":", 1)[1]), said["admin"][7:])
        finally:
            ended_well = program.stop()
            if echo:
                echo.stop()
        check(ended_well, "the gateway did not end well")


def run(name, attacks, more=""):
    """Each attack on a gateway of its own, whose memory no other attack has stretched; prints the table. The exit code."""
    failed = []
    only = sys.argv[1:]
    attacks = [a for a in attacks if not only or a.__name__ in only]
    print(f"{'attack':70} {'sent':>10} {'grown':>10} {'memory':>8} {'CPU':>6} {'honest':>8}")
    for attack in attacks:
        title = attack.__doc__.strip()
        try:
            with gateway(getattr(attack, "config", more)) as world:
                world.warm_up()
                row = measure(world, attack)
                world.settle()
            memory = f"{row['memory']:.2f}x" if row["growth"] >= NOISE_BYTES else "-"
            cpu = f"{row['cpu']:.2f}x" if row["gateway_cpu"] >= NOISE_SECONDS else "-"
            print(f"{title:70} {row['sent']:>10} {row['growth']:>10} {memory:>8} {cpu:>6} {row['honest_ms']:>5.0f} ms  {row['note']}", flush=True)
        except Failure as e:
            failed.append(attack.__name__)
            print(f"{title:70} FAILED: {e}", flush=True)
    print(f"{name}: {len(attacks) - len(failed)} of {len(attacks)}; failed: {failed}")
    return 1 if failed else 0
