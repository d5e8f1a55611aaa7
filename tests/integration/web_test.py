"""gRPC-Web as bytes on a socket, against the real gateway and the echo service: what no client library sends or shows.

usage: web_test.py [--no-memory]
"""
import base64
import os
import signal
import socket
import ssl
import sys

import harness

ORIGIN = "https://app.example.org"
TYPES = {"binary": "application/grpc-web+proto", "text": "application/grpc-web-text"}
MESSAGE = harness.request(data=b"hello")


def connect(where, tls=False):
    host, port = where.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), timeout=60)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        s = context.wrap_socket(s)
    return s, s.makefile("rb")


def head(path=harness.UNARY, form="binary", method="POST", more=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Type: {TYPES[form]}", *more]
    return "\r\n".join(lines).encode() + b"\r\n"


def encoded(body, form):
    return base64.b64encode(body) if form == "text" else body


def post(body, form="binary", path=harness.UNARY, more=()):
    body = encoded(body, form)
    return head(path, form, more=[*more, f"Content-Length: {len(body)}"]) + b"\r\n" + body


def read_head(stream):
    status = int(stream.readline().split()[1])
    headers = []
    while line := stream.readline().strip():
        name, _, value = line.decode("latin1").partition(":")
        headers.append((name.lower(), value.strip()))
    return status, headers


def read_chunks(stream, give=None):
    """The body, and whether it ended as it should; with `give`, each chunk goes there instead."""
    body = b""
    while size := stream.readline():
        n = int(size, 16)
        chunk = stream.read(n)
        if len(chunk) < n:
            return body + chunk, False
        body += chunk if give is None else give(chunk)
        stream.readline()
        if n == 0:
            return body, True
    return body, False


def read_answer(stream):
    status, headers = read_head(stream)
    if ("transfer-encoding", "chunked") in headers:
        body, whole = read_chunks(stream)
    else:
        n = int(dict(headers).get("content-length", "0"))
        body = stream.read(n)
        whole = len(body) == n
    return status, headers, body, whole


def decoded(body, form):
    if form != "text":
        return body
    runs, out = body, b""
    while runs:  # each run is padded
        end = runs.find(b"=")
        end = len(runs) if end < 0 else end + len(runs[end:]) - len(runs[end:].lstrip(b"="))
        out += base64.b64decode(runs[:end], validate=True)
        runs = runs[end:]
    return out


def frames(body):
    found = []
    while body:
        n = int.from_bytes(body[1:5], "big")
        assert len(body) >= 5 + n, "a frame is cut off"
        found.append((body[0], body[5 : 5 + n]))
        body = body[5 + n :]
    return found


def messages_and_status(body, form):
    *messages, (flag, trailers) = frames(decoded(body, form))
    assert flag == 0x80 and all(f == 0 for f, _ in messages)
    return [m for _, m in messages], int(trailers.split(b"grpc-status: ")[1].split(b"\r\n")[0])


def test_chunked_bodies(gateway):
    for form in TYPES:
        body = encoded(MESSAGE, form)
        for size in 1, 3, 4, 7, len(body):
            s, stream = connect(gateway.plain)
            s.sendall(head(form=form, more=["Transfer-Encoding: chunked"]) + b"\r\n")
            for at in range(0, len(body), size):
                piece = body[at : at + size]
                s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            s.sendall(b"0\r\n\r\n")
            status, _, answer, whole = read_answer(stream)
            messages, code = messages_and_status(answer, form)
            assert (status, whole, code) == (200, True, 0) and b"hello" in messages[0], (form, size)
            s.close()


def test_pipelining(gateway):
    texts = [b"first", b"second", b"third", b"fourth"]
    forms = ["binary", "text", "text", "binary"]
    for tls in False, True:
        s, stream = connect(gateway.tls if tls else gateway.plain, tls)
        s.sendall(b"".join(post(harness.request(data=t), f) for t, f in zip(texts, forms)))
        for text, form in zip(texts, forms):
            status, headers, answer, _ = read_answer(stream)
            messages, code = messages_and_status(answer, form)
            assert (status, code) == (200, 0) and text in messages[0], (text, answer)
            assert ("content-type", TYPES[form]) in headers, headers
        s.close()


def test_expect_continue(gateway):
    for form in TYPES:
        body = encoded(MESSAGE, form)
        s, stream = connect(gateway.plain)
        s.sendall(head(form=form, more=["Expect: 100-continue", f"Content-Length: {len(body)}"]) + b"\r\n")
        assert read_head(stream)[0] == 100
        s.sendall(body)
        _, _, answer, _ = read_answer(stream)
        assert messages_and_status(answer, form)[1] == 0
        s.close()


def test_accept_decides(gateway):
    for sent in TYPES:
        for wanted in TYPES:
            s, stream = connect(gateway.plain)
            s.sendall(post(MESSAGE, sent, more=[f"Accept: text/html, {TYPES[wanted]};q=0.9"]))
            _, headers, answer, _ = read_answer(stream)
            assert ("content-type", TYPES[wanted]) in headers and messages_and_status(answer, wanted)[1] == 0, (sent, wanted)
            s.close()


def test_long_streams_take_no_memory(gateway):
    """200 MiB each: the gateway holds a window of it, whatever the reader does."""
    for form in TYPES:
        s, stream = connect(gateway.plain)
        s.sendall(post(harness.request(size=65536, count=3200), form, harness.SERVER_STREAM))
        assert read_head(stream)[0] == 200
        before, got = None, 0

        def count(chunk):
            nonlocal before, got
            got += len(chunk)
            if before is None and got > 8 << 20:
                before = gateway.memory_kb()
            return b""

        assert read_chunks(stream, count)[1]
        grown = gateway.memory_kb() - before
        print(f"{form}: {grown} KiB while {got >> 20} MiB passed")
        assert got > 200 << 20 and grown < 4096, (form, got, grown)
        s.close()


def test_unread_streams_have_bounded_memory(gateway):
    before = gateway.memory_kb()
    held = []
    for form in ["binary", "text"] * 5:
        s, stream = connect(gateway.plain)
        s.sendall(post(harness.request(size=65536, count=1600), form, harness.SERVER_STREAM))
        assert read_head(stream)[0] == 200
        held.append((s, stream))
    grown = gateway.memory_kb() - before
    print(f"10 unread streams: {grown} KiB")
    assert grown < 10 * 2048, grown  # a window of 256 KiB, what the socket had no room for, and its text
    for s, stream in held:
        s.close()


def test_request_headers(gateway):
    """What of the request is metadata for the service: it tells what it got."""
    forwarded = {"X-Custom": "a b", "Authorization": "Bearer t", "Cookie": "a=b", "X-User-Agent": "grpc-web-javascript/0.1", "X-Some-Bin": "AAEC"}
    kept = {"Origin": "http://localhost", "Referer": "http://localhost/secret", "Sec-Fetch-Mode": "cors", "Accept-Language": "pt", "X-Ponte-User": "forged",
            "Connection": "x-hop", "X-Hop": "hop", "Upgrade-Insecure-Requests": "1", "Cache-Control": "no-cache", "TE": "trailers", "Grpc-Status": "0", "X-Secret": "dropped"}
    s, stream = connect(gateway.plain)
    s.sendall(post(MESSAGE, more=[f"{k}: {v}" for k, v in {**forwarded, **kept}.items()]))
    message = messages_and_status(read_answer(stream)[2], "binary")[0][0].lower()
    for name in forwarded:
        assert name.lower().encode() in message, name
    assert b"\x00\x01\x02" in message
    for name in kept:
        assert b"\x0a" + bytes([len(name)]) + name.lower().encode() not in message, name
    s.close()


def test_cors_on_every_answer(gateway):
    rows = [
        (200, post(MESSAGE)),
        (400, head(more=["Content-Length: 1, 2"])),
        (400, head(more=["Transfer-Encoding: chunked"]) + b"\r\nzz\r\n"),
        (404, post(MESSAGE, path="/nothing")),
        (404, head("/no/page", method="GET").replace(b"Content-Type", b"X")),
        (405, head(method="PUT", more=["Content-Length: 0"])),
        (415, head(more=["Content-Length: 0"]).replace(b"+proto", b"+json")),
        (417, head(more=["Expect: wonders", "Content-Length: 0"])),
        (426, head("/ponte.v1", method="GET").replace(b"Content-Type", b"X")),
        (431, head(more=["X-Long: " + "x" * 70000])),
        (403, post(MESSAGE).replace(b"Host: localhost", b"Host: evil.example")),
    ]
    for status, raw in rows:
        named = raw.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nOrigin: " + ORIGIN.encode() + b"\r\n", 1)
        s, stream = connect(gateway.plain)
        s.sendall(named if b"\r\n\r\n" in named else named + b"\r\n")
        got, headers = read_head(stream)
        assert got == status, (got, status, raw[:80])
        assert ("access-control-allow-origin", ORIGIN) in headers, (status, headers)
        assert ("vary", "origin") in headers, (status, headers)
        s.close()


def test_other_origins_are_refused_unheard(gateway):
    for origin in "https://app.example.org.evil", "http://app.example.org", "null", "https://example.org":
        s, stream = connect(gateway.plain)
        s.sendall(post(MESSAGE, more=[f"Origin: {origin}"]))
        status, headers, _, _ = read_answer(stream)
        assert status == 403 and "access-control-allow-origin" not in dict(headers), (origin, status, headers)
        s.close()


def test_a_dying_service(_):
    """The whole messages, and 14; inside a long message a break that nobody can take for an end."""
    for form in TYPES:
        with harness.echo_and_gateway() as (echo, gateway):
            s, stream = connect(gateway.plain)
            s.sendall(post(harness.request(size=5000, count=3, hang=True), form, harness.SERVER_STREAM))
            assert read_head(stream)[0] == 200
            seen = 0

            def count(chunk):
                nonlocal seen
                seen += len(decoded(chunk, form))
                if seen > 15000:
                    os.kill(echo.popen.pid, signal.SIGKILL)
                return chunk

            body, whole = read_chunks(stream, count)
            messages, code = messages_and_status(body, form)
            assert whole and code == 14 and len(messages) == 3, (form, whole, code, len(messages))
            s.close()


os.environ["PONTE_GATEWAY_METADATA_DROP"] = "x-secret"
with harness.echo_and_gateway("--allow-origin", "https://*.example.org") as (_, the_gateway):
    for name, test in list(globals().items()):
        if name.startswith("test_") and not ("memory" in name and "--no-memory" in sys.argv):
            test(the_gateway)
            print(f"ok {name}", flush=True)
