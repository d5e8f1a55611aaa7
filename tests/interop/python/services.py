"""gRPC for Python (grpcio) as a client of users, orders, reports and chatbot: every method of the four, its errors with their details, reflection and health.

usage: services.py PROTOC PROTO_ROOT
"""
import concurrent.futures
import csv
import io
import os
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "lib"))
sys.path.insert(0, os.path.join(os.environ["PONTE_DEPS_DIR"], "python"))
import grpc
import jwt
from google.protobuf import descriptor_pool, field_mask_pb2, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import ponte_services
from ponte_services import Services, failure_of, generate

PASSWORD = "correct horse battery"
STUDENT, TEACHER, ADMIN = 1, 2, 3
PENDING, PAID, CANCELLED = 1, 2, 3
UNKNOWN_ID = "018f0000-0000-7000-8000-000000000000"
_, methods = generate(*sys.argv[1:3])
called = set()


class Client(Services):
    def call(self, name, token=None, metadata=(), **fields):
        called.add(name)
        return super().call(name, token, metadata, **fields)


class Person:
    """Somebody who signed up."""

    def __init__(self, services, name):
        self.email = f"{name}@example.com"
        self.session = services.call("users.SignUp", display_name=name.title(), email=self.email, password=PASSWORD)
        self.token, self.user_id = self.session.access_token, self.session.user.user_id


def expect(failure, code, reason, field=""):
    assert (failure.code, failure.reason, failure.field) == (code, reason, field) and failure.message, failure


def item(price, quantity=1, description="a book"):
    return {"description": description, "quantity": quantity, "unit_price": price}


def seconds(timestamp):
    return timestamp.seconds + timestamp.nanos / 1e9


# -- users ----------------------------------------------------------------------------------------------------------------


def test_create_and_get(s, admin):
    began = time.time() - 60
    user = s.call("users.CreateUser", admin, display_name="  João Silva ", email="Joao.Silva@Example.com", role=TEACHER)
    assert (user.display_name, user.email, user.role) == ("João Silva", "Joao.Silva@Example.com", TEACHER)
    assert began < seconds(user.create_time) < time.time() + 60 and user.create_time == user.update_time
    assert not user.HasField("delete_time")
    assert s.call("users.GetUser", admin, user_id=user.user_id) == user
    assert s.call("users.CreateUser", admin, display_name="X", email="no.role@example.com").role == STUDENT
    expect(s.fails("users.GetUser", admin, user_id=UNKNOWN_ID), "NOT_FOUND", "USER_NOT_FOUND", "user_id")
    expect(s.fails("users.CreateUser", admin, display_name="J", email="JOAO.SILVA@EXAMPLE.COM"), "ALREADY_EXISTS", "EMAIL_TAKEN", "email")
    expect(s.fails("users.CreateUser", admin, display_name="J", email="joao"), "INVALID_ARGUMENT", "INVALID_FIELD", "email")


def test_idempotency(s, admin):
    request = {"display_name": "Once", "email": "once@example.com", "idempotency_key": "create-once"}
    first = s.call("users.CreateUser", admin, **request)
    assert s.call("users.CreateUser", admin, **request) == first
    s.call("users.UpdateUser", admin, user={"user_id": first.user_id, "display_name": "Twice"}, update_mask={"paths": ["display_name"]})
    assert s.call("users.CreateUser", admin, **request) == first, "the first answer, not the present state"
    other = {**request, "display_name": "Other"}
    expect(s.fails("users.CreateUser", admin, **other), "INVALID_ARGUMENT", "KEY_REUSED", "idempotency_key")
    # A refused request is not kept: its key is free for the right one.
    refused = {"display_name": "Late", "email": "once@example.com", "idempotency_key": "late"}
    expect(s.fails("users.CreateUser", admin, **refused), "ALREADY_EXISTS", "EMAIL_TAKEN", "email")
    assert s.call("users.CreateUser", admin, **{**refused, "email": "late@example.com"}).display_name == "Late"


def test_one_address_many_creates(s, admin):
    def create(i):
        return s.fails("users.CreateUser", admin, display_name=f"Racer {i}", email="Racer@example.com" if i % 2 else "racer@Example.com")

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(create, range(48)))
    assert [e.code for e in ends].count("OK") == 1, ends
    for end in ends:
        if end.code != "OK":
            expect(end, "ALREADY_EXISTS", "EMAIL_TAKEN", "email")
    assert len(s.call("users.ListUsers", admin, query="RACER@").users) == 1


def every_page(s, token, method, field, **request):
    """All rows, page by page; no row comes twice."""
    rows, page = [], ""
    while True:
        answer = s.call(method, token, page_token=page, **request)
        rows += getattr(answer, field)
        page = answer.next_page_token
        if not page:
            return rows


def test_list(s, admin):
    made = [s.call("users.CreateUser", admin, display_name=f"Pupil {i:02} Straße", email=f"pupil{i}@list.example", role=TEACHER if i % 5 == 0 else STUDENT)
            for i in range(23)]

    def ids(users):
        return [u.user_id for u in users]

    for size in 1, 7, 23, 1000:
        assert ids(every_page(s, admin, "users.ListUsers", "users", page_size=size, query="pupil")) == ids(made), size
    for query, count in ("PUPIL 0", 10), ("strasse", 23), ("STRASSE", 23), ("@LIST.example", 23), ("pupil_", 0), ("%", 0), ("pupil 07", 1), ("zzz", 0):
        assert len(s.call("users.ListUsers", admin, query=query, page_size=1000).users) == count, query
    assert ids(every_page(s, admin, "users.ListUsers", "users", page_size=2, query="pupil", role=TEACHER)) == ids(made[::5])
    s.call("users.DeleteUser", admin, user_id=made[0].user_id)
    assert ids(s.call("users.ListUsers", admin, query="pupil", page_size=1000).users) == ids(made[1:])
    shown = s.call("users.ListUsers", admin, query="pupil", page_size=1000, show_deleted=True).users
    assert ids(shown) == ids(made) and shown[0].HasField("delete_time") and not shown[1].HasField("delete_time")
    assert len(s.call("users.ListUsers", admin, query="pupil").users) == 22, "fewer than a page of 50"
    page = s.call("users.ListUsers", admin, query="pupil", page_size=3).next_page_token
    expect(s.fails("users.ListUsers", admin, query="other", page_token=page), "INVALID_ARGUMENT", "INVALID_FIELD", "page_token")
    expect(s.fails("users.ListUsers", admin, page_token="x"), "INVALID_ARGUMENT", "INVALID_FIELD", "page_token")


def test_list_while_rows_are_added(s, admin):
    before = [s.call("users.CreateUser", admin, display_name=f"Steady {i}", email=f"steady{i}@example.com").user_id for i in range(12)]
    seen, page, added = [], "", 0
    while True:
        answer = s.call("users.ListUsers", admin, query="steady", page_size=3, page_token=page)
        seen += [u.user_id for u in answer.users]
        page = answer.next_page_token
        if added < 6:
            s.call("users.CreateUser", admin, display_name=f"Steady too {added}", email=f"steady.too{added}@example.com")
            added += 1
        if not page:
            break
    assert seen[:12] == before and len(seen) == len(set(seen)), seen


def test_update(s, admin):
    user = s.call("users.CreateUser", admin, display_name="Before", email="before@example.com")

    def update(token, *paths, **changes):
        return dict(name="users.UpdateUser", token=token, user={"user_id": user.user_id, **changes}, update_mask=field_mask_pb2.FieldMask(paths=paths))

    changed = s.call(**update(admin, "display_name", display_name="After", email="ignored@example.com"))
    assert (changed.display_name, changed.email, changed.role) == ("After", "before@example.com", STUDENT)
    assert seconds(changed.update_time) > seconds(user.update_time) and changed.create_time == user.create_time
    changed = s.call(**update(admin, "email", "role", email="BEFORE@example.com", role=TEACHER))
    assert (changed.email, changed.role) == ("BEFORE@example.com", TEACHER)
    assert s.call("users.GetUser", admin, user_id=user.user_id) == changed
    expect(s.fails(**update(admin, "nickname")), "INVALID_ARGUMENT", "INVALID_FIELD", "update_mask.paths[0]")
    person = Person(s, "selma")
    own = {"user": {"user_id": person.user_id, "display_name": "Selma the Second", "role": STUDENT}, "update_mask": {"paths": ["display_name", "role"]}}
    assert s.call("users.UpdateUser", person.token, **own).display_name == "Selma the Second", "the role stays what it is"
    own["user"]["role"] = ADMIN
    expect(s.fails("users.UpdateUser", person.token, **own), "PERMISSION_DENIED", "NOT_ALLOWED", "user.role")
    expect(s.fails(**update(person.token, "display_name", display_name="Mine")), "PERMISSION_DENIED", "NOT_ALLOWED")


def test_delete_and_restore(s, admin):
    person = Person(s, "dalia")
    gone = s.call("users.DeleteUser", person.token, user_id=person.user_id)
    assert gone.HasField("delete_time")
    assert s.call("users.GetUser", admin, user_id=person.user_id) == gone
    expect(s.fails("users.DeleteUser", admin, user_id=person.user_id), "NOT_FOUND", "USER_NOT_FOUND", "user_id")
    expect(s.fails("users.SignUp", display_name="D", email="DALIA@example.com", password=PASSWORD), "ALREADY_EXISTS", "EMAIL_TAKEN", "email")
    expect(s.fails("users.RefreshSession", refresh_token=person.session.refresh_token), "UNAUTHENTICATED", "SESSION_ENDED")
    expect(s.fails("users.SignIn", email=person.email, password=PASSWORD), "UNAUTHENTICATED", "SIGN_IN_FAILED")
    back = s.call("users.RestoreUser", admin, user_id=person.user_id)
    assert not back.HasField("delete_time") and back.display_name == "Dalia"
    assert s.call("users.SignIn", email=person.email, password=PASSWORD).user == back
    expect(s.fails("users.RefreshSession", refresh_token=person.session.refresh_token), "UNAUTHENTICATED", "SESSION_ENDED")


def test_last_administrator(s, admin):
    me = s.administrator()[0].user.user_id
    for other in s.call("users.ListUsers", admin, role=ADMIN).users:
        if other.user_id != me:
            s.call("users.DeleteUser", admin, user_id=other.user_id)
    expect(s.fails("users.DeleteUser", admin, user_id=me), "FAILED_PRECONDITION", "LAST_ADMIN", "user_id")
    step_down = {"user": {"user_id": me, "role": STUDENT}, "update_mask": {"paths": ["role"]}}
    expect(s.fails("users.UpdateUser", admin, **step_down), "FAILED_PRECONDITION", "LAST_ADMIN", "user.user_id")


# -- identity -------------------------------------------------------------------------------------------------------------


def key_set(s):
    with urllib.request.urlopen(f"http://127.0.0.1:{s.ports['admin']}/.well-known/jwks.json", timeout=30) as answer:
        return jwt.PyJWKSet.from_json(answer.read().decode())


def verify(s, token):
    """The claims, as PyJWT reads them with the published keys."""
    return jwt.decode(token, key_set(s)[jwt.get_unverified_header(token)["kid"]].key, algorithms=["ES256"], audience="ponte", issuer="ponte")


def test_sessions(s, _):
    person = Person(s, "rosa")
    session = person.session
    assert session.user.role == STUDENT and seconds(session.expire_time) > time.time() and seconds(session.refresh_expire_time) > seconds(session.expire_time)
    claims = verify(s, session.access_token)
    assert claims["sub"] == person.user_id and claims["roles"] == ["student"] and claims["exp"] == session.expire_time.seconds
    assert s.call("users.GetUser", session.access_token, user_id=person.user_id) == session.user
    assert s.call("users.SignIn", email="ROSA@example.com", password=PASSWORD).user == session.user
    next_session = s.call("users.RefreshSession", refresh_token=session.refresh_token)
    assert next_session.refresh_token != session.refresh_token
    last = s.call("users.RefreshSession", refresh_token=next_session.refresh_token)
    # Used again: somebody else has it, so the whole session ends.
    expect(s.fails("users.RefreshSession", refresh_token=session.refresh_token), "UNAUTHENTICATED", "SESSION_ENDED")
    expect(s.fails("users.RefreshSession", refresh_token=last.refresh_token), "UNAUTHENTICATED", "SESSION_ENDED")
    session = s.call("users.SignIn", email=person.email, password=PASSWORD)
    s.call("users.SignOut", refresh_token=session.refresh_token)
    s.call("users.SignOut", refresh_token=session.refresh_token)
    expect(s.fails("users.RefreshSession", refresh_token=session.refresh_token), "UNAUTHENTICATED", "SESSION_ENDED")


def test_passwords(s, admin):
    person = Person(s, "paula")
    new = "another horse battery"
    wrong = {"user_id": person.user_id, "old_password": "wrong horse", "new_password": new}
    expect(s.fails("users.SetPassword", person.token, **wrong), "INVALID_ARGUMENT", "INVALID_FIELD", "old_password")
    s.call("users.SetPassword", person.token, user_id=person.user_id, old_password=PASSWORD, new_password=new)
    expect(s.fails("users.RefreshSession", refresh_token=person.session.refresh_token), "UNAUTHENTICATED", "SESSION_ENDED")
    unknown = s.fails("users.SignIn", email="nobody.at.all@example.com", password=PASSWORD)
    old = s.fails("users.SignIn", email=person.email, password=PASSWORD)
    expect(old, "UNAUTHENTICATED", "SIGN_IN_FAILED")
    assert unknown == old, "an unknown address must not be told from a wrong password"
    assert s.call("users.SignIn", email=person.email, password=new).user.user_id == person.user_id
    s.call("users.SetPassword", admin, user_id=person.user_id, new_password=PASSWORD)
    made = s.call("users.CreateUser", admin, display_name="Made", email="made@example.com", password=PASSWORD)
    for email in person.email, made.email:
        s.call("users.SignIn", email=email, password=PASSWORD)


def test_too_many_attempts(s, _):
    person = Person(s, "theo")
    for _ in range(200):
        end = s.fails("users.SignIn", email=person.email, password="wrong horse battery")
        if end.code == "RESOURCE_EXHAUSTED":
            break
        expect(end, "UNAUTHENTICATED", "SIGN_IN_FAILED")
    expect(end, "RESOURCE_EXHAUSTED", "TOO_MANY_ATTEMPTS")
    assert end.retry_ms > 0, end
    try:
        s.call("users.SignIn", email=person.email, password=PASSWORD)
        raise AssertionError("the right password must wait too")
    except grpc.RpcError as e:
        assert failure_of(e).reason == "TOO_MANY_ATTEMPTS"
        assert int(dict(e.trailing_metadata())["grpc-retry-pushback-ms"]) > 0


def test_rotate_keys(s, admin):
    person = Person(s, "kira")
    made = s.call("users.RotateKeys", admin).key_id
    published = [key.key_id for key in key_set(s).keys]
    assert made in published and jwt.get_unverified_header(person.token)["kid"] in published
    fresh = s.call("users.SignIn", email=person.email, password=PASSWORD).access_token
    for token in person.token, fresh:
        assert verify(s, token)["sub"] == person.user_id
        assert s.call("users.GetUser", token, user_id=person.user_id).user_id == person.user_id


# -- orders ---------------------------------------------------------------------------------------------------------------


def amount(money):
    return money.currency_code, money.minor_units


def order(s, person, *items, currency="EUR", **more):
    return s.call("orders.CreateOrder", person.token, user_id=person.user_id, items=items, currency_code=currency, **more)


def test_orders(s, admin):
    person = Person(s, "olga")
    made = order(s, person, item(1250, 3), item(1, 1000000), idempotency_key="an order")
    assert amount(made.total) == ("EUR", 1003750) and made.state == PENDING
    assert made.user_id == person.user_id and [i.unit_price for i in made.items] == [1250, 1]
    assert order(s, person, item(1250, 3), item(1, 1000000), idempotency_key="an order") == made
    assert s.call("orders.GetOrder", person.token, order_id=made.order_id) == made
    assert s.call("orders.GetOrder", admin, order_id=made.order_id) == made
    expect(s.fails("orders.GetOrder", person.token, order_id=UNKNOWN_ID), "NOT_FOUND", "ORDER_NOT_FOUND", "order_id")
    paid = s.call("orders.PayOrder", person.token, order_id=made.order_id)
    assert paid.state == PAID and paid.total == made.total
    for method in "orders.PayOrder", "orders.CancelOrder":
        expect(s.fails(method, person.token, order_id=made.order_id), "FAILED_PRECONDITION", "ORDER_CLOSED", "order_id")
    cancelled = s.call("orders.CancelOrder", person.token, order_id=order(s, person, item(5)).order_id)
    assert cancelled.state == CANCELLED
    overflow = s.fails("orders.CreateOrder", person.token, user_id=person.user_id, items=[item(2**62, 3)], currency_code="EUR")
    assert (overflow.code, overflow.reason) == ("OUT_OF_RANGE", "AMOUNT_OVERFLOW"), overflow
    expect(s.fails("orders.CreateOrder", admin, user_id=UNKNOWN_ID, items=[item(1)], currency_code="EUR"), "NOT_FOUND", "USER_NOT_FOUND", "user_id")


def test_list_orders(s, admin):
    person = Person(s, "lena")
    made = [order(s, person, item(100 + i)) for i in range(9)]
    s.call("orders.PayOrder", person.token, order_id=made[4].order_id)
    ids = [o.order_id for o in reversed(made)]
    for size in 1, 4, 9, 1000:
        assert [o.order_id for o in every_page(s, person.token, "orders.ListOrders", "orders", user_id=person.user_id, page_size=size)] == ids, size
    assert [o.order_id for o in s.call("orders.ListOrders", person.token, user_id=person.user_id, state=PAID).orders] == [made[4].order_id]
    between = s.call("orders.ListOrders", admin, user_id=person.user_id, start_time=made[2].create_time, end_time=made[6].create_time).orders
    assert [o.order_id for o in between] == ids[3:7], "from the first on, before the second"
    expect(s.fails("orders.ListOrders", person.token), "PERMISSION_DENIED", "NOT_ALLOWED")
    assert len(s.call("orders.ListOrders", admin, page_size=1000).orders) >= 9


def test_summaries(s, admin):
    person = Person(s, "summer")
    for price, currency in (100, "EUR"), (250, "EUR"), (300, "USD"):
        order(s, person, item(price), currency=currency)
    s.call("orders.CancelOrder", person.token, order_id=order(s, person, item(9)).order_id)
    groups = s.call("orders.SummarizeOrders", person.token, user_id=person.user_id).groups
    assert sorted((*amount(g.total), g.order_count) for g in groups) == [("EUR", 350, 2), ("USD", 300, 1)], groups
    groups = every_page(s, admin, "orders.SummarizeOrders", "groups", page_size=1, by_user=True, by_day=True)
    mine = [g for g in groups if g.user_id == person.user_id]
    assert sum(g.order_count for g in mine) == 3 and all(g.day.seconds % 86400 == 0 for g in groups)
    assert [g.user_id for g in groups] == sorted(g.user_id for g in groups)


# -- reports --------------------------------------------------------------------------------------------------------------


def test_reports(s, admin):
    rich, poor = Person(s, "rika"), Person(s, "pia")
    for price in 5000, 2500:
        order(s, rich, item(price, description='say "hi", please'))
    order(s, poor, item(8000))
    report = s.call("reports.GetUserReport", rich.token, user_id=rich.user_id)
    assert report.user.display_name == "Rika" and report.order_count == 2 and not report.missing
    assert [amount(t) for t in report.totals] == [("EUR", 7500)] and sum(p.order_count for p in report.periods) == 2
    ids = [rich.user_id, poor.user_id]
    top = s.call("reports.TopUsers", admin, user_ids=ids)
    assert [(t.rank, t.display_name, t.order_count) for t in top] == [(1, "Rika", 2), (2, "Pia", 1)], top
    top = s.call("reports.TopUsers", admin, user_ids=ids, order=1, currency_code="EUR")
    assert [(t.rank, t.display_name) for t in top] == [(1, "Pia"), (2, "Rika")], top
    assert len(s.call("reports.TopUsers", admin, user_ids=ids, limit=1)) == 1
    sales = s.call("reports.SalesOverTime", admin, period=3)
    everything = sum(amount(t)[1] for p in sales.periods for t in p.totals if t.currency_code == "EUR")
    assert everything >= 15500
    text = b"".join(chunk.data for chunk in s.call("reports.ExportOrders", rich.token, user_id=rich.user_id)).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 2 and text.endswith("\r\n") and all(rich.user_id in row.values() for row in rows), text
    expect(s.fails("reports.GetUserReport", poor.token, user_id=rich.user_id), "PERMISSION_DENIED", "NOT_ALLOWED")
    expect(s.fails("reports.TopUsers", poor.token), "PERMISSION_DENIED", "NOT_ALLOWED")
    expect(s.fails("reports.GetUserReport", admin, user_id=UNKNOWN_ID), "NOT_FOUND", "USER_NOT_FOUND", "user_id")


# -- chatbot --------------------------------------------------------------------------------------------------------------

MARKDOWN, SRT, LIVE = 1, 3, 5
STOP, NOT_IN_MATERIAL = 1, 2
LESSON = "# Folhas\n\nOs estômatos são os poros por onde a folha respira. As células-guarda abrem e fecham os estômatos.\n"
SUBTITLES = "1\n00:00:01,000 --> 00:00:04,000\nWater climbs in the xylem.\n\n2\n00:00:05,000 --> 00:00:09,500\nSugar moves in the phloem.\n"


def doubt(s, person, question, **fields):
    """(sources, text, final) of a stream, whose parts must come in that order."""
    kinds, parts = [], s.call("chatbot.ResolveDuvidaStream", person.token, duvida=question, **fields)
    for part in parts:
        kinds.append(part.WhichOneof("part"))
    assert kinds[0] == "sources" and kinds[-1] == "final" and set(kinds[1:-1]) == {"text"}, kinds
    return parts[0].sources.passages, "".join(p.text for p in parts[1:-1]), parts[-1].final


def check_citations(s, person, text, citations):
    """Each quote is the material's bytes, and its mark stands where it says."""
    assert citations
    for c in citations:
        material = s.call("chatbot.GetMaterial", person.token, material_id=c.material_id).text.encode()
        assert material[c.begin:c.end].decode() == c.quote, c
        assert text.encode()[c.answer_offset:].decode().startswith(f"[{c.number}]"), (text, c)


def test_materials(s, _):
    person = Person(s, "marta")
    leaves = s.call("chatbot.AddMaterial", person.token, title="Folhas", format=MARKDOWN, content=LESSON, idempotency_key="leaves")
    again = s.call("chatbot.AddMaterial", person.token, title="Folhas", format=MARKDOWN, content=LESSON, idempotency_key="leaves")
    assert leaves == again and leaves.owner_id == person.user_id and leaves.passage_count > 0 and not leaves.text
    subtitles = s.call("chatbot.AddMaterial", person.token, title="Xylem", format=SRT, content=SUBTITLES)
    assert subtitles.duration_ms == 9500
    whole = s.call("chatbot.GetMaterial", person.token, material_id=subtitles.material_id)
    assert [whole.text.encode()[c.begin:c.end].decode() for c in whole.cues] == ["Water climbs in the xylem.", "Sugar moves in the phloem."], whole
    assert [m.title for m in s.call("chatbot.ListMaterials", person.token).materials] == ["Xylem", "Folhas"]
    _, text, final = doubt(s, person, "Where does sugar move?")
    check_citations(s, person, text, final.citations)
    assert [(c.start_ms, c.end_ms, c.title) for c in final.citations] == [(5000, 9500, "Xylem")], final
    s.call("chatbot.RemoveMaterial", person.token, material_id=subtitles.material_id)
    sources, _, final = doubt(s, person, "Where does sugar move?")
    assert not sources and final.finish_reason == NOT_IN_MATERIAL
    expect(s.fails("chatbot.GetMaterial", person.token, material_id=subtitles.material_id), "NOT_FOUND", "NOT_FOUND", "material_id")


def test_live(s, _):
    person = Person(s, "livia")
    segments = [{"result_id": f"r{i}", "start_ms": 1000 * i, "end_ms": 1000 * i + 900, "text": text}
                for i, text in enumerate(("Good morning.", "Today we look at the cambium.", "The cambium makes new wood each year."))]
    first = s.call("chatbot.AppendTranscript", person.token, session_id="lesson-1", title="Wood", segments=segments[:2])
    more = s.call("chatbot.AppendTranscript", person.token, session_id="lesson-1", segments=segments)
    assert (first.added, more.added, first.material_id) == (2, 1, more.material_id)
    sources, text, final = doubt(s, person, "What does the cambium make?", session_id="lesson-1")
    assert sources[0].session_id == "lesson-1" and sources[0].format == LIVE
    check_citations(s, person, text, final.citations)
    for c in final.citations:  # the times of the segment in which the words stand
        said = next(segment for segment in segments if c.quote in segment["text"])
        assert (c.start_ms, c.end_ms) == (said["start_ms"], said["end_ms"]), c


def test_doubts(s, _):
    person = Person(s, "dora")
    s.call("chatbot.AddMaterial", person.token, title="Folhas", format=MARKDOWN, content=LESSON)
    whole = s.call("chatbot.ResolveDuvida", person.token, duvida="O que são os estômatos?")
    assert whole.finish_reason == STOP and "[1]" in whole.resposta, whole
    check_citations(s, person, whole.resposta, whole.citations)
    context = s.call("chatbot.ResolveDuvida", person.token, duvida="Quem descobriu o oxigênio?", aula_contexto="O oxigênio: quem descobriu o oxigênio foi Priestley.")
    assert context.finish_reason == STOP and "Priestley" in context.resposta and context.citations[0].material_id == "", context
    first = doubt(s, person, "O que são os estômatos?", idempotency_key="one")
    again = doubt(s, person, "O que são os estômatos?", idempotency_key="one")
    assert first == again and first[2].message_id, (first, again)
    expect(s.fails("chatbot.ResolveDuvida", person.token, duvida=""), "INVALID_ARGUMENT", "INVALID_FIELD", "duvida")


def test_conversations(s, _):
    person, other = Person(s, "clara"), Person(s, "otto")
    s.call("chatbot.AddMaterial", person.token, title="Folhas", format=MARKDOWN, content=LESSON)
    made = s.call("chatbot.CreateConversation", person.token, idempotency_key="talk")
    assert made == s.call("chatbot.CreateConversation", person.token, idempotency_key="talk")
    _, text, final = doubt(s, person, "O que são os estômatos?", conversation_id=made.conversation_id)
    s.call("chatbot.GiveFeedback", person.token, message_id=final.message_id, rating=1, comment="obrigada")
    kept = s.call("chatbot.GetConversation", person.token, conversation_id=made.conversation_id)
    assert kept.conversation.title == "O que são os estômatos?" and kept.conversation.message_count == 1
    assert [(m.duvida, m.resposta, m.rating) for m in kept.messages] == [("O que são os estômatos?", text, 1)]
    assert list(kept.messages[0].citations) == list(final.citations)
    assert s.call("chatbot.GetConversation", person.token, conversation_id=made.conversation_id, newest_first=True).messages == kept.messages
    assert [c.conversation_id for c in s.call("chatbot.ListConversations", person.token).conversations] == [made.conversation_id]
    expect(s.fails("chatbot.GetConversation", other.token, conversation_id=made.conversation_id), "PERMISSION_DENIED", "NOT_ALLOWED")
    s.call("chatbot.DeleteConversation", person.token, conversation_id=made.conversation_id)
    expect(s.fails("chatbot.GetConversation", person.token, conversation_id=made.conversation_id), "NOT_FOUND", "NOT_FOUND", "conversation_id")


# -- what every port has --------------------------------------------------------------------------------------------------


def test_reflection(s, admin):
    """As grpcurl does it: list, describe, and call with nothing but what the server tells."""
    for area in s.only:
        full = f"ponte.{area}.v1.{ponte_services.AREAS[area]}"
        database = ProtoReflectionDescriptorDatabase(s.channels[area])
        assert {full, "grpc.health.v1.Health"} <= set(database.get_services()), database.get_services()
        described = descriptor_pool.DescriptorPool(database).FindServiceByName(full)
        assert {f"{area}.{m.name}" for m in described.methods} == {m for m in methods if m.startswith(f"{area}.")}
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(s.channels["users"]))
    method = pool.FindServiceByName("ponte.users.v1.UserService").FindMethodByName("ListUsers")
    request, response = (message_factory.GetMessageClass(t) for t in (method.input_type, method.output_type))
    list_users = s.channels["users"].unary_unary("/ponte.users.v1.UserService/ListUsers", request.SerializeToString, response.FromString)
    assert list_users(request(page_size=1), metadata=[("authorization", f"Bearer {admin}")], timeout=60).users[0].email


def test_reflected_options(s, _):
    """Policies and field rules come with the descriptors, as tools for protovalidate look for them."""
    from buf.validate import validate_pb2
    from ponte.options.v1 import options_pb2
    file = ProtoReflectionDescriptorDatabase(s.channels["users"]).FindFileContainingSymbol("ponte.users.v1.UserService")
    policies = {m.name: m.options.Extensions[options_pb2.policy] for m in file.service[0].method}
    assert list(policies["CreateUser"].roles) == ["admin"] and policies["CreateUser"].mutates
    assert policies["SignIn"].public and policies["GetUser"].owner == "user_id"
    create = next(m for m in file.message_type if m.name == "CreateUserRequest")
    rules = {f.name: f.options.Extensions[validate_pb2.field] for f in create.field}
    assert rules["display_name"].string.max_len == 200 and rules["email"].string.email and rules["role"].enum.defined_only


def test_health(s, _):
    for area in s.only:
        health = health_pb2_grpc.HealthStub(s.channels[area])
        for service in "", f"ponte.{area}.v1.{ponte_services.AREAS[area]}":
            assert health.Check(health_pb2.HealthCheckRequest(service=service), timeout=60).status == health_pb2.HealthCheckResponse.SERVING, service


def test_unknown_methods(s, admin):
    for path in "/ponte.users.v1.UserService/Nothing", "/ponte.users.v1.Nobody/GetUser":
        nothing = s.channels["users"].unary_unary(path)
        try:
            nothing(b"", metadata=[("authorization", f"Bearer {admin}")], timeout=60)
            raise AssertionError(path)
        except grpc.RpcError as e:
            assert e.code() == grpc.StatusCode.UNIMPLEMENTED, e


def test_users_away(*_):
    """Orders alone, and nobody where users should be: nothing is written."""
    dead = f"127.0.0.1:{ponte_services.procs.free_port()}"
    with Client(methods, auth=False, only=("orders",), more=["--users-target", dead]) as s:
        before = len(s.call("orders.ListOrders", page_size=1000).orders)
        end = s.fails("orders.CreateOrder", user_id=UNKNOWN_ID, items=[item(1)], currency_code="EUR")
        expect(end, "UNAVAILABLE", "PEER_UNAVAILABLE")
        assert len(s.call("orders.ListOrders", page_size=1000).orders) == before


def main():
    failed = []
    with Client(methods, only=("users", "orders", "reports", "chatbot")) as services:
        admin = services.administrator()[0].access_token
        for name, test in list(globals().items()):
            if not name.startswith("test_"):
                continue
            try:
                test(services, admin)
                print(f"ok {name}")
            except Exception as e:  # pylint: disable=broad-except
                failed.append(name)
                import traceback
                print(f"FAILED {name}: {e}\n{traceback.format_exc(limit=-2)}")
    untried = methods.keys() - called
    assert not untried, f"never called: {sorted(untried)}"
    return len(failed)


sys.exit(main())
