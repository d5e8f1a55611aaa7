"""Attacks on HTTP/1.1: slowness, smuggling, what is too long, and limits of connections, calls and memory."""
import sys

from world import GRPC_WEB, UNARY, Failure, check, gateway, request, run

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST " + UNARY.encode() + b" HTTP/1.1\r\n" + HOST + b"Content-Type: " + GRPC_WEB.encode() + b"\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
CALL = request(b"x")


def holding(world, payload, count=400):
    """So many connections, each with what is never completed."""
    connections = [world.connect(f"127.0.0.{3 + i % 4}") for i in range(count)]
    for c in connections:
        c.send(payload)
    for c in connections[:20]:
        check(not c.is_closed(0.05), "closed before its time")
    for c in connections:
        c.close()
    return f"{count} connections"


def slow_heads(world):
    """Slowloris on heads: 400 connections, a head that does not end"""
    return holding(world, GET + b"X-A: ")


def slow_bodies(world):
    """Slowloris on bodies: 400 connections, a call whose message does not end"""
    return holding(world, POST + b"Content-Length: 100000\r\n\r\n" + CALL[:6])


def silent(world):
    """400 connections that say nothing"""
    return holding(world, b"")


for attack in (slow_heads, slow_bodies, silent):
    attack.once = True
    # A connection costs what it costs; how many one address may have, and for how long, is the limit (docs/security.md).
    attack.memory_bound = 200.0
silent.memory_bound = float("inf")


def slow_time(world):
    """Slow heads and bodies end: 408 after 300 ms here"""
    for payload in (GET + b"X-A: ", POST + b"Content-Length: 1000\r\n\r\n" + CALL[:6]):
        with world.connect() as c:
            c.send(payload)
            check(c.read(10, b"\r\n\r\n").startswith(b"HTTP/1.1 408"), "no 408")
            check(c.is_closed(), "it stays open")
    with world.connect() as c:
        check(c.is_closed(10), "a silent one stays open")
    return "408"


slow_time.config = "limits: {header_time: 300ms, body_time: 300ms}\n"
slow_time.once = True


def smuggling_rows():
    yield "TE and CL", POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED
    yield "CL and TE", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + SMUGGLED
    yield "two CL", POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED
    yield "two equal CL", POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + SMUGGLED
    yield "CL list", POST + b"Content-Length: 0, 40\r\n\r\n" + SMUGGLED
    for value in (b"-1", b"+3", b"0x3", b"3 3", b"", b"99999999999999999999", b"3;a"):
        yield f"CL {value!r}", POST + b"Content-Length: " + value + b"\r\n\r\n" + SMUGGLED
    for value in (b"xchunked", b"chunked, identity", b"gzip", b"identity", b"chunked, chunked", b"", b"\x0bchunked", b"chunked;q=1"):
        yield f"TE {value!r}", POST + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n" + SMUGGLED
    yield "TE twice", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED
    yield "TE in 1.0", POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    for chunk in (b"x\r\n", b"-1\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1\na\r\n", b"1\r\naX\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b" 1\r\na\r\n", b"1\r\na", b"1 \r\na\r\n",
                  b"1\r\nab\r\n", b"\r\n"):
        yield f"chunk {chunk!r}", chunked + chunk + b"0\r\n\r\n" + SMUGGLED
    yield "a chunk without its end", chunked + b"5\r\nabc\r\n0\r\n\r\n" + SMUGGLED
    yield "bare LF in a head", b"POST / HTTP/1.1\n" + HOST + b"Content-Length: 0\r\n\r\n" + SMUGGLED
    yield "bare LF between fields", POST + b"A: b\nContent-Length: 0\r\n\r\n" + SMUGGLED
    yield "bare CR in a value", POST + b"A: b\rContent-Length: 40\r\n\r\n" + SMUGGLED
    yield "a folded line", POST + b"A: b\r\n Content-Length: 40\r\n\r\n" + SMUGGLED
    yield "a folded first line", b"POST / HTTP/1.1\r\n " + HOST + b"\r\n" + SMUGGLED
    yield "a blank before the colon", POST + b"Content-Length : 40\r\n\r\n" + SMUGGLED
    yield "a NUL in a value", POST + b"A: b\0c\r\n\r\n" + SMUGGLED
    yield "a NUL in a name", POST + b"A\0: b\r\n\r\n" + SMUGGLED
    yield "no name", POST + b": b\r\n\r\n" + SMUGGLED
    yield "no colon", POST + b"Content-Length\r\n\r\n" + SMUGGLED
    yield "two Hosts", POST + b"Host: other\r\n\r\n" + SMUGGLED
    yield "no Host", b"GET / HTTP/1.1\r\n\r\n" + SMUGGLED
    yield "version 2.0", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n" + SMUGGLED
    yield "version 0.9", b"GET /\r\n" + SMUGGLED
    yield "CONNECT", b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n" + SMUGGLED
    yield "a lower-case method", b"get / HTTP/1.1\r\n" + HOST + b"\r\n" + SMUGGLED


def smuggling(world):
    """Request smuggling"""
    count = 0
    for what, payload in smuggling_rows():
        with world.connect() as c:
            c.send(payload)
            c.socket.shutdown(1)
            said = c.read(5)
        check(said.count(b"HTTP/1.1 ") <= 1, f"{what}: {said.count(b'HTTP/1.1 ')} answers: the second request got through")
        # 503 and grpc-status 8: calls broken off in their bodies cost their address its rate, when this is made again and again.
        refused = said == b"" or said.split(b" ", 2)[1] in (b"400", b"405", b"501", b"503", b"505", b"404") or b"\r\ngrpc-status: 8\r\n" in said
        check(refused, f"{what}: {said[:200]!r}")
        count += 1
    return f"{count} shapes, one answer at most"


def header_bomb(world):
    """Heads without end: many fields, and one field of megabytes"""
    for payload in (GET + b"X-A: b\r\n" * 100000, GET + b"X-A: " + b"b" * 2000000, b"GET /" + b"a" * 2000000):
        with world.connect() as c:
            c.send(payload)
            said = c.read(5)
            check(said == b"" or said.split(b" ", 2)[1] in (b"431", b"414", b"400"), f"{said[:40]!r}")
    return "431, 414"


def chunk_extensions(world):
    """A chunk extension without end"""
    with world.connect() as c:
        ok = c.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"a" * 8000000)
        said = c.read(1)
        check(not ok or said == b"" or said.startswith(b"HTTP/1.1 4"), f"{said[:40]!r}")
    return ""


def pipelined(world):
    """Pipelined requests whose answers nobody reads"""
    with world.connect() as c:
        c.socket.settimeout(0.5)
        c.send((GET + b"\r\n") * 40000)
    return "reading stops"


def oversized(world):
    """gRPC-Web frames: too long, of an unknown kind, cut off, trailers from a client"""
    rows = [(b"\0\xff\xff\xff\xff", b"8"), (b"\0\x00\x50\x00\x00abc", b"8"), (b"\x40\0\0\0\x01a", b"13"), (b"\x80\0\0\0\x01a", b"13"), (b"\0\0\0\0\x09ab", b"13"), (b"\0\0", b"13")]
    for body, status in rows:
        with world.connect() as c:
            c.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            said = c.read(5, b"\r\n\r\n")
            check(b"grpc-status: " + status in said or b"grpc-status:" + status in said, f"{body!r}: {said[:200]!r}")
    return f"{len(rows)} shapes"


def connection_flood(world):
    """1500 connections from one address: 500 may stay"""
    kept, told = [], 0
    for _ in range(1500):
        c = world.connect()
        c.send(b"")
        kept.append(c)
    for c in kept[1400:]:
        told += c.read(0.5, b"\r\n\r\n").startswith(b"HTTP/1.1 503")
    refused = world.rejected("connections")
    check(refused >= 1000, f"{refused} were refused")
    check(told == 100, f"{told} of 100 were told so")
    for c in kept:
        c.close()
    with world.connect() as c:
        for _ in range(100):
            c.send(GET + b"\r\n")
            if c.read(1, b"\r\n\r\n").startswith(b"HTTP/1.1 404"):
                return f"{refused} refused"
            c.close()
            c.__init__(world)
    raise Failure("nobody is let in when they have gone")


connection_flood.once = True
connection_flood.memory_bound = float("inf")


def call_flood(world):
    """Calls as fast as they go: 500 a second may begin here"""
    one = POST + b"Content-Length: %d\r\n\r\n" % len(CALL) + CALL
    with world.connect() as c:
        for _ in range(80):
            c.send(one * 100)
            said = b""
            while said.count(b"HTTP/1.1 200") < 100 or b"grpc-status" not in said[said.rindex(b"HTTP/1.1 200"):]:
                more = c.read(5, b"grpc-status")
                check(more, "no more answers")
                said += more
            if b"grpc-retry-pushback-ms" in said:
                break
    refused = world.rejected("rate")
    check(refused > 0, "no call was refused")
    return f"{refused} refused"


call_flood.once = True
call_flood.config = "limits: {rate_per_address: 500, burst_per_address: 500}\n"

ATTACKS = [slow_heads, slow_bodies, silent, slow_time, smuggling, header_bomb, chunk_extensions, pipelined, oversized, connection_flood, call_flood]


def short_of_memory():
    """With a budget that is used up already: calls are shed, readiness is off, and the way back is told."""
    import urllib.error
    import urllib.request
    with gateway("limits: {memory: 16MiB}\n") as world:
        try:
            urllib.request.urlopen(f"http://{world.admin}/readyz", timeout=10)
            print("memory: FAILED: ready though memory is short")
            return 1
        except urllib.error.HTTPError as e:
            check(e.code == 503, f"readyz: {e.code}")
        try:
            with world.connect() as c:
                c.send(POST + b"Content-Length: %d\r\n\r\n" % len(CALL) + CALL)
                said = c.read(5, b"\r\n\r\n")
                check(said.startswith(b"HTTP/1.1 503") or (b"grpc-status: 8" in said and b"grpc-retry-pushback-ms" in said), f"{said!r}")
        except ConnectionError:
            pass
        check(world.rejected("shed") > 0, "nothing was shed")
    print("memory: load is shed")
    return 0


if __name__ == "__main__":
    code = run("HTTP/1.1", ATTACKS)
    sys.exit(code or (0 if sys.argv[1:] else short_of_memory()))
