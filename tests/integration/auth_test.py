"""Authentication through the real gateway, with tokens of PyJWT and a key set served over HTTP: gRPC-Web, ponte.v1 with HELLO and AUTH, rotation, API keys."""
import hashlib
import http.server
import json
import os
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ["PONTE_DEPS_DIR"], "python"))
import jwt  # PyJWT
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

import clients
from harness import SERVER_STREAM, UNARY, echo_and_gateway, request

ISSUER, AUDIENCE = "https://issuer.test", "ponte"
BIDI = "/ponte.echo.v1.EchoService/Bidi"
failures = 0


def check(got, want, what):
    global failures
    if got != want:
        failures += 1
        print(f"{what}: got {got}, want {want}")


class Issuer:
    """Serves a key set on a free port of the loopback, and counts who asks."""

    def __init__(self):
        self.keys, self.fetches = {}, 0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches += 1
                body = json.dumps({"keys": list(issuer.keys.values())}).encode()
                self.send_response(200 if self.path == "/jwks" else 404)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, kid, key, algorithm):
        public = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
        self.keys[kid] = dict(public, kid=kid, use="sig")
        self.keys[kid].pop("key_ops", None)


def token(key, algorithm, kid, **claims):
    now = int(time.time())
    all_claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600, **claims}
    return jwt.encode({k: v for k, v in all_claims.items() if v is not None}, key, algorithm=algorithm, headers={"kid": kid} if kid else {})


def call(gateway, bearer=None, path=UNARY, **headers):
    if bearer is not None:
        headers["authorization"] = f"Bearer {bearer}"
    return clients.grpc_web(gateway.plain, path, request(b"x"), {k.replace("_", "-"): v for k, v in headers.items()})


def becomes(gateway, bearer, want):
    """Keys come by a thread: waits until the gateway knows them."""
    for _ in range(600):
        code = call(gateway, bearer)[0]
        if code == want:
            return code
        time.sleep(0.05)
    return code


def forged(keys):
    """(what, token, reason) of tokens that may not pass."""
    pem = keys["rsa"].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    stranger = rsa.generate_private_key(65537, 2048)
    good = token(keys["rsa"], "RS256", "rsa")
    yield "nothing", "", "CREDENTIALS_MISSING"
    yield "none", token(None, "none", "rsa"), "TOKEN_INVALID"
    # PyJWT itself refuses to sign with a public key, so the digest of the key stands for what an attacker would take; the C tests take the key itself.
    yield "HMAC with what anyone knows", token(hashlib.sha256(pem).hexdigest(), "HS256", "rsa"), "TOKEN_INVALID"
    yield "another key", token(stranger, "RS256", "rsa"), "TOKEN_INVALID"
    yield "RS512 by the RS256 key", token(keys["rsa"], "RS512", "rsa"), "TOKEN_INVALID"
    yield "PS256 by the RS256 key", token(keys["rsa"], "PS256", "rsa"), "TOKEN_INVALID"
    yield "EdDSA", token(keys["ed"], "EdDSA", "ed"), ("TOKEN_INVALID", "KEY_SET_UNAVAILABLE")
    yield "the kid of the other key", token(keys["rsa"], "RS256", "ec"), "TOKEN_INVALID"
    yield "another issuer", token(keys["rsa"], "RS256", "rsa", iss="https://evil.test"), "TOKEN_INVALID"
    yield "no issuer", token(keys["rsa"], "RS256", "rsa", iss=None), "TOKEN_INVALID"
    yield "another audience", token(keys["rsa"], "RS256", "rsa", aud="other"), "TOKEN_INVALID"
    yield "expired", token(keys["rsa"], "RS256", "rsa", exp=int(time.time()) - 60), "TOKEN_EXPIRED"
    yield "no exp", token(keys["rsa"], "RS256", "rsa", exp=None), "TOKEN_INVALID"
    yield "not yet", token(keys["rsa"], "RS256", "rsa", nbf=int(time.time()) + 600), "TOKEN_INVALID"
    yield "of tomorrow", token(keys["rsa"], "RS256", "rsa", iat=int(time.time()) + 86400), "TOKEN_INVALID"
    yield "cut", good[:-20], "TOKEN_INVALID"
    yield "no signature", good.rsplit(".", 1)[0] + ".", "TOKEN_INVALID"
    yield "too long", good + "A" * 9000, "TOKEN_INVALID"


def test_grpc_web(gateway, keys):
    good = token(keys["rsa"], "RS256", "rsa")
    check(becomes(gateway, good, 0), 0, "RS256, once the keys are there")
    check(call(gateway, token(keys["ec"], "ES256", "ec"))[0], 0, "ES256")
    check(call(gateway, token(keys["ec"], "ES256", None))[0], 0, "ES256 without a kid")
    check(call(gateway)[:2], (16, "CREDENTIALS_MISSING"), "no token")
    for what, bad, reason in forged(keys):
        code, got, _ = call(gateway, bad)
        allowed = reason if isinstance(reason, tuple) else (reason,)
        headers_too_long = what == "too long" and code == -431
        if not headers_too_long:
            check(got in allowed and code in (14, 16), True, f"{what}: {code} {got}")
    code, _, reply = call(gateway, good, x_ponte_subject="root", x_api_key="my-secret")
    check(code, 0, "with x-ponte-subject of its own")
    check(b"alice" in reply and b"x-ponte-subject" in reply, True, "the service knows the subject")
    check(b"root" in reply or b"my-secret" in reply, False, "forged subject and API key stay behind")
    check(good.encode() in reply, True, "the token goes on")


def test_rules(gateway, keys):
    check(call(gateway, token(keys["ec"], "ES256", "ec"), SERVER_STREAM)[:2], (7, "SCOPE_MISSING"), "without the scope")
    check(call(gateway, token(keys["ec"], "ES256", "ec", scope="a stream"), SERVER_STREAM)[0], 0, "with it")
    check(call(gateway, token(keys["ec"], "ES256", "ec", roles=["boss"]), SERVER_STREAM)[0], 0, "with the role")
    health = "/grpc.health.v1.Health/Check"
    check(clients.grpc_web(gateway.plain, health, b"\0\0\0\0\0")[0], 0, "health is public here")
    closed = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    check(call(gateway, None, closed)[:2], (16, "CREDENTIALS_MISSING"), "reflection, a stranger")
    check(call(gateway, token(keys["ec"], "ES256", "ec"), closed)[:2], (7, "METHOD_CLOSED"), "reflection, alice")


def test_api_keys(gateway, file):
    check(call(gateway, x_api_key="robot-key")[0], 0, "an API key")
    check(call(gateway, x_api_key="robot-kez")[:2], (16, "API_KEY_INVALID"), "another")
    code, _, reply = call(gateway, x_api_key="robot-key")
    check((code, b"robot-7" in reply, b"robot-key" in reply), (0, True, False), "its subject, not the key")
    with open(file + ".new", "w", encoding="ascii") as out:
        out.write("# nobody\n")
    os.rename(file + ".new", file)
    for _ in range(600):
        if call(gateway, x_api_key="robot-key")[0] == 16:
            break
        time.sleep(0.05)
    check(call(gateway, x_api_key="robot-key")[0], 16, "taken out of the file")


def single(gateway, **headers):
    """All that a unary call by grpc-websockets brings."""
    s, got = clients.Single(gateway.plain, UNARY, **headers), b""
    try:
        s.data(request(b"x"))
        s.finish()
        while True:
            got += s.message()
    except (clients.Closed, OSError):
        return got
    finally:
        s.close()


def test_grpc_websockets(gateway, keys):
    good = token(keys["ec"], "ES256", "ec")
    check(b"alice" in single(gateway, authorization=f"Bearer {good}"), True, "grpc-websockets with a token")
    refused = b"grpc-status:16"
    check(refused in single(gateway).replace(b" ", b""), True, "grpc-websockets without")
    check(refused in single(gateway, authorization=f"Bearer {good[:-9]}").replace(b" ", b""), True, "grpc-websockets with half of one")


def test_mux(gateway, keys):
    m = clients.Mux(gateway.plain)
    m.hello()
    m.open(1, BIDI)
    check(m.status(1), (16, "CREDENTIALS_MISSING"), "ponte.v1 without a token")
    m.send(clients.AUTH, 0, token(keys["ec"], "ES256", "ec").encode())
    m.open(2, BIDI)
    m.send(clients.DATA, 2, request(b"hello"))
    check(b"alice" in m.reply(2), True, "ponte.v1 after AUTH")
    m.send(clients.AUTH, 0, b"x.y.z")
    try:
        m.status(2)
        check("no close", 4004, "a bad token in AUTH")
    except clients.Closed as e:
        check(e.args[0], 4004, "a bad token in AUTH")
    m.close()


def test_mux_expiry(gateway, keys):
    """Two calls on two connections: the token of one is refreshed, that of the other expires in mid-call. The skew configured is 1 s."""
    short = {"exp": int(time.time()) + 3}
    kept, left = clients.Mux(gateway.plain), clients.Mux(gateway.plain)
    for m in (kept, left):
        m.hello(token(keys["ec"], "ES256", "ec", **short))
        m.open(1, BIDI)
        m.send(clients.DATA, 1, request(b"one"))
        m.reply(1)
    kept.send(clients.AUTH, 0, token(keys["rsa"], "RS256", "rsa").encode())
    check(left.status(1)[0], 16, "expiry ends the call")
    left.send(clients.AUTH, 0, token(keys["rsa"], "RS256", "rsa").encode())
    left.open(2, BIDI)
    left.send(clients.DATA, 2, request(b"two"))
    check(b"two" in left.reply(2), True, "expiry leaves the connection")
    kept.send(clients.DATA, 1, request(b"three"))
    check(b"three" in kept.reply(1), True, "AUTH keeps the call")
    for m in (kept, left):
        m.close()


def test_rotation(gateway, issuer, keys, config):
    """A new kid is fetched when it is seen, at most once in 10 s; then the old key goes; then the issuer."""
    new = ec.generate_private_key(ec.SECP256R1())
    issuer.publish("new", new, "ES256")
    check(becomes(gateway, token(new, "ES256", "new"), 0), 0, "a new key, without a restart")
    fetches = issuer.fetches
    for i in range(50):
        check(call(gateway, token(keys["rsa"], "RS256", f"unknown-{i}"))[0] in (14, 16), True, "an unknown kid")
    check(issuer.fetches - fetches <= 1, True, f"{issuer.fetches - fetches} fetches for 50 unknown kids")
    old = token(keys["rsa"], "RS256", "rsa")
    check(call(gateway, old)[0], 0, "the old key, still published")
    del issuer.keys["rsa"]
    for _ in range(40):  # each unknown kid asks for a fetch, once the last one is 10 s old
        call(gateway, token(keys["ec"], "ES256", "nudge"))
        if call(gateway, old)[0] != 0:
            break
        time.sleep(0.5)
    check(call(gateway, old)[0], 16, "the old key, taken away: what it had proven is forgotten")
    issuer.server.shutdown()
    issuer.server.server_close()
    check(call(gateway, token(new, "ES256", "new"))[0], 0, "the issuer is gone, its keys stay")
    with open(config, "a", encoding="ascii") as out:
        out.write(f"    - prefix: {BIDI}\n      public: true\n")
    gateway.popen.send_signal(signal.SIGHUP)
    for _ in range(600):
        if call(gateway, None, BIDI)[0] == 0:
            break
        time.sleep(0.05)
    check(call(gateway, None, BIDI)[0], 0, "a reload opens another method")
    check(call(gateway, token(new, "ES256", "new"))[0], 0, "after a reload too")


def main():
    keys = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1()),
            "ed": ed25519.Ed25519PrivateKey.generate()}
    issuer = Issuer()
    issuer.publish("rsa", keys["rsa"], "RS256")
    issuer.publish("ec", keys["ec"], "ES256")
    issuer.publish("ed", keys["ed"], "EdDSA")
    with tempfile.TemporaryDirectory(prefix="ponte-") as folder:
        config, api_keys = os.path.join(folder, "gateway.yaml"), os.path.join(folder, "api-keys")
        with open(api_keys, "w", encoding="ascii") as out:
            out.write(f"{hashlib.sha256(b'robot-key').hexdigest()} robot-7 - -\n")
        with open(config, "w", encoding="ascii") as out:
            out.write(f"""
auth:
  issuers:
    - issuer: {ISSUER}
      audience: {AUDIENCE}
      jwks_url: {issuer.url}
      clock_skew: 1s
  api_keys: {api_keys}
  rules:
    - prefix: /ponte.echo.v1.EchoService/
    - prefix: {SERVER_STREAM}
      scopes: [stream]
      roles: [boss]
    - prefix: /grpc.health.v1.Health/
      public: true
""")
        with echo_and_gateway("--config", config) as (_, gateway):
            test_grpc_web(gateway, keys)
            test_rules(gateway, keys)
            test_grpc_websockets(gateway, keys)
            test_mux(gateway, keys)
            test_mux_expiry(gateway, keys)
            test_api_keys(gateway, api_keys)
            test_rotation(gateway, issuer, keys, config)
    print("failed" if failures else "ok")
    return failures != 0


sys.exit(main())
