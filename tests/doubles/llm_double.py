#!/usr/bin/env python3
"""A local server that answers as Gemini and as OpenAI's chat completions do, with faults on demand; for tests. Standard library only.

usage: llm_double.py [--port N] [--key KEY]     prints its port, serves 127.0.0.1 until stdin ends

Requests are checked strictly; what the provider would refuse, or misunderstand, is refused as the provider does it and counted as `wrong`. scripts.py says which answers
there are. Under /double/ it tells what it saw:

  GET  /double/state                 {"requests", "running", "finished", "broken", "closed_by_client", "wrong": [...], "peak"}
  GET  /double/requests[?marker=M]   what came and went: body, headers, the text that was sent, how it ended
  POST /double/script/NAME           a JSON list of steps: what double:NAME answers from now on
  POST /double/reset                 forgets the requests and counts that are over

Every request is in one of: running, finished (its script went to the end), broken (the script itself closed the connection), closed_by_client.
"""
import argparse
import asyncio
import json
import socket
import struct
import sys
import time
import urllib.parse

import scripts
import wire_gemini
import wire_openai

HEAD_MAX, BODY_MAX = 65536, 16 << 20
APIS = (wire_gemini, wire_openai)
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


class Closed(Exception):
    """The client is gone."""


class Broken(Exception):
    """The script closed the connection."""


class Log:
    """All requests and their counts."""

    def __init__(self):
        self.reset()

    def reset(self):
        running = [r for r in getattr(self, "requests", []) if r["state"] == "running"]
        self.requests, self.wrong, self.attempts = running, [], {}
        self.counts = {"requests": len(running), "finished": 0, "broken": 0, "closed_by_client": 0, "peak": len(running)}

    def begin(self, **record):
        record.update(state="running", text="", status=0, began=time.monotonic())
        self.requests.append(record)
        self.counts["requests"] += 1
        self.counts["peak"] = max(self.counts["peak"], self.running())
        return record

    def end(self, record, state):
        record.update(state=state, ended=time.monotonic())
        self.counts[state] += 1

    def running(self):
        return sum(r["state"] == "running" for r in self.requests)

    def state(self):
        return {**self.counts, "running": self.running(), "wrong": self.wrong}


class Connection(asyncio.Protocol):
    """One connection of a client: requests in, one after another; notices at once when the client goes away."""

    def __init__(self, double):
        self.double = double
        self.buffer, self.gone, self.changed = b"", False, asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.transport, self.task = None, None

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=65536)
        self.task = asyncio.get_running_loop().create_task(self.serve())

    def data_received(self, data):
        self.buffer += data
        if len(self.buffer) > HEAD_MAX + BODY_MAX:
            self.transport.abort()
        self.changed.set()

    def connection_lost(self, exc):
        self.gone = True
        self.changed.set()
        self.may_write.set()

    def pause_writing(self):
        self.may_write.clear()

    def resume_writing(self):
        self.may_write.set()

    async def more(self):
        if self.gone:
            raise Closed
        self.changed.clear()
        await self.changed.wait()

    async def until(self, seconds):
        """Waits so long, unless the client goes away before; None: for ever."""
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        while not self.gone:
            self.changed.clear()
            try:
                left = None if deadline is None else deadline - asyncio.get_running_loop().time()
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                return
        raise Closed

    async def write(self, data):
        if self.gone or self.transport.is_closing():
            raise Closed
        self.transport.write(data)
        await self.may_write.wait()
        if self.gone:
            raise Closed

    async def take(self, n):
        while len(self.buffer) < n:
            await self.more()
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    async def take_line(self, most):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > most:
                raise ValueError("a line is too long")
            await self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    async def request(self):
        """(method, target, headers, body)"""
        method, target, version = (await self.take_line(HEAD_MAX)).split(" ")
        if version != "HTTP/1.1":
            raise ValueError(f"not HTTP/1.1: {version}")
        headers = {}
        while line := await self.take_line(HEAD_MAX):
            name, _, value = line.partition(":")
            if name.lower() in headers:
                raise ValueError(f"the header {name} comes twice")
            headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            await self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(await self.take_line(64), 16):
                body += await self.take(size)
                await self.take(2)
            await self.take_line(64)
        else:
            body = await self.take(int(headers.get("content-length", 0)))
        return method, target, headers, body

    async def serve(self):
        try:
            while True:
                await self.double.answer(self, *await self.request())
        except (Closed, Broken):
            pass
        except ValueError as e:
            self.double.log.wrong.append(f"HTTP: {e}")
            self.transport.abort()

    async def reply(self, status, headers, body):
        lines = "".join(f"{k}: {v}\r\n" for k, v in {**headers, "content-length": len(body)}.items())
        await self.write(f"HTTP/1.1 {status} {REASONS[status]}\r\n{lines}\r\n".encode() + body)

    def reset(self):
        """RST instead of FIN."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Body:
    """A chunked answer of type text/event-stream, cut as the script wants it. Its head goes out with the first bytes, or after a moment without any."""

    def __init__(self, connection):
        self.connection, self.size, self.held = connection, 0, None
        self.headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked", "cache-control": "no-store"}
        self.begun = False

    async def begin(self):
        if not self.begun:
            self.begun = True
            lines = "".join(f"{k}: {v}\r\n" for k, v in self.headers.items())
            await self.connection.write(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode())

    async def put(self, data):
        if self.held is not None:
            self.held += data
            return
        await self.begin()
        size = self.size or 65536
        for at in range(0, len(data), size):
            part = data[at:at + size]
            await self.connection.write(b"%x\r\n%b\r\n" % (len(part), part))
            if self.size:
                await asyncio.sleep(0)

    async def end(self):
        if self.held:
            held, self.held = self.held, None
            await self.put(held)
        await self.begin()
        await self.connection.write(b"0\r\n\r\n")


class Double:
    """The server."""

    def __init__(self, key):
        self.key, self.log, self.scripts = key, Log(), dict(scripts.SCRIPTS)

    async def answer(self, connection, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        if url.path.startswith("/double/"):
            await self.control(connection, method, url.path[8:], query, body)
            return
        for api in APIS:
            match = api.PATH.fullmatch(url.path)
            if match:
                await self.generate(connection, api, match, query, method, headers, body)
                return
        await self.refuse(connection, wire_gemini, 404, f"no such path: {url.path}")

    async def refuse(self, connection, api, status, message):
        self.log.wrong.append(f"{api.NAME}: {message}")
        await connection.reply(status, *api.error(status, 0, message=message))

    async def generate(self, connection, api, match, query, method, headers, body):  # pylint: disable=too-many-arguments
        if method != "POST":
            return await self.refuse(connection, api, 405, f"{method} instead of POST")
        if "key" in query:
            return await self.refuse(connection, api, 400, "the key stands in the URL")
        if api.key_of(headers) != self.key:
            return await self.refuse(connection, api, *api.key_error(api.key_of(headers)))
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return await self.refuse(connection, api, 400, "content-type is not application/json")
        try:
            parsed = json.loads(body.decode())
        except ValueError:
            return await self.refuse(connection, api, 400, "Invalid JSON payload received.")
        wrong = api.check_body(parsed)
        streams = None if wrong else api.streams(match, query, parsed)
        if wrong or streams is None:
            return await self.refuse(connection, api, 400, "; ".join(wrong) or "the query is not alt=sse")
        text = api.question(parsed)
        marker, name, parameters = scripts.parse(text)
        attempt = self.log.attempts[marker] = self.log.attempts.get(marker, 0) + 1
        if name not in self.scripts:
            return await self.refuse(connection, api, 400, f"no such script: {name}")
        record = self.log.begin(api=api.NAME, marker=marker, attempt=attempt, body=parsed, model=match[1] or parsed["model"],
                                headers={k: v for k, v in headers.items() if k not in ("authorization", "x-goog-api-key")})
        steps = self.scripts[name]({**parameters, "attempt": attempt})
        await self.run(connection, api, api.Answer(match, parsed), steps, streams, record)

    async def run(self, connection, api, answer, steps, streams, record):  # pylint: disable=too-many-arguments
        try:
            if steps and steps[0][0] == "error":
                record["status"] = steps[0][1]
                await connection.reply(steps[0][1], *api.error(steps[0][1], steps[0][2], record["model"]))
            elif streams:
                record["status"] = 200
                await Stream(connection, answer, record, lambda: self.log.counts["peak"]).run(steps)
            else:
                record["status"] = 200
                await self.run_unary(connection, answer, steps, record)
            self.log.end(record, "finished")
        except Closed:
            self.log.end(record, "closed_by_client")
            raise
        except Broken:
            self.log.end(record, "broken")
            raise

    async def run_unary(self, connection, answer, steps, record):
        reason = "STOP"
        for step in steps:
            if step[0] == "text":
                answer.text(step[1])
            elif step[0] == "finish":
                reason = step[1]
                answer.text(step[2])
            elif step[0] == "wait":
                await connection.until(step[1] / 1000)
        record["text"] = answer.whole
        body = answer.unary(reason)
        await connection.reply(200, {"content-type": "application/json; charset=UTF-8"}, json.dumps(body, ensure_ascii=False).encode())

    async def control(self, connection, method, path, query, body):  # pylint: disable=too-many-arguments
        out = {}
        if path == "state":
            out = self.log.state()
        elif path == "requests":
            out = [r for r in self.log.requests if query.get("marker", [r["marker"]])[0] == r["marker"]]
        elif path == "reset" and method == "POST":
            self.log.reset()
        elif path.startswith("script/") and method == "POST":
            steps = [tuple(step) for step in json.loads(body.decode())]
            self.scripts[path[7:]] = lambda p: steps
        else:
            await connection.reply(404, {}, b"")
            return
        await connection.reply(200, {"content-type": "application/json"}, json.dumps(out).encode())


class Stream:
    """Carries out the steps of a streamed answer."""

    def __init__(self, connection, answer, record, peak):
        self.connection, self.answer, self.record, self.peak = connection, answer, record, peak
        self.body = Body(connection)
        self.opened = False

    async def run(self, steps):
        for step in steps:
            await getattr(self, "do_" + step[0])(*step[1:])
        await self.body.end()

    async def put(self, data):
        if not self.opened:
            self.opened = True
            data = self.answer.begin() + data
        await self.body.put(data)

    async def do_text(self, words):
        await self.put(self.answer.text(words))
        self.record["text"] = self.answer.whole

    async def do_thinking(self, words):
        await self.put(self.answer.thinking(words))

    async def do_finish(self, reason, words=""):
        await self.put(self.answer.finish(reason, words))
        self.record["text"] = self.answer.whole

    async def do_blocked(self):
        await self.put(self.answer.blocked())

    async def do_end(self):
        await self.put(self.answer.end())

    async def do_error_event(self, status):
        await self.put(self.answer.error_event(status))

    async def do_raw(self, data, said=""):
        await self.body.put(data if isinstance(data, bytes) else data.encode())
        self.answer.whole += said
        self.record["text"] = self.answer.whole

    async def do_cut_event(self, words):
        whole = self.answer.event({"text": words})
        await self.put(whole[:len(whole) // 2])

    async def do_wait(self, ms):
        await self.connection.until(ms / 1000)

    async def do_gather(self, count):
        while self.peak() < count:
            await self.connection.until(0.01)

    async def do_silence(self):
        await self.connection.until(None)

    async def do_split(self, size):
        self.body.size = size

    async def do_join(self):
        self.body.held = b""

    async def do_headers(self, headers):
        self.body.headers.update(headers)

    async def do_close(self):
        self.connection.transport.close()  # what was written before still goes out
        raise Broken

    async def do_reset(self):
        self.connection.reset()
        raise Broken


async def serve(port, key):
    double = Double(key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(double), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main():
    parser = argparse.ArgumentParser(description="answers as Gemini and OpenAI do")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="test-key")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.key))


if __name__ == "__main__":
    main()
