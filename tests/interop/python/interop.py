"""Our server against grpcio's client, health and reflection stubs; our client against grpcio's server.

usage: interop.py PROTOC PROTO_ROOT ECHO_SERVER ECHO_CLIENT
"""
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import proto_reflection_descriptor_database

protoc, proto_root, echo_server, echo_client = sys.argv[1:5]
SERVICE = "ponte.test.v1.EchoService"
TIMEOUT = 60


# The messages, as protoc makes them for Python.
with tempfile.TemporaryDirectory() as generated:
    subprocess.run([protoc, f"-I{proto_root}", f"--python_out={generated}", "ponte/test/v1/echo.proto", "ponte/test/v1/common.proto"], check=True)
    sys.path.insert(0, generated)
    from ponte.test.v1 import common_pb2, echo_pb2

Payload = echo_pb2.Payload


def method(channel, kind, name, request=Payload, response=Payload):
    return getattr(channel, kind)(f"/{SERVICE}/{name}", request.SerializeToString, response.FromString)


def expect_error(call, code):
    try:
        call()
    except grpc.RpcError as e:
        assert e.code() == code, (e.code(), e.details())
        return e
    raise AssertionError(f"no error, {code} was expected")


def details_of(error):
    trailers = {k: v for k, v in error.trailing_metadata()}
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    return status, trailers


# -- our server ---------------------------------------------------------------------------------------------------------


def test_unary(channel):
    call = method(channel, "unary_unary", "UnaryEcho")
    assert call(Payload(text="olá"), timeout=TIMEOUT).text == "olá"
    big = Payload(data=b"x" * 3_000_000)
    assert call(big, timeout=TIMEOUT).data == big.data
    zipped = call(Payload(text="z" * 10000), timeout=TIMEOUT, compression=grpc.Compression.Gzip)
    assert zipped.text == "z" * 10000
    metadata = (("x-echo", "plain"), ("x-echo-bin", b"\x00\xff"))
    _, info = call.with_call(Payload(command="headers"), metadata=metadata, timeout=TIMEOUT)
    headers = dict(info.initial_metadata())
    assert headers["x-echo"] == "plain" and headers["x-echo-bin"] == b"\x00\xff", headers


def test_errors(channel):
    call = method(channel, "unary_unary", "UnaryEcho")
    error = expect_error(lambda: call(Payload(command="fail"), timeout=TIMEOUT), grpc.StatusCode.INVALID_ARGUMENT)
    status, trailers = details_of(error)
    assert status.code == 3 and status.message == error.details() == "send another text"
    assert trailers["grpc-retry-pushback-ms"] == "1500", trailers
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info) and info.reason == "INVALID_FIELD" and info.domain == "ponte"
    assert status.details[1].Unpack(bad) and bad.field_violations[0].field == "text"
    assert status.details[2].Unpack(retry) and retry.retry_delay.ToMilliseconds() == 1500
    nothing = method(channel, "unary_unary", "Nothing")
    expect_error(lambda: nothing(Payload(), timeout=TIMEOUT), grpc.StatusCode.UNIMPLEMENTED)
    raw = channel.unary_unary(f"/{SERVICE}/UnaryEcho", lambda b: b, lambda b: b)
    expect_error(lambda: raw(b"\x0a\x01\xff", timeout=TIMEOUT), grpc.StatusCode.INVALID_ARGUMENT)


def test_streams(channel):
    collect = method(channel, "stream_unary", "Collect", response=Payload.Sum)
    total = collect((Payload(data=b"y" * 1000) for _ in range(100)), timeout=TIMEOUT)
    assert (total.messages, total.bytes) == (100, 100_000), total
    expand = method(channel, "unary_stream", "Expand", request=common_pb2.Note)
    sizes = [len(m.data) for m in expand(common_pb2.Note(text="500 2000"), timeout=TIMEOUT)]
    assert sizes == [2000] * 500, len(sizes)
    chat = method(channel, "stream_stream", "Chat")
    counts = [m.count for m in chat((Payload(count=i) for i in range(50)), timeout=TIMEOUT)]
    assert counts == list(range(50)), counts
    stream = chat(iter([Payload(command="silent")]), timeout=TIMEOUT)
    assert list(stream) == [] and stream.code() == grpc.StatusCode.OK


def test_deadline_and_cancel(channel):
    chat = method(channel, "stream_stream", "Chat")

    done = threading.Event()

    def endless():
        yield Payload(command="silent")
        done.wait()

    expect_error(lambda: next(chat(endless(), timeout=0.2)), grpc.StatusCode.DEADLINE_EXCEEDED)
    stream = chat(endless(), timeout=TIMEOUT)
    stream.cancel()
    expect_error(lambda: next(stream), grpc.StatusCode.CANCELLED)
    done.set()


def test_health(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ("", SERVICE):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    unknown = health_pb2.HealthCheckRequest(service="no.Such")
    expect_error(lambda: stub.Check(unknown, timeout=TIMEOUT), grpc.StatusCode.NOT_FOUND)
    watch = stub.Watch(unknown, timeout=TIMEOUT)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_reflection(channel):
    """A client that knows nothing but the address finds the service and calls it."""
    database = proto_reflection_descriptor_database.ProtoReflectionDescriptorDatabase(channel)
    assert SERVICE in database.get_services(), database.get_services()
    pool = descriptor_pool.DescriptorPool(database)
    found = pool.FindServiceByName(SERVICE).FindMethodByName("UnaryEcho")
    kind = message_factory.GetMessageClass(found.input_type)
    call = channel.unary_unary(f"/{SERVICE}/UnaryEcho", kind.SerializeToString, kind.FromString)
    assert call(kind(text="found"), timeout=TIMEOUT).text == "found"


def against_our_server():
    server = subprocess.Popen([echo_server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(server.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        for test in (test_unary, test_errors, test_streams, test_deadline_and_cancel, test_health, test_reflection):
            test(channel)
            print("ok our server:", test.__name__, flush=True)
    server.stdin.close()
    assert server.wait(TIMEOUT) == 0, "our server ended with an error"


# -- our client ---------------------------------------------------------------------------------------------------------


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        def row(make, behaviour, request=Payload, response=Payload):
            return make(behaviour, request.FromString, response.SerializeToString)

        return {
            f"/{SERVICE}/UnaryEcho": row(grpc.unary_unary_rpc_method_handler, self.unary),
            f"/{SERVICE}/Collect": row(grpc.stream_unary_rpc_method_handler, self.collect, response=Payload.Sum),
            f"/{SERVICE}/Expand": row(grpc.unary_stream_rpc_method_handler, self.expand, request=common_pb2.Note),
            f"/{SERVICE}/Chat": row(grpc.stream_stream_rpc_method_handler, self.chat),
        }.get(details.method)

    def unary(self, request, context):
        if request.command == "fail":
            status = status_pb2.Status(code=9, message="não 100%")
            status.details.add().Pack(error_details_pb2.ErrorInfo(reason="FROM_PYTHON", domain="test"))
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "não 100%")
        if request.command == "sleep":
            while context.is_active():  # until the deadline has ended it
                time.sleep(0.01)
        received = dict(context.invocation_metadata())
        if "x-echo-bin" in received:
            context.send_initial_metadata((("x-echo-bin", received["x-echo-bin"]),))
        return request

    def collect(self, requests, context):
        sizes = [len(r.data) for r in requests]
        return Payload.Sum(messages=len(sizes), bytes=sum(sizes))

    def expand(self, request, context):
        count, size = map(int, request.text.split())
        for _ in range(count):
            yield Payload(data=b"z" * size)

    def chat(self, requests, context):
        yield from requests


def against_our_client():
    server = grpc.server(futures.ThreadPoolExecutor(8), compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    subprocess.run([echo_client, str(port)], check=True, timeout=4 * TIMEOUT)
    server.stop(0).wait()
    print("ok our client")


against_our_server()
against_our_client()
