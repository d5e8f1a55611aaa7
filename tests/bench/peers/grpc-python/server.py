"""A peer of tests/bench/services.py: the same calls over grpcio. Usage: server.py [STORE]: a file for SQLite, or postgresql://...; none: only the echo.

Prints its port and stays until stdin ends. PYTHONPATH has grpcio and the messages that protoc makes of service.proto and echo.proto.
"""
import concurrent.futures
import queue
import sqlite3
import sys
import threading
import time
import uuid

import grpc

import echo_pb2
import service_pb2

THREADS = 8
SCHEMA = ["CREATE TABLE users (user_id TEXT NOT NULL PRIMARY KEY, display_name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, role BIGINT NOT NULL,"
          " create_us BIGINT NOT NULL, update_us BIGINT NOT NULL)",
          "CREATE TABLE keys (key TEXT NOT NULL PRIMARY KEY, response BYTEA NOT NULL, create_us BIGINT NOT NULL)"]


class Sqlite:
    """A connection for each thread; SQLite itself lets one write at a time."""
    mark, begin = "?", "BEGIN IMMEDIATE"

    def __init__(self, path):
        self.path, self.local = path, threading.local()

    def connection(self):
        if not hasattr(self.local, "connection"):
            self.local.connection = sqlite3.connect(self.path, isolation_level=None, timeout=10)
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                self.local.connection.execute("PRAGMA " + pragma)
        return self.local.connection

    def give_back(self, connection):
        pass


class Postgres:
    mark, begin = "%s", "BEGIN"

    def __init__(self, url):
        import psycopg
        self.idle = queue.SimpleQueue()
        for _ in range(THREADS):
            self.idle.put(psycopg.connect(url, autocommit=True, prepare_threshold=0))

    def connection(self):
        return self.idle.get()

    def give_back(self, connection):
        self.idle.put(connection)


class Users:
    def __init__(self, target):
        self.db = Postgres(target) if target.startswith("postgresql://") else Sqlite(target)
        connection = self.db.connection()
        for statement in SCHEMA:
            connection.execute(statement)
        self.db.give_back(connection)

    def run(self, connection, text, *values):
        return connection.execute(text.replace("?", self.db.mark), values)

    def get(self, request, context):
        try:
            uuid.UUID(request.user_id)
        except ValueError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "user_id is no UUID")
        connection = self.db.connection()
        try:
            row = self.run(connection, "SELECT user_id, display_name, email, role, create_us, update_us FROM users WHERE user_id = ?", request.user_id).fetchone()
        finally:
            self.db.give_back(connection)
        if row is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such user")
        user = service_pb2.User(user_id=row[0], display_name=row[1], email=row[2], role=row[3])
        user.create_time.FromMicroseconds(row[4])
        user.update_time.FromMicroseconds(row[5])
        return user

    def create(self, request, context):
        if not request.display_name or not 3 <= len(request.email) <= 254:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "display_name and email are needed")
        connection = self.db.connection()
        try:
            connection.execute(self.db.begin)
            try:
                user = self.create_in(connection, request)
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            return user
        finally:
            self.db.give_back(connection)

    def create_in(self, connection, request):
        kept = self.run(connection, "SELECT response FROM keys WHERE key = ?", request.idempotency_key).fetchone()
        if kept:
            return service_pb2.User.FromString(bytes(kept[0]))
        now = time.time_ns() // 1000
        user = service_pb2.User(user_id=str(uuid.uuid4()), display_name=request.display_name, email=request.email, role=1)
        user.create_time.FromMicroseconds(now)
        user.update_time.FromMicroseconds(now)
        self.run(connection, "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", user.user_id, user.display_name, user.email, 1, now, now)
        self.run(connection, "INSERT INTO keys VALUES (?, ?, ?)", request.idempotency_key, user.SerializeToString(), now)
        return user


def echo(request, _context):
    return echo_pb2.Payload(text=request.text, data=request.data, count=request.count)


def unary(function, request, response):
    return grpc.unary_unary_rpc_method_handler(function, request.FromString, response.SerializeToString)


def main():
    handlers = [grpc.method_handlers_generic_handler("ponte.test.v1.EchoService", {"UnaryEcho": unary(echo, echo_pb2.Payload, echo_pb2.Payload)})]
    if len(sys.argv) > 1:
        users = Users(sys.argv[1])
        handlers.append(grpc.method_handlers_generic_handler("ponte.users.v1.UserService", {
            "GetUser": unary(users.get, service_pb2.GetUserRequest, service_pb2.User),
            "CreateUser": unary(users.create, service_pb2.CreateUserRequest, service_pb2.User)}))
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS), handlers=handlers)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()


main()
