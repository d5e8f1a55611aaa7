"""ponte-services as its operator meets it: ports, readiness, the key set, spans, services in processes of their own, backup, drain.

usage: services_host_test.py PROTOC PROTO_ROOT
"""
import concurrent.futures
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
# pylint: disable=wrong-import-position
import ponte_procs as procs
import ponte_services

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
TRACE = "0af7651916cd43dd8448eb211c80319c"
ON_POSTGRES = bool(os.environ.get("PONTE_TEST_POSTGRES"))


def get(services, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{services.ports['admin']}{path}", timeout=20) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, "", e.read().decode()


def order(services, token, user_id, **more):
    return services.call("orders.CreateOrder", token, user_id=user_id, currency_code="BRL",
                         items=[{"description": "bread", "quantity": 2, "unit_price": 350}], **more)


class Collector(grpc.GenericRpcHandler):
    """Takes spans as bytes: names and ids are found in them as they stand."""

    def __init__(self):
        self.batches, self.arrived = [], threading.Condition()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        self.server.add_generic_rpc_handlers((self,))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, handler_call_details):
        return grpc.unary_unary_rpc_method_handler(self.take) if handler_call_details.method == EXPORT else None

    def take(self, request, _context):
        with self.arrived:
            self.batches.append(request)
            self.arrived.notify_all()
        return b""

    def has(self, *texts):
        return all(any(text in batch for batch in self.batches) for text in texts)


def check_admin(services):
    assert get(services, "/readyz")[0] == 200
    status, kind, text = get(services, "/.well-known/jwks.json")
    assert status == 200 and "json" in kind, (status, kind)
    keys = json.loads(text)["keys"]
    assert keys and all("d" not in key and key["kty"] == "EC" for key in keys), text  # "d" would be the private half
    assert get(services, "/.well-known/openid-configuration")[0] == 404
    metrics = get(services, "/metrics")[2]
    assert 'rpc_method="ponte.users.v1.UserService/SignIn",rpc_response_status_code="OK"' in metrics, metrics[:2000]


def check_spans(methods):
    collector = Collector()
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "services.yaml")
        with open(config, "w", encoding="ascii") as f:
            f.write(f"tracing:\n  endpoint: 127.0.0.1:{collector.port}\n  service_name: school\n")
        with ponte_services.Services(methods, auth=False, more=["--config", config]) as services:
            user = services.call("users.CreateUser", display_name="Ana", email="ana@example.com")
            services.call("orders.CreateOrder", metadata=[("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")], user_id=user.user_id,
                          currency_code="BRL", items=[{"description": "bread", "quantity": 1, "unit_price": 1}])
    # The process has ended: what waited was sent before.
    trace = bytes.fromhex(TRACE)
    assert collector.has(b"school", b"ponte.orders.v1.OrderService", b"CreateOrder", b"GetUser", bytes.fromhex("b7ad6b7169203331")), collector.batches
    assert sum(batch.count(trace) for batch in collector.batches) >= 2, "both services' spans are of the caller's trace"
    collector.server.stop(None)


def check_separate_processes(methods):
    with tempfile.TemporaryDirectory(prefix="ponte-services-") as folder:
        users = ponte_services.Services(methods, only=("users",), folder=folder)
        with users:
            more = ["--users-target", f"127.0.0.1:{users.ports['users']}", "--jwks-url", f"http://127.0.0.1:{users.ports['admin']}/.well-known/jwks.json"]
            with ponte_services.Services(methods, only=("orders",), folder=folder, more=more) as orders:
                session, _, password = users.administrator()
                token, user_id = session.access_token, session.user.user_id
                made = order(orders, token, user_id)
                assert made.total.minor_units == 700
                assert orders.fails("orders.GetOrder", token + "x", order_id=made.order_id).reason == "NO_IDENTITY"
                users.popen.send_signal(signal.SIGTERM)
                users.popen.wait(30)
                failure = orders.fails("orders.CreateOrder", token, user_id=user_id, currency_code="BRL",
                                       items=[{"description": "x", "quantity": 1, "unit_price": 1}])
                assert (failure.code, failure.reason) == ("UNAVAILABLE", "PEER_UNAVAILABLE") and failure.retry_ms > 0, failure
                assert len(orders.call("orders.ListOrders", token, user_id=user_id).orders) == 1
                for log in (users.log(), orders.log()):
                    assert password not in log and token not in log and session.refresh_token not in log


def backup(services, directory, store=None):
    command = [procs.program("ponte-services"), "backup", directory, "--only", "users,orders"]
    environment = dict(os.environ, PONTE_STORE=store or services.store)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def check_backup(services, user_id):
    directory = os.path.join(services.folder, "copy")
    done = backup(services, directory)
    if ON_POSTGRES:
        assert done.returncode != 0 and "pg_dump" in done.stderr, done
        return
    assert done.returncode == 0 and done.stdout.split() == [os.path.join(directory, f"{name}.db") for name in ("users", "orders")], done
    with sqlite3.connect(os.path.join(directory, "users.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM users WHERE user_id = ?", (user_id,)).fetchone() == (1,)
    again = backup(services, directory)
    assert again.returncode != 0 and "users.db" in again.stderr, again
    elsewhere = os.path.join(services.folder, "elsewhere")
    wrong = backup(services, directory + "2", f"sqlite:{elsewhere}")
    assert wrong.returncode != 0 and os.path.join(elsewhere, "users.db") in wrong.stderr and not os.path.exists(elsewhere), wrong


def check_drain(services):
    watch = health_pb2_grpc.HealthStub(services.channels["users"]).Watch(health_pb2.HealthCheckRequest(service="ponte.users.v1.UserService"))
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    services.popen.send_signal(signal.SIGTERM)
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert services.popen.wait(30) == 0


def main():
    _, methods = ponte_services.generate(sys.argv[1], sys.argv[2])
    with ponte_services.Services(methods) as services:
        session, _, _ = services.administrator()
        check_admin(services)
        order(services, session.access_token, session.user.user_id)
        check_backup(services, session.user.user_id)
        check_drain(services)
    check_spans(methods)
    check_separate_processes(methods)
    print("ok")


main()
