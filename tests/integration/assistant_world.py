"""The whole road of a doubt for tests: gateway, ponte-services with the chatbot on a provider's engine, and the double of that provider (tests/doubles); and a client that reads
answers at the gateway piece by piece.

What such a test asks holds a marker, double:NAME (tests/doubles/scripts.py), that says how the provider answers; the same words are given as aula_contexto, so that there is
always material with support.
"""
import base64
import contextlib
import http.client
import os
import re
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.environ["PONTE_DEPS_DIR"], "python"), os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "doubles")]
from google.rpc import error_details_pb2, status_pb2

import ponte_services
import running
import scripts
from harness import Process

ENGINES = {"gemini": "GEMINI_API_KEY", "openai": "OPENAI_API_KEY"}
PATH = "/ponte.chatbot.v1.ChatbotService/"
GRPC_WEB = "application/grpc-web+proto"
WAIT_SECONDS = 20
# All these tests ask from one address, more than one caller may.
NO_LIMITS = ("--chatbot-questions", "0", "--chatbot-running", "0", "--chatbot-tokens", "0")


class Failures:
    """What was not as it should be; a test goes on and ends with exit code 1."""

    def __init__(self):
        self.count = 0

    def check(self, got, want, what):
        self.that(got == want, f"{what}: got {got!r}, want {want!r}")

    def that(self, holds, what):
        if not holds:
            self.count += 1
            print(f"FAILED {what}", flush=True)


def until(condition, seconds=WAIT_SECONDS):
    """Waits until condition() is true; what it gave last."""
    deadline = time.monotonic() + seconds
    while not (got := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return got


def frame(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


class Answer:
    """What a client got: `order` is the kinds of messages as they came, `code` -1 while there was no status."""

    def __init__(self):
        self.order, self.sources, self.pieces, self.final, self.response = [], [], [], None, None
        self.code, self.reason, self.retry_ms, self.message = -1, "", 0, ""

    @property
    def text(self):
        return self.response.resposta if self.response else "".join(self.pieces)

    def take(self, message):
        """A ResolveDuvidaStreamResponse."""
        kind = message.WhichOneof("part")
        self.order.append(kind)
        if kind == "sources":
            self.sources = list(message.sources.passages)
        elif kind == "text":
            self.pieces.append(message.text)
        elif kind == "final":
            self.final = message.final

    def end(self, headers):
        """Status and details, of a trailer or of headers; keys in lower case."""
        self.code = int(headers["grpc-status"])
        self.message = headers.get("grpc-message", "")
        details = headers.get("grpc-status-details-bin", "")
        for detail in status_pb2.Status.FromString(base64.b64decode(details + "=" * (-len(details) % 4))).details:
            info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
            if detail.Unpack(info):
                self.reason = info.reason
            elif detail.Unpack(retry):
                self.retry_ms = retry.retry_delay.ToMilliseconds()

    def is_in_order(self):
        """Sources first, text, one final and only at the end of a stream that is OK."""
        kinds = re.sub("(t)+", "t", "".join(k[0] for k in self.order))
        return kinds in ("st" + "f", "sf") if self.code == 0 else kinds in ("", "s", "st")


class Messages:
    """gRPC-framed bytes, as they come, into an Answer."""

    def __init__(self, method):
        self.method, self.buffer, self.answer = method, b"", Answer()

    def push(self, data):
        self.buffer += data
        while len(self.buffer) >= 5 and len(self.buffer) >= 5 + (n := int.from_bytes(self.buffer[1:5], "big")):
            flag, body, self.buffer = self.buffer[0], self.buffer[5:5 + n], self.buffer[5 + n:]
            if flag & 0x80:
                lines = (line.partition(":") for line in body.decode().split("\r\n") if line)
                self.answer.end({k.strip().lower(): v.strip() for k, _, v in lines})
            elif self.method.streams:
                self.answer.take(self.method.response.FromString(body))
            else:
                self.answer.response = self.method.response.FromString(body)


class Call:
    """One streamed answer by gRPC-Web over HTTP/1.1, as it comes; `with` closes the connection wherever it is."""

    def __init__(self, world, request, method="ResolveDuvidaStream", timeout=None, address=None):
        self.method = world.methods[f"chatbot.{method}"]
        host = address or world.where
        self.connection = http.client.HTTPConnection(host, timeout=90)
        headers = {"content-type": GRPC_WEB, "x-grpc-web": "1", **({"grpc-timeout": timeout} if timeout else {})}
        self.connection.request("POST", PATH + method, frame(self.method.request(**request).SerializeToString()), headers)
        self.socket = self.connection.sock  # the connection forgets it at an answer that ends with it
        self.http, self.messages = None, Messages(self.method)
        self.answer = self.messages.answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.http:
            self.http.close()
        self.connection.close()

    def read(self, enough=lambda answer: False):
        """Reads until the end, or until enough(answer)."""
        if not self.http:
            self.http = self.connection.getresponse()
            assert self.http.status == 200, (self.http.status, self.http.read())
            headers = {k.lower(): v for k, v in self.http.getheaders()}
            if "grpc-status" in headers:
                self.answer.end(headers)
        while not enough(self.answer):
            data = self.http.read1(65536)
            if not data:
                break
            self.messages.push(data)
        return self.answer


class World:
    """Double, service and gateway; `with` stops them, and judges how they ended."""

    def __init__(self, engine, methods, more=(), address="127.0.0.1"):
        os.environ[ENGINES[engine]] = running.KEY  # of the service, which gets our environment
        self.engine, self.methods, self.more, self.address = engine, methods, more, address
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.double = stack.enter_context(running.Double())
            options = ["--llm", self.engine, "--llm-url", self.double.url, "--grace", "500ms", *NO_LIMITS, *self.more]
            self.services = stack.enter_context(ponte_services.Services(self.methods, auth=False, only=("chatbot",), more=options))
            self.gateway = Process("ponte-gateway", ["--listen", f"http://{self.address}:0", "--admin", "127.0.0.1:0", "--grace", "1s",
                                                     "--upstream", f"127.0.0.1:{self.services.ports['chatbot']}"], 2)
            stack.callback(self.gateway.stop)
            said = dict(line.split() for line in self.gateway.said)
            self.where, self.gateway_admin = said["listening"][7:], said["admin"]
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *what):
        return self.stack.__exit__(*what)

    def request(self, name, question="Como as plantas fazem fotossíntese?", context=None, more=None, **parameters):
        """Fields of a question that the double answers by this script, with a context that has the same words, so that the search finds it; and more of them, if `context` says so."""
        mark = scripts.marker(name, **parameters)
        duvida = f"{question} {mark}"
        return {"duvida": duvida, "aula_contexto": duvida if context is None else f"{duvida} {context}", **(more or {})}

    def call(self, name, method="ResolveDuvidaStream", timeout=None, address=None, **parameters):
        return Call(self, self.request(name, **parameters), method, timeout, address)

    def ask(self, name, method="ResolveDuvidaStream", timeout=None, **parameters):
        """The whole answer."""
        with self.call(name, method, timeout, **parameters) as call:
            return call.read()

    def metrics(self, admin=None):
        """{"name{labels}": value} of the service's, or of another process's admin page."""
        with urllib.request.urlopen(f"{admin or 'http://127.0.0.1:%d' % self.services.ports['admin']}/metrics", timeout=20) as answer:
            lines = (line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line and not line.startswith("#"))
            return {key: float(value) for key, value in lines}

    def ended(self, end):
        """Answers of this engine that ended so."""
        return self.metrics().get(f'ponte_chatbot_answers_total{{engine="{self.engine}",end="{end}"}}', 0)

    def is_idle(self):
        """Nothing runs at the double, in the service, in the gateway."""
        return (self.double.state()["running"] == 0 and self.metrics()["ponte_chatbot_running"] == 0 and
                sum(v for k, v in self.metrics(self.gateway_admin.rstrip("/")).items() if k.startswith("ponte_gateway_streams")) == 0)

    def threads(self):
        """Of the service."""
        return len(os.listdir(f"/proc/{self.services.popen.pid}/task"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.services.popen.pid}/fd"))


def main(tests, each_engine=True):
    """The common end of these tests: TEST.py PROTOC PROTO_ROOT [ENGINE]. Each test is test(world, failures); test.options are more of the service's, test.address is
    the gateway's."""
    failures = Failures()
    engines = sys.argv[3:4] or (list(ENGINES) if each_engine else ["gemini"])
    methods = ponte_services.generate(sys.argv[1], sys.argv[2])[1]
    for engine in engines:
        for test in tests:
            before, began = failures.count, time.monotonic()
            with World(engine, methods, getattr(test, "options", ()), getattr(test, "address", "127.0.0.1")) as world:
                test(world, failures)
                if world.double.popen.poll() is None:
                    failures.check(world.double.state()["wrong"], [], f"{engine}: requests that the provider would refuse")
            print(f"{'done' if failures.count == before else 'FAILED'} {engine} {test.__name__} {time.monotonic() - began:.1f} s", flush=True)
    raise SystemExit(failures.count != 0)
