"""Every fault of the double, with each engine, through gateway and service: the status tells the truth, and no text is spliced, doubled, or silently cut.

usage: assistant_faults_test.py PROTOC PROTO_ROOT [ENGINE]
"""
import collections
import concurrent.futures

import assistant_world
import scripts

OK, CUT, BLOCKED, INTERNAL, UNAVAILABLE, DEADLINE = 0, 11, 9, 13, 14, 4
STOP, MAX_TOKENS, SAFETY = 1, 3, 4  # FinishReason
ATTEMPTS = 3  # llm.h
# libcurl itself asks again, up to five times, where a connection that was kept is gone.
AT_LEAST = range(ATTEMPTS, 6 * ATTEMPTS + 1)
AT_ONCE = 12

# What must come of a script: the status of the stream and its reason, or the finish reason; and how often the provider is asked.
Want = collections.namedtuple("Want", "code reason finish requests", defaults=(0, 1))


def whole(requests=1):
    return Want(OK, "", STOP, requests)


def ended(finish):
    return Want(OK, "", finish, 1)


def failed(requests=1):
    return Want(INTERNAL, "ENGINE_FAILED", 0, requests)


def unavailable(requests=1):
    return Want(UNAVAILABLE, "ENGINE_UNAVAILABLE", 0, requests)


#    script, its parameters, what must come
CASES = [
    # whole, however it comes
    ("whole", {}, whole()),
    ("slow", {"n": 10, "ms": 20}, whole()),
    ("split", {"size": 1}, whole()),
    ("split", {"size": 2}, whole()),
    ("split", {"size": 7}, whole()),
    ("joined", {}, whole()),
    ("joined", {"n": 2000}, whole()),  # 100 KB in one piece
    ("comments", {}, whole()),
    ("thoughts", {}, whole()),
    ("last_words", {}, whole()),
    ("reset_after_reason", {}, whole()),
    ("torn_character", {}, whole()),  # as servers send it that cut at tokens
    ("not_utf8", {}, whole()),  # shown as U+FFFD
    # asked again, before anything was seen
    ("busy_then_ok", {"times": 1}, whole(2)),
    ("busy_then_ok", {"times": 2, "retry": 10}, whole(3)),
    ("overloaded_then_ok", {"times": 2}, whole(3)),
    ("lost_then_ok", {"times": 1}, whole(2)),
    # refused
    ("quota", {"retry": 20}, unavailable(ATTEMPTS)),
    ("overloaded", {"retry": 20}, unavailable(ATTEMPTS)),
    ("internal", {}, unavailable()),
    ("refused", {}, failed()),
    ("denied", {}, failed()),
    ("missing", {}, failed()),
    ("page", {}, failed()),
    ("empty_body", {}, failed()),
    # ended for a reason that is no whole answer
    ("max_tokens", {}, ended(MAX_TOKENS)),
    ("safety", {}, ended(SAFETY)),
    ("safety_first", {}, ended(SAFETY)),
    ("blocked", {}, ended(SAFETY)),
    ("recitation", {}, ended(SAFETY)),
    ("other", {}, failed()),
    ("new_reason", {}, failed()),
    ("no_text", {}, failed()),
    # broken
    ("no_reason", {}, failed()),
    ("cut_clean", {}, failed()),
    ("cut_event", {}, failed()),
    ("cut_event_close", {}, unavailable()),
    ("close_middle", {}, unavailable()),
    ("reset_middle", {}, unavailable()),
    ("close_first", {}, unavailable(AT_LEAST)),
    ("reset_first", {}, unavailable(AT_LEAST)),
    ("malformed", {}, failed()),
    ("wrong_shape", {}, failed()),
    ("endless_event", {}, failed()),
    ("error_middle", {}, unavailable()),
    ("error_first", {}, unavailable(ATTEMPTS)),
]
UNARY = {MAX_TOKENS: (CUT, "ANSWER_CUT"), SAFETY: (BLOCKED, "ANSWER_BLOCKED")}


def judge_text(world, marker, answer, want, failures, what):
    """What the client has is what the last request was answered with, or, where that broke off, its beginning."""
    requests = world.double.requests(marker)
    counts = want.requests if isinstance(want.requests, range) else (want.requests,)
    failures.that(len(requests) in counts, f"{what}: {len(requests)} requests, want {counts}")
    sent = requests[-1]["text"] if requests else ""
    if want.code == OK:
        failures.check(answer.text, sent, f"{what}: text")
    else:
        failures.that(sent.startswith(answer.text), f"{what}: {answer.text!r} is no beginning of {sent!r}")
        failures.that(not answer.text or want.requests == 1, f"{what}: asked again although there was text")


def judge_stream(world, name, parameters, want, failures):
    what = f"{world.engine} {scripts.marker(name, **parameters)}"
    answer = world.ask(name, **parameters)
    finish = answer.final.finish_reason if answer.final else 0
    failures.check((answer.code, answer.reason, finish), (want.code, want.reason, want.finish), f"{what}: end ({answer.message})")
    failures.that(answer.is_in_order(), f"{what}: the order {answer.order}")
    failures.check([p.number for p in answer.sources], list(range(1, len(answer.sources) + 1)), f"{what}: sources")
    failures.that(answer.code != UNAVAILABLE or answer.retry_ms > 0, f"{what}: when to ask again")
    if answer.final:
        failures.check(answer.final.engine, world.engine, f"{what}: engine")
        failures.that(answer.final.usage.prompt_tokens > 0, f"{what}: usage {answer.final.usage}")
        if finish == STOP and name not in ("thoughts", "torn_character", "not_utf8"):  # thoughts are paid for, and raw events not counted
            failures.check(answer.final.usage.answer_tokens, len(answer.text.split()), f"{what}: answer's tokens")
    judge_text(world, scripts.marker(name, **parameters), answer, want, failures, what)


def judge_unary(world, name, parameters, want, failures):
    what = f"{world.engine} {scripts.marker(name, **parameters)}, unary"
    answer = world.ask(name, method="ResolveDuvida", **parameters)
    code, reason = UNARY.get(want.finish, (want.code, want.reason))
    failures.check((answer.code, answer.reason), (code, reason), f"{what}: end ({answer.message})")
    failures.check(answer.response is not None, code == OK, f"{what}: an answer {answer.response}")
    if answer.response:
        failures.check(answer.response.finish_reason, want.finish, f"{what}: finish reason")
        judge_text(world, scripts.marker(name, **parameters), answer, want, failures, what)


def test_faults(world, failures):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = []
        for i, (name, parameters, want) in enumerate(CASES):
            jobs.append(pool.submit(judge_stream, world, name, {**parameters, "id": f"s{i}"}, want, failures))
            jobs.append(pool.submit(judge_unary, world, name, {**parameters, "id": f"u{i}"}, want, failures))
        for job in jobs:
            job.result()
    failures.that(assistant_world.until(world.is_idle), f"{world.engine}: something still runs: {world.double.state()}")


def test_long_waits(world, failures):
    """A provider that says nothing: the deadline ends it, or the engine's own patience (of a few seconds here); asked to wait longer than there is time, the engine does not wait."""
    def silence(name, timeout, code):
        answer = world.ask(name, timeout=timeout, id=f"{code}")
        failures.check(answer.code, code, f"{world.engine} {name} {timeout}: {answer.message}")
        failures.that(answer.final is None and answer.is_in_order(), f"{world.engine} {name}: {answer.order}")
        marker = scripts.marker(name, id=code)
        closed = assistant_world.until(lambda: [r["state"] for r in world.double.requests(marker)][-1:] == ["closed_by_client"])
        requests = world.double.requests(marker)
        failures.that(closed, f"{world.engine} {name} {timeout}: upstream: {requests}")
        if not requests:  # it waited behind another answer
            return
        failures.that(len(requests) == 1 or not answer.text, f"{world.engine} {name} {timeout}: asked again after text")
        failures.that(requests[-1]["text"].startswith(answer.text), f"{world.engine} {name}: text {answer.text!r}")

    def long_retry():
        answer = world.ask("quota", timeout="5S", retry=60000)
        failures.that(answer.code in (UNAVAILABLE, DEADLINE), f"{world.engine} quota of a minute: {answer.code} {answer.reason}")
        failures.that(answer.code == DEADLINE or answer.retry_ms > 30000, f"{world.engine} quota of a minute: the provider's delay, {answer.retry_ms}")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(silence, name, timeout, code)
                for name in ("silent", "silent_middle") for timeout, code in (("2S", DEADLINE), ("80S", UNAVAILABLE))]
        jobs.append(pool.submit(long_retry))
        for job in jobs:
            job.result()
    failures.that(assistant_world.until(world.is_idle), f"{world.engine}: something still runs: {world.double.state()}")


test_long_waits.options = ("--llm-silence", "4s")


def test_provider_gone(world, failures):
    """Nobody listens there any more."""
    world.double.popen.kill()
    world.double.popen.wait()
    for method in ("ResolveDuvidaStream", "ResolveDuvida"):
        answer = world.ask("whole", method=method)
        failures.check((answer.code, answer.reason, answer.text), (UNAVAILABLE, "ENGINE_UNAVAILABLE", ""), f"{world.engine} {method}: the provider is gone")


if __name__ == "__main__":
    assistant_world.main([test_faults, test_long_waits, test_provider_gone])
