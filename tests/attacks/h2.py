"""HTTP/2 frames by hand (RFC 9113, RFC 7541): what no library would send."""
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(n, bits, first=0):
    top = (1 << bits) - 1
    if n < top:
        return bytes([first | n])
    out, n = bytes([first | top]), n - top
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def text(value):
    return integer(len(value), 7) + value


def literal(name, value, indexed=False):
    """A field with a new name; `indexed` puts it into the dynamic table."""
    return (b"\x40" if indexed else b"\x00") + text(name) + text(value)


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", key, value) for key, value in pairs))


START = PREFACE + settings()


def head(path, *more, method=b"POST", authority=b"localhost"):
    """A request's fields, in HPACK without any table."""
    out = literal(b":method", method) + literal(b":scheme", b"http") + literal(b":path", path) + literal(b":authority", authority)
    return out + b"".join(literal(name, value) for name, value in more)


def request(stream, path, *more, end=False, method=b"POST"):
    fields = head(path, (b"content-type", b"application/grpc-web+proto"), *more, method=method)
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, fields)


def frames(data):
    """(type, flags, stream, payload) of whole frames."""
    at = 0
    while at + 9 <= len(data):
        size = int.from_bytes(data[at:at + 3], "big")
        if at + 9 + size > len(data):
            return
        yield data[at + 3], data[at + 4], int.from_bytes(data[at + 5:at + 9], "big"), data[at + 9:at + 9 + size]
        at += 9 + size


def goaway(data):
    """The error code of the last GOAWAY, or None."""
    code = None
    for kind, _, _, payload in frames(data):
        if kind == GOAWAY:
            code = int.from_bytes(payload[4:8], "big")
    return code
