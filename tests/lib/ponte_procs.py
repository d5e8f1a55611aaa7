"""What the integration tests share: real processes on free ports, audio, and the judging of transcripts. Standard library only."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
import urllib.request
import wave

RATE = 16000
FRAME = 320  # what the client sends at once, samples
CLIPS = "/usr/share/pocketsphinx/test/data/librivox"  # Debian: pocketsphinx-testdata
READY_SECONDS = 60

os.environ["LC_ALL"] = "C.UTF-8"  # what is looked for in the programs' words is English, whatever the language of who runs the tests


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def program(name):
    """The path of a program under test: as CMake put it into the environment, or in PONTE_BUILD_DIR."""
    return os.environ.get(name.upper().replace("-", "_")) or os.path.join(os.environ["PONTE_BUILD_DIR"], "bin", name)


def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def private_kb(pid):
    """Memory that is a process's own: what it has written to. The clean pages of a library count as private, too, as long as no other process has it open, which would be chance."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty:"))


class Process:
    """A process that can be killed and started again with the same command; its log goes to a file."""

    def __init__(self, command, log, ready_port=None, environment=None):
        self.command, self.log_path, self.ready_port = command, log, ready_port
        self.environment = {**os.environ, **(environment or {})}
        self.popen = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment)
        return self

    def wait_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended with {self.popen.returncode}:\n{self.log()}")
            if is_ready(self.ready_port):
                return self
            time.sleep(0.02)
        raise RuntimeError(f"{self.command[0]} is not ready:\n{self.log()}")

    def kill(self):
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self):
        if self.popen and self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def log(self):
        with open(self.log_path, "rb") as f:
            return f.read()[-4000:].decode(errors="replace")


def is_ready(admin_port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/readyz", timeout=2) as r:
            return r.status == 200
    except OSError:
        return False


class Stack:
    """Transcription service and gateway, on ports of their own; `with` stops them."""

    def __init__(self, folder, engine=None, web=None):
        self.service_port, self.service_admin = free_port(), free_port()
        self.port, self.gateway_admin = free_port(), free_port()
        environment = {"PONTE_TRANSCRIPTION_PORT": str(self.service_port)}
        if engine:
            environment["PONTE_ASR_ENGINE"] = engine
        self.service = Process(
            [program("ponte-services"), "--only", "transcription", "--admin", f"127.0.0.1:{self.service_admin}"],
            f"{folder}/service-{self.port}.log", self.service_admin, environment)
        gateway = [program("ponte-gateway"), "--listen", f"127.0.0.1:{self.port}", "--upstream", f"127.0.0.1:{self.service_port}",
                   "--admin", f"127.0.0.1:{self.gateway_admin}"]
        self.gateway = Process(gateway + (["--web", web] if web else []), f"{folder}/gateway-{self.port}.log", self.gateway_admin)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.direct = f"127.0.0.1:{self.service_port}"

    def __enter__(self):
        try:
            self.service.start().wait_ready()
            self.gateway.start().wait_ready()
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.gateway.stop()
        self.service.stop()


def transcribe_command(endpoint, path, *more):
    return [program("ponte"), "transcribe", "--endpoint", endpoint, *more, path]


def transcribe_at_once(stack, path, count, pace):
    """Runs so many command line clients at once through the gateway; their texts. Raises if one fails."""
    command = transcribe_command(stack.endpoint, path, "--pace", pace)
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(count)]
    texts = []
    for client in clients:
        out, err = client.communicate(timeout=300)
        if client.returncode != 0:
            raise RuntimeError(f"a client ended with {client.returncode}: {err}")
        texts.append(" ".join(out.split()))
    return texts


# -- audio


def write_wav(path, samples, rate=RATE):
    """samples: bytes of little-endian 16-bit mono."""
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(samples)


def silence(seconds):
    return bytes(int(RATE * seconds) * 2)


def tone(k, samples=3200):
    """Word k of the fake engine (services/engines/asr/fake.h)."""
    import math
    step = 2 * math.pi * (300 + 25 * k) / RATE
    return struct.pack(f"<{samples}h", *(int(16383 * math.sin(step * i)) for i in range(samples)))


def fake_speech(words, pause_every=4):
    """Tones of the words with pauses for the detector after every few; and the words as the fake engine says them."""
    parts = [silence(0.5)]
    for i, k in enumerate(words):
        parts += [tone(k), silence(1.2 if i % pause_every == pause_every - 1 else 0.1)]
    return b"".join(parts + [silence(1.0)])


def clips():
    """(path, words) of the human speech."""
    with open(f"{CLIPS}/transcription") as f:
        lines = [re.match(r"<s> (.*) </s> \((.*)\)", line) for line in f]
    return [(f"{CLIPS}/{m[2]}.wav", m[1]) for m in lines if m and os.path.exists(f"{CLIPS}/{m[2]}.wav")]


def human_speech(gap=1.0):
    """All clips one after another: samples, and what is said."""
    samples, words = [silence(gap)], []
    for path, said in clips():
        with wave.open(path) as w:
            assert w.getframerate() == RATE and w.getnchannels() == 1
            samples += [w.readframes(w.getnframes()), silence(gap)]
        words.append(said)
    return b"".join(samples), " ".join(words)


# -- judging


def normalise(text):
    text = re.sub(r"\bmr\b\.?", "mister", text.lower()).replace("-", " ")
    return re.sub(r"[^a-z0-9'\s]", "", text).split()


def word_errors(said, heard):
    """(errors, words): the edit distance between two texts."""
    a, b = normalise(said), normalise(heard)
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1], len(a)


def check_coverage(results_path, samples):
    """Reads --results: committed_end never falls and ends at the last sample; finals lie in what their own result commits, without gap or
    overlap. Gives the text of the finals. Raises AssertionError."""
    committed, spoken_to, texts = 0, 0, []
    with open(results_path) as f:
        results = [json.loads(line) for line in f]
    for r in results:
        assert r["committed_end"] >= committed, f"committed_end fell from {committed}: {r}"
        if r["kind"] in ("final", "interim"):
            assert r["start"] >= committed, f"before what was committed up to {committed}: {r}"
        if r["kind"] == "final":
            assert spoken_to <= r["start"] <= r["end"] <= r["committed_end"], f"a final out of its place, {spoken_to}: {r}"
            spoken_to = r["end"]
            texts.append(r["text"])
        committed = r["committed_end"]
    padded = -(-samples // FRAME) * FRAME
    assert committed == padded, f"covered {committed} of {padded} samples"
    return " ".join(texts)
