"""Attacks through names and values: headers that break out of their line, in both directions, and labels of metrics that a client chooses."""
import contextlib
import random
import socket
import sys
import threading

import h2
from websocket_attacks import frame, hello, open_call, socket as websocket
from world import UNARY, check, gateway, request, run

EVIL = (b"a\r\nx-evil: 1", b"a\nx-evil: 1", b"a\rx-evil: 1", b"a\0b", b"a\x7fb", b"a\x01b")
NAMES = (b"x-evil\r\nx-more", b"x evil", b"x\0evil", b"x:evil", b"X-Evil", b"", b"x\xc3\xa9")


def h2_request(world, *fields):
    """One call over HTTP/2; what is said about stream 1."""
    with world.connect() as c:
        body = request(b"x")
        c.send(h2.START + h2.request(1, UNARY.encode(), *fields) + h2.frame(h2.DATA, h2.END_STREAM, 1, body))
        said = c.read(0.3)
    return [(kind, payload) for kind, _, stream, payload in h2.frames(said) if stream == 1], h2.goaway(said)


def requests_over_http2(world):
    """CR, LF, NUL in request headers over HTTP/2"""
    rows = [(b"x-echo-a", value) for value in EVIL] + [(name, b"v") for name in NAMES] + [(b"x-echo-a-bin", b"!!"), (b"cookie", b"a\r\nb"), (b":path", b"/x"), (b"te", b"a\r\nb")]
    for name, value in rows:
        frames, goaway = h2_request(world, (name, value))
        good = any(kind == h2.DATA and b"x" in payload for kind, payload in frames)
        check(not good or goaway is not None, f"{name!r}: {value!r} went through")
    return f"{len(rows)} shapes"


def requests_over_mux(world):
    """CR, LF, NUL in metadata over ponte.v1"""
    rows = [(b"x-echo-a", value) for value in EVIL] + [(name, b"v") for name in NAMES]
    for key, value in rows:
        with websocket(world) as c:
            c.send(frame(hello() + open_call(1, metadata=[(key, value)])))
            said = c.read(0.3)
            check(b"\x11\0\0\0\0\1" not in said, f"{key!r}: {value!r} was answered with headers")
    return f"{len(rows)} shapes"


class EvilServer(threading.Thread):
    """A service that speaks just enough HTTP/2 to answer every call with one header, one trailer and one message of its choice."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.header, self.trailer, self.message = (b"x-a", b"b"), (b"x-t", b"b"), b"fine"

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, peer):
        data = b""
        with contextlib.suppress(OSError):
            peer.sendall(h2.settings())
            while more := peer.recv(65536):
                data += more
                if data.startswith(h2.PREFACE):
                    data = data[len(h2.PREFACE):]
                while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
                    size = 9 + int.from_bytes(data[:3], "big")
                    kind, flags, stream = data[3], data[4], int.from_bytes(data[5:9], "big")
                    self.answer(peer, kind, flags, stream, data[9:size])
                    data = data[size:]

    def answer(self, peer, kind, flags, stream, payload):
        if kind == h2.SETTINGS and not flags & h2.ACK:
            peer.sendall(h2.frame(h2.SETTINGS, h2.ACK, 0))
        elif kind == h2.PING and not flags & h2.ACK:
            peer.sendall(h2.frame(h2.PING, h2.ACK, 0, payload))
        elif kind == h2.HEADERS:
            head = h2.literal(b":status", b"200") + h2.literal(b"content-type", b"application/grpc") + h2.literal(*self.header)
            trailers = h2.literal(b"grpc-status", b"5") + h2.literal(b"grpc-message", self.message) + h2.literal(*self.trailer)
            peer.sendall(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, head) + h2.frame(h2.DATA, 0, stream, b"\0\0\0\0\0") +
                         h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, trailers))


def responses():
    """CR, LF, NUL in what a service answers: nothing of it may begin a line of its own."""
    server, failed = EvilServer(), 0
    server.start()
    with gateway(upstream=server.address) as world:
        body = request(b"x")
        head = (f"POST {UNARY} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
        rows = [("header", (b"x-a", value)) for value in EVIL] + [("trailer", (b"x-t", value)) for value in EVIL]
        rows += [("header", (name, b"v")) for name in NAMES] + [("trailer", (name, b"v")) for name in NAMES]
        rows += [("header", (b"set-cookie", b"a=b")), ("header", (b"content-length", b"1")), ("header", (b"transfer-encoding", b"x")), ("header", (b"connection", b"x"))]
        rows += [("message", value) for value in EVIL + (b"%0d%0ax-evil: 1", b"\xff\xfe")]
        for where, value in rows:
            server.header, server.trailer, server.message = (b"x-a", b"b"), (b"x-t", b"b"), b"fine"
            setattr(server, where, value)
            with world.connect() as c:
                c.send(head + body)
                said = c.read(5)
            lines = said.replace(b"\r", b"\n").split(b"\n")
            bad = said == b"" or any(line.strip().lower().startswith(b"x-evil") for line in lines) or b"\0b" in said.split(b"\r\n\r\n")[0]
            bad |= where == "header" and value[0] in (b"content-length", b"transfer-encoding", b"connection") and (b": " + value[1] + b"\r\n") in said.split(b"\r\n\r\n")[0]
            if bad:
                failed += 1
                print(f"responses: FAILED: {where} {value!r}: {said[:300]!r}")
        # The gateway is well after all that.
        server.header, server.trailer, server.message = (b"x-a", b"b"), (b"x-t", b"b"), b"fine"
        with world.connect() as c:
            c.send(head + body)
            check(b"grpc-status" in c.read(5), "a sound answer does not come through any more")
    print(f"CR, LF, NUL in headers, trailers and messages of a service: {len(rows) - failed} of {len(rows)}")
    return failed


def labels(world):
    """Labels of metrics: 3000 paths, hosts and methods nobody has"""
    noise = random.Random(3)
    body = request(b"x")
    with world.connect() as c:
        payload = b""
        for i in range(1000):
            name = "%016x" % noise.getrandbits(64)
            payload += (f"POST /s{name}.S/M{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web+proto\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
            payload += f"GET /{name} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {name}\r\n\r\n".encode()
            payload += f"OPTIONS /{name} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://{name}\r\n\r\n".encode()
        before = len(world.metrics().splitlines())
        thread = threading.Thread(target=c.send, args=(payload,))
        thread.start()
        while c.read(1.0, limit=1 << 20):
            pass
        thread.join()
    lines = len(world.metrics().splitlines())
    check(lines - before < 800, f"{lines - before} lines more in /metrics")
    return f"{lines - before} lines more"


labels.once = True
ATTACKS = [requests_over_http2, requests_over_mux, labels]

if __name__ == "__main__":
    code = run("metadata and labels", ATTACKS)
    sys.exit(1 if code or (not sys.argv[1:] and responses()) else 0)
