"""Tokens of the users service at the real gateway, at the service itself, and at a service of another process: sign-up to rotation of the keys.

usage: identity_test.py PROTOC PROTO_ROOT
"""
import json
import os
import sqlite3
import sys
import tempfile
import time
import urllib.request

sys.path[:0] = [os.path.join(os.environ["PONTE_DEPS_DIR"], "python"), os.path.join(os.path.dirname(__file__), "..", "lib")]
import jwt  # PyJWT

import clients
import ponte_services
import services_tokens
from harness import Process

USERS = "/ponte.users.v1.UserService/"
PASSWORD = "correct horse battery"
ORDERS = "orders.ListOrders"
failures = 0


def check(got, want, what):
    global failures
    if got != want:
        failures += 1
        print(f"{what}: got {got}, want {want}")


class Gateway:
    """In front of the users service, with its key set."""

    def __init__(self, services, folder):
        config = os.path.join(folder, "gateway.yaml")
        public = "".join(f"    - {{prefix: {USERS}{name}, public: true}}\n" for name in ("SignUp", "SignIn", "RefreshSession", "SignOut"))
        with open(config, "w", encoding="ascii") as out:
            out.write(f"""
auth:
  issuers:
    - issuer: ponte
      audience: ponte
      jwks_url: {jwks_url(services)}
      jwks_refresh: 10s
  rules:
{public}    - {{prefix: {USERS}, roles: [student, teacher, admin]}}
    - {{prefix: {USERS}SetPassword}}
""")
        self.methods = services.methods
        self.process = Process("ponte-gateway", ["--config", config, "--listen", "http://127.0.0.1:0", "--admin", "127.0.0.1:0", "--grace", "1s",
                                                 "--upstream", f"127.0.0.1:{services.ports['users']}"], 2)
        self.where = dict(line.split() for line in self.process.said)["listening"][7:]

    def call(self, name, token=None, **fields):
        """(gRPC status, the gateway's own reason, the answer)"""
        method = self.methods[f"users.{name}"]
        message = method.request(**fields).SerializeToString()
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        code, reason, data = clients.grpc_web(self.where, USERS + name, b"\0" + len(message).to_bytes(4, "big") + message, headers)
        return code, reason, method.response.FromString(data[5:]) if code == 0 else None

    def becomes(self, name, token, want, **fields):
        """Keys come by a thread: waits until the gateway knows them, at most twice the 10 s that are between two fetches."""
        deadline = time.monotonic() + 20
        while (got := self.call(name, token, **fields)[0]) != want and time.monotonic() < deadline:
            time.sleep(0.1)
        return got


def jwks_url(services):
    return f"http://127.0.0.1:{services.ports['admin']}/.well-known/jwks.json"


def published(services):
    with urllib.request.urlopen(jwks_url(services), timeout=10) as answer:
        assert answer.headers["content-type"] == "application/jwk-set+json", answer.headers
        return json.load(answer)["keys"]


def test_sessions(gateway, services):
    code, _, session = gateway.call("SignUp", display_name="Alice", email="alice@example.com", password=PASSWORD)
    check(code, 0, "sign-up through the gateway")
    token, alice = session.access_token, session.user.user_id
    head, body = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    check((head["alg"], head["typ"]), ("ES256", "at+jwt"), "the token's header")
    check((body["iss"], body["aud"], body["sub"], body["roles"], body["exp"] - body["iat"]), ("ponte", "ponte", alice, ["student"], 900), "its claims")
    check(gateway.becomes("GetUser", token, 0, user_id=alice), 0, "the gateway takes it")
    check(services.call("users.GetUser", token, user_id=alice).email, "alice@example.com", "so does the service")
    check(gateway.call("ListUsers", token)[0], 7, "a student's token is a student's")
    check(gateway.call("GetUser", None, user_id=alice)[:2], (16, "CREDENTIALS_MISSING"), "without a token, at the gateway")
    check(services.fails("users.GetUser", None, user_id=alice).reason, "NO_IDENTITY", "without a token, at the service")
    check(gateway.call("SignIn", None, email="alice@example.com", password="wrong")[0], 16, "a wrong password")
    code, _, again = gateway.call("RefreshSession", refresh_token=session.refresh_token)
    check((code, again.user.user_id), (0, alice), "refresh through the gateway")
    check(gateway.call("RefreshSession", refresh_token=session.refresh_token)[0], 16, "the same token again")
    check(gateway.call("RefreshSession", refresh_token=again.refresh_token)[0], 16, "and what came of it")
    return gateway.call("SignIn", email="ALICE@example.com", password=PASSWORD)[2]


def test_first_administrator(gateway, services):
    """The one-time password opens the door to a better one, and to nothing else, through rules that ask for roles."""
    account = {"email": "admin@ponte.local", "password": services.log().split("one-time password ")[1].split()[0]}
    code, _, session = gateway.call("SignIn", **account)
    check(code, 0, "the first administrator signs in")
    gateway.becomes("SetPassword", session.access_token, 3, user_id=session.user.user_id, old_password="wrong", new_password=PASSWORD)
    check(gateway.call("ListUsers", session.access_token)[:2], (7, "SCOPE_MISSING"), "and may do nothing yet")
    check(services.fails("users.ListUsers", session.access_token).reason, "NOT_ALLOWED", "not at the service either")
    check(gateway.call("SetPassword", session.access_token, user_id=session.user.user_id, old_password=account["password"], new_password=PASSWORD)[0], 0,
          "but set a password")
    check(gateway.call("SignIn", **account)[0], 16, "the old one is gone")
    session = gateway.call("SignIn", email=account["email"], password=PASSWORD)[2]
    check(gateway.call("ListUsers", session.access_token)[0], 0, "with the new one an administrator")


def test_told_address(services):
    """From near, who the client is stands in the call: here in the log of a token's second use."""
    session = services.call("users.SignIn", email="alice@example.com", password=PASSWORD)
    services.call("users.RefreshSession", refresh_token=session.refresh_token)
    try:
        services.call("users.RefreshSession", metadata=[("x-ponte-client", "203.0.113.7")], refresh_token=session.refresh_token)
        check("no error", "SESSION_ENDED", "a refresh token again")
    except ponte_services.grpc.RpcError as e:
        check(ponte_services.failure_of(e).reason, "SESSION_ENDED", "a refresh token again")
    check('"caller":"203.0.113.7"' in services.log(), True, "the client that the gateway tells of")


def test_forged(gateway, services, session):
    """Nobody but the holder of the key gets in, at neither door."""
    alice = session.user.user_id
    for why, reason, token in services_tokens.forged(services, session.access_token, alice):
        if token == "nobody":
            continue
        check(services.fails("users.GetUser", token, user_id=alice).reason, reason, f"the service, {why}")
        check(gateway.call("GetUser", token, user_id=alice)[0] in (14, 16), True, f"the gateway, {why}")


def sign_now(services):
    """As if two minutes had passed since the new key was published."""
    with sqlite3.connect(os.path.join(services.folder, "users.db"), timeout=30) as store:
        store.execute("UPDATE signing_keys SET sign_us = create_us")


def test_rotation(gateway, services, orders, session):
    alice, old = session.user.user_id, session.access_token
    admin = services.administrator()[0].access_token
    check(gateway.call("RotateKeys", old)[0], 7, "a student rotates no keys")
    before = [key["kid"] for key in published(services)]
    code, _, made = gateway.call("RotateKeys", admin)
    check(code, 0, "an administrator does")
    check([key["kid"] for key in published(services)], [made.key_id, *before], "the new key is published at once")
    check(any("d" in key for key in published(services)), False, "of a key only its public half")
    check(jwt.get_unverified_header(services.call("users.SignIn", email="alice@example.com", password=PASSWORD).access_token)["kid"], before[0],
          "the old one signs until everybody can know the new one")
    sign_now(services)
    new = services.call("users.SignIn", email="alice@example.com", password=PASSWORD).access_token
    check(jwt.get_unverified_header(new)["kid"], made.key_id, "then the new one signs")
    check(services.call("users.GetUser", new, user_id=alice).user_id, alice, "the service takes its token")
    check(gateway.becomes("GetUser", new, 0, user_id=alice), 0, "and so does the gateway, once it has fetched the key")
    check(services.call("users.GetUser", old, user_id=alice).user_id, alice, "the old token is good at the service")
    check(gateway.call("GetUser", old, user_id=alice)[0], 0, "and at the gateway")
    check(orders.fails(ORDERS, old, user_id=alice).code, "OK", "and at a service of another process")
    for _ in range(200):
        if (answer := orders.fails(ORDERS, new, user_id=alice)).code == "OK":
            break
        time.sleep(0.1)
    check(answer.code, "OK", "which finds the new key, too")


def main():
    protoc, proto_root = sys.argv[1:]
    _, methods = ponte_services.generate(protoc, proto_root)
    with tempfile.TemporaryDirectory(prefix="ponte-identity-") as folder, ponte_services.Services(methods, only=("users",), folder=folder) as services:
        gateway = Gateway(services, folder)
        more = ["--jwks-url", jwks_url(services), "--users-target", f"127.0.0.1:{services.ports['users']}"]
        try:
            session = test_sessions(gateway, services)
            test_first_administrator(gateway, services)
            test_told_address(services)
            with ponte_services.Services(methods, only=("orders",), folder=folder, more=more) as orders:
                test_forged(gateway, services, session)
                test_rotation(gateway, services, orders, session)
            check(any(secret in services.log() for secret in (PASSWORD, session.access_token, session.refresh_token)), False, "secrets in the log")
        finally:
            ended_well = gateway.process.stop()
        check(ended_well, True, "the gateway ended well")
    sys.exit(failures > 0)


main()
