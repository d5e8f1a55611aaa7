"""`ponte-services` as the command line finds it: at the standard ports of one address; started and stopped (or killed) as often as a test likes."""

import json
import os
import random
import subprocess
import time

import ponte_procs as procs

LIMIT = 60


class StandardServices:
    """Records are in `folder`, or in the PostgreSQL that the test runs with; the address is a loopback one of this test's own, so that it meets no other."""

    def __init__(self, folder, only, *more, auth="on", environment=()):
        self.folder, self.only, self.account = folder, only, os.path.join(folder, "demo-account.json")
        self.host = f"127.{random.randint(1, 250)}.{random.randint(0, 250)}.{random.randint(1, 250)}"
        self.command = [procs.program("ponte-services"), "--only", ",".join(only), "--listen-host", self.host, "--admin", "127.0.0.1:0",
                        "--auth", auth, "--demo-account", self.account, *more]
        store = os.environ.get("PONTE_TEST_POSTGRES") or f"sqlite:{folder}"
        self.environment = dict(os.environ, PONTE_STORE=store, PONTE_DATA_DIR=folder, PONTE_LOG="info", **dict(environment))
        self.popen, self.starts, self.admin = None, 0, 0

    def start(self):
        self.starts += 1
        path = f"{self.folder}/services-{self.starts}.log"
        with open(path, "wb") as log:
            self.popen = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment)
        deadline, waiting = time.monotonic() + LIMIT, set(self.only) | {"admin"}
        while waiting:
            with open(path, encoding="utf-8", errors="replace") as log:
                text = log.read()
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the services are not ready:\n{text[-4000:]}")
            for line in text.splitlines():
                said = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
                if said.get("message") == "listening":
                    waiting.discard(said["service"])
                    self.admin = said["port"] if said["service"] == "admin" else self.admin
            time.sleep(0.02)
        return self

    def stop(self):
        if self.popen and self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(LIMIT)
            finally:
                self.popen.kill()  # one that does not end is not left behind
                self.popen.wait()
