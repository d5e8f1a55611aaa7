"""ponte-services as a real process, called by grpcio with messages that protoc makes of our .proto files: for tests of the services from outside.

usage of such a test: TEST.py PROTOC PROTO_ROOT; PONTE_SERVICES (or PONTE_BUILD_DIR) says where the program is; with PONTE_TEST_POSTGRES (tests/lib/with_postgres.sh)
records are kept there instead of in SQLite.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import grpc
from google.protobuf import message_factory
from google.rpc import error_details_pb2, status_pb2

import ponte_procs as procs

AREAS = {"users": "UserService", "orders": "OrderService", "reports": "ReportService", "chatbot": "ChatbotService"}
TIMEOUT = 60
# A text with this is sent with bytes in it that no UTF-8 has; the lengths on the wire stay as they are.
INVALID = "@INVALID@"
INVALID_BYTES = b"@INVA\xff\xfeD@"

Method = collections.namedtuple("Method", "path request response streams")
Failure = collections.namedtuple("Failure", "code reason field message retry_ms")


def generate(protoc, proto_root):
    """The modules of the services, by area, and their methods, by "users.GetUser"."""
    with tempfile.TemporaryDirectory() as generated:
        files = [str(p.relative_to(proto_root)) for folder in ("ponte", "buf") for p in sorted(pathlib.Path(proto_root, folder).rglob("*.proto"))]
        subprocess.run([protoc, f"-I{proto_root}", f"--python_out={generated}", *files], check=True)
        sys.path.insert(0, generated)
        # pylint: disable=import-outside-toplevel,import-error
        from ponte.chatbot.v1 import chatbot_pb2
        from ponte.orders.v1 import orders_pb2
        from ponte.reports.v1 import reports_pb2
        from ponte.users.v1 import users_pb2
        sys.path.remove(generated)
    modules = {"users": users_pb2, "orders": orders_pb2, "reports": reports_pb2, "chatbot": chatbot_pb2}
    methods = {}
    for area, module in modules.items():
        service = module.DESCRIPTOR.services_by_name[AREAS[area]]
        for m in service.methods:
            methods[f"{area}.{m.name}"] = Method(f"/{service.full_name}/{m.name}", message_factory.GetMessageClass(m.input_type),
                                                 message_factory.GetMessageClass(m.output_type), m.server_streaming)
    return modules, methods


def failure_of(error):
    """Status and details of an RpcError; "" and 0 for what it does not say."""
    reason, field, retry_ms = "", "", 0
    raw = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if raw:
        status = status_pb2.Status.FromString(raw)
        assert status.code == error.code().value[0] and status.message == error.details(), (status, error)
        for detail in status.details:
            info, request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                assert info.domain == "ponte", info
                reason = info.reason
            elif detail.Unpack(request):
                field = request.field_violations[0].field
            elif detail.Unpack(retry):
                retry_ms = retry.retry_delay.ToMilliseconds()
    return Failure(error.code().name, reason, field, error.details(), retry_ms)


class Services:
    """The process, in a folder of its own; `with` stops it and judges how it ended."""

    def __init__(self, methods, auth=True, only=("users", "orders", "reports"), folder=None, more=()):
        self.methods, self.only = methods, only
        self.made = None if folder else tempfile.TemporaryDirectory(prefix="ponte-services-")
        self.folder = folder or self.made.name
        self.log_path = os.path.join(self.folder, f"services-{'-'.join(only)}.log")
        self.account_path = os.path.join(self.folder, "demo-account.json")
        self.store = os.environ.get("PONTE_TEST_POSTGRES") or f"sqlite:{self.folder}"
        self.command = [procs.program("ponte-services"), "--only", ",".join(only), "--admin", "127.0.0.1:0", "--auth", "on" if auth else "off"]
        for name in only:
            self.command += [f"--{name}-port", "0"]
        if auth and "users" in only:
            self.command += ["--demo-account", self.account_path]
        self.command += more
        self.popen, self.ports, self.channels = None, {}, {}

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def __enter__(self):
        # The store's address may hold a password: by environment.
        environment = dict(os.environ, PONTE_STORE=self.store, PONTE_DATA_DIR=self.folder, PONTE_LOG="info")
        with open(self.log_path, "wb") as log:
            self.popen = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        deadline = time.monotonic() + procs.READY_SECONDS
        while not {"admin", *self.only} <= self.ports.keys():
            if self.popen.poll() is not None or time.monotonic() > deadline:
                self.popen.kill()
                raise SystemExit(f"{' '.join(self.command)}: not ready, {self.popen.wait()}:\n{self.log()}")
            for line in self.log().splitlines():
                said = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
                if said.get("message") == "listening":
                    self.ports[said["service"]] = int(said["port"])
            time.sleep(0.02)
        self.channels = {name: grpc.insecure_channel(f"127.0.0.1:{self.ports[name]}") for name in self.only}
        return self

    def __exit__(self, kind, *_):
        for channel in self.channels.values():
            channel.close()
        self.popen.terminate()
        try:
            code = self.popen.wait(60)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            code = self.popen.wait()
        log = self.log()
        if self.made:
            self.made.cleanup()
        if kind or code:
            print(f"-- log of the services, which ended with {code}:\n{log[-6000:]}")
        assert kind or code == 0, code

    def call(self, name, token=None, metadata=(), **fields):
        """The answer, or the list of a stream's messages; grpc.RpcError."""
        method = self.methods[name]
        request = method.request(**fields).SerializeToString().replace(INVALID.encode(), INVALID_BYTES)
        channel = self.channels[name.split(".")[0]]
        metadata = [*metadata, ("authorization", f"Bearer {token}")] if token else list(metadata)
        kind = channel.unary_stream if method.streams else channel.unary_unary
        answer = kind(method.path, None, method.response.FromString)(request, metadata=metadata, timeout=TIMEOUT)
        return list(answer) if method.streams else answer

    def fails(self, name, token=None, **fields):
        """The Failure that a call must end with."""
        try:
            answer = self.call(name, token, **fields)
        except grpc.RpcError as e:
            return failure_of(e)
        return Failure("OK", "", "", str(answer), 0)

    def administrator(self):
        """(session, e-mail, password) of the demo account."""
        with open(self.account_path, encoding="utf-8") as f:
            account = json.load(f)
        return self.call("users.SignIn", **account), account["email"], account["password"]
