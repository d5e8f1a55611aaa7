"""What every method of users, orders, reports and chatbot refuses, against the real process with authentication on.

A table a method: a request that is good, and rows that each spoil one thing of it, with the status, reason and field that must come back. The good request is
sent last, so that no row was refused for another reason than its own. Rows about tokens are made for every method that is not public.

usage: services_refusals_test.py PROTOC PROTO_ROOT
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from ponte_services import Failure, Services, generate

import services_refusals_tables as tables
import services_tokens as tokens

failures = 0


def judge(what, got, want):
    global failures
    if (got.code, got.reason, got.field) != (want.code, want.reason, want.field):
        failures += 1
        print(f"{what}: got {got.code} {got.reason} {got.field!r} ({got.message}), want {want.code} {want.reason} {want.field!r}")
    elif want.code != "OK" and not got.message:
        failures += 1
        print(f"{what}: no message says what to do")


class World(tables.Accounts):
    """Accounts of every role, with records to be refused."""

    def __init__(self, services):
        super().__init__()
        self.services = services
        session, _, _ = services.administrator()
        self.admin, self.admin_id = session.access_token, session.user.user_id
        for other in services.call("users.ListUsers", self.admin, role=tables.ADMIN).users:
            if other.user_id != self.admin_id:
                services.call("users.DeleteUser", self.admin, user_id=other.user_id)
        for name in "alice", "bob":
            session = services.call("users.SignUp", display_name=name.title(), email=f"{name}@example.com", password=tables.PASSWORD)
            setattr(self, name, session.access_token)
            setattr(self, f"{name}_id", session.user.user_id)
        services.call("users.CreateUser", self.admin, display_name="Tina", email="tina@example.com", role=tables.TEACHER, password=tables.PASSWORD)
        self.teacher = services.call("users.SignIn", email="tina@example.com", password=tables.PASSWORD).access_token
        self.gone_id, self.back_id = self.deleted("gone"), self.deleted("back")
        self.used_refresh = services.call("users.SignIn", email="bob@example.com", password=tables.PASSWORD).refresh_token
        self.fresh_refresh = services.call("users.RefreshSession", refresh_token=self.used_refresh).refresh_token
        services.call("users.CreateUser", self.admin, display_name="Key", email="key@example.com", idempotency_key="taken")
        self.order_id = self.order(self.alice, self.alice_id)
        self.paid_id = self.order(self.alice, self.alice_id)
        services.call("orders.PayOrder", self.alice, order_id=self.paid_id, idempotency_key="taken")
        self.cancelled_id = self.order(self.alice, self.alice_id)
        self.order(self.alice, self.alice_id, "USD")  # a second page of sums
        services.call("orders.CancelOrder", self.alice, order_id=self.cancelled_id, idempotency_key="taken")

        self.attach(self.alice)  # a second page of materials, with those of services_refusals_tables.py
        self.conversation_id = self.conversation()
        self.conversation()
        asked = services.call("chatbot.ResolveDuvidaStream", self.alice, duvida="What do guard cells do?", conversation_id=self.conversation_id,
                              idempotency_key="taken")
        self.message_id = asked[-1].final.message_id
        services.call("chatbot.GiveFeedback", self.alice, message_id=self.message_id, rating=1, idempotency_key="taken")
        services.call("chatbot.CreateConversation", self.alice, title="taken", idempotency_key="taken")
        for method, field, made in (("chatbot.RemoveMaterial", "material_id", self.material()),
                                    ("chatbot.DeleteConversation", "conversation_id", self.conversation())):
            services.call(method, self.alice, **{field: made}, idempotency_key="taken")

    def material(self):
        return self.services.call("chatbot.AddMaterial", self.alice, title="Leaves", format=tables.PLAIN_TEXT,
                                  content="Guard cells open and close the stomata of a leaf.").material_id

    def attach(self, token, session_id="lesson"):
        return self.services.call("chatbot.AppendTranscript", token, session_id=session_id, segments=[
            {"result_id": "r1", "start_ms": 0, "end_ms": 900, "text": "Guard cells open the stomata."}]).material_id

    def conversation(self):
        return self.services.call("chatbot.CreateConversation", self.alice).conversation_id

    def deleted(self, name):
        user = self.services.call("users.CreateUser", self.admin, display_name=name, email=f"{name}@example.com", password=tables.PASSWORD)
        return self.services.call("users.DeleteUser", self.admin, user_id=user.user_id).user_id

    def order(self, token, user_id, currency="EUR"):
        items = [{"description": "a book", "quantity": 1, "unit_price": 1000}]
        return self.services.call("orders.CreateOrder", token, user_id=user_id, items=items, currency_code=currency).order_id

    def page_token(self, method, who="admin", **fields):
        token = self.services.call(method, getattr(self, who), page_size=1, **fields).next_page_token
        assert token, f"{method} has one page only"
        return token

    def count(self):
        """What is written: refusals must leave it alone."""
        users = self.services.call("users.ListUsers", self.admin, page_size=1000, show_deleted=True).users
        orders = self.services.call("orders.ListOrders", self.admin, page_size=1000).orders
        materials = self.services.call("chatbot.ListMaterials", self.admin, page_size=1000).materials
        conversation = self.services.call("chatbot.GetConversation", self.alice, conversation_id=self.conversation_id)
        conversations = self.services.call("chatbot.ListConversations", self.alice, page_size=1000).conversations
        return [m.SerializeToString() for m in (*users, *orders, *materials, *conversations, conversation)]


def lacking(request, table):
    """What the request's fields and their rules ask of a table that has no row for it."""
    from buf.validate import validate_pb2  # which generate() made
    for field in request.DESCRIPTOR.fields:
        values = [row.changes[field.name] for row in table.rows if field.name in row.changes]
        rules = field.GetOptions().Extensions[validate_pb2.field]
        longest = max((len(v.encode() if rules.string.max_bytes else v) for v in values if isinstance(v, str)), default=0)
        limit = rules.string.max_bytes or rules.string.max_len
        wanted = {"missing": not rules.required or tables.ABSENT in values,
                  "not UTF-8": field.type != field.TYPE_STRING or tables.INVALID in repr(values),
                  "over-long": not limit or longest > limit,
                  "an unknown value": field.type != field.TYPE_ENUM or tables.UNKNOWN_ENUM in values,
                  "a negative value": not rules.int32.HasField("gte") or any(isinstance(v, int) and v < 0 for v in values),
                  "any row": values or field.type == field.TYPE_BOOL}
        yield from (f"{field.name}: {what}" for what, there in wanted.items() if not there)


def check_method(services, world, forged, name, table):
    before = world.count()
    rows = list(table.rows)
    if not table.public:
        rows += [tables.Row(why, "UNAUTHENTICATED", reason, "", {}, token) for why, reason, token in forged]
    for row in rows:
        fields = {k: v for k, v in {**table.good, **row.changes}.items() if v is not tables.ABSENT}
        token = getattr(world, row.who) if row.who in tables.WHO else row.who
        judge(f"{name}, {row.why}", services.fails(name, token, **fields), Failure(row.code, row.reason, row.field, "", 0))
    if world.count() != before:
        judge(name, Failure("OK", "", "", "something was written", 0), Failure("", "", "", "", 0))
    judge(f"{name}, the good request", services.fails(name, getattr(world, table.who), **table.good), Failure("OK", "", "", "", 0))
    return len(rows)


def main():
    _, methods = generate(*sys.argv[1:3])
    count = 0
    more = ("--llm", "fake", "--chatbot-questions", "0")
    with Services(methods, only=("users", "orders", "reports", "chatbot"), more=more) as services:
        world = World(services)
        forged = tokens.forged(services, world.admin, world.admin_id)
        made = tables.make(world)
        hosted = {name for name in methods if name.split(".")[0] in services.only}
        assert made.keys() == hosted, f"no table for {hosted ^ made.keys()}"
        for name, table in made.items():
            unasked = list(lacking(methods[name].request, table))
            assert not unasked, f"{name} has no row for {unasked}"
            count += check_method(services, world, forged, name, table)
    print(f"{count} refusals of {len(made)} methods, {failures} wrong")
    return failures != 0


sys.exit(main())
