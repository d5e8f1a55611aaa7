"""Kills ponte-services with SIGKILL at random moments while 10,000 users and orders are being created at once, and starts it again; on PostgreSQL also its server and its
connections' processes. Callers try again with the same idempotency key until they are answered.

usage: kill_services.py PROTOC PROTO_ROOT [SEED]     PONTE_KILL_SEED repeats a run; with PONTE_TEST_POSTGRES (tests/lib/with_postgres.sh) the store is PostgreSQL

Afterwards everything that was acknowledged is there exactly once, as it was answered, and nothing is there twice.
"""
import asyncio
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(os.environ["PONTE_DEPS_DIR"], "python"))
import grpc
import ponte_procs as procs
from ponte_services import generate

WORKERS, CREATES = 4, 2500  # of each worker, all at once: every second one an order
KILLS_AT_LEAST, KILLS_AT_MOST = 8, 16
PAUSE_SECONDS = 0.05, 0.3  # between a start and the next kill
ATTEMPT_SECONDS, PATIENCE_SECONDS = 10, 240
PAGE = 1000
TRY_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
             grpc.StatusCode.CANCELLED}
CHANNEL = [("grpc.enable_retries", 0), ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]

_, methods = generate(*sys.argv[1:3])

# -- a worker: a process of its own ------------------------------------------------------------------------------------------------------------


def request_of(worker, number, buyer):
    """What is created, and by which method. Its key is its name: e-mail of the user, description of the order's item."""
    key = f"chaos-{worker}-{number:05}"
    if number % 2:
        return key, "orders.CreateOrder", {"user_id": buyer, "currency_code": "EUR", "idempotency_key": key,
                                           "items": [{"description": key, "quantity": 1 + number % 9, "unit_price": number}]}
    return key, "users.CreateUser", {"display_name": f"User {key}", "email": f"{key}@example.com", "idempotency_key": key}


async def create(channels, worker, number, buyer, rng):
    """(key, id, attempts) once it was acknowledged."""
    key, name, fields = request_of(worker, number, buyer)
    method, area = methods[name], name.split(".", 1)[0]
    call = channels[area].unary_unary(method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString)
    for attempt in range(1, 1000):
        try:
            answer = await call(method.request(**fields), timeout=ATTEMPT_SECONDS)
            return key, answer.user_id if area == "users" else answer.order_id, attempt
        except grpc.aio.AioRpcError as e:
            if e.code() not in TRY_AGAIN:
                raise
        await asyncio.sleep(rng.uniform(0.02, 0.1 * min(attempt, 10)))
    raise RuntimeError(f"{key} was never answered")


async def work(worker, ports, buyer, seed):
    rng = random.Random(seed * 1000 + worker)
    channels = {area: grpc.aio.insecure_channel(f"127.0.0.1:{port}", CHANNEL) for area, port in ports.items()}
    done = await asyncio.gather(*(create(channels, worker, number, buyer, rng) for number in range(CREATES)))
    for channel in channels.values():
        await channel.close()
    json.dump(done, sys.stdout)


# -- what is killed ------------------------------------------------------------------------------------------------------------------------------


def kill_services(services):
    services.kill()
    services.start()


def postmaster():
    with open(os.path.join(os.environ["PONTE_TEST_POSTGRES_DATA"], "postmaster.pid"), encoding="ascii") as file:
        return int(file.readline())


def backends():
    """The processes of PostgreSQL's connections."""
    parent = postmaster()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as stat, open(f"/proc/{entry}/cmdline", encoding="utf-8") as command:
                if int(stat.read().rsplit(")", 1)[1].split()[1]) == parent and command.read().startswith("postgres: ponte "):
                    yield int(entry)
        except (FileNotFoundError, ProcessLookupError):
            continue


def kill_backend(_services):
    for pid in backends():
        os.kill(pid, signal.SIGKILL)
        return


def kill_postgres(_services):
    os.kill(postmaster(), signal.SIGKILL)
    deadline = time.monotonic() + procs.READY_SECONDS
    while subprocess.run(["sh", os.environ["PONTE_TEST_POSTGRES_START"]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        assert time.monotonic() < deadline, "PostgreSQL does not start again"
        time.sleep(0.1)  # its orphans hold the shared memory until they notice


def victims():
    return [kill_services] if "PONTE_TEST_POSTGRES" not in os.environ else [kill_services, kill_services, kill_services, kill_backend, kill_postgres]


# -- the judgement -------------------------------------------------------------------------------------------------------------------------------


class Asker:
    def __init__(self, ports):
        self.channels = {area: grpc.insecure_channel(f"127.0.0.1:{port}", CHANNEL) for area, port in ports.items()}

    def call(self, name, **fields):
        method = methods[name]
        call = self.channels[name.split(".", 1)[0]].unary_unary(method.path, request_serializer=method.request.SerializeToString,
                                                                response_deserializer=method.response.FromString)
        return call(method.request(**fields), timeout=procs.READY_SECONDS, wait_for_ready=True)

    def all(self, name, rows):
        token = ""
        while True:
            page = self.call(name, page_size=PAGE, page_token=token)
            yield from getattr(page, rows)
            token = page.next_page_token
            if not token:
                return


def judge(asker, acknowledged):
    kept = [(u.email.rsplit("@", 1)[0], u.user_id) for u in asker.all("users.ListUsers", "users") if u.email.startswith("chaos-")]
    kept += [(o.items[0].description, o.order_id) for o in asker.all("orders.ListOrders", "orders")]
    count = collections.Counter(key for key, _ in kept)
    twice = [key for key, n in count.items() if n > 1]
    lost = [key for key, id_, _ in acknowledged if (key, id_) not in set(kept)] if set(kept) != {(k, i) for k, i, _ in acknowledged} else []
    assert not twice, f"{len(twice)} are there more than once, the first {sorted(twice)[:3]}"
    assert not lost, f"{len(lost)} were acknowledged and are not there so, the first {sorted(lost)[:3]}"
    assert len(kept) == len(acknowledged) == WORKERS * CREATES, (len(kept), len(acknowledged))


# -- the run -------------------------------------------------------------------------------------------------------------------------------------


def start_workers(ports, buyer, seed):
    return [subprocess.Popen([sys.executable, __file__, *sys.argv[1:3], str(seed), str(worker), json.dumps(ports), buyer], stdout=subprocess.PIPE) for worker in range(WORKERS)]


def disturb(services, workers, rng):
    """Kills until the workers are done, or often enough; how often which."""
    kills = collections.Counter()
    while sum(kills.values()) < KILLS_AT_MOST and any(w.poll() is None for w in workers):
        time.sleep(rng.uniform(*PAUSE_SECONDS))  # the moment itself is the test's input, not a wait for something
        victim = rng.choice(victims())
        victim(services)
        kills[victim.__name__] += 1
        services.wait_ready()
    return kills


def run(seed):
    rng = random.Random(seed)
    ports = {"users": procs.free_port(), "orders": procs.free_port()}
    with tempfile.TemporaryDirectory(prefix="ponte-chaos-") as folder:
        admin = procs.free_port()
        command = [procs.program("ponte-services"), "--only", "users,orders", "--auth", "off", "--admin", f"127.0.0.1:{admin}"]
        for area, port in ports.items():
            command += [f"--{area}-port", str(port)]
        store = os.environ.get("PONTE_TEST_POSTGRES") or f"sqlite:{folder}"
        services = procs.Process(command, f"{folder}/services.log", admin, {"PONTE_STORE": store, "PONTE_DATA_DIR": folder, "PONTE_LOG": "warn"})
        workers = []
        services.start()
        try:
            services.wait_ready()
            asker, started = Asker(ports), time.monotonic()
            buyer = asker.call("users.CreateUser", display_name="Buyer", email="buyer@example.com").user_id
            workers = start_workers(ports, buyer, seed)
            kills = disturb(services, workers, rng)
            acknowledged = [tuple(row) for w in workers for row in json.loads(w.communicate(timeout=PATIENCE_SECONDS)[0] or "[]")]
            assert all(w.returncode == 0 for w in workers), [w.returncode for w in workers]
            kill_services(services)  # what was acknowledged last, too
            services.wait_ready()
            judge(asker, acknowledged)
        except BaseException:
            print(services.log(), file=sys.stderr)
            raise
        finally:
            for worker in filter(lambda w: w.poll() is None, workers):
                worker.kill()
            services.stop()
    again = sum(attempts > 1 for _, _, attempts in acknowledged)
    print(f"{len(acknowledged)} creates in {time.monotonic() - started:.1f} s, {again} needed more than one attempt; killed: {dict(kills)}")
    assert sum(kills.values()) >= KILLS_AT_LEAST and again > 0, "too few kills to mean anything"


def main():
    if len(sys.argv) > 4:
        worker, ports, buyer = int(sys.argv[4]), json.loads(sys.argv[5]), sys.argv[6]
        asyncio.run(work(worker, ports, buyer, int(sys.argv[3])))
        return
    seed = int(sys.argv[3] if len(sys.argv) > 3 else os.environ.get("PONTE_KILL_SEED") or random.SystemRandom().randrange(1 << 31))
    print(f"seed {seed}", flush=True)
    run(seed)


main()
