"""Compressed messages pass the gateway as they are: gRPC-Web frames made and read by hand, before a server of grpc's own that compresses its answers if x-gzip is among the metadata.

usage: compression.py GATEWAY core|h2
"""
import gzip
import http.client
import os
import subprocess
import sys
import tempfile
import zlib
from concurrent import futures

import grpc

gateway_program, leg = sys.argv[1:]
PATH = "/test.Mirror/Reverse"
TEXT = b"abcdefgh" * 4096


class Mirror(grpc.GenericRpcHandler):
    """Answers the request backwards, in one message or, with x-times, in so many."""

    def service(self, details):
        unpack = pack = bytes
        if details.method == PATH:
            return grpc.unary_stream_rpc_method_handler(self.answer, unpack, pack)
        return None

    @staticmethod
    def answer(request, context):
        metadata = dict(context.invocation_metadata())
        for i in range(int(metadata.get("x-times", "1"))):
            if {"all": 1, "odd": i % 2}.get(metadata.get("x-gzip"), 0) == 0:
                context.disable_next_message_compression()
            yield request[::-1]


def frame(message, flag=0):
    return bytes([flag]) + len(message).to_bytes(4, "big") + message


def frames(body):
    found = []
    while body:
        n = int.from_bytes(body[1:5], "big")
        assert len(body) >= 5 + n, "a frame is cut off"
        found.append((body[0], body[5 : 5 + n]))
        body = body[5 + n :]
    return found


def call(port, body, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", PATH, body, {"content-type": "application/grpc-web+proto", **named})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, (answer.status, content)
    got = frames(content)
    trailers = answer.headers if not got else http.client.parse_headers(iter_lines(got[-1][1]))
    assert not got or got[-1][0] == 0x80, got[-1:]
    return int(trailers["grpc-status"]), answer.headers.get("grpc-encoding"), got[:-1]


def iter_lines(block):
    import io

    return io.BytesIO(block + b"\r\n")


def gunzip(flagged):
    flag, message = flagged
    return gzip.decompress(message) if flag else message


def check(port):
    zipped = gzip.compress(TEXT)
    want = TEXT[::-1]
    gzips = {"x_gzip": "all"}
    # name, body, headers -> status, encoding, flags of the answer's messages
    rows = [
        ("nothing compressed", frame(TEXT), {}, 0, None, [0]),
        ("the request", frame(zipped, 1), {"grpc_encoding": "gzip"}, 0, None, [0]),
        ("the answer", frame(TEXT), {"grpc_accept_encoding": "gzip", **gzips}, 0, "gzip", [1]),
        ("an answer that could be", frame(TEXT), {"grpc_accept_encoding": "gzip"}, 0, "gzip", [0]),
        ("both", frame(zipped, 1), {"grpc_encoding": "gzip", "grpc_accept_encoding": "identity,gzip", **gzips}, 0, "gzip", [1]),
        # The HTTP/2 leg passes it on, and the client will say what it thinks of it.
        ("an answer nobody takes", frame(TEXT), gzips, *((13, None, []) if leg == "core" else (0, "gzip", [1]))),
        ("a flag of 0 although announced", frame(TEXT), {"grpc_encoding": "gzip"}, 0, None, [0]),
        ("deflate", frame(zlib.compress(TEXT), 1), {"grpc_encoding": "deflate"}, 0, None, [0]),
        ("a stream of both", frame(TEXT), {"grpc_accept_encoding": "gzip", "x_times": "4", "x_gzip": "odd"}, 0, "gzip", [0, 1, 0, 1]),
        ("a stream", frame(zipped, 1), {"grpc_encoding": "gzip", "grpc_accept_encoding": "gzip", "x_times": "50", **gzips}, 0, "gzip", [1] * 50),
        ("not announced", frame(zipped, 1), {}, 13, None, []),
        ("announced as identity", frame(zipped, 1), {"grpc_encoding": "identity"}, 13, None, []),
        ("no gzip at all", frame(b"not gzip", 1), {"grpc_encoding": "gzip"}, 13, None, []),
        # Behind the HTTP/2 leg this is the service's own answer.
        ("an encoding the service does not know", frame(b"?", 1), {"grpc_encoding": "snappy"}, 12 if leg == "core" else 13, None, []),
        ("an unknown flag", frame(zipped, 3), {"grpc_encoding": "gzip"}, 13, None, []),
        ("cut off", frame(zipped, 1)[:-1], {"grpc_encoding": "gzip"}, 13, None, []),
    ]
    for name, body, headers, status, encoding, flagged in rows:
        got_status, got_encoding, messages = call(port, body, **headers)
        assert got_status == status, (name, got_status)
        assert [flag for flag, _ in messages] == flagged, (name, messages[:2])
        assert not any(flagged) or got_encoding == encoding, (name, got_encoding)
        assert got_encoding in (None, "identity", "gzip"), (name, got_encoding)
        assert all(gunzip(message) == want for message in messages), name
        print(f"ok {name}")


service = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Mirror()], compression=grpc.Compression.Gzip)
service_port = service.add_insecure_port("127.0.0.1:0")
service.start()
config = tempfile.NamedTemporaryFile("w", suffix=".yaml")
config.write(f"""
admin: 127.0.0.1:0
listen: [{{address: 127.0.0.1:0}}]
clusters: [{{name: mirror, targets: ["127.0.0.1:{service_port}"], leg: {leg}}}]
routes: [{{prefix: /, cluster: mirror}}]
""")
config.flush()
gateway = subprocess.Popen([gateway_program, "--config", config.name], stdout=subprocess.PIPE, text=True, env=dict(os.environ, PONTE_LOG="error"))
try:
    url = next(line for line in gateway.stdout if line.startswith("listening "))
    check(int(url.rsplit(":", 1)[1]))
finally:
    gateway.terminate()
    assert gateway.wait(30) == 0
    service.stop(None)
