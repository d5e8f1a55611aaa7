"""What a service costs beside the same one in grpc-go and in Python's grpcio: CPU time of its process per call, latency, bytes on the wire; and the call as JSON over HTTP/1.1.

  tests/bench/run services                                   no store, SQLite
  tests/lib/with_postgres.sh tests/bench/run services        PostgreSQL too

The calls: an echo of 1 KiB without a store, GetUser (a row by its key) and CreateUser (a row and the answer of its idempotency key, in one transaction). Ponte is the users
service as ponte-services hosts it, with validation, metrics and its log line for each write, and the echo behind the same framework. The peers do what their users would write:
prepared statements, a pool, SQLite in WAL with synchronous=FULL. Each server has one core in turn, bench_calls and PostgreSQL the other; rounds are interleaved and the
best counts, since other work on the machine only ever adds.
"""
import argparse
import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import bench_report
import ponte_procs as procs

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import peers
import service_peers

SERVER_CORE, LOAD_CORE = 0, 1 if os.cpu_count() > 1 else 0
ECHO, GET, CREATE = "/ponte.test.v1.EchoService/UnaryEcho", "/ponte.users.v1.UserService/GetUser", "/ponte.users.v1.UserService/CreateUser"
KIB, USERS = 1024, 200
# method, what it is, calls of a fast server and of Python's, and how many are under way at once
ROWS = [(ECHO, "echo", 15000, 2000, (1, 32, 128)), (GET, "read", 15000, 2000, (1, 32, 128)), (CREATE, "write", 3000, 800, (1, 32, 128))]


def frame(message):
    return b"\0" + struct.pack(">I", len(message)) + message


class Server:
    """One contestant with one store; `speaks` is bench_calls' protocol."""

    def __init__(self, name, command, store, environment=None, port=None, admin=None, speaks="grpc", methods=(ECHO, GET, CREATE)):
        self.name, self.store, self.speaks, self.methods, self.serial, self.ids = name, store, speaks, methods, 0, []
        self.process = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), *command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL if port else subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=dict(os.environ, **(environment or {})))
        self.port = port or int(self.process.stdout.readline())
        deadline = time.monotonic() + procs.READY_SECONDS
        while admin and not procs.is_ready(admin):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"{name} is not ready")
            time.sleep(0.02)

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(30)


class Bodies:
    """Requests, as frames of protobuf or of JSON, in a file for bench_calls."""

    def __init__(self, scratch):
        self.path = os.path.join(scratch, "bodies")
        service_peers.python_messages(scratch)
        sys.path[:0] = [scratch, os.path.join(os.environ["PONTE_DEPS_DIR"], "python")]
        import echo_pb2
        import service_pb2
        self.echo, self.users = echo_pb2, service_pb2

    def write(self, server, method, count):
        with open(self.path, "wb") as file:
            for message in self.messages(server, method, count):
                file.write(frame(self.as_json(message) if server.speaks == "h1" else message.SerializeToString()))

    @staticmethod
    def as_json(message):
        from google.protobuf import json_format
        return json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None).encode()

    def messages(self, server, method, count):
        if method == ECHO:
            yield self.echo.Payload(data=os.urandom(KIB))
        elif method == GET:
            for user_id in server.ids:
                yield self.users.GetUserRequest(user_id=user_id)
        else:
            for _ in range(count):
                server.serial += 1
                name = f"{server.serial:08}"
                yield self.users.CreateUserRequest(display_name=f"User {name}", email=f"user.{name}@example.org", role=1, idempotency_key=f"bench-create-{name}")


def enroll(server, bodies):
    """Users to be read."""
    import grpc
    requests = list(bodies.messages(server, CREATE, USERS))
    if server.speaks == "h1":
        import urllib.request
        for request in requests:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{CREATE}", data=bodies.as_json(request)) as answer:
                server.ids.append(json.load(answer)["user_id"])
        return
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        create = channel.unary_unary(CREATE, request_serializer=bodies.users.CreateUserRequest.SerializeToString, response_deserializer=bodies.users.User.FromString)
        for call in [create.future(request) for request in requests]:
            server.ids.append(call.result().user_id)


def load(server, method, bodies, calls, concurrency):
    """bench_calls' report with CPU us per call of the server; None when a call failed."""
    bodies.write(server, method, calls)
    before = procs.cpu_seconds(server.process.pid)
    run = subprocess.run(["taskset", "-c", str(LOAD_CORE), procs.program("bench_calls"), str(server.port), "path", method, "bodies", bodies.path, "protocol", server.speaks,
                          "concurrency", str(concurrency), "calls", str(calls)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    if run.returncode != 0:
        print(f"{server.name}: {method}: {run.stdout}{run.stderr}", file=sys.stderr)
        return None
    report = json.loads(run.stdout)
    report["cpu_us"] = (procs.cpu_seconds(server.process.pid) - before) / calls * 1e6
    report["wire_bytes"] = (report["sent_bytes"] + report["received_bytes"]) / calls
    return report


@contextlib.contextmanager
def database(name):
    """A new database on the server of the environment; its address."""
    import psycopg
    whole = os.environ["PONTE_TEST_POSTGRES"]
    with psycopg.connect(whole, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield urllib.parse.urlsplit(whole)._replace(path="/" + name).geturl()


def ponte_users(store, url):
    port, admin = procs.free_port(), procs.free_port()
    command = [procs.program("ponte-services"), "--only", "users", "--users-port", str(port), "--admin", f"127.0.0.1:{admin}", "--store", url]
    return Server("ponte", command, store, port=port, admin=admin, methods=(GET, CREATE))


def servers_of(store, scratch, stack):
    """All contestants with stores of one kind."""
    def target(who):
        folder = os.path.join(scratch, f"{store}-{who}")
        os.makedirs(folder, exist_ok=True)
        return stack.enter_context(database(f"bench_{who}")) if store == "PostgreSQL" else os.path.join(folder, "db")

    go, python = service_peers.go_program(), {"PYTHONPATH": service_peers.python_path(scratch)}
    if store == "none":
        yield Server("ponte", [procs.program("bench_echo"), "svc"], store, methods=(ECHO,))
        yield Server("ponte, lib/rpc alone", [procs.program("bench_echo"), "rpc"], store, methods=(ECHO,))
        yield Server("grpc-go", [go], store, methods=(ECHO,))
        yield Server("Go, JSON over HTTP/1.1", [go, "-json"], store, speaks="h1", methods=(ECHO,))
        yield Server("grpcio", service_peers.python_command(), store, python, methods=(ECHO,))
        return
    users = (GET, CREATE)
    yield ponte_users(store, target("ponte") if store == "PostgreSQL" else "sqlite:" + os.path.dirname(target("ponte")))
    yield Server("grpc-go", [go, target("go")], store, methods=users)
    yield Server("Go, JSON over HTTP/1.1", [go, "-json", target("json")], store, speaks="h1", methods=users)
    yield Server("grpcio", service_peers.python_command(target("python")), store, python, methods=users)


def measure(store, bodies, scratch, rounds, seen):
    with contextlib.ExitStack() as stack:
        servers = []
        for server in servers_of(store, scratch, stack):
            stack.callback(server.stop)
            servers.append(server)
            if GET in server.methods:
                enroll(server, bodies)
        for round_number in range(rounds + 1):  # the first warms up and does not count
            for method, what, many, few, concurrencies in ROWS:
                for concurrency in concurrencies:
                    for server in servers:
                        if method not in server.methods:
                            continue
                        calls = few if server.name == "grpcio" else many
                        calls = calls // 10 if round_number == 0 else calls // 3 if concurrency == 1 else calls
                        report = load(server, method, bodies, calls, concurrency)
                        if report and round_number:
                            seen.setdefault((store, what, concurrency, server.name), []).append(report)


def summary(seen):
    for (store, what, concurrency, name), reports in seen.items():
        best = {key: round(min(r[key] for r in reports), 1) for key in ("cpu_us", "p50_us", "p99_us", "wire_bytes")}
        best["calls_per_second"] = round(max(r["calls"] / r["seconds"] for r in reports))
        yield {"store": store, "call": what, "at_once": concurrency, "process": name, **best, "cpu_us_rounds": [round(r["cpu_us"], 1) for r in reports]}


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run services", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stores", default="none,SQLite,PostgreSQL", help="PostgreSQL needs PONTE_TEST_POSTGRES")
    options = parser.parse_args()
    busy, seen = os.getloadavg(), {}
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as scratch:
        bodies = Bodies(scratch)
        sys.path.extend(service_peers.python_path(scratch).split(os.pathsep))
        for store in options.stores.split(","):
            if store != "PostgreSQL" or os.environ.get("PONTE_TEST_POSTGRES"):
                measure(store, bodies, scratch, options.rounds, seen)
    results = list(summary(seen))
    for r in results:
        print(f"{r['store']:11} {r['call']:6} {r['at_once']:4} at once  {r['process']:24} {r['cpu_us']:8} us CPU  {r['p50_us']:9} us p50  {r['p99_us']:9} us p99  {r['wire_bytes']:7} B")
    bench_report.write("services", results, busy)


main()
