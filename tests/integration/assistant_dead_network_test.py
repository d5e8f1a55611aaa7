"""Clients behind a network that is dead without a word: no FIN, no RST. Two kinds of it: the packets are lost, which TCP's own probes and acknowledgements tell (15 s: docs/security.md); and a proxy
in between that says nothing more but whose TCP is well, where only a PING finds out (10 s of silence, 20 s for the answer). Then the gateway cancels, and from then on it is what
assistant_cancel_test.py shows. A network that is away for some seconds only ends nothing.

The first needs network namespaces, of its own, and so root: exit code 77 without.

usage: assistant_dead_network_test.py PROTOC PROTO_ROOT [ENGINE]
"""
import atexit
import contextlib
import ctypes
import os
import selectors
import socket
import subprocess
import sys
import threading
import time

import assistant_cancel_test as ways
import assistant_world
import scripts

NOTICED_SECONDS = 60
OUTAGE_SECONDS = 5
CLONE_NEWNET = 0x40000000
GATEWAY, CLIENT, MAC = "10.203.0.1", "10.203.0.2", "02:00:00:00:00:02"
libc = ctypes.CDLL(None, use_errno=True)


def ip(*args, inside=()):
    subprocess.run([*inside, "ip", *args], check=True)


class Network:
    """We live in a network of our own; a bridge leads from it to another one, where the clients are. It can be cut there, so that our side sees nothing of it."""

    def __init__(self):
        if libc.unshare(CLONE_NEWNET) != 0:
            print("skipped: a network of one's own needs root")
            sys.exit(77)
        self.ours = os.readlink("/proc/self/ns/net")
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "3600"])
        atexit.register(self.close)
        name = f"/proc/{self.holder.pid}/ns/net"
        assistant_world.until(lambda: os.readlink(name) != self.ours)
        self.far = os.open(name, os.O_RDONLY)
        there = ("nsenter", f"--net={name}")
        ip("link", "set", "lo", "up")
        ip("link", "add", "road", "type", "bridge")
        ip("link", "add", "end1", "type", "veth", "peer", "name", "far1", "netns", str(self.holder.pid))
        ip("link", "add", "end2", "type", "veth", "peer", "name", "far2")  # keeps the bridge alive when the other end is cut
        for end in ("end1", "end2"):
            ip("link", "set", end, "master", "road", "up")
        for link in ("far2", "road"):
            ip("link", "set", link, "up")
        ip("addr", "add", f"{GATEWAY}/24", "dev", "road")
        ip("addr", "add", f"{CLIENT}/24", "dev", "far1", inside=there)
        ip("link", "set", "far1", "address", MAC, "up", inside=there)
        # As behind a router, whose address stays known.
        ip("neigh", "replace", CLIENT, "lladdr", MAC, "dev", "road", "nud", "permanent")

    @contextlib.contextmanager
    def there(self):
        """What this thread connects meanwhile comes from there."""
        assert libc.setns(self.far, CLONE_NEWNET) == 0
        yield
        assert libc.setns(self.home, CLONE_NEWNET) == 0

    def set(self, alive):
        ip("link", "set", "end1", "up" if alive else "down")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Proxy:
    """TCP from a port of its own to the gateway; dies: from then on it neither reads nor writes, and closes nothing."""

    def __init__(self, where):
        self.to = where.split(":")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.where = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.selector, self.sockets, self.dead = selectors.DefaultSelector(), [self.listener], False
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.dead:
            for key, _ in self.selector.select(0.05):
                self.move(key.fileobj, key.data)

    def move(self, source, target):
        if source is self.listener:
            pair = [self.listener.accept()[0], socket.create_connection((self.to[0], int(self.to[1])))]
            self.sockets += pair
            self.selector.register(pair[0], selectors.EVENT_READ, pair[1])
            self.selector.register(pair[1], selectors.EVENT_READ, pair[0])
        elif not self.dead:
            data = source.recv(65536)
            if data:
                target.sendall(data)
            else:
                self.selector.unregister(source)

    def die(self):
        self.dead = True
        self.thread.join()

    def close(self):
        for s in self.sockets:
            s.close()


class Behind:
    """The world, as one who is behind the proxy sees it."""

    def __init__(self, world, proxy):
        self.where, self.methods = proxy.where, world.methods


PINGED = (ways.h2_closed, ways.mux_closed, ways.single_closed)
ALL = (ways.closed, ways.unary_closed, *PINGED)


def begin(world, kind, seen_by, chosen, place):
    """Each of these ways, while text comes and while the provider is silent: {(kind, way, script): (marker, what closes the socket, and so keeps it open)}."""
    begun = {}
    for way in chosen:
        for name, parameters in (("endless", {"ms": 20}), ("silent", {})):
            parameters = {**parameters, "id": f"{kind}-{way.__name__}".replace("_", "-")}
            with place():
                wait, leave = way(seen_by, world.request(name, **parameters))
            if name == "endless":
                wait()
            begun[kind, way.__name__, name] = scripts.marker(name, **parameters), leave
    return begun


def test_dead_network(world, failures):
    begun = begin(world, "lost", world, ALL, network.there)

    def all_run():
        return world.double.state()["running"] == len(begun)
    failures.that(assistant_world.until(all_run), f"all run: {world.double.state()}")
    for alive in (False, True):
        network.set(alive)
        time.sleep(OUTAGE_SECONDS)  # it is the outage, and the time for it to be wrongly seen in
    failures.that(all_run(), f"a short outage ends nothing: {world.double.state()}")
    proxy = Proxy(world.where)
    begun.update(begin(world, "proxied", Behind(world, proxy), PINGED, contextlib.nullcontext))  # now: these clients answer no PING
    failures.that(assistant_world.until(all_run), f"all run: {world.double.state()}")
    network.set(False)
    proxy.die()
    died = time.monotonic()
    failures.that(assistant_world.until(world.is_idle, NOTICED_SECONDS), f"something still runs: {world.double.state()}")
    failures.check(world.double.state()["closed_by_client"], len(begun), "closed at the provider")
    failures.check(world.ended("cancelled"), len(begun), "counted")
    for (kind, way, name), (marker, _) in begun.items():
        print(f"  {kind:8} {way:14} while {name:8} closed at the provider after {world.double.requests(marker)[0].get('ended', float('inf')) - died:4.1f} s")
    proxy.close()


test_dead_network.address = GATEWAY
test_dead_network.options = ("--llm-silence", "5m")

if __name__ == "__main__":
    network = Network()
    assistant_world.main([test_dead_network], each_engine=False)
