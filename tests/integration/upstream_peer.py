"""A gRPC server by grpcio for upstream_cluster_test.c. It prints its port on a line and ends gracefully with SIGTERM; SIGUSR1 turns its health over.

usage: upstream_peer.py [name=TEXT] [address=HOST:PORT] [age_ms=N] [max_streams=N] [health=SERVING|NOT_SERVING] [cert=FILE key=FILE [client_ca=FILE]]

/peer.Peer/Name answers "NAME PEER" (PEER: the client's address as the server sees it); /peer.Peer/Hold answers with the same and then repeats what it gets;
/peer.Peer/Wait answers like Name after 20 ms.
"""
import signal
import sys
import time
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

SETTINGS = {"name": "peer", "address": "127.0.0.1:0", "health": ""} | dict(a.split("=", 1) for a in sys.argv[1:])
SIGNALS = {signal.SIGTERM, signal.SIGUSR1}
STATUS = health_pb2.HealthCheckResponse.ServingStatus


def who(context):
    return f"{SETTINGS['name']} {context.peer()}".encode()


def name(request, context):
    return who(context)


def wait(request, context):
    time.sleep(0.02)
    return who(context)


def hold(requests, context):
    yield who(context)
    yield from requests


class Peer(grpc.GenericRpcHandler):
    METHODS = {
        "/peer.Peer/Name": grpc.unary_unary_rpc_method_handler(name),
        "/peer.Peer/Wait": grpc.unary_unary_rpc_method_handler(wait),
        "/peer.Peer/Hold": grpc.stream_stream_rpc_method_handler(hold),
    }

    def service(self, details):
        return self.METHODS.get(details.method)


def read(key):
    with open(SETTINGS[key], "rb") as f:
        return f.read()


def bind(server):
    if "cert" not in SETTINGS:
        return server.add_insecure_port(SETTINGS["address"])
    ca = read("client_ca") if "client_ca" in SETTINGS else None
    pair = (read("key"), read("cert"))
    return server.add_secure_port(SETTINGS["address"], grpc.ssl_server_credentials([pair], ca, ca is not None))


signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
options = [("grpc.so_reuseport", 0)]
if "age_ms" in SETTINGS:
    options += [("grpc.max_connection_age_ms", int(SETTINGS["age_ms"])), ("grpc.max_connection_age_grace_ms", 60000)]
if "max_streams" in SETTINGS:
    options += [("grpc.max_concurrent_streams", int(SETTINGS["max_streams"]))]
server = grpc.server(futures.ThreadPoolExecutor(32), options=options)
server.add_generic_rpc_handlers((Peer(),))
servicer = health.HealthServicer()
if SETTINGS["health"]:
    servicer.set("", STATUS.Value(SETTINGS["health"]))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
port = bind(server)
server.start()
print(port, flush=True)
serving = SETTINGS["health"] == "SERVING"
while signal.sigwait(SIGNALS) == signal.SIGUSR1:
    serving = not serving
    servicer.set("", STATUS.Value("SERVING" if serving else "NOT_SERVING"))
server.stop(60).wait()
