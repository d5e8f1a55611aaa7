"""What an answer costs: time to its first piece and CPU of the embedded engine over 10,000 passages, and what the gateway adds to each piece of a long answer.

  tests/bench/run chatbot             Ponte alone
  tests/bench/run chatbot --peers     Envoy and grpcwebproxy in the gateway's place, too

CPU is that of the process in question, from /proc. Times are as measured by a client of Python's grpcio on the other core, which takes its share of them. Lessons are generated: a vocabulary
as large as a school's, some words common and most rare, and questions made of three words that stand together in one passage. Pieces come from the scripted engine (--llm fake), which costs
next to nothing.
"""
import argparse
import concurrent.futures
import contextlib
import http.client
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["PONTE_DEPS_DIR"], "python"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import bench_report
import clients
import grpc
import peers
import ponte_procs as procs
import ponte_services

PASSAGES, A_MATERIAL, WORDS = 10000, 100, 30000
AT_ONCE = (1, 8, 32)
ANSWERS = {1: 200, 8: 400, 32: 800}
ASK = "/ponte.chatbot.v1.ChatbotService/ResolveDuvidaStream"
MEASURED_CORE, OTHER_CORE = 0, 1 if os.cpu_count() > 1 else 0
# One caller asks everything.
NO_LIMITS = ("--chatbot-questions", "0", "--chatbot-running", "0", "--chatbot-tokens", "0")


def pin(pid, core):
    subprocess.run(["taskset", "-a", "-c", "-p", str(core), str(pid)], check=True, stdout=subprocess.DEVNULL)


def settled_kb(pid):
    last = -1
    while (now := procs.private_kb(pid)) != last:
        last = now
        time.sleep(0.5)
    return now


# -- lessons


class Lessons:
    """Markdown whose words are drawn as in a language: the nth most common about 1/n as often as the first."""

    COMMON = "the of and a in is that it for as with on by are this which from at an be".split()

    def __init__(self):
        self.random = random.Random(10000)
        sounds = [c + v for c in "b c d f g l m n p r s t v br cl gr pl st tr".split() for v in "a e i o u an en or is".split()]
        words = {"".join(self.random.choices(sounds, k=self.random.choice((2, 2, 3, 3, 4)))) for _ in range(2 * WORDS)}
        self.words = sorted(words)[:WORDS]
        self.random.shuffle(self.words)
        self.weights = [1 / (rank + 10) for rank in range(len(self.words))]
        self.questions = []

    def sentence(self):
        drawn = self.random.choices(self.words, self.weights, k=self.random.randint(6, 11))
        text = " ".join(f"{self.random.choice(self.COMMON)} {word}" if self.random.random() < 0.6 else word for word in drawn)
        return text.capitalize() + ".", drawn

    def passage(self, number):
        sentences = [self.sentence() for _ in range(8)]
        asked = self.random.choice(sentences)[1]
        at = self.random.randint(0, len(asked) - 3)
        self.questions.append(f"What is the {asked[at]} of the {asked[at + 1]} and the {asked[at + 2]}?")
        return f"## Section {number}\n\n" + " ".join(text for text, _ in sentences) + "\n"

    def material(self, number):
        return f"# Lesson {number}\n\n" + "\n".join(self.passage(i) for i in range(A_MATERIAL))


def add_lessons(services, pb, lessons):
    """How many passages they became."""
    passages, number = 0, 0
    while passages < PASSAGES:
        passages += services.call("chatbot.AddMaterial", title=f"Lesson {number}", format=pb.MATERIAL_FORMAT_MARKDOWN, content=lessons.material(number),
                                  idempotency_key=f"bench-{number}").passage_count
        number += 1
    return passages


# -- answers of the embedded engine


def timed_answer(ask, request):
    """(ms to the first piece of text, pieces, finish reason)"""
    begun, first, pieces, finish = time.monotonic(), None, 0, 0
    for part in ask(request, timeout=60):
        if part.WhichOneof("part") == "text":
            first = first or (time.monotonic() - begun) * 1000
            pieces += 1
        elif part.WhichOneof("part") == "final":
            finish = part.final.finish_reason
    return first, pieces, finish


def measure_answers(services, pb, questions, at_once):
    ask = services.channels["chatbot"].unary_stream(ASK, pb.ResolveDuvidaStreamRequest.SerializeToString, pb.ResolveDuvidaStreamResponse.FromString)
    requests = [pb.ResolveDuvidaStreamRequest(duvida=question) for question in questions]
    pid = services.popen.pid
    before, begun = procs.cpu_seconds(pid), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(lambda request: timed_answer(ask, request), requests))
    seconds, cpu = time.monotonic() - begun, procs.cpu_seconds(pid) - before
    firsts = sorted(first for first, _, _ in answers)
    return {"at_once": at_once, "answers": len(answers), "answered": sum(finish == pb.FINISH_REASON_STOP for _, _, finish in answers), "cpu_ms": cpu * 1000 / len(answers),
            "first_ms_p50": statistics.median(firsts), "first_ms_p99": firsts[int(len(firsts) * 0.99)], "pieces": sum(pieces for _, pieces, _ in answers) / len(answers),
            "answers_per_second": len(answers) / seconds}


def answers_of_the_embedded_engine(modules, methods, rounds):
    pb, lessons = modules["chatbot"], Lessons()
    draw = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as folder:
        def started():
            return ponte_services.Services(methods, auth=False, only=("chatbot",), folder=folder, more=("--llm", "embedded", *NO_LIMITS))

        memory, seen = {}, {}
        with started() as services:
            pin(services.popen.pid, MEASURED_CORE)
            memory["before the first passage"] = settled_kb(services.popen.pid)
            before = procs.cpu_seconds(services.popen.pid)
            passages = add_lessons(services, pb, lessons)
            measure_answers(services, pb, lessons.questions[:1], 1)  # what was added is indexed by the next who asks
            adding = (procs.cpu_seconds(services.popen.pid) - before) / passages * 1e6
            memory["with the passages"] = settled_kb(services.popen.pid)
            measure_answers(services, pb, draw.sample(lessons.questions, 50), AT_ONCE[-1])  # threads and readers start
            for _ in range(rounds):
                for at_once in AT_ONCE:
                    seen.setdefault(at_once, []).append(measure_answers(services, pb, draw.sample(lessons.questions, ANSWERS[at_once]), at_once))
            memory["after the answers"] = settled_kb(services.popen.pid)
        with started() as services:
            starting = procs.cpu_seconds(services.popen.pid)
            memory["started again with the passages"] = settled_kb(services.popen.pid)
    rows = [{key: round(min(r[key] for r in some) if key not in ("answered", "answers_per_second") else max(r[key] for r in some), 2) for key in some[0]} for some in seen.values()]
    return {"passages": passages, "add_cpu_us_per_passage": round(adding), "start_cpu_seconds": round(starting, 2), "memory_kb": memory, "answers": rows}


# -- pieces through a gateway


FAST, PACED_STEPS, PACED_AT_ONCE, PACED_ROUNDS = 20000, 110, 32, 4
SCRIPTS = {"as fast as they come": (f"fake:text={FAST}", FAST, 4, 10), "one every 10 ms": ("fake:" + ",".join(["text=1,pause=10"] * PACED_STEPS), PACED_STEPS, PACED_AT_ONCE, PACED_ROUNDS)}


def scripted(pb, script):
    """A request that the material supports, since nothing else reaches an engine."""
    return pb.ResolveDuvidaStreamRequest(duvida="Say " + script, aula_contexto="The engine says fake text 1 and pause 10, or text 20000: say fake, text, pause.")


def framed(request):
    message = request.SerializeToString()
    return b"\0" + struct.pack(">I", len(message)) + message


def messages(data):
    at = 0
    while at + 5 <= len(data):
        n = struct.unpack(">I", data[at + 1:at + 5])[0]
        yield data[at], data[at + 5:at + 5 + n]
        at += 5 + n


def count_pieces(pb, data):
    parts = [pb.ResolveDuvidaStreamResponse.FromString(message) for flags, message in messages(data) if not flags & 0x80]
    assert parts and parts[-1].WhichOneof("part") == "final", f"an answer is not whole: {len(parts)} parts, {data[-200:]!r}"
    return sum(part.WhichOneof("part") == "text" for part in parts)


def by_grpc_web(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", ASK, body, {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"})
    answer = connection.getresponse()
    data = answer.read()
    assert answer.status == 200, answer.status
    connection.close()
    return data


def by_mux(port, body):
    socket = clients.Mux(f"127.0.0.1:{port}")
    socket.socket.settimeout(120)
    socket.hello(credit=1 << 30)
    socket.open(1, ASK)
    socket.send(clients.DATA, 1, body, clients.END)
    data = []
    while (frame := socket.frame())[0] != clients.STATUS:
        if frame[0] == clients.DATA:
            data.append(frame[3])
    assert frame[3][0] == 0, frame
    socket.close()
    return b"".join(data)


def by_grpc(port, body):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return b"".join(b"\0" + struct.pack(">I", len(part)) + part for part in channel.unary_stream(ASK)(body[5:], timeout=120))


WAYS = {"direct, gRPC": by_grpc, "gRPC-Web over HTTP/1.1": by_grpc_web, "ponte.v1": by_mux}


def cost_of_pieces(pb, gateway, service, port, way, script):
    """CPU us a piece of the gateway (0: there is none) and of the service."""
    text, expected, at_once, times = script
    body = framed(scripted(pb, text))
    pids = [pid for pid in (gateway, service) if pid]
    before = [procs.cpu_seconds(pid) for pid in pids]
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(lambda _: way(port, body), range(at_once * times)))
    spent = [(procs.cpu_seconds(pid) - was) * 1e6 for pid, was in zip(pids, before)]
    pieces = sum(count_pieces(pb, data) for data in answers)
    assert pieces == expected * at_once * times, f"{pieces} pieces"
    return {"gateway": spent[0] / pieces if gateway else 0.0, "service": spent[-1] / pieces}


@contextlib.contextmanager
def contestants(scratch, upstream, with_peers):
    """name, process, port, its ways."""
    starts = [("ponte-gateway", peers.start_ponte, ("gRPC-Web over HTTP/1.1", "ponte.v1"))]
    if with_peers:
        starts += [(f"envoy {peers.ENVOY_VERSION}", peers.start_envoy, ("gRPC-Web over HTTP/1.1",)), ("grpcwebproxy 0.15", peers.start_grpcwebproxy, ("gRPC-Web over HTTP/1.1",))]
    running = []
    try:
        for name, start, ways in starts:
            process, port = start(scratch, upstream)
            pin(process.pid, MEASURED_CORE)
            running.append((name, process, port, ways))
        yield [("no gateway", None, upstream, ("direct, gRPC",)), *running]
    finally:
        for _, process, _, _ in running:
            process.terminate()
            process.wait(30)


def pieces_through_gateways(modules, methods, rounds, with_peers):
    pb, seen = modules["chatbot"], {}
    with tempfile.TemporaryDirectory(prefix="ponte-bench-") as scratch, \
            ponte_services.Services(methods, auth=False, only=("chatbot",), more=("--llm", "fake", *NO_LIMITS)) as services:
        pin(services.popen.pid, OTHER_CORE)
        with contestants(scratch, services.ports["chatbot"], with_peers) as gateways:
            for _ in range(rounds):
                for script in SCRIPTS:
                    for name, process, port, ways in gateways:
                        for way in ways:
                            cost = cost_of_pieces(pb, process and process.pid, services.popen.pid, port, WAYS[way], SCRIPTS[script])
                            seen.setdefault((script, name, way), []).append(cost)
    return [{"pieces": script, "process": name, "way": way, **{f"{who}_cpu_us": round(min(cost[who] for cost in costs), 2) for who in ("gateway", "service")},
             "rounds": [round(cost["gateway"], 2) for cost in costs]} for (script, name, way), costs in seen.items()]


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run chatbot", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="measure Envoy and grpcwebproxy too; they are fetched and built into the folder of dependencies")
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    load = os.getloadavg()
    modules, methods = ponte_services.generate("protoc", os.path.join(os.environ["PONTE_SOURCE_DIR"], "proto"))
    embedded = answers_of_the_embedded_engine(modules, methods, options.rounds)
    print(f"{embedded['passages']} passages: added at {embedded['add_cpu_us_per_passage']} us CPU each, read again at the start in {embedded['start_cpu_seconds']} s CPU")
    for when, kb in embedded["memory_kb"].items():
        print(f"  {when:32} {kb / 1024:8.1f} MB")
    for r in embedded["answers"]:
        print(f"  {r['at_once']:3} at once  {r['cpu_ms']:7.2f} ms CPU an answer  first piece {r['first_ms_p50']:7.1f} ms p50 {r['first_ms_p99']:7.1f} ms p99  "
              f"{r['answers_per_second']:7.1f} answers/s  {r['answered']} of {r['answers']} answered")
    pieces = pieces_through_gateways(modules, methods, options.rounds, options.peers)
    for r in pieces:
        print(f"{r['pieces']:22} {r['process']:20} {r['way']:24} {r['gateway_cpu_us']:8} us CPU a piece, the service {r['service_cpu_us']:8}")
    bench_report.write("chatbot", {"embedded": embedded, "pieces": pieces}, load)


main()
