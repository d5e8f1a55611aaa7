"""Starts the echo service and the gateway before it, on free ports, for tests and benchmarks that drive them from outside.

Programs are found through the environment, as ctest sets it (PONTE_GATEWAY, ECHO_SERVER) or in PONTE_BUILD_DIR/bin. Standard library only.
"""
import contextlib
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import ponte_procs as procs


class Process:
    """A program that says on stdout, in so many lines, where it listens, and ends with SIGTERM. With none its output is thrown away."""

    def __init__(self, name, args, lines):
        environment = dict(os.environ, PONTE_LOG="error")
        self.name = name
        output = {"stdout": subprocess.PIPE} if lines else {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.popen = subprocess.Popen([procs.program(name), *args], text=True, env=environment, **output)
        self.said = []
        for _ in range(lines):
            line = self.popen.stdout.readline()
            if not line:
                raise SystemExit(f"{name} ended with {self.popen.wait()} before it was ready")
            self.said.append(line.strip())

    def stop(self):
        """True if it ended by itself and well."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(30) == 0
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            return False

    def cpu_us(self):
        return int(procs.cpu_seconds(self.popen.pid) * 1_000_000)

    def memory_kb(self):
        return procs.private_kb(self.popen.pid)


@contextlib.contextmanager
def certificate():
    """Yields the files of a certificate for localhost and of its key."""
    with tempfile.TemporaryDirectory(prefix="ponte-") as folder:
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield cert, key


@contextlib.contextmanager
def echo_and_gateway(*more):
    """Yields (echo, gateway); the gateway's `plain` and `tls` are "host:port", `admin` is a URL."""
    with certificate() as (cert, key):
        echo = Process("echo_server", ["127.0.0.1:0"], 1)
        try:
            gateway = Process("ponte-gateway",
                              ["--listen", "http://127.0.0.1:0", "--listen", "https://127.0.0.1:0", "--admin", "127.0.0.1:0", "--grace", "1s",
                               "--upstream", f"127.0.0.1:{echo.said[0]}", "--cert", cert, "--key", key, *more], 3)
            where = [line.split() for line in gateway.said]
            gateway.admin = next(url for what, url in where if what == "admin")
            gateway.plain = next(url[7:] for what, url in where if what == "listening" and url.startswith("http://"))
            gateway.tls = next(url[8:] for what, url in where if what == "listening" and url.startswith("https://"))
            try:
                yield echo, gateway
            finally:
                ended_well = gateway.stop()
            if not ended_well:
                raise SystemExit("the gateway did not end well")
        finally:
            echo.stop()


UNARY = "/ponte.echo.v1.EchoService/Unary"
SERVER_STREAM = "/ponte.echo.v1.EchoService/ServerStream"


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def request(data=b"", size=0, count=0, hang=False):
    """An EchoRequest in its gRPC frame."""
    message = b""
    if data:
        message += b"\x12" + varint(len(data)) + data
    if size:
        message += b"\x18" + varint(size)
    if count:
        message += b"\x20" + varint(count)
    if hang:
        message += b"\x38\x01"
    return b"\0" + len(message).to_bytes(4, "big") + message


def h2load(url, body, *args):
    """Runs h2load with gRPC-Web POSTs; (succeeded, its output)."""
    with tempfile.NamedTemporaryFile(prefix="ponte-body-") as file:
        file.write(body)
        file.flush()
        run = subprocess.run(["h2load", *args, "-d", file.name, "-H", "content-type: application/grpc-web+proto", url],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=240)
    words = next((line for line in run.stdout.splitlines() if line.startswith("requests:")), "").replace(",", "").split()
    return int(words[words.index("succeeded") - 1]) if "succeeded" in words else 0, run.stdout
