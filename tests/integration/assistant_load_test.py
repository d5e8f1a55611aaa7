"""100 answers at once through the gateway, from a slow provider: half by gRPC-Web, a connection each, half as calls of one WebSocket. The provider goes on only when all are under
way, so they are at once. Each must be whole, and its own.

usage: assistant_load_test.py PROTOC PROTO_ROOT [ENGINE]
"""
import threading

import assistant_world
import clients
import scripts

CALLS = 100
PIECES = 20


def script(i):
    return "together", {"calls": CALLS, "n": PIECES, "ms": 50, "id": f"caller-{i}"}


def by_connection(world, i, answers):
    name, parameters = script(i)
    answers[i] = world.ask(name, timeout="60S", **parameters)


def by_websocket(world, numbers, answers):
    """All these on one connection, read by one thread."""
    mux = clients.Mux(world.where)
    mux.hello()
    method = world.methods["chatbot.ResolveDuvidaStream"]
    parts = {}
    for call, i in enumerate(numbers, 1):
        name, parameters = script(i)
        parts[call] = (assistant_world.Messages(method), i)
        mux.open(call, method.path, timeout_ms=60000)
        mux.send(clients.DATA, call, assistant_world.frame(method.request(**world.request(name, **parameters)).SerializeToString()), clients.END)
    while parts:
        kind, _, call, payload = mux.frame()
        if kind == clients.DATA:
            parts[call][0].push(payload)
        elif kind == clients.STATUS:
            messages, i = parts.pop(call)
            messages.answer.code = payload[0]
            answers[i] = messages.answer
    mux.close()


def test_hundred_at_once(world, failures):
    answers = {}
    threads = [threading.Thread(target=by_connection, args=(world, i, answers)) for i in range(CALLS // 2)]
    threads.append(threading.Thread(target=by_websocket, args=(world, range(CALLS // 2, CALLS), answers)))
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    failures.check(sorted(answers), list(range(CALLS)), "each caller has an answer")
    for i, answer in answers.items():
        own = "".join(scripts.pieces({"n": PIECES, "id": f"caller-{i}"}))
        failures.check((answer.code, answer.text), (0, own), f"caller {i}: {answer.reason} {answer.message}")
        failures.that(answer.is_in_order() and answer.final and answer.final.finish_reason == 1, f"caller {i}: {answer.order}")
    state = world.double.state()
    failures.check((state["requests"], state["finished"], state["peak"]), (CALLS, CALLS, CALLS), "asked once each, all at once")
    failures.that(assistant_world.until(world.is_idle), "something still runs")
    failures.check(world.ended("stop"), CALLS, "counted")


if __name__ == "__main__":
    assistant_world.main([test_hundred_at_once])
