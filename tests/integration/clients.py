"""Blocking clients of the gateway with the bytes in their hands, for tests that drive it from outside: gRPC-Web over HTTP/1.1, and ponte.v1. Standard library only.

They do what they are told, also what no client should.
"""
import base64
import http.client
import os
import socket
import struct

HELLO, AUTH, OPEN, HEADERS, DATA, STATUS, CANCEL, CREDIT, PING, PONG = 1, 2, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20, 0x21
END = 1
REASONS = (b"CREDENTIALS_MISSING", b"TOKEN_INVALID", b"TOKEN_EXPIRED", b"API_KEY_INVALID", b"KEY_SET_UNAVAILABLE", b"SCOPE_MISSING",
           b"METHOD_CLOSED")


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return varint(len(value)) + value


def reason_in(details):
    """Which of the gateway's reasons stands in these bytes of a google.rpc.Status."""
    return next((r.decode() for r in REASONS if r in details), "")


def unpadded(value):
    return base64.b64decode(value + "=" * (-len(value) % 4))


def grpc_web(where, path, body, headers=None):
    """(gRPC status, the gateway's reason, the message frames' bytes)"""
    connection = http.client.HTTPConnection(where, timeout=20)
    connection.request("POST", path, body, {"content-type": "application/grpc-web+proto", **(headers or {})})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status != 200:
        return -answer.status, "", data
    trailers, at = {k.lower(): v for k, v in answer.getheaders()}, 0
    while at + 5 <= len(data):
        n = int.from_bytes(data[at + 1:at + 5], "big")
        if data[at] & 0x80:
            for line in data[at + 5:at + 5 + n].decode().split("\r\n"):
                key, _, value = line.partition(":")
                trailers[key.strip().lower()] = value.strip()
            data = data[:at]
            break
        at += 5 + n
    return int(trailers.get("grpc-status", -1)), reason_in(unpadded(trailers.get("grpc-status-details-bin", ""))), data


class Closed(Exception):
    """The gateway closed the WebSocket; args[0] is its close code, 1006 without one."""


class WebSocket:
    """A connection to one path with one subprotocol."""

    def __init__(self, where, path, protocol, timeout=20):
        host, port = where.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: {where}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {protocol}\r\n"
                             f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise Closed(1006)

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Closed(1006)
        self.buffer += data

    def _take(self, n):
        while len(self.buffer) < n:
            self._more()
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def send_raw(self, opcode, payload):
        head = bytes([0x80 | opcode])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", len(payload))
        self.socket.sendall(head + b"\0\0\0\0" + payload)  # a mask of zeros is a mask

    def message(self):
        """The next binary message."""
        while True:
            first, second = self._take(2)
            n = second & 0x7F
            n = struct.unpack(">H", self._take(2))[0] if n == 126 else struct.unpack(">Q", self._take(8))[0] if n == 127 else n
            payload = self._take(n)
            if first & 0xF == 8:
                raise Closed(struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005)
            if first & 0xF == 9:
                self.send_raw(10, payload)
            elif first & 0xF == 2:
                return payload

    def close(self):
        self.socket.close()


class Single(WebSocket):
    """One call by grpc-websockets."""

    def __init__(self, where, path, **headers):
        super().__init__(where, path, "grpc-websockets")
        lines = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1", **headers}
        self.send_raw(2, "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in lines.items()).encode())

    def data(self, frames):
        self.send_raw(2, b"\0" + frames)

    def finish(self):
        self.send_raw(2, b"\1")


class Mux(WebSocket):
    """A ponte.v1 connection."""

    def __init__(self, where):
        super().__init__(where, "/ponte.v1", "ponte.v1")
        self.frames = []

    def send(self, kind, call, payload=b"", flags=0):
        self.send_raw(2, bytes([kind, flags]) + struct.pack(">I", call) + len(payload).to_bytes(3, "big") + payload)

    def hello(self, token="", credit=1 << 20):
        self.send(HELLO, 0, struct.pack(">HIIII", 1, credit, 0, 1 << 22, 0) + text(token))

    def open(self, call, path, metadata=(), timeout_ms=0):
        pairs = b"".join(text(k) + text(v) for k, v in metadata)
        self.send(OPEN, call, text(path) + struct.pack(">I", timeout_ms) + varint(len(metadata)) + pairs)

    def frame(self):
        """The next frame: (type, flags, call, payload)."""
        while not self.frames:
            payload = self.message()
            while payload:
                size = int.from_bytes(payload[6:9], "big")
                self.frames.append((payload[0], payload[1], struct.unpack(">I", payload[2:6])[0], payload[9:9 + size]))
                payload = payload[9 + size:]
        return self.frames.pop(0)

    def status(self, call):
        """Waits for the end of this call: (code, reason)."""
        while True:
            kind, _, of, payload = self.frame()
            if kind == STATUS and of == call:
                return payload[0], reason_in(payload)

    def reply(self, call):
        """Waits for DATA of this call; its end instead is an error."""
        while True:
            kind, _, of, payload = self.frame()
            if of == call and kind == DATA:
                return payload
            if of == call and kind == STATUS:
                raise AssertionError(f"call {call} ended with {payload[0]}: {payload!r}")
