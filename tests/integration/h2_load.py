"""20,000 gRPC-Web calls by h2load on one connection, plain and TLS, on both versions of HTTP: all must succeed. Fewer under sanitizers."""
import os
import sys

from harness import UNARY, echo_and_gateway, h2load, request

CALLS = 20000 if os.environ.get("PONTE_PRESET", "release") == "release" else 2000

ROWS = [
    ("HTTP/2, plain", "http", ["-c1", "-m32"]),
    ("HTTP/2, TLS", "https", ["-c1", "-m32"]),
    ("HTTP/2, TLS, 8 connections", "https", ["-c8", "-m16"]),
    ("HTTP/1.1, plain", "http", ["--h1", "-c8"]),
    ("HTTP/1.1, TLS", "https", ["--h1", "-c8"]),
]


def main():
    failed = False
    # One address calls here faster than one may; a refusal would look like an answer.
    os.environ.update(PONTE_GATEWAY_LIMITS_RATE_PER_ADDRESS="10000000", PONTE_GATEWAY_LIMITS_BURST_PER_ADDRESS="10000000")
    with echo_and_gateway() as (_, gateway):
        for name, scheme, args in ROWS:
            where = gateway.plain if scheme == "http" else gateway.tls
            done, output = h2load(f"{scheme}://{where}{UNARY}", request(b"x" * 1024), "-n", str(CALLS), *args)
            print(f"{name}: {done} of {CALLS}")
            if done != CALLS:
                failed = True
                print(output)
    return failed


sys.exit(main())
