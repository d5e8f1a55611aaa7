"""The service that other people's clients are tried with (tests/interop/server), by grpc's own client and without a gateway between: what fails here is not the gateway's.

usage: test_service.py PROTOC PROTO_ROOT INTEROP_SERVER
"""
import pathlib
import subprocess
import sys
import tempfile

import grpc
from google.rpc import error_details_pb2, status_pb2

protoc, proto_root, interop_server = sys.argv[1:4]
LIMIT = {"timeout": 60}

with tempfile.TemporaryDirectory() as generated:
    files = [f"grpc/testing/{name}.proto" for name in ("empty", "messages", "test")]
    subprocess.run([protoc, f"-I{proto_root}", f"--python_out={generated}", *files], check=True)
    # The generated folder is named like grpcio's own package, which must find it too.
    grpc.__path__.append(str(pathlib.Path(generated) / "grpc"))
    from grpc.testing import empty_pb2, messages_pb2 as m


def method(channel, kind, name, request, response, service="TestService"):
    return getattr(channel, kind)(f"/grpc.testing.{service}/{name}", request.SerializeToString, response.FromString)


def fails(call, code):
    try:
        call()
    except grpc.RpcError as e:
        assert e.code() == code, (e.code(), e.details())
        return e
    raise AssertionError(f"no error, {code} was expected")


def asked(*sizes, interval_us=0, compressed=None):
    rows = [m.ResponseParameters(size=size, interval_us=interval_us) for size in sizes]
    for row in rows:
        if compressed is not None:
            row.compressed.value = compressed
    return m.StreamingOutputCallRequest(response_parameters=rows)


def test_unary(channel):
    empty = method(channel, "unary_unary", "EmptyCall", empty_pb2.Empty, empty_pb2.Empty)
    assert empty(empty_pb2.Empty(), **LIMIT) == empty_pb2.Empty()
    unary = method(channel, "unary_unary", "UnaryCall", m.SimpleRequest, m.SimpleResponse)
    large = m.SimpleRequest(response_size=314159, payload=m.Payload(body=bytes(271828)))
    assert unary(large, **LIMIT).payload.body == bytes(314159)
    large.response_compressed.value = True
    assert unary(large, compression=grpc.Compression.Gzip, **LIMIT).payload.body == bytes(314159)
    metadata = (("x-grpc-test-echo-initial", "test_initial_metadata_value"), ("x-grpc-test-echo-trailing-bin", b"\x0a\x0b\x0a\x0b\x0a\x0b"))
    _, call = unary.with_call(m.SimpleRequest(response_size=1), metadata=metadata, **LIMIT)
    assert metadata[0] in call.initial_metadata(), call.initial_metadata()
    assert metadata[1] in call.trailing_metadata(), call.trailing_metadata()


def test_errors(channel):
    unary = method(channel, "unary_unary", "UnaryCall", m.SimpleRequest, m.SimpleResponse)
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    request = m.SimpleRequest(response_status=m.EchoStatus(code=2, message=message))
    assert fails(lambda: unary(request, **LIMIT), grpc.StatusCode.UNKNOWN).details() == message
    fails(lambda: unary(m.SimpleRequest(response_size=-1), **LIMIT), grpc.StatusCode.INVALID_ARGUMENT)
    wrong = (("x-test-error-field", "colour"),)
    error = fails(lambda: unary(m.SimpleRequest(), metadata=wrong, **LIMIT), grpc.StatusCode.INVALID_ARGUMENT)
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    violation = error_details_pb2.BadRequest()
    assert status.details[1].Unpack(violation) and violation.field_violations[0].field == "colour", status
    for name, service in ("UnimplementedCall", "TestService"), ("UnimplementedCall", "UnimplementedService"):
        nothing = method(channel, "unary_unary", name, empty_pb2.Empty, empty_pb2.Empty, service)
        fails(lambda call=nothing: call(empty_pb2.Empty(), **LIMIT), grpc.StatusCode.UNIMPLEMENTED)


def test_output_stream(channel):
    output = method(channel, "unary_stream", "StreamingOutputCall", m.StreamingOutputCallRequest, m.StreamingOutputCallResponse)
    sizes = [31415, 9, 2653, 58979]
    for how in {}, {"interval_us": 1000}, {"compressed": True}, {"compressed": False}:
        assert [len(r.payload.body) for r in output(asked(*sizes, **how), **LIMIT)] == sizes, how
    assert not list(output(asked(), **LIMIT))
    assert len(list(output(asked(*[1] * 500), **LIMIT))) == 500
    fails(lambda: list(output(asked(-1), **LIMIT)), grpc.StatusCode.INVALID_ARGUMENT)
    fails(lambda: list(output(asked(1, interval_us=10**9), timeout=0.2)), grpc.StatusCode.DEADLINE_EXCEEDED)


def test_input_stream(channel):
    call = method(channel, "stream_unary", "StreamingInputCall", m.StreamingInputCallRequest, m.StreamingInputCallResponse)
    requests = [m.StreamingInputCallRequest(payload=m.Payload(body=bytes(n))) for n in (27182, 8, 1828, 45904)]
    assert call(iter(requests), **LIMIT).aggregated_payload_size == 74922
    assert call(iter([]), **LIMIT).aggregated_payload_size == 0


def test_duplex(channel):
    for name in "FullDuplexCall", "HalfDuplexCall":
        call = method(channel, "stream_stream", name, m.StreamingOutputCallRequest, m.StreamingOutputCallResponse)
        replies = call(iter([asked(10, 11), asked(12, interval_us=1000), asked()]), **LIMIT)
        assert [len(r.payload.body) for r in replies] == [10, 11, 12], name
        assert not list(call(iter([]), **LIMIT)), name
        ends = m.StreamingOutputCallRequest(response_status=m.EchoStatus(code=2, message="test status message"))
        error = fails(lambda c=call, e=ends: list(c(iter([e]), **LIMIT)), grpc.StatusCode.UNKNOWN)
        assert error.details() == "test status message", name


server = subprocess.Popen([interop_server], stdout=subprocess.PIPE, text=True)
try:
    with grpc.insecure_channel(f"127.0.0.1:{int(server.stdout.readline())}") as connection:
        for name, test in list(globals().items()):
            if name.startswith("test_"):
                test(connection)
                print(f"ok {name}")
finally:
    server.terminate()
    assert server.wait(30) == 0
