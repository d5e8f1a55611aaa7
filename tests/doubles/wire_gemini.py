"""What Gemini's REST interface says and accepts: the chunks of streamGenerateContent?alt=sse, its error bodies, and a strict check of requests.

Shapes: ai.google.dev/api/generate-content; errors: google.rpc.Status as JSON.
"""
import json
import re

NAME = "gemini"
# google-genai asks v1 since its version 3 and asked v1beta before; both have the same shapes.
PATH = re.compile(r"/v1(?:beta)?/models/([A-Za-z0-9._-]+):(streamGenerateContent|generateContent)")
CATEGORIES = ("HARM_CATEGORY_HATE_SPEECH", "HARM_CATEGORY_DANGEROUS_CONTENT", "HARM_CATEGORY_HARASSMENT", "HARM_CATEGORY_SEXUALLY_EXPLICIT")
THRESHOLDS = ("BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF")
# google.rpc.Code by HTTP status, as the API pairs them.
STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
            500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
MESSAGES = {429: "You exceeded your current quota, please check your plan and billing details.",
            503: "The model is overloaded. Please try again later.", 500: "An internal error has occurred.",
            404: "models/{model} is not found for API version v1beta, or is not supported for generateContent."}
FINISHES = ("STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MALFORMED_RESPONSE")
# finish reasons of scripts.py that are called otherwise here
RENAMED = {"NEW": "REASON_OF_NEXT_YEAR"}


def number(low, high, whole=False):
    kinds = (int,) if whole else (int, float)
    return lambda v: not isinstance(v, bool) and isinstance(v, kinds) and low <= v <= high


def strings(most):
    return lambda v: isinstance(v, list) and len(v) <= most and all(isinstance(s, str) for s in v)


CONFIG = {
    "maxOutputTokens": number(1, 65536, whole=True), "temperature": number(0, 2), "topP": number(0, 1), "topK": number(1, 1000),
    "candidateCount": number(1, 1, whole=True), "stopSequences": strings(5), "seed": number(-2**31, 2**31 - 1, whole=True),
    "responseMimeType": lambda v: v in ("text/plain", "application/json"), "thinkingConfig": lambda v: isinstance(v, dict),
    "presencePenalty": number(-2, 2), "frequencyPenalty": number(-2, 2)}
FIELDS = ("contents", "systemInstruction", "generationConfig", "safetySettings")


def check_content(content, where, roles):
    if not isinstance(content, dict) or set(content) - {"role", "parts"}:
        return [f"Invalid JSON payload received at '{where}': a Content has role and parts"]
    wrong = [] if content.get("role") in roles else [f"Invalid value at '{where}.role'"]
    parts = content.get("parts")
    if not isinstance(parts, list) or not parts:
        return wrong + [f"{where}.parts must not be empty."]
    for part in parts:
        if not isinstance(part, dict) or set(part) != {"text"} or not isinstance(part["text"], str):
            wrong.append(f"Invalid value at '{where}.parts'")
        elif not part["text"]:
            wrong.append(f"{where}.parts.text must not be empty.")
    return wrong


def check_body(body):
    """What the API would refuse, or silently understand otherwise, in a request's body; an empty list if all is well."""
    if not isinstance(body, dict):
        return ["Invalid JSON payload received. Root is no object."]
    wrong = [f'Invalid JSON payload received. Unknown name "{k}": Cannot find field.' for k in body if k not in FIELDS]
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        return wrong + ["* GenerateContentRequest.contents: contents is not specified"]
    for i, content in enumerate(contents):
        wrong += check_content(content, f"contents[{i}]", ("user", "model"))
    roles = [c.get("role") for c in contents if isinstance(c, dict)]
    if roles != [("user", "model")[i % 2] for i in range(len(roles))] or roles[-1:] != ["user"]:
        wrong.append("Please ensure that multiturn requests alternate between user and model, and end with a user role.")
    if "systemInstruction" in body:
        wrong += check_content(body["systemInstruction"], "systemInstruction", (None, "user", "system"))
    config = body.get("generationConfig", {})
    if not isinstance(config, dict):
        return wrong + ["Invalid value at 'generationConfig'"]
    for key, value in config.items():
        if key not in CONFIG:
            wrong.append(f'Invalid JSON payload received. Unknown name "{key}" at \'generation_config\': Cannot find field.')
        elif not CONFIG[key](value):
            wrong.append(f"Invalid value at 'generation_config.{key}'")
    for setting in body.get("safetySettings", []):
        if not isinstance(setting, dict) or setting.get("category") not in CATEGORIES or setting.get("threshold") not in THRESHOLDS:
            wrong.append("Invalid value at 'safety_settings'")
    return wrong


def question(body):
    """The text of the last turn."""
    return "\n".join(part["text"] for part in body["contents"][-1]["parts"])


def key_of(headers):
    return headers.get("x-goog-api-key")


def streams(match, query, body):  # pylint: disable=unused-argument
    """True: as SSE; False: one JSON object; None: the request is not what either wants."""
    if match[2] == "generateContent":
        return False
    return True if query.get("alt") == ["sse"] else None


class Answer:
    """The bytes of one answer. `said` is the number of words so far, which is what it counts as tokens."""

    def __init__(self, match, body):
        self.model = match[1]
        self.asked = len(question(body).split())
        self.said, self.thought = 0, 0
        self.whole = ""

    def event(self, value):
        return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"

    def usage(self):
        usage = {"promptTokenCount": self.asked, "totalTokenCount": self.asked + self.said + self.thought,
                 "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self.asked}]}
        if self.said:
            usage["candidatesTokenCount"] = self.said
        if self.thought:
            usage["thoughtsTokenCount"] = self.thought
        return usage

    def ratings(self, blocked):
        return [{"category": c, "probability": "HIGH" if blocked and i == 1 else "NEGLIGIBLE", **({"blocked": True} if blocked and i == 1 else {})}
                for i, c in enumerate(CATEGORIES)]

    def chunk(self, candidate):
        return {"candidates": [{**candidate, "index": 0}], "usageMetadata": self.usage(), "modelVersion": self.model, "responseId": "double-1"}

    def begin(self):
        return b""

    def text(self, words):
        self.said += len(words.split())
        self.whole += words
        return self.event(self.chunk({"content": {"parts": [{"text": words}], "role": "model"}}))

    def thinking(self, words):
        self.thought += len(words.split())
        return self.event(self.chunk({"content": {"parts": [{"text": words, "thought": True}], "role": "model"}}))

    def finishing(self, reason, words):
        candidate = {"finishReason": RENAMED.get(reason, reason)}
        if words:
            self.said += len(words.split())
            self.whole += words
        if words or reason in ("STOP", "MAX_TOKENS"):
            candidate["content"] = {"parts": [{"text": words}], "role": "model"} if words else {"role": "model"}
        if reason in ("SAFETY", "STOP"):
            candidate["safetyRatings"] = self.ratings(reason == "SAFETY")
        return candidate

    def finish(self, reason, words=""):
        """The chunk with the finishReason, which is also the last one."""
        return self.event(self.chunk(self.finishing(reason, words)))

    def blocked_body(self):
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": self.ratings(True)}, "usageMetadata": self.usage(),
                "modelVersion": self.model, "responseId": "double-1"}

    def blocked(self):
        """The prompt was blocked: no candidate at all."""
        return self.event(self.blocked_body())

    def end(self):
        return b""  # there is no [DONE]

    def error_event(self, status):
        return self.event(json.loads(error(status, 0, self.model)[1]))

    def unary(self, reason):
        """generateContent: `text()` was called for all pieces."""
        candidate = self.finishing(reason, "")
        candidate["content"] = {"parts": [{"text": self.whole}], "role": "model"}
        return self.chunk(candidate)


def error(status, retry_ms, model="", message=None):
    """(headers, body) of an answer that is an error."""
    details = []
    if status == 429:
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
            {"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
             "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "10"}]})
        details.append({"@type": "type.googleapis.com/google.rpc.Help", "links": [
            {"description": "Learn more about Gemini API quotas", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]})
    if retry_ms:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_ms / 1000:.9g}s"})
    if message and "API key" in message:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
    said = message or MESSAGES.get(status, "Request contains an invalid argument.").replace("{model}", model)
    body = {"error": {"code": status, "message": said, "status": STATUSES.get(status, "UNKNOWN"), **({"details": details} if details else {})}}
    return {"content-type": "application/json; charset=UTF-8"}, json.dumps(body, indent=2).encode()


def key_error(key):
    if key is None:
        return 403, "Method doesn't allow unregistered callers (callers without established identity)."
    return 400, "API key not valid. Please pass a valid API key."
