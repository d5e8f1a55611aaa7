#!/usr/bin/env python3
"""Stands in for ponte-gateway and ponte-services: answers /readyz on its --admin port, and notes its life in $FAKE_LOG."""
import http.server
import os
import signal
import sys

name = os.path.basename(sys.argv[0])


def note(text):
    with open(os.environ["FAKE_LOG"], "a") as log:
        log.write(f"{name} {os.getpid()} {text}\n")


def stop(*_):
    note("stopped")
    sys.exit(0)


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, lambda *_: note("interrupted"))
if name == os.environ.get("FAKE_BROKEN"):
    print(f"{name}: cannot read its configuration", file=sys.stderr)
    sys.exit(1)
if "--config" in sys.argv:  # the gateway; one line of its file says where
    with open(sys.argv[sys.argv.index("--config") + 1]) as file:
        admin = next(line.split()[1] for line in file if line.startswith("admin:"))
else:
    admin = sys.argv[sys.argv.index("--admin") + 1]
host, port = admin.split(":")
server = http.server.HTTPServer((host, int(port)), Ready)
note("started")
server.serve_forever()
