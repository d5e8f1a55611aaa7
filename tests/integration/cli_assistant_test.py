"""`ponte ask`, `materials`, `conversations` and `transcribe --attach` against a real ponte-services (users; chatbot and transcription with scripted engines; authentication on),
directly and through a gateway.

What the engine says stands in the question (services/engines/llm/fake.h). Standard library only.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import harness
import ponte_procs as procs
from ponte_standard import StandardServices

LIMIT = 60
PORTS = {"users": 50051, "transcription": 50054, "chatbot": 8082}
UNAUTHENTICATED, UNAVAILABLE, INVALID, NOT_FOUND, CUT, BLOCKED, INTERRUPTED, UNIMPLEMENTED = 36, 34, 23, 25, 31, 29, 130, 32
# The words of scripts stand in the lesson, or the service would not find enough of the question there to ask its engine.
SCRIPTS = "A script has fake text 1 2 3, a quote, a lie, and an end: STOP, MAX_TOKENS, SAFETY, error UNAVAILABLE, EXHAUSTED, wait, endless."
CELL = "Is the cell the smallest unit of life, and has every cell a membrane?"
LIGHT = "Photosynthesis happens in the chloroplasts, which contain chlorophyll?"
LESSON = f"""# Biology

## The cell

The cell is the smallest unit of life. Every cell has a membrane. {SCRIPTS}

## Photosynthesis

Photosynthesis happens in the chloroplasts, which contain chlorophyll. {SCRIPTS}
"""
TRANSCRIPT = """1
00:01:05,000 --> 00:01:09,000
A mitocôndria produz a energia da célula.

2
01:02:10,000 --> 01:02:15,000
O núcleo guarda o DNA.
"""


class Services(StandardServices):
    def __init__(self, folder):
        super().__init__(folder, PORTS, "--llm", "fake", environment={"PONTE_ASR_ENGINE": "fake"})

    def metric(self, pattern):
        """The sum of all samples whose name and labels match."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=LIMIT) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(pattern, line))


class World(unittest.TestCase):
    """One store, one gateway; each test has folders of its own for sessions and queues, and is signed in."""

    @classmethod
    def setUpClass(cls):
        owner = tempfile.TemporaryDirectory(prefix="ponte-cli-")
        cls.addClassCleanup(owner.cleanup)
        cls.folder = owner.name
        cls.services = Services(cls.folder)
        cls.addClassCleanup(cls.services.stop)
        cls.services.start()
        with open(f"{cls.folder}/gateway.yaml", "w", encoding="utf-8") as f:
            f.write("listen:\n  - address: 127.0.0.1:0\nclusters:\n")
            f.writelines(f"  - {{name: {name}, targets: ['{cls.services.host}:{port}']}}\n" for name, port in PORTS.items())
            f.write("routes:\n" + "".join(f"  - {{prefix: /ponte.{name}.v1., cluster: {name}}}\n" for name in PORTS))
        cls.gateway = harness.Process("ponte-gateway", ["--config", f"{cls.folder}/gateway.yaml", "--grace", "1s", "--admin", "127.0.0.1:0"], 2)
        cls.addClassCleanup(cls.gateway.stop)
        cls.http = ["--endpoint", next(line.split()[1] for line in cls.gateway.said if line.startswith("listening"))]
        cls.direct = [f"--direct={cls.services.host}"]
        cls.lesson, cls.transcript = f"{cls.folder}/cells.md", f"{cls.folder}/Aula 3.srt"
        for path, text in ((cls.lesson, LESSON), (cls.transcript, TRANSCRIPT)):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)

    def setUp(self):
        if self.services.popen.poll() is not None:
            self.services.start()
        self.home = tempfile.mkdtemp(dir=self.folder)
        self.environment = dict(os.environ, HOME=self.home, XDG_CONFIG_HOME=f"{self.home}/config", XDG_STATE_HOME=f"{self.home}/state")
        self.environment.pop("PONTE_TOKEN", None)
        self.where = self.direct
        self.login()

    def login(self):
        if self.where is self.http:
            self.reached()
        with open(self.services.account, encoding="utf-8") as f:
            account = json.load(f)
        self.ponte("login", account["email"], "--password-stdin", given=account["password"] + "\n")

    def reached(self):
        """The gateway waits before it connects again."""
        deadline = time.monotonic() + LIMIT
        for command in (["users", "list"], ["materials", "list"]):
            while time.monotonic() < deadline:
                done = subprocess.run(self.command(*command), capture_output=True, timeout=LIMIT, env=self.environment, check=False)
                if done.returncode != UNAVAILABLE:
                    break

    def command(self, *arguments):
        return [procs.program("ponte"), *arguments, *(self.where if arguments[0] != "sync" else [])]

    def ponte(self, *arguments, code=0, said=None, given=None, where=None):
        """Standard output of a command that ends with this code; `said` must be on stderr."""
        command = [procs.program("ponte"), *arguments, *where] if where is not None else self.command(*arguments)
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=LIMIT, env=self.environment, check=False)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        if said:
            self.assertRegex(done.stderr, said)
        return done.stdout

    def json(self, *arguments, **more):
        return json.loads(self.ponte(*arguments, "--json", **more))

    def materials(self, title):
        return [m for m in self.json("materials", "list").get("materials", []) if m["title"] == title]

    def conversation(self, title="Biology"):
        return self.json("conversations", "create", title)["conversationId"]


class Ask(World):
    def test_an_answer_with_its_sources(self):
        for where in (self.direct, self.http):
            self.where = where
            self.login()
            out = self.ponte("ask", f"{LIGHT} fake:text=2,quote=1", "--material", self.lesson)
            self.assertRegex(out, r"^peça 1 peça 2 \[1\] ?\n\nSources:\n\[1\] cells > Biology > Photosynthesis, bytes \d+-\d+: \"Photosynthesis happens in ")
            begin, end = map(int, re.search(r"bytes (\d+)-(\d+)", out).groups())
            quote = re.search(r': "(.*)"\n$', out).group(1)
            self.assertEqual(LESSON.encode()[begin:end].decode(), quote)
        out = self.ponte("ask", "O que produz a energia da célula?", "--material", self.transcript)
        self.assertRegex(out, r'\[1\] Aula 3, 1:05-1:09: "A mitocôndria produz')
        out = self.ponte("ask", "O que guarda o núcleo? fake:quote=1", "--material", self.transcript)
        self.assertRegex(out, r"\[1\] Aula 3, 1:")

    def test_only_what_stands_there_is_a_source(self):
        out = self.ponte("ask", f"{CELL} fake:text=1,lie,text=1", "--material", self.lesson)
        self.assertNotIn("Sources", out)
        self.assertNotIn("[1", out)

    def test_a_refusal_is_an_answer(self):
        out = self.ponte("ask", "Who won the cup in 1994?", "--material", self.lesson)
        self.assertIn("does not answer", out)
        self.assertNotIn("Sources", out)
        self.assertNotEqual(self.ponte("ask", "Who won the cup in 1994?", "--material", self.lesson, "--language", "pt"), out)

    def test_the_end_is_told_truthfully(self):
        for end, code, said in (("STOP", 0, ""), ("MAX_TOKENS", CUT, "cut"), ("SAFETY", BLOCKED, "blocked")):
            out = self.ponte("ask", f"{CELL} fake:text=2,end={end}", "--material", self.lesson, code=code, said=said)
            self.assertTrue(out.startswith("peça 1 peça 2"), out)
            self.ponte("ask", f"{CELL} fake:text=2,end={end}", "--json", code=code)
        for error in ("UNAVAILABLE", "EXHAUSTED"):
            self.ponte("ask", f"{CELL} fake:text=2,error={error}", code=UNAVAILABLE, said="ENGINE_UNAVAILABLE")

    def test_json_is_the_stream(self):
        lines = [json.loads(line) for line in self.ponte("ask", f"{CELL} fake:text=2,quote=1", "--material", self.lesson, "--json").splitlines()]
        self.assertEqual([next(iter(line)) for line in lines][:1] + [next(iter(lines[-1]))], ["sources", "final"])
        answer = "".join(line.get("text", "") for line in lines).encode()
        citation = lines[-1]["final"]["citations"][0]
        self.assertEqual(answer[citation["answerOffset"]:][:3], b"[1]")
        self.assertEqual(lines[-1]["final"]["finishReason"], "FINISH_REASON_STOP")

    def test_a_lesson_is_added_once(self):
        path = f"{self.home}/once.md"
        with open(path, "w", encoding="utf-8") as f:
            f.write(LESSON)
        for _ in range(3):
            self.ponte("ask", "What is a cell?", "--material", path)
        self.assertEqual(len(self.materials("once")), 1)
        # Removed, it is added once more; changed, it is another lesson.
        self.ponte("materials", "remove", self.materials("once")[0]["materialId"], "--yes")
        for _ in range(3):
            self.assertIn("Sources", self.ponte("ask", "What is a cell?", "--material", path))
        self.assertEqual(len(self.materials("once")), 1)
        with open(path, "a", encoding="utf-8") as f:
            f.write("\nMore.\n")
        self.ponte("ask", "What is a cell?", "--material", path, "--material", self.lesson)
        self.assertEqual(len(self.materials("once")), 2)

    def test_context(self):
        out = self.ponte("ask", "When is the exam?", "--context", "-", given="The exam is on Friday at ten in room five.\n")
        self.assertRegex(out, r'\[1\] the context that was given, bytes 0-\d+: "The exam is on')

    def test_the_same_key_tells_the_same_answer(self):
        conversation = self.conversation()
        first = self.ponte("ask", f"{CELL} fake:text=3,quote=1", "--key", "k-1", "--conversation", conversation)
        self.assertEqual(self.ponte("ask", f"{CELL} fake:text=3,quote=1", "--key", "k-1", "--conversation", conversation), first)
        self.assertEqual(len(self.json("conversations", "show", conversation)["messages"]), 1)

    def test_text_cannot_steer_the_terminal(self):
        path = f"{self.home}/evil.md"
        with open(path, "w", encoding="utf-8") as f:
            f.write("# Evil \x1b[31m heading\n\nThe colour \x1b]0;title\x07 of the cell is \u202e red today.\n")
        out = self.ponte("ask", "Which colour of the cell is red today, the colour of which cell? fake:quote=1", "--material", path)
        self.assertIn("Sources", out)
        self.assertFalse(re.search("[\x1b\x07\u202e]", out), out)
        shown = self.ponte("materials", "show", self.materials("evil")[0]["materialId"])
        self.assertFalse(re.search("[\x1b\x07\u202e]", shown), shown)

    def test_ctrl_c_reaches_the_engine(self):
        for where in (self.direct, self.http):
            self.where = where
            self.login()
            run = subprocess.Popen(self.command("ask", f"{CELL} fake:endless"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment)
            self.assertTrue(run.stdout.read(1))  # it answers
            self.assertEqual(self.services.metric("ponte_chatbot_running"), 1)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(LIMIT), INTERRUPTED)
            run.stdout.close()
            run.stderr.close()
            deadline = time.monotonic() + LIMIT
            while self.services.metric("ponte_chatbot_running") and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertEqual(self.services.metric("ponte_chatbot_running"), 0)

    def test_a_timeout(self):
        self.ponte("ask", f"{CELL} fake:text=1,wait", "--timeout", "0.5", code=24)

    def test_refuses(self):
        rows = [
            (["ask"], 2, "name a question"),
            (["ask", "a", "b"], 2, "takes .QUESTION"),
            (["ask", ""], INVALID, "duvida"),
            (["ask", "x" * 2001], INVALID, "duvida"),
            (["ask", "x", "--conversation", "y"], INVALID, "conversation_id"),
            (["ask", "x", "--conversation", "01a20364-6f10-72fa-b87f-2452b6f4a5d8"], NOT_FOUND, ""),
            (["ask", "x", "--material", f"{self.home}/none.md"], 1, "none.md"),
            (["ask", "x", "--material", self.folder], 1, ""),
            (["ask", "x", "--material", self.services.account], 1, "tells no format"),
            (["ask", "x", "--context", f"{self.home}/none"], 1, "none"),
            (["ask", "x", "--timeout", "soon"], 2, "timeout"),
        ]
        for arguments, code, said in rows:
            self.assertEqual(self.ponte(*arguments, code=code, said=said), "")
        for name, content, code, said in (("latin.md", b"tr\xeas", 1, "UTF-8"), ("nul.txt", b"a\0b", 1, "UTF-8"), ("empty.md", b"", INVALID, "content"),
                                          ("blank.md", b"---\n", INVALID, "MALFORMED_MATERIAL"), ("big.txt", b"a" * (1 << 20) + b"b", 1, "1048576"),
                                          ("bad.srt", b"1\n00:00:01,000 --> soon\nx\n", INVALID, "line 2")):
            with open(f"{self.home}/{name}", "wb") as f:
                f.write(content)
            self.assertEqual(self.ponte("ask", "x", "--material", f"{self.home}/{name}", code=code, said=said), "")
            self.ponte("ask", "x", "--material", f"{self.home}/{name}", code=code, said="not asked" if code != 1 else "")
        self.ponte("logout")
        self.ponte("ask", "x", code=UNAUTHENTICATED, said="NO_IDENTITY")


class Portuguese(World):
    def setUp(self):
        super().setUp()
        self.environment["LC_ALL"] = "pt_BR.UTF-8"

    def test_errors(self):
        rows = [
            (["ask", ""], INVALID, r"INVALID_ARGUMENT \(INVALID_FIELD, campo duvida\): o serviço recusou um campo: "),
            (["ask", "x", "--conversation", "01a20364-6f10-72fa-b87f-2452b6f4a5d8"], NOT_FOUND, "NOT_FOUND .*: não existe, ou não é seu"),
            (["ask", f"{CELL} fake:text=2,error=UNAVAILABLE"], UNAVAILABLE, r"\(ENGINE_UNAVAILABLE\): o assistente não está acessível agora; pergunte de novo em instantes$"),
            (["ask", f"{CELL} fake:text=1,wait", "--timeout", "0.5"], 24, "DEADLINE_EXCEEDED.*: demorou demais"),
            (["ask", f"{CELL} fake:text=1,end=MAX_TOKENS"], CUT, "a resposta está cortada"),
            (["ask", "x", "--timeout", "soon"], 2, "deve ser um número positivo de segundos"),
            (["ask", "x", "--frob"], 2, "ponte ask: não há --frob, ou não assim"),
            (["ask", "x", "--json=1"], 2, "não há --json=1, ou não assim"),
            (["ask", "x", "-z"], 2, "não há -z, ou não assim"),
            (["ask", "x", "--key"], 2, "ponte ask: --key precisa de um valor"),
            (["ask", "x", "--material", f"{self.home}/none.md"], 1, "none.md"),
            (["materials", "show"], 2, "precisa de MATERIAL_ID"),
            (["frob"], 2, "ponte não tem o comando frob"),
        ]
        self.ponte("materials", "add", self.lesson)
        for arguments, code, said in rows:
            with self.subTest(arguments):
                self.ponte(*arguments, code=code, said=f"(?m){said}", where=self.direct if arguments[-1] != "--key" else [])

    def test_answers(self):
        out = self.ponte("ask", f"{CELL} fake:text=1,quote=1", "--material", self.lesson)
        self.assertIn("\nFontes:\n[1] cells > Biology > The cell, bytes", out)
        self.services.stop()
        self.ponte("ask", f"{CELL} fake:text=1", "--queue", "--key", "pt", said="a chamada está guardada com a chave pt")
        self.ponte("ask", CELL, code=UNAVAILABLE, said="UNAVAILABLE: o gateway ou o serviço não está acessível")
        self.services.start()
        self.assertTrue(self.ponte("sync", said="foi feita").endswith("\n\n1 enviadas, 0 esperando, 0 recusadas\n"))


class Terminal:
    """A command whose standard input is a terminal of its own; what it prints comes by a pipe."""

    def __init__(self, command, environment):
        self.keys, side = pty.openpty()

        def own():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.run = subprocess.Popen(command, stdin=side, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, preexec_fn=own)
        os.close(side)
        self.said = {self.run.stdout: b"", self.run.stderr: b""}

    def type(self, text):
        os.write(self.keys, text.encode())

    def until(self, text, stream=None):
        """Waits for the text behind what was waited for before, and gives all up to its end."""
        stream = stream or self.run.stdout
        while (at := self.said[stream].find(text.encode())) < 0:
            if not select.select([stream], [], [], LIMIT)[0] or not (more := os.read(stream.fileno(), 65536)):
                raise AssertionError(f"no {text!r} in {self.said}")
            self.said[stream] += more
        at += len(text.encode())
        out, self.said[stream] = self.said[stream][:at], self.said[stream][at:]
        return out.decode()

    def prompt(self):
        return self.until("> ", self.run.stderr)

    def end(self):
        """The exit code and the last words."""
        code = self.run.wait(LIMIT)
        said = (self.said[self.run.stderr] + self.run.stderr.read()).decode()
        os.close(self.keys)
        self.run.stdout.close()
        self.run.stderr.close()
        return code, said


class Prompt(World):
    def open(self, *arguments):
        return Terminal(self.command("ask", *arguments), self.environment)

    def test_questions_are_one_conversation(self):
        for where in (self.direct, self.http):
            self.where = where
            self.login()
            before = len(self.json("conversations", "list").get("conversations", []))
            t = self.open("--material", self.lesson)
            self.assertIn("Ctrl-D ends", t.prompt())
            t.type(f"{CELL} fake:text=2,quote=1\n")
            self.assertRegex(t.until('"\n\n'), r"^peça 1 peça 2 \[1\] ?\n\nSources:\n\[1\] cells > Biology > The cell, bytes")
            t.prompt()
            t.type(f"\nWhy, {CELL} fake:said\n")
            self.assertIn("Is the cell the smallest", t.until("\n\n"))  # the engine was told what was asked before
            t.prompt()
            t.type("\x04")
            code, said = t.end()
            self.assertEqual(code, 0, said)
            conversation = re.search("--conversation ([0-9a-f-]{36})", said).group(1)
            self.assertEqual(len(self.json("conversations", "show", conversation)["messages"]), 2)
            self.assertEqual(len(self.json("conversations", "list")["conversations"]), before + 1)

    def test_ctrl_c_stops_the_answer_alone(self):
        for where in (self.direct, self.http):
            self.where = where
            self.login()
            conversation = self.conversation()
            t = self.open("--material", self.lesson, "--conversation", conversation)
            t.prompt()
            t.type("not asked\x03")  # at the prompt: the line begins anew
            t.prompt()
            t.type(f"{CELL} fake:endless\n")
            t.until("peça")
            t.type("\x03")
            self.assertIn("stopped", t.prompt())
            deadline = time.monotonic() + LIMIT
            while self.services.metric("ponte_chatbot_running") and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertEqual(self.services.metric("ponte_chatbot_running"), 0)
            t.type(f"{LIGHT} fake:text=1\n{LIGHT} fake:text=1,end=MAX_TOKENS\n")  # typed ahead
            self.assertIn("cut", t.prompt() + t.prompt())
            t.type("\x04")
            self.assertEqual(t.end()[0], CUT)
            self.assertEqual(len(self.json("conversations", "show", conversation)["messages"]), 3)

    def test_it_goes_on_when_the_services_are_away(self):
        t = self.open()
        t.prompt()
        self.services.stop()
        t.type("What is a cell?\n")
        self.assertIn("UNAVAILABLE", t.prompt())
        self.services.start()
        t.type(f"{CELL} fake:text=1\n")
        while "UNAVAILABLE" in t.prompt():  # gRPC waits before it connects again
            t.type(f"{CELL} fake:text=1\n")
        t.until("peça 1")
        t.run.send_signal(signal.SIGTERM)
        code, said = t.end()
        self.assertEqual((code, "--conversation" in said), (INTERRUPTED, True))

    def test_nothing_asked_nothing_made(self):
        before = self.ponte("conversations", "list")
        t = self.open()
        t.prompt()
        t.type("\x04")
        code, said = t.end()
        self.assertEqual((code, "--conversation" in said), (0, False))
        self.assertEqual(self.ponte("conversations", "list"), before)
        for option in (["--queue"], ["--key", "k"]):
            code, said = self.open(*option).end()
            self.assertEqual((code, "one QUESTION" in said), (2, True))
        code, said = self.open("--material", f"{self.home}/none.md").end()
        self.assertEqual((code, "none.md" in said), (1, True))


class Offline(World):
    def test_a_question_waits_and_is_answered_once(self):
        conversation = self.conversation("Offline")
        self.ponte("ask", "What is a cell?", "--material", self.lesson)
        self.services.stop()
        self.ponte("ask", "What is a cell?", code=UNAVAILABLE)
        self.assertEqual(self.ponte("ask", f"{CELL} fake:text=2", "--conversation", conversation, "--queue", "--key", "later-1", said="kept"), "")
        self.services.start()
        self.assertEqual(self.ponte("sync", said="done"), f"> {CELL} fake:text=2\n\npeça 1 peça 2 \n\n1 sent, 0 waiting, 0 refused\n")
        self.assertEqual(self.ponte("sync"), "0 sent, 0 waiting, 0 refused\n")
        self.assertEqual([m["duvida"] for m in self.json("conversations", "show", conversation)["messages"]], [f"{CELL} fake:text=2"])
        self.assertIn("peça 1 peça 2", self.ponte("ask", f"{CELL} fake:text=2", "--conversation", conversation, "--key", "later-1"))
        self.assertEqual(len(self.json("conversations", "show", conversation)["messages"]), 1)

    def ask_offline(self, question, *more, **how):
        return self.ponte("ask", question, "--queue", *more, **({"said": "kept"} | how))

    def queued(self, *columns, table="calls"):
        db = sqlite3.connect(f"{self.home}/state/ponte/queue.db")
        rows = db.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        db.close()
        return rows

    def write(self, name, text=LESSON):
        path = f"{self.home}/{name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def test_its_material_waits_with_it(self):
        new, known = self.write("waits.md"), self.write("known.md", LESSON + "\nKnown.\n")
        self.ponte("ask", CELL, "--material", known)
        self.services.stop()
        for _ in range(2):  # the same call twice is one call
            self.assertEqual(self.ask_offline(f"{LIGHT} fake:text=1,quote=1", "--material", new, "--material", known, "--key", "m-1"), "")
        self.ask_offline(f"{LIGHT} fake:text=1,quote=1", "--material", known, "--material", new, "--key", "m-1", code=1, said="another call")
        self.ask_offline(f"{LIGHT} fake:text=1,quote=1", "--key", "m-1", code=1, said="another call")
        self.assertEqual((len(self.queued("id")), len(self.queued("at", table="lessons"))), (1, 2))
        os.remove(new)  # what waits is the text, not the file
        self.services.start()
        out = self.ponte("sync", said="done")
        self.assertRegex(out, r"^> Photo.*\n\npeça 1 \[1\] ?\n\nSources:\n\[1\] (waits|known) > Biology > Photosynthesis, bytes .*\n\n1 sent, 0 waiting, 0 refused\n$")
        self.assertEqual([len(self.materials(title)) for title in ("waits", "known")], [1, 1])
        self.assertEqual((self.queued("id"), self.queued("at", table="lessons")), ([], []))
        new = self.write("waits.md")
        said = self.ponte("ask", f"{LIGHT} fake:text=1,quote=1", "--material", new, "--material", known, "--key", "m-1")
        self.assertIn(said, out)
        self.ponte("ask", f"{LIGHT} fake:text=1,quote=1", "--material", new, "--key", "m-1", code=INVALID, said="KEY_REUSED")

    def test_through_a_gateway(self):
        path, self.where = self.write("gateway.md"), self.http
        self.login()
        self.services.stop()
        self.ask_offline(f"{LIGHT} fake:text=1,quote=1", "--material", path)
        self.assertEqual(self.ponte("sync", code=UNAVAILABLE), "0 sent, 1 waiting, 0 refused\n")
        self.services.start()
        self.reached()
        self.assertRegex(self.ponte("sync", said="done"), r"peça 1 \[1\] ?\n\nSources:\n\[1\] gateway > Biology > Photosynthesis, ")
        self.assertEqual(len(self.materials("gateway")), 1)

    def test_killed_in_mid_sync(self):
        path, conversation = self.write("killed.md"), self.conversation("Killed")
        self.services.stop()
        self.ask_offline(f"{CELL} fake:text=1,wait", "--material", path, "--conversation", conversation, "--key", "m-2")
        self.services.start()
        for _ in range(3):
            run = subprocess.Popen(self.command("sync"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment)
            self.assertTrue(run.stdout.readline())
            run.kill()
            run.wait(LIMIT)
            run.stdout.close()
        self.assertEqual(len(self.materials("killed")), 1)
        self.assertEqual(self.queued("material_id", "length(request)", table="lessons"), [(self.materials("killed")[0]["materialId"], 0)])
        run = subprocess.Popen(self.command("sync"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment)
        self.assertTrue(run.stdout.readline())
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(LIMIT), INTERRUPTED)
        run.stdout.close()
        self.assertEqual(len(self.json("conversations", "show", conversation)["messages"]), 1)
        self.assertEqual(len(self.queued("id")), 1)

    def test_sync_tells_each_end_truthfully(self):
        rows = [
            ("fake:text=1,end=MAX_TOKENS", 0, "cut", 0),
            ("fake:text=1,end=SAFETY", 0, "blocked", 0),
            ("fake:text=1,error=UNAVAILABLE", UNAVAILABLE, "ENGINE_UNAVAILABLE", 1),
        ]
        for i, (script, code, said, waiting) in enumerate(rows):
            with self.subTest(script):
                self.services.stop()
                self.ask_offline(f"{CELL} {script}", "--material", self.lesson, "--key", f"end-{i}")
                self.services.start()
                lines = [json.loads(line) for line in self.ponte("sync", "--json", code=code, said=said).splitlines()]
                self.assertEqual((lines[0]["key"], lines[0]["duvida"]), (f"end-{i}", f"{CELL} {script}"))
                self.assertEqual([next(iter(line)) for line in lines[1:3]], ["sources", "text"])
                self.assertEqual("final" in lines[-2], waiting == 0)
                self.assertEqual(lines[-1], {"sent": 1 - waiting, "waiting": waiting, "refused": 0})

    def test_an_answer_that_cannot_be_shown_waits(self):
        self.services.stop()
        self.ask_offline(f"{CELL} fake:text=1", "--material", self.lesson, "--key", "full")
        self.services.start()
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run(self.command("sync"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT, env=self.environment, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not be shown", done.stderr)
        self.assertIn("peça 1", self.ponte("sync"))

    def test_what_is_refused_is_put_aside(self):
        bad = self.write("bad.srt", "1\n00:00:01,000 --> soon\nx\n")
        self.services.stop()
        self.ask_offline(CELL, "--material", self.lesson, "--material", bad)
        self.ask_offline(CELL, "--material", f"{self.home}/none.md", code=1, said="none.md")
        self.ask_offline(CELL, "--conversation", "x")
        self.services.start()
        self.assertEqual(self.ponte("sync", code=1, said="(?s)bad was not added.*MALFORMED_MATERIAL"), "0 sent, 0 waiting, 2 refused\n")
        self.assertIn("line 2", self.ponte("queue", "list", where=["--json"]))
        self.ponte("queue", "drop", *(str(row[0]) for row in self.queued("id")), where=[])
        self.assertEqual(self.queued("at", table="lessons"), [])


class Materials(World):
    def test_all_commands(self):
        added = self.json("materials", "add", self.lesson, "--title", "All of it", "--shared")
        self.assertEqual((added["title"], added["format"], added.get("shared")), ("All of it", "MATERIAL_FORMAT_MARKDOWN", True))
        self.assertRegex(self.ponte("materials", "list"), rf"{added['materialId']}  All of it +markdown  shared")
        shown = self.ponte("materials", "show", added["materialId"])
        self.assertTrue(shown.endswith("\n" + LESSON), shown)
        self.ponte("materials", "remove", added["materialId"])
        self.ponte("materials", "show", added["materialId"], code=NOT_FOUND, said="NOT_FOUND")
        self.ponte("materials", "remove", added["materialId"], code=NOT_FOUND)

    def test_transcripts_are_shown_with_their_times(self):
        added = self.json("materials", "add", "-", "--title", "T", "--format", "srt", given=TRANSCRIPT)
        self.assertIn("    1:05  A mitocôndria produz a energia da célula.\n 1:02:10  O núcleo guarda o DNA.\n", self.ponte("materials", "show", added["materialId"]))

    def test_refuses(self):
        self.ponte("materials", "add", "-", "--title", "T", code=1, said="tells no format", given="x")
        self.ponte("materials", "add", "-", "--format", "text", "--title", "", code=INVALID, said="title", given="x")
        self.ponte("materials", "add", self.lesson, "--format", "live", code=2)
        self.ponte("materials", "add", self.lesson, "--format", "vtt", code=INVALID, said="WEBVTT")
        self.ponte("materials", "show", "x", code=INVALID)
        self.ponte("materials", "list", "--page-size", "0", code=2)


class Attach(World):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.words = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26]
        cls.wav = f"{cls.folder}/speech.wav"
        procs.write_wav(cls.wav, procs.fake_speech(cls.words))
        cls.long = f"{cls.folder}/long.wav"  # so long that it is still running when it is asked about, on any machine
        procs.write_wav(cls.long, procs.fake_speech(cls.words * 10))

    def cues(self, title):
        """What the assistant has of the only material of this title: its lines with their times."""
        material = self.json("materials", "show", self.materials(title)[0]["materialId"])
        self.assertEqual((len(self.materials(title)), material["format"]), (1, "MATERIAL_FORMAT_LIVE"))
        text = material["text"].encode()
        return [(text[c.get("begin", 0):c["end"]].decode(), int(c.get("startMs", 0)), int(c["endMs"])) for c in material["cues"]]

    def finals(self, path):
        """The same by the results that the client had."""
        with open(path, encoding="utf-8") as f:
            results = [json.loads(line) for line in f]
        return [(r["text"], r["start"] // 16, r["end"] // 16) for r in results if r["kind"] == "final"]

    def test_all_finals_arrive(self):
        for i, where in enumerate((self.direct, self.http)):
            self.where = where
            self.login()
            title, results = f"Lesson {i}", f"{self.home}/{i}.results"
            self.ponte("transcribe", f"--attach={title}", "--results", results, self.wav, said=f"attached as {title}: `ponte ask --session [0-9a-f-]{{36}}`")
            self.assertEqual(self.cues(title), self.finals(results))
            self.assertEqual(" ".join(text for text, *_ in self.cues(title)), " ".join(f"w{k}" for k in self.words))
        self.ponte("transcribe", "--attach", self.wav, self.wav)
        self.assertEqual(len(self.materials("speech.wav")), 2)

    def test_it_can_be_asked_while_it_runs(self):
        run = subprocess.Popen(self.command("transcribe", "--attach=Live", "--pace", "realtime", self.long), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=self.environment)
        session = re.search("--session ([0-9a-f-]{36})", run.stderr.readline()).group(1)
        first = run.stdout.readline().strip()
        deadline, out = time.monotonic() + LIMIT, ""
        while "] Live, " not in out and time.monotonic() < deadline:
            out = self.ponte("ask", f"{first}?", "--session", session)
        self.assertIsNone(run.poll(), "it is over already")
        self.assertRegex(out, rf'\[1\] Live, 0:\d\d-0:\d\d: "{first.split()[0]}')
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(LIMIT), 0)
        self.assertTrue(self.cues("Live"))
        run.stdout.close()
        run.stderr.close()

    def test_nothing_is_lost_or_doubled_when_the_services_restart(self):
        results = f"{self.home}/restart.results"
        run = subprocess.Popen(self.command("transcribe", "--attach=Restart", "--pace", "realtime", "--results", results, self.wav), stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, env=self.environment)
        self.assertTrue(run.stdout.readline())
        self.services.stop()
        self.services.start()
        run.stdout.read()
        self.assertEqual(run.wait(LIMIT), 0)
        run.stdout.close()
        self.assertEqual(self.cues("Restart"), self.finals(results))

    def session(self, **fields):
        """Changes the session that is kept for the next use."""
        path = f"{self.environment['XDG_CONFIG_HOME']}/ponte/session.json"
        with open(path, encoding="utf-8") as f:
            book = {place: {**entry, **fields} for place, entry in json.load(f).items()}
        with open(f"{path}.new", "w", encoding="utf-8") as f:
            json.dump(book, f)
        os.replace(f"{path}.new", path)

    def test_a_token_that_is_refused_is_renewed(self):
        self.session(access_token="no.good.token", expire_ms=10**15)
        run = subprocess.Popen(self.command("transcribe", "--attach=Renewed", "--pace", "realtime", self.wav), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True, env=self.environment)
        self.assertIn("attached as", run.stderr.readline())
        self.session(expire_ms=0)
        said = run.stderr.read()
        self.assertEqual(run.wait(LIMIT), 0, said)
        run.stderr.close()
        self.assertEqual(" ".join(text for text, *_ in self.cues("Renewed")), " ".join(f"w{k}" for k in self.words))

    def test_without_a_session_nothing_is_attached(self):
        self.session(access_token="no.good.token", expire_ms=10**15)
        self.assertTrue(self.ponte("transcribe", "--attach", self.wav, code=UNAUTHENTICATED, said="not attached"))
        self.ponte("logout")
        self.assertTrue(self.ponte("transcribe", "--attach", self.wav, code=UNAUTHENTICATED, said="not attached"))

    def test_what_cannot_be_attached_is_told(self):
        self.assertTrue(self.ponte("transcribe", "--attach", self.wav, code=UNIMPLEMENTED, said="not attached", where=[f"--endpoint={self.services.host}:50054"]))
        self.ponte("transcribe", "--shared", self.wav, code=2, said="--attach")


class Conversations(World):
    def test_all_commands(self):
        self.ponte("ask", "What is a cell?", "--material", self.lesson)
        conversation = self.conversation("About cells")
        self.ponte("ask", f"{CELL} fake:text=1,quote=1", "--conversation", conversation)
        self.ponte("ask", f"Why, {CELL} fake:said", "--conversation", conversation)
        self.ponte("ask", f"{CELL} fake:text=1,end=MAX_TOKENS", "--conversation", conversation, code=CUT)
        self.assertRegex(self.ponte("conversations", "list"), rf"{conversation}  About cells +3 ")
        shown = self.ponte("conversations", "show", conversation)
        self.assertRegex(shown, r"(?s)> Is the cell.*\[1\] \n\nSources:\n\[1\] .*> Why.*\(cut at")
        self.ponte("conversations", "delete", conversation, "--yes")
        self.ponte("conversations", "show", conversation, code=NOT_FOUND)


unittest.main(verbosity=2)
