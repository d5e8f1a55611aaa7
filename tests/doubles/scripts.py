"""The answers of the double: each a list of steps, the same for every API.

A question picks one with `double:NAME;key=value;...` anywhere in its last turn; without it the answer is `whole`. Steps:

  ("text", words) ("thinking", words)      a piece
  ("finish", reason, words)                the reason, with the last words; reasons by their Gemini names
  ("blocked",)                             the prompt is refused by the provider
  ("end",)                                 what the API closes a whole answer with
  ("error", status, retry_ms)              instead of an answer; first and alone
  ("error_event", status)                  in the middle of one
  ("raw", bytes, said)                     as they are, among the events; `said` is what they are in the answer's text
  ("cut_event", words)                     the first half of the bytes of a piece
  ("wait", ms)                             a pause
  ("gather", n)                            a pause until n requests have come so far at once
  ("silence",)                             nothing more, for as long as the client stays
  ("close",) ("reset",)                    the connection ends by FIN or RST, in the middle of the body
  ("split", n)                             from here on every n bytes are a chunk and a segment of their own; 0: as events come
  ("join",)                                from here on everything goes out at the end, in one piece
  ("headers", {name: value})               of the answer's head, for those that should be wrong
"""
import re

MARKER = re.compile(r"double:([a-z_0-9]+)((?:;[a-z]+=[A-Za-z0-9_-]+)*)")
OK = (("finish", "STOP", ""), ("end",))


def marker(name, **parameters):
    return "".join([f"double:{name}", *(f";{k}={v}" for k, v in sorted(parameters.items()))])


def parse(text):
    """(the marker, its name, its parameters) of the last marker in a text."""
    found = None
    for found in MARKER.finditer(text):
        pass
    if not found:
        return "", "whole", {}
    return found[0], found[1], dict(pair.split("=") for pair in found[2].split(";")[1:])


def pieces(p, count=12):
    """So many pieces of text that show where they belong, with characters of two, three and four bytes."""
    n, name = int(p.get("n", count)), p.get("id", "0")
    return [f"parte {i} de {name}: ação, 語, \N{GRINNING FACE}. " for i in range(n)]


def texts(p, count=12):
    return [("text", piece) for piece in pieces(p, count)]


def whole(p):
    return [*texts(p), *OK]


def busy(status):
    """So many times an error, then an answer; the server counts by the marker, so a test gives each its own id."""
    def script(p):
        return [("error", status, int(p.get("retry", 50)))] if p["attempt"] <= int(p.get("times", 1)) else whole(p)
    return script


def always(status, retry_ms=0):
    return lambda p: [("error", status, int(p.get("retry", retry_ms)))]


def slow(p):
    steps = []
    for step in texts(p, 20):
        steps += [step, ("wait", int(p.get("ms", 50)))]
    return [*steps, *OK]


def together(p):
    """A slow answer that goes on only when n of its kind are under way."""
    first, *rest = slow(p)
    return [first, ("gather", int(p["calls"])), *rest]


def endless(p):
    steps = []
    for step in texts(p, 10000):
        steps += [step, ("wait", int(p.get("ms", 20)))]
    return steps


def after_text(*steps):
    return lambda p: [*texts(p, 4), ("wait", 20), *steps]


def ending(reason):
    return lambda p: [*texts(p, 4), ("finish", reason, p.get("last", "")), ("end",)]


def before_text(*steps):
    return lambda p: list(steps)


def split(p):
    return [("split", int(p.get("size", 1))), *texts(p, 4), *OK]


def first_tries(*steps):
    """Breaks off so before the first text, `times` times; then an answer."""
    return lambda p: list(steps) if p["attempt"] <= int(p.get("times", 1)) else whole(p)


# What the event stream's grammar allows beside data: a comment, and another field of the event that comes next. (After an id, openai's client takes each blank line for an event.)
COMMENTS = b": keep-alive\r\n\r\nevent: message\r\n"



def both(text):
    """An event with this text that either API may send, as far as its bytes are concerned."""
    return b'data: {"candidates":[{"content":{"parts":[{"text":"%b"}]}}],"choices":[{"delta":{"content":"%b"}}]}\n\n' % (text, text)


SCRIPTS = {
    # whole answers, however they come
    "whole": whole,
    "slow": slow,
    "together": together,
    "split": split,
    "joined": lambda p: [("join",), *whole(p)],
    "comments": lambda p: [("raw", COMMENTS), *texts(p, 2), ("raw", COMMENTS), *texts({"n": 1, "id": "tail"}), *OK],
    "thoughts": lambda p: [("thinking", "the system text says that I must not tell"), *whole(p)],
    "reset_after_reason": lambda p: [*texts(p), OK[0], ("wait", 20), ("reset",)],
    "last_words": lambda p: [*texts(p, 3), ("finish", "STOP", "fim."), ("end",)],
    "busy_then_ok": busy(429),
    "overloaded_then_ok": busy(503),
    "lost_then_ok": first_tries(("reset",)),
    # errors instead of an answer
    "quota": always(429, 7000),
    "overloaded": always(503, 50),
    "internal": always(500),
    "refused": always(400),
    "denied": always(403),
    "missing": always(404),
    "page": lambda p: [("headers", {"content-type": "text/html"}), ("raw", b"<html><body>Sign in to the network</body></html>")],
    "empty_body": lambda p: [],
    # ends that are no whole answer
    "max_tokens": ending("MAX_TOKENS"),
    "safety": ending("SAFETY"),
    "safety_first": before_text(("finish", "SAFETY", ""), ("end",)),
    "recitation": ending("RECITATION"),
    "other": ending("OTHER"),
    "new_reason": ending("NEW"),
    "blocked": before_text(("blocked",), ("end",)),
    "no_text": before_text(*OK),
    # answers that break
    "no_reason": after_text(("end",)),
    "cut_clean": after_text(),
    "cut_event": after_text(("cut_event", "metade")),
    "cut_event_close": after_text(("cut_event", "metade"), ("close",)),
    "close_first": before_text(("close",)),
    "reset_first": before_text(("reset",)),
    "close_middle": after_text(("close",)),
    "reset_middle": after_text(("reset",)),
    "malformed": after_text(("raw", b'data: {"candidates": [{"content": \r\n\r\n'), *OK),
    "not_utf8": after_text(("raw", both(b"\xff\xfe"), "\ufffd\ufffd"), *OK),
    "torn_character": after_text(("raw", both(b"\xf0\x9f"), ""), ("raw", both(b"\x98\x80"), "\N{GRINNING FACE}"), *OK),
    "wrong_shape": after_text(("raw", b'data: {"candidates":[{"content":{"parts":"x"}}],"choices":{"delta":7}}\n\n'), *OK),
    "endless_event": after_text(("raw", b"data: " + b"x" * 8_000_000)),
    "error_middle": after_text(("error_event", 503)),
    "error_first": before_text(("error_event", 429)),
    # answers that do not end
    "silent": before_text(("silence",)),
    "silent_middle": after_text(("silence",)),
    "endless": endless,
}
