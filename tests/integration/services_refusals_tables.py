"""The tables of services_refusals_test.py."""
import collections

from ponte_services import INVALID

STUDENT, TEACHER, ADMIN, UNKNOWN_ENUM = 1, 2, 3, 99
PASSWORD = "correct horse battery"
UNKNOWN_ID = "018f0000-0000-7000-8000-000000000000"
INT64_MAX = 2**63 - 1
MARKDOWN, PLAIN_TEXT, SRT, VTT, LIVE = 1, 2, 3, 4, 5
ABSENT = object()
WHO = ("admin", "alice", "bob", "teacher", "nobody")

# `who` is one of WHO, or a token itself.
Row = collections.namedtuple("Row", "why code reason field changes who")
Table = collections.namedtuple("Table", "who good rows public")


class Accounts:
    """Access tokens and ids that the tables speak of."""

    nobody = None

    def __init__(self):
        self.admin = self.alice = self.bob = self.teacher = ""


def invalid(why, field, who=None, **changes):
    return Row(why, "INVALID_ARGUMENT", "INVALID_FIELD", field, changes, who)


def refused(why, code, reason, field="", who=None, **changes):
    return Row(why, code, reason, field, changes, who)


def denied(*who, field="", **changes):
    return [Row(f"as {w}", "PERMISSION_DENIED", "NOT_ALLOWED", field, changes, w) for w in who]


def table(who, good, *rows, public=False):
    flat = [r for row in rows for r in (row if isinstance(row, list) else [row])]
    return Table(who, good, [r._replace(who=r.who or who) for r in flat], public)


# -- what many requests have in common


def identifier(field="user_id", unknown="USER_NOT_FOUND", **parents):
    """Rows of a required UUID."""
    rows = [invalid("no id", field, **{field: ABSENT}), invalid("an id that is none", field, **{field: "42"}),
            invalid("an id with more behind it", field, **{field: UNKNOWN_ID + "0"}), not_utf8(field)]
    return rows + ([refused("an unknown id", "NOT_FOUND", unknown, field, **{field: UNKNOWN_ID}, **parents)] if unknown else [])


def identifier_or_none(field):
    return [invalid("an id that is none", field, **{field: "42"}), not_utf8(field)]


def optional_identifier():
    return identifier_or_none("user_id")


def not_utf8(name, value=INVALID):
    """The message cannot be read at all, so no field is named."""
    return invalid(f"{name} that is no UTF-8", "", **{name: value})


def text(name, long, longest):
    """Rows of a text that may be empty."""
    return [invalid(f"{name} over-long", name, **{name: long * (longest + 1)}), not_utf8(name)]


def key(request_changes):
    """Rows of an idempotency key; the key "taken" was used for another request."""
    rows = text("idempotency_key", "k", 128)
    if request_changes is not None:
        rows.append(refused("a key that was used for another request", "INVALID_ARGUMENT", "KEY_REUSED", "idempotency_key",
                            idempotency_key="taken", **request_changes))
    return rows


def pages(w, method, other_method, who="admin", other_filter=None, **fields):
    """Rows of a list; `fields` are what its request needs, `other_filter` what makes it another list."""
    token = w.page_token(method, who, **fields)
    rows = [invalid("a negative page size", "page_size", page_size=-1), invalid("a page size above the greatest", "page_size", page_size=1001),
            invalid("a page token that is none", "page_token", page_token="garbage"),
            invalid("a page token that is cut", "page_token", page_token=token[:-1]),
            invalid("a page token with a changed byte", "page_token", page_token=("B" if token[0] == "A" else "A") + token[1:]),
            invalid("a page token over-long", "page_token", page_token="A" * 1025),
            invalid("a page token of another method", "page_token", page_token=w.page_token(other_method, who)),
            not_utf8("page_token")]
    return rows + ([invalid("a page token of another filter", "page_token", page_token=token, **other_filter)] if other_filter else [])


def period():
    """Rows of start_time and end_time."""
    return [invalid("a time before the year 1", "start_time", start_time={"seconds": -62135596801}),
            invalid("a time after the year 9999", "end_time", end_time={"seconds": 253402300800}),
            invalid("negative nanoseconds", "start_time", start_time={"seconds": 1, "nanos": -1}),
            invalid("a second of nanoseconds", "end_time", end_time={"seconds": 1, "nanos": 10**9}),
            invalid("a period that ends before it begins", "end_time", start_time={"seconds": 200}, end_time={"seconds": 100})]


def names(good_key):
    return [invalid("no name", "display_name", **{good_key: ABSENT}), invalid("a name of blanks", "display_name", display_name="  \u00a0"),
            invalid("a name with a line break", "display_name", display_name="Al\nice"),
            invalid("a name that turns the text's direction", "display_name", display_name="\u202eecilA"),
            *text("display_name", "é", 200)]


def addresses():
    return [invalid("no address", "email", email=ABSENT), invalid("an address without @", "email", email="alice.example.com"),
            invalid("an address without a domain", "email", email="alice@"), invalid("an address with a blank", "email", email="al ice@example.com"),
            invalid("two addresses", "email", email="a@example.com,b@example.com"),
            invalid("an address over-long", "email", email="a" * 243 + "@example.com"), not_utf8("email", INVALID + "@example.com"),
            *[refused(f"an address that {why}", "ALREADY_EXISTS", "EMAIL_TAKEN", "email", email=taken)
              for why, taken in (("is taken", "alice@example.com"), ("is taken, in other letters", "ALICE@Example.COM"),
                                 ("a deleted user has", "gone@example.com"))]]


# -- users


def users(w):
    student = {"user_id": w.bob_id}
    set_name = {"user": {"user_id": w.bob_id, "display_name": "Robert"}, "update_mask": {"paths": ["display_name"]}}

    def updated(*paths, **user):
        return {"user": {"user_id": w.bob_id, **user}, "update_mask": {"paths": list(paths)}}

    create = {"display_name": "Dora", "email": "dora@example.com", "role": STUDENT, "password": PASSWORD}
    to_delete = w.services.call("users.CreateUser", w.admin, display_name="Eve", email="eve@example.com", idempotency_key="eve").user_id
    w.services.call("users.UpdateUser", w.admin, **updated("display_name", display_name="Bob"), idempotency_key="taken")
    return {
        "users.CreateUser": table(
            "admin", create, names("display_name"), addresses(), invalid("an unknown role", "role", role=UNKNOWN_ENUM),
            invalid("a short password", "password", password="1234567"), text("password", "p", 1024), key({}), denied("alice", "teacher")),
        "users.GetUser": table("bob", student, denied("alice"), [r._replace(who="admin") for r in identifier()]),
        "users.ListUsers": table("teacher", {}, pages(w, "users.ListUsers", "orders.ListOrders", other_filter={"role": STUDENT}), text("query", "é", 200),
                                 invalid("an unknown role", "role", role=UNKNOWN_ENUM), denied("alice")),
        "users.UpdateUser": table(
            "admin", set_name, invalid("no user", "user", user=ABSENT), invalid("no mask", "update_mask", update_mask=ABSENT),
            invalid("an empty mask", "update_mask", update_mask={"paths": []}),
            invalid("an unknown path", "update_mask.paths[0]", **updated("nickname", display_name="B")),
            invalid("a path that is not to be set", "update_mask.paths[1]", **updated("email", "create_time", email="b@example.com")),
            invalid("a path that is no UTF-8", "", **updated(INVALID, display_name="B")),
            invalid("no id", "user.user_id", user={"display_name": "B"}), invalid("an id that is none", "user.user_id", user={"user_id": "42"}),
            refused("an unknown id", "NOT_FOUND", "USER_NOT_FOUND", "user.user_id", user={"user_id": UNKNOWN_ID, "display_name": "B"}),
            refused("a deleted user", "NOT_FOUND", "USER_NOT_FOUND", "user.user_id", user={"user_id": w.gone_id, "display_name": "B"}),
            invalid("no name", "user.display_name", **updated("display_name")),
            invalid("a name of blanks", "user.display_name", **updated("display_name", display_name=" ")),
            invalid("a name over-long", "user.display_name", **updated("display_name", display_name="é" * 201)),
            invalid("a name that is no UTF-8", "", **updated("display_name", display_name=INVALID)),
            invalid("no address", "user.email", **updated("email")),
            invalid("an address that is none", "user.email", **updated("email", email="bob")),
            refused("an address that is taken", "ALREADY_EXISTS", "EMAIL_TAKEN", "user.email", **updated("email", email="Alice@example.com")),
            invalid("no role", "user.role", **updated("role")), invalid("an unknown role", "user.role", **updated("role", role=UNKNOWN_ENUM)),
            refused("the last administrator", "FAILED_PRECONDITION", "LAST_ADMIN", "user.user_id",
                    user={"user_id": w.admin_id, "role": STUDENT}, update_mask={"paths": ["role"]}),
            denied("bob", field="user.role", **updated("role", role=ADMIN)), denied("alice", "teacher"),
            key(updated("display_name", display_name="Somebody else"))),
        "users.DeleteUser": table("admin", {"user_id": to_delete}, identifier(), denied("alice", "teacher"),
                                  refused("a deleted user", "NOT_FOUND", "USER_NOT_FOUND", "user_id", user_id=w.gone_id),
                                  refused("the last administrator", "FAILED_PRECONDITION", "LAST_ADMIN", "user_id", user_id=w.admin_id), key(None)),
        "users.RestoreUser": table("admin", {"user_id": w.back_id}, identifier(), denied("alice", "teacher"),
                                   refused("a user who is not deleted", "ALREADY_EXISTS", "ALREADY_EXISTS", "user_id", user_id=w.bob_id), key(None)),
        **identity(w),
    }


def identity(w):
    sign_up = {"display_name": "Fred", "email": "fred@example.com", "password": PASSWORD}
    wrong = ("UNAUTHENTICATED", "SIGN_IN_FAILED")
    passwords = {"user_id": w.bob_id, "old_password": PASSWORD, "new_password": "another horse battery"}
    return {
        "users.SignUp": table("nobody", sign_up, names("display_name"), addresses(), invalid("no password", "password", password=ABSENT),
                              invalid("a short password", "password", password="1234567"), text("password", "p", 1024), public=True),
        "users.SignIn": table(
            "nobody", {"email": "alice@example.com", "password": PASSWORD}, invalid("no address", "email", email=ABSENT),
            invalid("an address over-long", "email", email="a" * 255), not_utf8("email"), invalid("no password", "password", password=ABSENT),
            text("password", "p", 1024), refused("a wrong password", *wrong, password="wrong horse battery"),
            refused("an unknown address", *wrong, email="nobody@example.com"), refused("a deleted user", *wrong, email="gone@example.com"),
            refused("a user without a password", *wrong, email="key@example.com"), public=True),
        "users.RefreshSession": table(
            "nobody", {"refresh_token": w.services.call("users.SignIn", email="alice@example.com", password=PASSWORD).refresh_token},
            invalid("no token", "refresh_token", refresh_token=ABSENT), text("refresh_token", "r", 256),
            refused("a token that is none", "UNAUTHENTICATED", "SESSION_ENDED", refresh_token="garbage"),
            refused("an access token", "INVALID_ARGUMENT", "INVALID_FIELD", "refresh_token", refresh_token=w.alice),
            refused("a token that was used", "UNAUTHENTICATED", "SESSION_ENDED", refresh_token=w.used_refresh),
            refused("the token after it: the whole session has ended", "UNAUTHENTICATED", "SESSION_ENDED", refresh_token=w.fresh_refresh),
            public=True),
        "users.SignOut": table("nobody", {"refresh_token": w.fresh_refresh}, invalid("no token", "refresh_token", refresh_token=ABSENT),
                               text("refresh_token", "r", 256), public=True),
        "users.SetPassword": table(
            "bob", passwords, denied("alice", "teacher"), text("old_password", "p", 1024), text("new_password", "p", 1024),
            invalid("a short password", "new_password", new_password="1234567"), invalid("no new password", "new_password", new_password=ABSENT),
            invalid("a wrong old password", "old_password", old_password="wrong horse battery"),
            invalid("no old password", "old_password", old_password=ABSENT),
            [r._replace(who="admin") for r in identifier()]),
        "users.RotateKeys": table("admin", {}, denied("alice", "teacher")),
    }


# -- orders and reports


def orders(w):
    def items(**changes):
        return [{"description": "a pen", "quantity": 1, "unit_price": 1, **changes}]

    good = {"user_id": w.alice_id, "items": items(), "currency_code": "EUR"}
    many = [{"description": "all of it", "quantity": 1000000, "unit_price": INT64_MAX}]
    overflow = ("OUT_OF_RANGE", "AMOUNT_OVERFLOW")
    w.services.call("orders.CreateOrder", w.alice, **good, idempotency_key="taken")
    fresh = w.order(w.alice, w.alice_id)
    closed = [refused(f"an order that is {state}", "FAILED_PRECONDITION", "ORDER_CLOSED", "order_id", order_id=i)
              for state, i in (("paid", w.paid_id), ("cancelled", w.cancelled_id))]
    of_others = ("PERMISSION_DENIED", "NOT_ALLOWED")
    return {
        "orders.CreateOrder": table(
            "alice", good, denied("bob", "teacher"), [r._replace(who="admin") for r in identifier()],
            refused("a deleted user", "NOT_FOUND", "USER_NOT_FOUND", "user_id", who="admin", user_id=w.gone_id),
            invalid("no items", "items", items=ABSENT), invalid("too many items", "items", items=items() * 101),
            invalid("no description", "items[0].description", items=items(description="")),
            invalid("a description over-long", "items[1].description", items=items() + items(description="é" * 201)),
            invalid("a description that is no UTF-8", "", items=items(description=INVALID)),
            invalid("no quantity", "items[0].quantity", items=items(quantity=0)),
            invalid("a negative quantity", "items[0].quantity", items=items(quantity=-1)),
            invalid("a quantity above the greatest", "items[0].quantity", items=items(quantity=1000001)),
            invalid("negative money", "items[1].unit_price", items=items() + items(unit_price=-1)),
            invalid("the most negative money", "items[0].unit_price", items=items(unit_price=-2**63)),
            invalid("no currency", "currency_code", currency_code=ABSENT), invalid("a currency of two letters", "currency_code", currency_code="EU"),
            invalid("a currency of four letters", "currency_code", currency_code="EURO"),
            invalid("a currency that is none", "currency_code", currency_code="ZZZ"),
            invalid("a currency in small letters", "currency_code", currency_code="eur"), not_utf8("currency_code"),
            refused("a product that overflows", *overflow, "items", items=many),
            refused("a sum that overflows", *overflow, "items", items=items(unit_price=INT64_MAX) + items()),
            key({"items": items(quantity=2)})),
        "orders.GetOrder": table("alice", {"order_id": w.order_id}, identifier("order_id", "ORDER_NOT_FOUND"), refused("as another", *of_others, who="bob")),
        "orders.ListOrders": table("alice", {"user_id": w.alice_id}, denied("bob"), denied("alice", user_id=ABSENT),
                                   [r._replace(who="admin", changes={"user_id": ABSENT, **r.changes})
                                    for r in pages(w, "orders.ListOrders", "users.ListUsers", other_filter={"state": 1}) + period() + optional_identifier()],
                                   invalid("an unknown state", "state", state=UNKNOWN_ENUM)),
        "orders.CancelOrder": table("alice", {"order_id": w.order_id}, identifier("order_id", "ORDER_NOT_FOUND"), closed, key({}),
                                    refused("as another", *of_others, who="bob"), refused("as a teacher", *of_others, who="teacher")),
        "orders.PayOrder": table("alice", {"order_id": fresh}, identifier("order_id", "ORDER_NOT_FOUND"), closed, key({}),
                                 refused("as another", *of_others, who="bob"), refused("as a teacher", *of_others, who="teacher")),
        "orders.SummarizeOrders": table(
            "alice", {"user_id": w.alice_id}, denied("bob"), denied("alice", user_id=ABSENT),
            [r._replace(who="admin", changes={"user_id": ABSENT, **r.changes})
             for r in pages(w, "orders.SummarizeOrders", "orders.ListOrders", other_filter={"by_day": True}) + period() + optional_identifier()]),
    }


def reports(w):
    unknown_period = invalid("an unknown period", "period", period=UNKNOWN_ENUM)
    return {
        "reports.GetUserReport": table("alice", {"user_id": w.alice_id}, denied("bob"), [r._replace(who="admin") for r in identifier()], period(),
                                       unknown_period),
        "reports.TopUsers": table(
            "teacher", {}, denied("alice"), invalid("a negative limit", "limit", limit=-1), invalid("a limit above the greatest", "limit", limit=1001),
            invalid("an unknown order", "order", order=UNKNOWN_ENUM), invalid("a currency over-long", "currency_code", currency_code="EURO"),
            not_utf8("currency_code"), invalid("an id that is none", "user_ids[1]", user_ids=[w.alice_id, "42"]),
            invalid("too many ids", "user_ids", user_ids=[w.alice_id] * 101), invalid("an id that is no UTF-8", "", user_ids=[INVALID]), period()),
        "reports.SalesOverTime": table("teacher", {}, denied("alice"), unknown_period, period()),
        "reports.ExportOrders": table("alice", {"user_id": w.alice_id}, denied("bob"), denied("alice", user_id=ABSENT), period(),
                                      [r._replace(who="admin") for r in optional_identifier()]),
    }


# -- chatbot


def doubts(question, context):
    """Rows of a question and what stands beside it."""
    return [invalid("no question", "duvida", duvida=ABSENT), *text("duvida", "é", 2000), *text("aula_contexto", "é", 32768),
            refused("a scripted failure", "UNAVAILABLE", "ENGINE_UNAVAILABLE", duvida=question + " fake:error=UNAVAILABLE"),
            refused("a key that the engine's provider does not take", "INTERNAL", "ENGINE_FAILED", duvida=question + " fake:error=DENIED"),
            refused("an engine that makes no sense", "INTERNAL", "ENGINE_FAILED", duvida=question + " fake:text=1,error=MALFORMED", aula_contexto=context)]


def conversations(w):
    of_others = denied("bob", "teacher", "admin")
    own = [r._replace(who="alice") for r in identifier("conversation_id", "NOT_FOUND")]
    one = {"conversation_id": w.conversation_id}
    other = w.conversation()
    w.services.call("chatbot.ResolveDuvidaStream", w.alice, duvida="And stomata?", **one)
    return {
        "chatbot.CreateConversation": table("alice", {"title": "Leaves"}, text("title", "é", 200), key({})),
        "chatbot.GetConversation": table(
            "alice", one, own, of_others,
            pages(w, "chatbot.GetConversation", "chatbot.ListConversations", who="alice", other_filter={"conversation_id": other}, **one)),
        "chatbot.ListConversations": table("alice", {}, pages(w, "chatbot.ListConversations", "chatbot.ListMaterials", who="alice")),
        "chatbot.DeleteConversation": table("alice", {"conversation_id": other}, own, of_others, key(None)),
        "chatbot.GiveFeedback": table(
            "alice", {"message_id": w.message_id, "rating": 2}, identifier("message_id", "NOT_FOUND"), of_others,
            invalid("an unknown rating", "rating", rating=UNKNOWN_ENUM), text("comment", "é", 1000), key({})),
    }


def materials(w):
    mine, to_remove = w.material(), w.material()
    good = {"title": "Cells", "format": PLAIN_TEXT, "content": "A cell has a nucleus."}
    w.services.call("chatbot.AddMaterial", w.alice, **{**good, "title": "taken"}, idempotency_key="taken")
    malformed = ("INVALID_ARGUMENT", "MALFORMED_MATERIAL", "content")

    def segments(**changes):
        return [{"result_id": "r2", "start_ms": 900, "end_ms": 1800, "text": "They close them, too.", **changes}]

    return {
        "chatbot.ListMaterials": table("alice", {}, pages(w, "chatbot.ListMaterials", "chatbot.ListConversations", who="alice")),
        "chatbot.GetMaterial": table("alice", {"material_id": mine}, identifier("material_id", "NOT_FOUND"), denied("bob", "teacher")),
        "chatbot.AddMaterial": table(
            "alice", good, invalid("no title", "title", title=ABSENT), text("title", "é", 200),
            invalid("no format", "format", format=ABSENT), invalid("an unknown format", "format", format=UNKNOWN_ENUM),
            invalid("a live transcription", "format", format=LIVE), invalid("no content", "content", content=ABSENT),
            text("content", "c", 1048576), refused("blanks alone", *malformed, content=" \n\t\n"),
            refused("subtitles that are none", *malformed, format=SRT, content="hello"),
            refused("a time of letters", *malformed, format=SRT, content="1\n00:00:xx,000 --> 00:00:01,000\nhello\n"),
            refused("WebVTT without its first line", *malformed, format=VTT, content="00:01.000 --> 00:02.000\nhello\n"),
            denied("alice", field="shared", shared=True), key({})),
        "chatbot.RemoveMaterial": table("alice", {"material_id": to_remove}, identifier("material_id", "NOT_FOUND"), denied("bob", "teacher"), key(None)),
        "chatbot.AppendTranscript": table(
            "alice", {"session_id": "lesson", "segments": segments()}, invalid("no session", "session_id", session_id=ABSENT),
            text("session_id", "s", 128), text("title", "é", 200), denied("alice", field="shared", shared=True),
            invalid("no segments", "segments", segments=ABSENT), invalid("too many segments", "segments", segments=segments() * 501),
            invalid("no result", "segments[0].result_id", segments=segments(result_id="")),
            invalid("a result over-long", "segments[0].result_id", segments=segments(result_id="r" * 65)),
            invalid("a result that is no UTF-8", "", segments=segments(result_id=INVALID)),
            invalid("a negative time", "segments[1].start_ms", segments=segments() + segments(start_ms=-1)),
            invalid("a negative end", "segments[0].end_ms", segments=segments(end_ms=-1)),
            invalid("an end before the beginning", "segments[0].end_ms", segments=segments(end_ms=899)),
            invalid("no text", "segments[0].text", segments=segments(text="")),
            invalid("a text over-long", "segments[0].text", segments=segments(text="t" * 8193)),
            invalid("a text that is no UTF-8", "", segments=segments(text=INVALID))),
    }


def chatbot(w):
    question = "What do guard cells open?"
    script = question + " fake:text=1,end="
    context = "Guard cells open the stomata."
    return {
        "chatbot.ResolveDuvida": table(
            "alice", {"duvida": question, "aula_contexto": context}, doubts(question, context),
            refused("an answer that is cut", "OUT_OF_RANGE", "ANSWER_CUT", duvida=script + "MAX_TOKENS"),
            refused("an answer that is blocked", "FAILED_PRECONDITION", "ANSWER_BLOCKED", duvida=script + "SAFETY")),
        "chatbot.ResolveDuvidaStream": table(
            "alice", {"duvida": question}, doubts(question, context), key({}), identifier_or_none("conversation_id"),
            refused("an unknown conversation", "NOT_FOUND", "NOT_FOUND", "conversation_id", conversation_id=UNKNOWN_ID),
            denied("bob", "teacher", "admin", conversation_id=w.conversation_id),
            text("session_id", "s", 128), invalid("a material that is none", "material_ids[1]", material_ids=[UNKNOWN_ID, "42"]),
            invalid("a material that is no UTF-8", "", material_ids=[INVALID]),
            invalid("too many materials", "material_ids", material_ids=[UNKNOWN_ID] * 101), text("language", "l", 16)),
        **materials(w), **conversations(w),
    }


def make(w):
    return {**users(w), **orders(w), **reports(w), **chatbot(w)}
