"""Answers that nobody waits for any more: however the client goes, the request at the provider is closed, the end is counted, and nothing runs on.

Each way to go is tried while text is coming, while the provider is silent after some text, before its first byte, and during the pause before it is asked again. The wait is for
the condition; how long it took is printed.

usage: assistant_cancel_test.py PROTOC PROTO_ROOT [ENGINE]
"""
import concurrent.futures
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time


import assistant_world
import clients
import scripts

sys.path.append(os.path.join(assistant_world.HERE, "..", "attacks"))
import h2  # noqa: E402

# What the provider does meanwhile: script, parameters, whether there is text to wait for.
MOMENTS = [("endless", {}, True), ("silent_middle", {}, True), ("silent", {}, False)]
PAUSE = ("quota", {"retry": 9000}, False)
STREAM = "ResolveDuvidaStream"
# Threads and descriptors that libraries add now and then; what leaks with each answer would be ten times as many.
SLACK = 4
# How an answer whose deadline passed has ended: the service's own clock says so, or the gateway's, which resets the stream.
LATE = ("deadline", "cancelled")


def path(method=STREAM):
    return assistant_world.PATH + method


# -- clients: each begins a call and gives (wait for the first text, go away) --------------------------------------------


def first_text(answer):
    return "text" in answer.order


def web(world, request, go, more="", **options):
    call = assistant_world.Call(world, request, **options)
    call.socket.sendall(more.encode())

    def leave():
        if go == "reset":
            call.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        call.close()
        call.socket.close()
    return (lambda: call.read(first_text)), leave


def closed(world, request):
    """The connection is closed, as when a tab is."""
    return web(world, request, "close")


def pipelined(world, request):
    """The connection is closed with another request unread behind the running one."""
    return web(world, request, "close", more="GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


def reset(world, request):
    """The connection ends by RST."""
    return web(world, request, "reset")


def killed(world, request):
    """The client's process is killed."""
    body = assistant_world.frame(world.methods["chatbot." + STREAM].request(**request).SerializeToString())
    host, port = world.where.split(":")
    head = f"POST {path()} HTTP/1.1\r\nHost: {world.where}\r\ncontent-type: {assistant_world.GRPC_WEB}\r\ncontent-length: {len(body)}\r\n\r\n"
    program = ("import socket, sys\n"
               f"s = socket.create_connection(({host!r}, {port}))\ns.sendall(sys.stdin.buffer.read())\nseen = b''\n"
               "while True:\n    data = s.recv(65536)\n    seen += data\n    print(int(b'parte 0' in seen), flush=True)\n")
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(head.encode() + body)
    process.stdin.close()

    def wait():
        while process.stdout.readline() not in (b"1\n", b""):
            pass

    def leave():
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    return wait, leave


def two(world, request, last):
    """HTTP/2 by hand."""
    host, port = world.where.split(":")
    s = socket.create_connection((host, int(port)), 20)
    body = assistant_world.frame(world.methods["chatbot." + STREAM].request(**request).SerializeToString())
    s.sendall(h2.START + h2.request(1, path().encode()) + h2.frame(h2.DATA, h2.END_STREAM, 1, body))
    seen = bytearray()

    def wait():
        while b"parte 0" not in seen:
            seen.extend(s.recv(65536))

    def leave():
        if last:
            s.sendall(last)
        else:
            s.close()
    leave.after = s.close
    return wait, leave


def h2_reset(world, request):
    """RST_STREAM(CANCEL); the connection stays."""
    return two(world, request, h2.frame(h2.RST, 0, 1, struct.pack(">I", 8)))


def h2_closed(world, request):
    """An HTTP/2 connection is closed."""
    return two(world, request, None)


def mux(world, request, leave_by):
    m = clients.Mux(world.where)
    m.hello()
    method = world.methods["chatbot." + STREAM]
    m.open(1, method.path)
    m.send(clients.DATA, 1, assistant_world.frame(method.request(**request).SerializeToString()), clients.END)
    messages = assistant_world.Messages(method)

    def wait():
        while not first_text(messages.answer):
            messages.push(m.reply(1))

    def leave():
        leave_by(m)
    leave.after = m.close
    return wait, leave


def mux_cancelled(world, request):
    """CANCEL of ponte.v1: the stop button."""
    return mux(world, request, lambda m: m.send(clients.CANCEL, 1))


def mux_closed(world, request):
    """The WebSocket's connection is gone."""
    return mux(world, request, lambda m: m.close())


def mux_goodbye(world, request):
    """A WebSocket close frame."""
    return mux(world, request, lambda m: m.send_raw(8, struct.pack(">H", 1001)))


def single_closed(world, request):
    """grpc-websockets: its socket is closed."""
    single = clients.Single(world.where, path())
    method = world.methods["chatbot." + STREAM]
    single.data(assistant_world.frame(method.request(**request).SerializeToString()))
    single.finish()
    seen = bytearray()

    def wait():
        while b"parte 0" not in seen:
            seen.extend(single.message())
    return wait, single.close


def unary_closed(world, request):
    """The caller of ResolveDuvida hangs up; it never sees text before the end."""
    return (lambda: None), web(world, {k: request[k] for k in ("duvida", "aula_contexto")}, "close", method="ResolveDuvida")[1]


def native(world, request):
    """A gRPC client without a gateway cancels."""
    method = world.methods["chatbot." + STREAM]
    call = world.services.channels["chatbot"].unary_stream(method.path, method.request.SerializeToString, method.response.FromString)(method.request(**request))

    def wait():
        for message in call:
            if message.WhichOneof("part") == "text":
                return
    return wait, call.cancel


def deadline(world, request):
    """grpc-timeout passes, with the client still there."""
    wait, leave = web(world, request, "close", timeout="1500m")

    def stay():
        pass
    stay.after = leave
    return wait, stay


def deaf(world, request):
    """The client reads nothing more, and its deadline passes."""
    wait, leave = web(world, request, "close", timeout="2500m")

    def stay():
        pass
    stay.after = leave
    return wait, stay


WAYS = [closed, pipelined, reset, killed, h2_reset, h2_closed, mux_cancelled, mux_closed, mux_goodbye, single_closed, unary_closed, native]
LATE_WAYS = [deadline, deaf]


# -- judging ------------------------------------------------------------------------------------------------------------


def begin(world, way, moment, round_name):
    """(what it is called, its marker at the provider, how to wait for the moment, how to go away)"""
    name, parameters, has_text = moment
    parameters = {**parameters, "id": f"{way.__name__}-{round_name}".replace("_", "-")}
    if way is deaf:
        parameters.update(ms=0, n=100000)
    wait, leave = way(world, world.request(name, **parameters))
    return f"{world.engine} {way.__doc__.split('.')[0]} while {name}", scripts.marker(name, **parameters), wait if has_text else None, leave


def leave_one(world, failures, moment, begun):
    """Waits for the moment, goes away, waits until the provider has seen it. Gives the seconds that took."""
    what, marker, wait, leave = begun
    if wait:
        wait()
    failures.that(assistant_world.until(lambda: world.double.requests(marker)), f"{what}: the provider is asked")
    began = time.monotonic()
    leave()
    if moment is not PAUSE:
        failures.that(assistant_world.until(lambda: world.double.requests(marker)[0]["state"] == "closed_by_client"),
                      f"{what}: upstream is {world.double.requests(marker)[0]['state']}")
    return time.monotonic() - began


def go(world, failures, ways_and_moments, round_name, ends):
    """All begin, and each goes away when its moment has come; then nothing runs, and so many have ended so. Gives [(way, moment, seconds)]."""
    before = {end: world.ended(end) for end in ("failed", *LATE)}
    with concurrent.futures.ThreadPoolExecutor(len(ways_and_moments)) as pool:
        begun = [begin(world, way, moment, round_name) for way, moment in ways_and_moments]
        jobs = [pool.submit(leave_one, world, failures, moment, one) for (_, moment), one in zip(ways_and_moments, begun)]
        took = [(way, moment, job.result()) for (way, moment), job in zip(ways_and_moments, jobs)]
    failures.that(assistant_world.until(lambda: sum(world.ended(end) - before[end] for end in ends) == len(begun)),
                  f"{world.engine} {round_name}: {len(begun)} counted as {[(end, world.ended(end) - n) for end, n in before.items()]}, not as {' or '.join(ends)}")
    for *_, leave in begun:
        with contextlib.suppress(OSError):
            getattr(leave, "after", lambda: None)()
    failures.that(assistant_world.until(world.is_idle), f"{world.engine} {round_name}: something still runs")
    for what, marker, *_ in begun:
        failures.check(len(world.double.requests(marker)), 1, f"{what}: requests")
    return took


def test_ways(world, failures):
    """Each way at each moment, those of a moment side by side."""
    times = {}

    def all_go(moment, round_name):
        for way, _, seconds in go(world, failures, [(way, moment) for way in WAYS], round_name, ("cancelled",)):
            times.setdefault(way.__name__, []).append(seconds)

    all_go(MOMENTS[0], "warm")  # so that threads and connections that are kept are there
    threads, descriptors = world.threads(), world.descriptors()
    times.clear()
    for number, moment in enumerate((*MOMENTS, PAUSE)):
        all_go(moment, number)
    failures.that(assistant_world.until(lambda: world.threads() <= threads + SLACK), f"threads grew from {threads} to {world.threads()}")
    failures.that(assistant_world.until(lambda: world.descriptors() <= descriptors + SLACK), f"descriptors grew from {descriptors} to {world.descriptors()}")
    for name, seconds in times.items():
        print(f"  {world.engine} {name:14} upstream closed after {' '.join('%4.0f' % (s * 1000) for s in seconds[:-1])} ms")


def test_deadlines(world, failures):
    """The deadline ends what nobody else does."""
    for way, moment, seconds in go(world, failures, [(deadline, moment) for moment in MOMENTS], "late", LATE):
        print(f"  {world.engine} {way.__name__} while {moment[0]}: upstream closed after {seconds * 1000:4.0f} ms")
    go(world, failures, [(deadline, PAUSE)], "late", ("failed",))  # the pause would be longer than the deadline: the service says so at once
    go(world, failures, [(deaf, MOMENTS[0])], "late", ("failed", *LATE))  # or the text that nobody took is what ended it


def test_many_at_once(world, failures):
    """50 who all close at the same moment."""
    calls = [closed(world, world.request("endless", id=f"storm-{i}")) for i in range(50)]
    for wait, _ in calls:
        wait()
    failures.check(world.double.state()["running"], 50, "50 run")
    for _, leave in calls:
        leave()
    failures.that(assistant_world.until(world.is_idle), f"something still runs: {world.double.state()}")
    failures.check(world.double.state()["closed_by_client"], 50, "closed")
    failures.check(world.ended("cancelled"), 50, "counted")


def test_gateway_killed(world, failures):
    """The gateway itself dies; the service notices its closed connection."""
    calls = [closed(world, world.request(name, id=f"gateway-{name}")) for name in ("endless", "silent")]
    calls[0][0]()
    failures.that(assistant_world.until(lambda: world.double.state()["running"] == 2), "two run")
    world.gateway.popen.kill()
    failures.that(assistant_world.until(lambda: world.double.state()["closed_by_client"] == 2), f"upstream: {world.double.state()}")
    failures.that(assistant_world.until(lambda: world.metrics()["ponte_chatbot_running"] == 0), "the service goes on")
    for _, leave in calls:
        leave()


def test_service_stopped(world, failures):
    """SIGTERM of the service while answers run: they end with a status, and the provider is left."""
    with world.call("endless", id="stop") as call:
        call.read(first_text)
        world.services.popen.send_signal(signal.SIGTERM)
        answer = call.read()
        failures.that(answer.code in (1, 14) and answer.final is None, f"the end of a service: {answer.code} {answer.message}")
    failures.that(assistant_world.until(lambda: world.double.state()["running"] == 0), "upstream goes on")


if __name__ == "__main__":
    assistant_world.main([test_ways, test_deadlines, test_many_at_once, test_gateway_killed, test_service_stopped])
