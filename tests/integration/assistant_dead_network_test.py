"""Clients behind a network that is dead without a word: no FIN, no RST. The gateway notices by its own PINGs (30 s of silence, 30 s for the answer: docs/security.md) and cancels; from
then on it is what assistant_cancel_test.py shows. Takes a minute.

usage: assistant_dead_network_test.py PROTOC PROTO_ROOT [ENGINE]
"""
import selectors
import socket
import threading

import assistant_cancel_test as ways
import assistant_world

NOTICED_SECONDS = 110


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


def test_dead_network(world, failures):
    proxy = Proxy(world.where)
    behind = Behind(world, proxy)
    # Text goes on and on: a provider that is silent would be given up after 30 s, for another reason.
    begun = [way(behind, world.request("endless", ms=ms, id=way.__name__.replace("_", "-"))) for way in (ways.h2_closed, ways.mux_closed) for ms in (20, 1000)]
    for wait, _ in begun:
        wait()
    failures.that(assistant_world.until(lambda: world.double.state()["running"] == len(begun)), f"all run: {world.double.state()}")
    proxy.die()
    failures.that(assistant_world.until(world.is_idle, NOTICED_SECONDS), f"something still runs: {world.double.state()}")
    failures.check(world.double.state()["closed_by_client"], len(begun), "closed at the provider")
    failures.check(world.ended("cancelled"), len(begun), "counted")
    proxy.close()


if __name__ == "__main__":
    assistant_world.main([test_dead_network], each_engine=False)
