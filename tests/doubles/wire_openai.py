"""What OpenAI's chat completions say and accept: the chunks of `stream: true`, [DONE], error bodies, and a strict check of requests.

Shapes: platform.openai.com/docs/api-reference/chat.
"""
import json
import re

from wire_gemini import number, strings

NAME = "openai"
PATH = re.compile(r"/v1/chat/completions()()")
FINISHES = ("stop", "length", "content_filter", "tool_calls", "function_call")
RENAMED = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "RECITATION": "content_filter", "OTHER": "tool_calls",
           "NEW": "reason_of_next_year"}
ERRORS = {400: ("invalid_request_error", None), 401: ("invalid_request_error", "invalid_api_key"), 403: ("invalid_request_error", "unsupported_country"),
          404: ("invalid_request_error", "model_not_found"), 429: ("requests", "rate_limit_exceeded"), 500: ("server_error", None),
          503: ("server_error", None)}
MESSAGES = {429: "Rate limit reached for requests. Please try again later.", 500: "The server had an error while processing your request. Sorry about that!",
            503: "The server is currently overloaded with other requests. Sorry about that! You can retry your request."}
FIELDS = {
    "model": lambda v: isinstance(v, str) and v != "", "messages": lambda v: isinstance(v, list) and v != [],
    "stream": lambda v: isinstance(v, bool), "stream_options": lambda v: isinstance(v, dict) and set(v) <= {"include_usage"},
    "max_tokens": number(1, 65536, whole=True), "max_completion_tokens": number(1, 65536, whole=True), "temperature": number(0, 2),
    "top_p": number(0, 1), "n": number(1, 1, whole=True), "stop": strings(4), "seed": number(-2**63, 2**63 - 1, whole=True),
    "presence_penalty": number(-2, 2), "frequency_penalty": number(-2, 2), "user": lambda v: isinstance(v, str)}


def check_message(message, where, roles):
    if not isinstance(message, dict) or set(message) - {"role", "content", "name"}:
        return [f"Invalid type for '{where}'"]
    wrong = [] if message.get("role") in roles else [f"Invalid value: '{where}.role'"]
    content = message.get("content")
    if isinstance(content, list):
        if not all(isinstance(p, dict) and p.get("type") == "text" and isinstance(p.get("text"), str) and p["text"] for p in content) or not content:
            wrong.append(f"Invalid value: '{where}.content'")
    elif not isinstance(content, str) or not content:
        wrong.append(f"Invalid value for 'content' of '{where}': expected a string.")
    return wrong


def check_body(body):
    """What the API would refuse, or silently understand otherwise, in a request's body; an empty list if all is well."""
    if not isinstance(body, dict):
        return ["We could not parse the JSON body of your request."]
    wrong = [f"Unrecognized request argument supplied: {k}" for k in body if k not in FIELDS]
    wrong += [f"Invalid value for '{k}'" for k, v in body.items() if k in FIELDS and not FIELDS[k](v)]
    wrong += [f"you must provide a {k} parameter" for k in ("model", "messages") if k not in body]
    if "stream_options" in body and not body.get("stream"):
        wrong.append("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if "max_tokens" in body and "max_completion_tokens" in body:
        wrong.append("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    if wrong:
        return wrong
    for i, message in enumerate(body["messages"]):
        wrong += check_message(message, f"messages[{i}]", ("system", "developer", "user", "assistant"))
    # Nothing of the API: who sends an answer last, or instructions among the turns, has built the prompt wrongly.
    roles = [m.get("role") for m in body["messages"] if isinstance(m, dict)]
    turns = roles[1:] if roles[0] in ("system", "developer") else roles
    if turns != [("user", "assistant")[i % 2] for i in range(len(turns))] or turns[-1:] != ["user"]:
        wrong.append("messages: instructions first, then user and assistant in turns, and the user last")
    return wrong


def text_of(message):
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


def question(body):
    """The text of the last turn."""
    return text_of(body["messages"][-1])


def key_of(headers):
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key if kind == "Bearer" and key else None


def streams(match, query, body):  # pylint: disable=unused-argument
    return None if query else bool(body.get("stream"))


class Answer:
    """The bytes of one answer; see wire_gemini.Answer."""

    def __init__(self, match, body):  # pylint: disable=unused-argument
        self.model = body["model"]
        self.asked = len(question(body).split())
        self.with_usage = body.get("stream_options", {}).get("include_usage", False)
        self.said, self.whole = 0, ""

    def event(self, value):
        return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"

    def usage(self):
        return {"prompt_tokens": self.asked, "completion_tokens": self.said, "total_tokens": self.asked + self.said,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}

    def frame(self, choices, **more):
        return {"id": "chatcmpl-double1", "object": "chat.completion.chunk", "created": 1760000000, "model": self.model, "service_tier": "default",
                "system_fingerprint": "fp_double", "choices": choices, **({"usage": None} if self.with_usage else {}), **more}

    def chunk(self, delta, reason=None):
        return self.frame([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}])

    def begin(self):
        return self.event(self.chunk({"role": "assistant", "content": "", "refusal": None}))

    def text(self, words):
        self.said += len(words.split())
        self.whole += words
        return self.event(self.chunk({"content": words}))

    def thinking(self, words):
        """As servers with reasoning models send it: beside the content."""
        return self.event(self.chunk({"reasoning_content": words}))

    def finish(self, reason, words=""):
        out = self.text(words) if words else b""
        out += self.event(self.chunk({}, RENAMED[reason]))
        return out + self.event(self.frame([], usage=self.usage())) if self.with_usage else out

    def blocked(self):
        """There is no block of a prompt but by an empty answer."""
        return self.event(self.chunk({}, "content_filter"))

    def end(self):
        return b"data: [DONE]\n\n"

    def error_event(self, status):
        return self.event(json.loads(error(status, 0)[1]))

    def unary(self, reason):
        return {"id": "chatcmpl-double1", "object": "chat.completion", "created": 1760000000, "model": self.model, "usage": self.usage(),
                "system_fingerprint": "fp_double", "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": self.whole, "refusal": None, "annotations": []}, "logprobs": None,
                     "finish_reason": RENAMED[reason]}]}


def error(status, retry_ms, model="", message=None):  # pylint: disable=unused-argument
    """(headers, body) of an answer that is an error."""
    kind, code = ERRORS.get(status, ("server_error", None))
    headers = {"content-type": "application/json"}
    if retry_ms:
        headers["retry-after"] = str(-(-retry_ms // 1000))
        headers["retry-after-ms"] = str(retry_ms)
    body = {"error": {"message": message or MESSAGES.get(status, "Invalid request."), "type": kind, "param": None, "code": code}}
    return headers, json.dumps(body, indent=4).encode()


def key_error(key):
    if key is None:
        return 401, "You didn't provide an API key."
    return 401, "Incorrect API key provided."
