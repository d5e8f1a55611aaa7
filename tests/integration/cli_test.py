"""`ponte` against a real gateway and the service on its fake engine: formats, files of several kinds, microphone, standard input, interruption,
exit codes. Tones are words (services/engines/asr/fake.h), so what must come out is known."""

import array
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import wave

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import ponte_procs as procs

WORDS = [3, 14, 15, 92, 65, 35, 89, 79]
SAID = " ".join(f"w{k}" for k in WORDS)
LIMIT = 60


def has_interim(path):
    try:
        with open(path) as f:
            return "interim" in f.read()
    except FileNotFoundError:
        return False


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder_owner = tempfile.TemporaryDirectory()
        cls.folder = cls.folder_owner.name
        cls.stack = procs.Stack(cls.folder, "fake").__enter__()
        cls.samples = procs.fake_speech(WORDS)
        cls.wav = f"{cls.folder}/speech.wav"
        procs.write_wav(cls.wav, cls.samples)

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__()
        cls.folder_owner.cleanup()

    def run_ponte(self, *arguments, code=0, **more):
        done = subprocess.run([procs.program("ponte"), *arguments], capture_output=True, text=not more.get("input"), timeout=LIMIT, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if isinstance(done.stdout, str) else done.stdout.decode()

    def transcribe(self, *arguments, **more):
        return self.run_ponte("transcribe", "--endpoint", self.stack.endpoint, *arguments, **more)

    def test_text_through_the_gateway_and_directly(self):
        self.assertEqual(procs.normalise(self.transcribe(self.wav)), SAID.split())
        direct = self.run_ponte("transcribe", "--endpoint", self.stack.direct, self.wav)
        self.assertEqual(procs.normalise(direct), SAID.split())

    def test_pcm_and_results(self):
        results = f"{self.folder}/pcm.results"
        self.transcribe("--codec", "pcm", "--results", results, self.wav)
        self.assertEqual(procs.check_coverage(results, len(self.samples) // 2), SAID)

    def test_formats(self):
        self.assertRegex(self.transcribe("--format", "srt", self.wav), r"^1\n00:00:0\d,\d{3} --> 00:00:0\d,\d{3}\nw3 ")
        self.assertRegex(self.transcribe("--format", "vtt", self.wav), r"^WEBVTT\n\n00:00:0\d\.\d{3} --> ")
        segments = json.loads(self.transcribe("--format", "json", self.wav))["segments"]
        self.assertEqual(" ".join(s["text"] for s in segments), SAID)
        self.assertTrue(all(a["end_sample"] <= b["start_sample"] for a, b in zip(segments, segments[1:])))

    def test_stereo_at_another_rate(self):
        mono = array.array("h", self.samples)
        path = f"{self.folder}/stereo.wav"
        with wave.open(path, "wb") as w:  # each sample three times, on both channels: 48 kHz
            w.setnchannels(2)
            w.setsampwidth(2)
            w.setframerate(48000)
            w.writeframes(array.array("h", (v for s in mono for v in (s,) * 6)).tobytes())
        self.assertEqual(procs.normalise(self.transcribe(path)), SAID.split())

    def test_standard_input(self):
        with open(self.wav, "rb") as f:
            done = self.transcribe("-", stdin=f)
        self.assertEqual(procs.normalise(done), SAID.split())

    def test_several_files(self):
        out = f"{self.folder}/out"
        os.mkdir(out)
        other = f"{self.folder}/other.wav"
        procs.write_wav(other, procs.fake_speech([7, 8]))
        self.transcribe("--format", "srt", "--output-dir", out, self.wav, other)
        with open(f"{out}/speech.srt") as a, open(f"{out}/other.srt") as b:
            self.assertIn("w3 ", a.read())
            self.assertIn("w7 w8", b.read())
        self.assertEqual(procs.normalise(self.transcribe(self.wav, other)), SAID.split() + ["w7", "w8"])
        # One bad file does not keep the others from being read, but is told.
        self.assertEqual(procs.normalise(self.transcribe("/nowhere.wav", other, code=1)), ["w7", "w8"])

    def test_microphone(self):
        raw = f"{self.folder}/mic.raw"
        with open(raw, "wb") as f:
            f.write(self.samples + procs.silence(1))
        config = f"{self.folder}/asoundrc"
        with open(config, "w") as f:  # a capture device that plays a file: no hardware is needed
            f.write(f'pcm.!default {{ type file slave.pcm null file /dev/null infile "{raw}" format raw }}\n')
        environment = {**os.environ, "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{config}"}
        seconds = str(len(self.samples) / 2 / procs.RATE)
        self.assertEqual(procs.normalise(self.transcribe("--mic", "--duration", seconds, env=environment)), SAID.split())
        self.transcribe("--mic=no-such-device", code=1)

    def test_interrupt_waits_for_the_last_words(self):
        results = f"{self.folder}/interrupted.results"
        command = procs.transcribe_command(self.stack.endpoint, self.wav, "--pace", "realtime", "--results", results)
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + LIMIT
        while not has_interim(results) and time.monotonic() < deadline:
            time.sleep(0.02)
        client.send_signal(signal.SIGINT)
        out, _ = client.communicate(timeout=LIMIT)
        self.assertEqual(client.returncode, 0)
        heard = procs.normalise(out)
        self.assertTrue(heard and heard == SAID.split()[:len(heard)] and len(heard) < len(WORDS), out)

    def test_models_and_status(self):
        self.assertIn("fake", self.run_ponte("models", "--endpoint", self.stack.endpoint))
        self.assertRegex(self.run_ponte("status", "--endpoint", self.stack.direct), r"state +ok")

    def test_refusals(self):
        self.transcribe("--model", "no-such-model", self.wav, code=20 + 5)
        self.transcribe("--language", "tlh", self.wav, code=20 + 3)
        self.transcribe(f"{self.folder}/../etc", code=1)
        nobody = f"127.0.0.1:{procs.free_port()}"
        self.run_ponte("models", "--endpoint", nobody, code=20 + 14)
        self.run_ponte("models", "--endpoint", f"http://{nobody}", code=20 + 14)
        self.run_ponte("transcribe", "--give-up", "1", "--endpoint", f"http://{nobody}", self.wav, code=20 + 14)

    def test_usage(self):
        for arguments in (["transcribe"], ["transcribe", "--format", "doc", "x"], ["transcribe", "--pace", "slow", "x"], ["nonsense"], [],
                          ["transcribe", "--mic", "x"], ["transcribe", "--give-up", "0", "x"], ["models", "x"], ["models", "--endpoint", "ftp://x"],
                          ["transcribe", "--format", "srt", "a", "b"], ["status", "--bogus"]):
            self.run_ponte(*arguments, code=2)
        self.assertIn("transcribe", self.run_ponte("--help"))
        for command in ("transcribe", "models", "status"):
            self.assertIn("--endpoint", self.run_ponte(command, "--help"))
        self.assertRegex(self.run_ponte("--version"), r"^ponte \d")


unittest.main(verbosity=2)
