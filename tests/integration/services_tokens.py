"""Tokens that no service may take, for services_refusals_test.py: made by PyJWT, some with the service's own private key, as only its store holds it."""
import base64
import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.environ["PONTE_DEPS_DIR"], "python"))
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = AUDIENCE = "ponte"
HOUR = 3600


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(subject, **changes):
    now = int(time.time())
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "roles": ["admin"], "iat": now, "exp": now + HOUR, "jti": "test", **changes}


def signing_key(services, key_id):
    """The private key of this id."""
    with sqlite3.connect(f"file:{services.folder}/users.db?mode=ro", uri=True) as store:
        (text,) = store.execute("SELECT private_jwk FROM signing_keys WHERE key_id = ?", (key_id,)).fetchone()
    return jwt.algorithms.ECAlgorithm.from_jwk(text if isinstance(text, str) else text.decode())


def forged(services, token, subject):
    """(why, reason, token) of each; `token` is a good one."""
    header, body, signature = token.split(".")
    head = jwt.get_unverified_header(token)
    own = signing_key(services, head["kid"])
    stranger = ec.generate_private_key(ec.SECP256R1())
    other = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")

    def signed(key=own, algorithm="ES256", kid=head["kid"], **changes):
        kept = {k: v for k, v in claims(subject, **changes).items() if v is not None}
        return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid, "typ": head.get("typ", "JWT")})

    rows = {
        "without a token": "nobody",
        "with a token that is none": "garbage",
        "with an empty signature": f"{header}.{body}.",
        "with a changed signature": f"{header}.{body}.{other}",
        "with changed claims": f"{header}.{part(claims(subject, exp=int(time.time()) + 100 * HOUR))}.{signature}",
        "with algorithm none": f"{part({**head, 'alg': 'none'})}.{body}.",
        "with a token of a stranger's key": signed(stranger),
        "with a token of an unknown key": signed(stranger, kid="unknown"),
        "with a secret for a key": signed("a secret that is long enough for HS256", "HS256"),
        "with a token of another issuer": signed(iss="https://elsewhere.test"),
        "with a token for others": signed(aud="elsewhere"),
        "with a token that never expires": signed(exp=None),
        "with a token that is not good yet": signed(nbf=int(time.time()) + HOUR),
    }
    expired = signed(iat=int(time.time()) - 2 * HOUR, exp=int(time.time()) - HOUR)
    return [(why, "NO_IDENTITY", value) for why, value in rows.items()] + [("with an expired token", "TOKEN_EXPIRED", expired)]
