"""The double as a process, for tests: starts it and asks what it saw. Standard library only."""
import json
import os
import subprocess
import sys
import time
import urllib.request

KEY = "test-key-3c1f"


class Double:
    """`with` ends it. `url` is what engines get as the provider's address."""

    def __init__(self, key=KEY):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "llm_double.py")
        self.popen = subprocess.Popen([sys.executable, program, "--key", key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.popen.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.stdin.close()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.popen.stdout.close()

    def ask(self, path, body=None):
        request = urllib.request.Request(f"{self.url}/double/{path}", data=body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def state(self):
        return self.ask("state")

    def requests(self, marker=None):
        return self.ask("requests" + (f"?marker={urllib.request.quote(marker)}" if marker else ""))

    def script(self, name, steps):
        """double:NAME answers so from now on."""
        self.ask(f"script/{name}", json.dumps(steps).encode())

    def reset(self):
        self.ask("reset", b"")

    def becomes(self, seconds=20, **wanted):
        """Waits until the state shows these values; the state."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.state()
            if all(state[k] == v for k, v in wanted.items()) or time.monotonic() > deadline:
                return state
            time.sleep(0.01)
