"""Attacks on WebSockets: RFC 6455, ponte.v1 and grpc-websockets."""
import random
import struct
import sys
import zlib

from world import UNARY, check, request, run

MUX, SINGLE = "ponte.v1", "grpc-websockets"
MASK = b"\1\2\3\4"


def upgrade(path="/ponte.v1", protocol=MUX, origin=None, extensions=None, host="localhost"):
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Sec-WebSocket-Protocol: {protocol}"]
    if origin:
        lines.append(f"Origin: {origin}")
    if extensions:
        lines.append(f"Sec-WebSocket-Extensions: {extensions}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def masked(payload):
    return bytes(b ^ MASK[i % 4] for i, b in enumerate(payload))


def frame(payload=b"", first=0x82, length=None):
    n = len(payload) if length is None else length
    head = bytes([first, 0x80 | (n if n < 126 else 126 if n < 65536 else 127)])
    if n >= 65536:
        head += struct.pack(">Q", n)
    elif n >= 126:
        head += struct.pack(">H", n)
    return head + MASK + masked(payload)


def mux(kind, call, payload=b"", flags=0):
    return bytes([kind, flags]) + struct.pack(">I", call) + len(payload).to_bytes(3, "big") + payload


def hello(credit=65536):
    """version, call credit, max calls, max message, ping interval: docs/protocol.md."""
    return mux(1, 0, struct.pack(">HIIII", 1, credit, 100, 1 << 22, 0) + b"\0")


def open_call(call, path=UNARY, metadata=()):
    def text(b):
        check(len(b) < 128, "one byte of length")
        return bytes([len(b)]) + b

    fields = bytes([len(metadata)]) + b"".join(text(k) + text(v) for k, v in metadata)
    return mux(0x10, call, text(path.encode()) + struct.pack(">I", 0) + fields)


def socket(world, **how):
    c = world.connect()
    c.send(upgrade(**how))
    answer = c.read(5, b"\r\n\r\n")
    check(answer.startswith(b"HTTP/1.1 101"), f"not opened: {answer[:60]!r}")
    return c


def close_code(said):
    """The code of the last close frame; None without one."""
    at, code = 0, None
    while at + 2 <= len(said):
        n, head = said[at + 1] & 127, 2
        if n == 126:
            n, head = struct.unpack_from(">H", said, at + 2)[0], 4
        elif n == 127:
            n, head = struct.unpack_from(">Q", said, at + 2)[0], 10
        if said[at] & 15 == 8:
            code = struct.unpack_from(">H", said, at + head)[0] if n >= 2 else 1005
        at += head + n
    return code


def malformed(world):
    """Malformed and oversized WebSocket frames"""
    rows = [
        ("not masked", b"\x82\x01a", 1002), ("RSV1", frame(b"a", 0xC2), 1002), ("RSV2", frame(b"a", 0xA2), 1002), ("opcode 3", frame(b"a", 0x83), 1002),
        ("opcode 11", frame(b"a", 0x8B), 1002), ("a ping in fragments", frame(b"", 0x09), 1002), ("a ping of 126 bytes", frame(b"a" * 126, 0x89), 1002),
        ("a continuation first", frame(b"a", 0x80), 1002), ("a message within a message", frame(b"a", 0x02) + frame(b"b", 0x82), 1002),
        ("a length with its top bit", b"\x82\xff" + b"\xff" * 8 + MASK, 1002), ("a length of 2^40", b"\x82\xff" + struct.pack(">Q", 1 << 40) + MASK, 1009),
        ("a length that is not the shortest", b"\x82\xfe\0\1" + MASK + b"a", 1002), ("a close of one byte", frame(b"a", 0x88), 1002),
        ("close code 1005", frame(struct.pack(">H", 1005), 0x88), 1002), ("close code 0", frame(b"\0\0", 0x88), 1002),
        ("a close that is not UTF-8", frame(struct.pack(">H", 1000) + b"\xff", 0x88), 1007), ("text", frame(b"a", 0x81), 1002), ("65 KiB", frame(b"a" * 65537), 1009),
    ]
    for what, payload, code in rows:
        with socket(world) as c:
            c.send(payload)
            said = close_code(c.read(5))
            check(said in (code, 1002, 4002), f"{what}: {said}")
    return f"{len(rows)} shapes"


def bad_mux(world):
    """Malformed ponte.v1 messages"""
    first = hello()
    rows = [
        ("no HELLO", mux(0x12, 1, b"x"), {4002}), ("two HELLOs", first + first, {1002}), ("version 9", mux(1, 0, b"\0\x09" + bytes(17)), {4002}), ("an empty HELLO", mux(1, 0), {4002, 1002}),
        ("an unknown type", first + mux(0x42, 0), {1002}), ("STATUS from a client", first + mux(0x13, 1), {1002}), ("DATA of no call", first + mux(0x12, 7, b"x"), {1002}),
        ("DATA on call 0", first + mux(0x12, 0, b"x"), {1002}), ("ids that go back", first + open_call(3) + open_call(1), {1002}),
        ("more than its credit", first + open_call(1) + mux(0x12, 1, b"\0\0\x0f\0\0" + b"x" * 60000) + b"", {4003, None}),
        ("a length beyond the message", first + b"\x12\0\0\0\0\1\xff\xff\xff", {1002}), ("half a head", first + b"\x12\0\0", {1002}), ("OPEN cut off", first + mux(0x10, 1, b"\0"), {1002}),
        ("credit without end", first + open_call(1) + mux(0x15, 1, struct.pack(">I", 0xFFFFFFFF)) * 2, {1002}),
    ]
    for what, payload, codes in rows:
        with socket(world) as c:
            c.send(frame(payload))
            said = close_code(c.read(1.0 if None in codes else 5))
            check(said in codes, f"{what}: {said}")
    noise = random.Random(7)
    for _ in range(30):
        with socket(world) as c:
            c.send(frame(first) + frame(noise.randbytes(200)))
            c.send(frame(struct.pack(">H", 1000), 0x88))
            check(c.is_closed(), "noise: it stays open")
    return f"{len(rows)} shapes, and noise"


def bad_single(world):
    """Malformed grpc-websockets messages"""
    head = b"content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n"
    rows = [("no header block", b"\0\0\0\0\1a"), ("a header without a colon", b"abc\r\n\r\n"), ("a NUL in a header", b"a: b\0c\r\n\r\n"), ("a header of 70 KB", b"a: " + b"b" * 60000 + b"\r\n"),
            ("a frame too long", None), ("trailers from a client", None), ("no flag before a frame", None)]
    bodies = {"a frame too long": b"\0\0\xff\xff\xff\xff", "trailers from a client": b"\0\x80\0\0\0\1a", "no flag before a frame": b"\2\0\0\0\0\0"}
    for what, payload in rows:
        with socket(world, path=UNARY, protocol=SINGLE) as c:
            c.send(frame(payload) if payload else frame(head) + frame(bodies[what]))
            check(c.is_closed(15), f"{what}: it stays open")
    return f"{len(rows)} shapes"


PINGS = frame(b"x" * 100, 0x89) * 20000
CRUMBS = frame(b"", 0x02) + frame(b"", 0x00) * 100000
OPENS = frame(hello()) + b"".join(frame(open_call(i) + mux(0x14, i)) for i in range(1, 5001))


def ping_flood(world):
    """Flood of WebSocket pings"""
    with socket(world) as c:
        c.send(frame(hello()))
        c.socket.settimeout(1)
        c.send(PINGS)
        c.read(0.2)


def fragments(world):
    """A message in fragments without end, all empty"""
    with socket(world) as c:
        c.send(frame(hello()))
        c.socket.settimeout(1)
        c.send(CRUMBS)


def open_and_cancel(world):
    """ponte.v1: 5000 calls, each cancelled at once"""
    try:
        with socket(world) as c:
            c.socket.settimeout(2)
            c.send(OPENS)
            c.read(0.3)
    except Exception:
        check(world.round > 0, "not let in at first")
        return "refused"
    return f"{world.rejected('rate')} refused"


def hijack(world):
    """Cross-site WebSocket hijacking, and DNS rebinding"""
    for origin in ("https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "file://", "http://localhost:1"):
        for protocol, path in ((MUX, "/ponte.v1"), (SINGLE, UNARY)):
            with world.connect() as c:
                c.send(upgrade(path=path, protocol=protocol, origin=origin) + frame(hello() + open_call(1)))
                said = c.read(5, b"\r\n\r\n")
                check(said.startswith(b"HTTP/1.1 403"), f"{origin}: {said[:40]!r}")
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example"):
        with world.connect() as c:
            c.send(upgrade(host=host))
            check(c.read(5, b"\r\n\r\n").startswith(b"HTTP/1.1 403"), host)
    return "403"


def deflate_bomb(world):
    """Deflate bomb: 60 MB of zeros in 60 KB, on both protocols"""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (squeeze.compress(bytes(60 << 20)) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
    with socket(world, extensions="permessage-deflate") as c:
        c.send(frame(bomb, 0xC2))
        code = close_code(c.read(5))
        check(code in (1009, 1002, 1007, 4002), f"ponte.v1: {code}")
    with socket(world, path=UNARY, protocol=SINGLE, extensions="permessage-deflate") as c:
        c.send(frame(b"content-type: application/grpc-web+proto\r\n") + frame(bomb, 0xC2))
        check(c.is_closed(15), "grpc-websockets: it stays open")
    return "closed"


deflate_bomb.config = "websocket: {compression: true}\n"
# Compression is off by default; when it is on, a message may inflate to 64 times its size (websocket.max_ratio).
deflate_bomb.memory_bound = 64.0


def idle(world):
    """400 open WebSockets that say nothing"""
    sockets = [world.connect(f"127.0.0.{3 + i % 4}") for i in range(400)]
    for c in sockets:
        c.send(upgrade())
    for c in sockets:
        check(c.read(5, b"\r\n\r\n").startswith(b"HTTP/1.1 101"), "not opened")
    for c in sockets:
        c.close()
    return "bounded by the connections of an address"


idle.once = True
idle.memory_bound = 100.0

ATTACKS = [malformed, bad_mux, bad_single, ping_flood, fragments, open_and_cancel, hijack, deflate_bomb, idle]

if __name__ == "__main__":
    sys.exit(run("WebSocket", ATTACKS))
