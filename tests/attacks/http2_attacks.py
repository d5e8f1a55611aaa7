"""Attacks on HTTP/2."""
import random
import struct
import sys

import h2
from world import SERVER_STREAM, UNARY, check, gateway, request, run

CALM, PROTOCOL, COMPRESSION = 11, 1, 9
PATH, STREAM = UNARY.encode(), SERVER_STREAM.encode()
IDS = range(1, 20001, 2)

RESETS = h2.START + b"".join(h2.request(i, PATH) + h2.frame(h2.RST, 0, i, struct.pack(">I", 8)) for i in IDS)
MADE = h2.START + b"".join(h2.request(i, PATH) + h2.frame(h2.WINDOW, 0, i, struct.pack(">I", 0)) for i in IDS)
PINGS = h2.START + h2.frame(h2.PING, 0, 0, b"12345678") * 20000
SETTINGS = h2.START + h2.settings((3, 100)) * 20000
PRIORITIES = h2.START + h2.frame(h2.PRIORITY, 0, 1, b"\0\0\0\0\x10") * 20000
EMPTY = h2.START + h2.request(1, PATH) + h2.frame(h2.DATA, 0, 1) * 20000
CONTINUED = h2.START + h2.frame(h2.HEADERS, 0, 1, h2.head(PATH)) + h2.frame(h2.CONTINUATION, 0, 1, h2.literal(b"x" * 50, b"y" * 50)) * 5000
GROWING = h2.START + h2.frame(h2.HEADERS, 0, 1, h2.head(PATH)) + h2.frame(h2.CONTINUATION, 0, 1, h2.literal(b"x" * 50, b"y" * 16000)) * 20
ZERO_CONTINUED = h2.START + h2.frame(h2.HEADERS, 0, 1, h2.head(PATH)) + h2.frame(h2.CONTINUATION, 0, 1) * 20000
# A field of 4000 bytes enters the table once, and one byte of each later head names it a hundred times.
BOMB = h2.START + h2.frame(h2.HEADERS, 5, 1, h2.head(PATH, method=b"GET") + h2.literal(b"x", b"y" * 3900, indexed=True)) + b"".join(
    h2.frame(h2.HEADERS, 5, i, h2.head(PATH, method=b"GET") + b"\xbe" * 8000) for i in IDS[1:100])
# The same, each head only just too long.
DRIP = h2.START + h2.frame(h2.HEADERS, 5, 1, h2.head(PATH, method=b"GET") + h2.literal(b"x", b"y" * 3900, indexed=True)) + b"".join(
    h2.frame(h2.HEADERS, 5, i, h2.head(PATH, method=b"GET") + b"\xbe" * 12) for i in IDS[1:])


def ended(world, payload, *codes):
    """The connection ends and says why; one who comes back too often is not let in any more."""
    with world.connect() as c:
        c.send(payload)
        said = c.read(5)
        code = h2.goaway(said)
        if world.round > 0 and code is None:
            return f"GOAWAY {codes[0]}, then refused"
        check(code in codes, f"the connection ended with {code}")
        return f"GOAWAY {code}"


def rapid_reset(world):
    """HTTP/2 rapid reset (CVE-2023-44487)"""
    return ended(world, RESETS, CALM)


def made_you_reset(world):
    """HTTP/2 made-you-reset (CVE-2025-8671)"""
    return ended(world, MADE, CALM, PROTOCOL)


def continuation_flood(world):
    """CONTINUATION flood of small fields (CVE-2024-28182)"""
    return ended(world, CONTINUED, CALM, PROTOCOL)


def continuation_growth(world):
    """CONTINUATION flood of large fields"""
    return ended(world, GROWING, CALM, PROTOCOL)


def continuation_empty(world):
    """CONTINUATION flood of empty frames"""
    return ended(world, ZERO_CONTINUED, CALM, PROTOCOL)


def settings_flood(world):
    """SETTINGS flood (CVE-2019-9515)"""
    return ended(world, SETTINGS, CALM, PROTOCOL)


def ping_flood(world):
    """PING flood (CVE-2019-9512)"""
    return ended(world, PINGS, CALM, PROTOCOL)


def priority_flood(world):
    """PRIORITY flood"""
    return ended(world, PRIORITIES, CALM, PROTOCOL)


def empty_data_flood(world):
    """Flood of empty DATA (CVE-2019-9518)"""
    return ended(world, EMPTY, CALM, PROTOCOL)


def hpack_bomb(world):
    """HPACK bomb: 8000 references to one field of 4 KB in a head"""
    return ended(world, BOMB, CALM)


def hpack_drip(world):
    """HPACK bomb in small heads: 12 references each, above what is allowed"""
    return ended(world, DRIP, CALM)


def zero_window(world):
    """Zero-window stall: 100 streams of 16 x 64 KB that nobody takes"""
    body = request(size=65536, count=16)
    with world.connect() as c:
        payload = h2.PREFACE + h2.settings((4, 0))
        for i in IDS[:100]:
            payload += h2.request(i, STREAM) + h2.frame(h2.DATA, h2.END_STREAM, i, body)
        c.send(payload)
        c.read(2.0)
    return "bounded by the first window of a call"


zero_window.once = True
# What it holds is the configured buffer of a call and not the attacker's bytes; the stall's time-out and the memory budget end it.
zero_window.memory_bound = 1000.0


def slow_heads(world):
    """Slowloris: 400 connections with a head that does not end"""
    connections = [world.connect(f"127.0.0.{3 + i % 4}") for i in range(400)]
    for c in connections:
        c.send(h2.START + h2.frame(h2.HEADERS, 0, 1, h2.head(PATH)))
    for c in connections:
        c.read(0.002)
    for c in connections:
        c.close()
    return ""


slow_heads.once = True
slow_heads.memory_bound = 400.0


def shapes():
    """Malformed and oversized frames, each on a connection of its own."""
    ok = h2.START
    yield "a frame above the limit", ok + (1 << 23).to_bytes(3, "big") + bytes([h2.DATA, 0]) + struct.pack(">I", 1) + b"x" * 70000
    yield "DATA on stream 0", ok + h2.frame(h2.DATA, 0, 0, b"x")
    yield "HEADERS on stream 0", ok + h2.frame(h2.HEADERS, 5, 0, h2.head(PATH))
    yield "an even stream id", ok + h2.request(2, PATH)
    yield "CONTINUATION alone", ok + h2.frame(h2.CONTINUATION, 4, 1, b"")
    yield "PUSH_PROMISE from a client", ok + h2.frame(h2.PUSH, 4, 1, struct.pack(">I", 2) + h2.head(PATH))
    yield "PING of 7 bytes", ok + h2.frame(h2.PING, 0, 0, b"1234567")
    yield "SETTINGS of 5 bytes", ok + h2.frame(h2.SETTINGS, 0, 0, b"12345")
    yield "SETTINGS on a stream", ok + h2.frame(h2.SETTINGS, 0, 1, b"")
    yield "SETTINGS ack with a payload", ok + h2.frame(h2.SETTINGS, 1, 0, b"123456")
    yield "a window of 2^31", ok + h2.settings((4, 1 << 31))
    yield "WINDOW_UPDATE overflows", ok + h2.frame(h2.WINDOW, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2
    yield "WINDOW_UPDATE of 0 on the connection", ok + h2.frame(h2.WINDOW, 0, 0, struct.pack(">I", 0))
    yield "HPACK: an index that is not there", ok + h2.frame(h2.HEADERS, 5, 1, b"\xff\xff\xff\x7f")
    yield "HPACK: a number without end", ok + h2.frame(h2.HEADERS, 5, 1, b"\xff" + b"\xff" * 200)
    yield "HPACK: a text longer than the frame", ok + h2.frame(h2.HEADERS, 5, 1, b"\x00\x7f\xff\x7fx")
    yield "HPACK: a table of 4 GB", ok + h2.frame(h2.HEADERS, 5, 1, b"\x3f\xe1\xff\xff\xff\x0f" + h2.head(PATH))
    yield "padding longer than the frame", ok + h2.request(1, PATH) + h2.frame(h2.DATA, 8, 1, b"\xff1234")
    yield "another preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r" + b"\0" * 100
    yield "no SETTINGS first", h2.PREFACE + h2.frame(h2.PING, 0, 0, b"12345678")
    noise = random.Random(7)
    for i in range(20):
        yield f"noise {i}", ok + noise.randbytes(2000)


def malformed(world):
    """Malformed and oversized frames"""
    count = 0
    for what, payload in shapes():
        with world.connect() as c:
            c.send(payload)
            c.socket.shutdown(1)
            check(c.is_closed(), f"{what}: the connection stays open")
        count += 1
    return f"{count} shapes"


ATTACKS = [rapid_reset, made_you_reset, continuation_flood, continuation_growth, continuation_empty, settings_flood, ping_flood, priority_flood,
           empty_data_flood, hpack_bomb, hpack_drip, zero_window, slow_heads, malformed]

if __name__ == "__main__":
    sys.exit(run("HTTP/2", ATTACKS))
