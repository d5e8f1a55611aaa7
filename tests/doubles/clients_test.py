"""The double judged by the providers' own clients, google-genai and openai: what they understand as an answer, and as which error, is what real servers' answers would be.

Packages: requirements.txt, in PONTE_DEPS_DIR/python-llm, which test.sh installs.
"""
import os
import sys
import threading

sys.path[:0] = [os.path.join(os.environ["PONTE_DEPS_DIR"], "python-llm")]
import openai
from google import genai
from google.genai import errors, types

import running
import scripts

failures = 0


def check(got, want, what):
    global failures
    if got != want:
        failures += 1
        print(f"{what}: got {got!r}, want {want!r}")


def said(name, **parameters):
    """What the text steps of a script say together."""
    steps = scripts.SCRIPTS[name]({**{k: str(v) for k, v in parameters.items()}, "attempt": 1})
    return "".join(s[1] if s[0] == "text" else s[2] for s in steps if s[0] in ("text", "finish"))


# -- google-genai -------------------------------------------------------------------------------------------------------


def gemini_stream(client, name, system=None, history=(), **parameters):
    """(text, finish reason, block reason, usage, error's code) as google-genai reads it."""
    turns = [types.Content(role=role, parts=[types.Part(text=text)]) for role, text in history]
    turns.append(types.Content(role="user", parts=[types.Part(text=f"What is it? {scripts.marker(name, **parameters)}")]))
    config = types.GenerateContentConfig(system_instruction=system, max_output_tokens=100, temperature=0.2)
    text, reason, block, usage, code = "", None, None, None, None
    try:
        for chunk in client.models.generate_content_stream(model="gemini-2.5-flash", contents=turns, config=config):
            text += chunk.text or ""
            for candidate in chunk.candidates or []:
                reason = candidate.finish_reason.name if candidate.finish_reason else reason
            if chunk.prompt_feedback:
                block = chunk.prompt_feedback.block_reason.name
            usage = chunk.usage_metadata or usage
    except errors.APIError as e:
        code = (e.code, e.status)
    except Exception as e:  # pylint: disable=broad-except
        code = type(e).__name__
    return text, reason, block, usage, code


#   script, parameters, finish reason, block reason, error
GEMINI = [
    ("whole", {}, "STOP", None, None),
    ("slow", {"n": 3, "ms": 5}, "STOP", None, None),
    ("split", {}, "STOP", None, None),
    ("split", {"size": 7}, "STOP", None, None),
    ("joined", {}, "STOP", None, None),
    ("thoughts", {}, "STOP", None, None),
    ("last_words", {}, "STOP", None, None),
    ("max_tokens", {}, "MAX_TOKENS", None, None),
    ("safety", {}, "SAFETY", None, None),
    ("safety_first", {}, "SAFETY", None, None),
    ("recitation", {}, "RECITATION", None, None),
    ("other", {}, "OTHER", None, None),
    ("blocked", {}, None, "PROHIBITED_CONTENT", None),
    ("no_reason", {}, None, None, None),
    ("cut_clean", {}, None, None, None),
    ("quota", {}, None, None, (429, "RESOURCE_EXHAUSTED")),
    ("overloaded", {}, None, None, (503, "UNAVAILABLE")),
    ("internal", {}, None, None, (500, "INTERNAL")),
    ("refused", {}, None, None, (400, "INVALID_ARGUMENT")),
    ("denied", {}, None, None, (403, "PERMISSION_DENIED")),
    ("missing", {}, None, None, (404, "NOT_FOUND")),
    ("error_middle", {}, None, None, (503, "UNAVAILABLE")),
    ("error_first", {}, None, None, (429, "RESOURCE_EXHAUSTED")),
]


def gemini(double, **options):
    return genai.Client(api_key=running.KEY, http_options=types.HttpOptions(base_url=double.url, **options))


def test_gemini(double):
    client = gemini(double)
    for name, parameters, reason, block, error in GEMINI:
        text, got_reason, got_block, usage, got_error = gemini_stream(client, name, **parameters)
        check((got_reason, got_block, got_error), (reason, block, error), f"gemini {name} {parameters}")
        if not (error and error[0] == 429):
            check(text, said(name, **parameters), f"gemini {name} {parameters}: text")
        if reason == "STOP":
            words = len(text.split())
            check((usage.prompt_token_count, usage.candidates_token_count), (4, words), f"gemini {name}: usage")
    for name in ("close_middle", "reset_middle"):
        text, reason, _, _, error = gemini_stream(client, name)
        check((text, reason, isinstance(error, str)), (said(name), None, True), f"gemini {name}: an error of the connection")
    for name in ("close_first", "reset_first", "malformed"):
        error = gemini_stream(client, name)[4]
        check(error is not None, True, f"gemini {name}: an error, {error}")


def test_gemini_requests(double):
    double.reset()
    client = gemini(double, api_version="v1beta")
    gemini_stream(client, "whole", system="Answer in one line.", history=[("user", "Hi"), ("model", "Hello")], id="turns")
    (request,) = double.requests("double:whole;id=turns")
    check([c["role"] for c in request["body"]["contents"]], ["user", "model", "user"], "gemini: turns")
    check(request["body"]["systemInstruction"]["parts"], [{"text": "Answer in one line."}], "gemini: system text")
    check(request["body"]["generationConfig"]["maxOutputTokens"], 100, "gemini: limit")
    check((request["state"], request["text"]), ("finished", said("whole", id="turns")), "gemini: the record")
    answer = client.models.generate_content(model="gemini-2.5-flash", contents="Once. double:whole;id=unary")
    check((answer.text, answer.candidates[0].finish_reason.name), (said("whole", id="unary"), "STOP"), "gemini: unary")
    check(double.state()["wrong"], [], "gemini: the official client's requests are in order")
    for key in ("another", "x" * 40):
        stranger = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=double.url))
        check(gemini_stream(stranger, "whole")[4], (400, "INVALID_ARGUMENT"), "gemini: a wrong key")
    try:
        client.models.generate_content(model="gemini-2.5-flash", contents=[types.Content(role="model", parts=[types.Part(text="I begin")])])
        check("answer", "error", "gemini: a model's turn last")
    except errors.ClientError as e:
        check(e.code, 400, "gemini: a model's turn last")


def test_gemini_retries(double):
    client = gemini(double, retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02))
    for name in ("busy_then_ok", "overloaded_then_ok"):
        double.reset()
        text, reason, *_, error = gemini_stream(client, name, times=2, id="again")
        check((text, reason, error), (said("whole", id="again"), "STOP", None), f"gemini {name}")
        check([r["status"] for r in double.requests()], [429 if "busy" in name else 503] * 2 + [200], f"gemini {name}: requests")


# -- openai -------------------------------------------------------------------------------------------------------------


def openai_stream(client, name, **parameters):
    """(text, finish reason, completion tokens, error) as openai reads it."""
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": f"What is it? {scripts.marker(name, **parameters)}"}]
    text, reason, tokens, error = "", None, None, None
    try:
        for chunk in client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True, max_tokens=100,
                                                    stream_options={"include_usage": True}):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                reason = choice.finish_reason or reason
            tokens = chunk.usage.completion_tokens if chunk.usage else tokens
    except openai.APIStatusError as e:
        error = e.status_code
    except openai.APIError as e:
        error = type(e).__name__
    except Exception as e:  # pylint: disable=broad-except
        error = type(e).__name__
    return text, reason, tokens, error


OPENAI = [
    ("whole", {}, "stop", None), ("slow", {"n": 3, "ms": 5}, "stop", None), ("split", {}, "stop", None), ("split", {"size": 7}, "stop", None),
    ("joined", {}, "stop", None), ("comments", {}, "stop", None), ("thoughts", {}, "stop", None), ("last_words", {}, "stop", None),
    ("max_tokens", {}, "length", None), ("safety", {}, "content_filter", None), ("safety_first", {}, "content_filter", None),
    ("recitation", {}, "content_filter", None), ("blocked", {}, "content_filter", None), ("no_reason", {}, None, None),
    ("quota", {}, None, 429), ("overloaded", {}, None, 503), ("internal", {}, None, 500), ("refused", {}, None, 400), ("denied", {}, None, 403),
    ("missing", {}, None, 404), ("error_middle", {}, None, "APIError"), ("error_first", {}, None, "APIError"),
]


def test_openai(double):
    client = openai.OpenAI(api_key=running.KEY, base_url=f"{double.url}/v1", max_retries=0)
    for name, parameters, reason, error in OPENAI:
        text, got_reason, tokens, got_error = openai_stream(client, name, **parameters)
        check((text, got_reason, got_error), (said(name, **parameters) if not error or name == "error_middle" else "", reason, error),
              f"openai {name} {parameters}")
        if reason == "stop":
            check(tokens, len(text.split()), f"openai {name}: usage")
    for name in ("close_first", "reset_first", "close_middle", "reset_middle", "malformed"):
        error = openai_stream(client, name)[3]
        check(isinstance(error, str), True, f"openai {name}: an error, {error}")


def test_openai_requests(double):
    double.reset()
    client = openai.OpenAI(api_key=running.KEY, base_url=f"{double.url}/v1", max_retries=2)
    for name in ("busy_then_ok", "overloaded_then_ok", "lost_then_ok"):
        text, reason, _, error = openai_stream(client, name, times=2, id=name)
        check((text, reason, error), (said("whole", id=name), "stop", None), f"openai {name}")
        check(len(double.requests(scripts.marker(name, times=2, id=name))), 3, f"openai {name}: requests")
    answer = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Once. double:whole;id=unary"}])
    check((answer.choices[0].message.content, answer.choices[0].finish_reason), (said("whole", id="unary"), "stop"), "openai: unary")
    check(double.state()["wrong"], [], "openai: the official client's requests are in order")
    stranger = openai.OpenAI(api_key="another", base_url=f"{double.url}/v1", max_retries=0)
    check(openai_stream(stranger, "whole")[3], 401, "openai: a wrong key")


# -- what it counts -----------------------------------------------------------------------------------------------------


def test_counts(double):
    double.reset()
    client = openai.OpenAI(api_key=running.KEY, base_url=f"{double.url}/v1", max_retries=0)
    for name in ("endless", "silent_middle"):
        messages = [{"role": "user", "content": scripts.marker(name)}]
        with client.chat.completions.create(model="m", messages=messages, stream=True) as stream:
            next(iter(stream))
            check(double.becomes(running=1)["running"], 1, f"{name} runs")
        check(double.becomes(running=0)["running"], 0, f"{name} ended with its client")
    state = double.state()
    check((state["closed_by_client"], state["finished"]), (2, 0), "closed by the client")
    double.reset()
    threads = [threading.Thread(target=openai_stream, args=(client, "slow"), kwargs={"n": 20, "ms": 20, "id": i}) for i in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    state = double.becomes(running=0)
    check((state["requests"], state["finished"], state["peak"] > 1), (10, 10, True), f"ten at once: {state}")


def main():
    with running.Double() as double:
        for test in (test_gemini, test_gemini_requests, test_gemini_retries, test_openai, test_openai_requests, test_counts):
            test(double)
            print("done", test.__name__, flush=True)
    raise SystemExit(failures != 0)


if __name__ == "__main__":
    main()
