/* svc.h - what every method of a service goes through, so that its handler need not: trace, log line, metrics, identity, policy, validation, idempotency, paging, the
 * transaction, and errors.
 *
 * A service is a .proto, a domain file (rules), a store file (statements), a table of handlers and a test; docs/adding-a-service.md walks through one. The policy and the
 * rules of fields stand in the .proto (ponte/options/v1/options.proto, buf/validate/validate.proto).
 *
 *   order of a unary call: deadline and trace -> identity (token) -> policy -> field rules -> page -> idempotency key -> prepare -> transaction(write or read) or call -> answer
 *
 * Handlers run on the threads of a bounded pool and may block. They return BASE_OK, or svc_fail(...), or the error of a store or peer as it came, which becomes the status
 * that fits. *response is zeroed and init()ed; what it points to comes from svc_alloc() or is static.
 *
 *   call     without a store
 *   read     in a snapshot
 *   prepare  before the transaction, may ask peers; sees what the request's key has not answered already
 *   write    in a transaction, together with the idempotency key: both are kept, or none. May run again from the beginning, so it touches only tx, *response and the call
 *   stream   a server stream: puts messages with the generated X_put(), which blocks while the client is slow and fails when it is gone
 */
#ifndef PONTE_SVC_H
#define PONTE_SVC_H

#include "base/trace.h"
#include "pb/method.h"
#include "rpc/error.h"
#include "store/store.h"

typedef struct svc svc;           /* one service */
typedef struct svc_call svc_call; /* one call; of the thread that handles it */
typedef struct svc_peer svc_peer; /* another service */

/* -- a service, declared ----------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;                  /* "users": in --only, of its store, in logs and metrics */
  int port;                          /* its standard port */
  const store_migration *migrations; /* none: it has no store */
  size_t migration_count;
  const char *const *peers; /* names of the services it asks; ends with NULL; NULL: none */
  int streams;              /* server streams at once, and so their threads at most; 0: 32 */
  /* Adds the methods (the generated X_add()) and makes the state that handlers get with svc_state(). */
  base_err (*open)(svc *s, base_buf *why, void **state);
  void (*close)(void *state); /* after the last handler has returned; may be NULL */
  /* About once a minute, on a thread that may block: upkeep. May be NULL. */
  void (*tick)(void *state, int64_t wall_ms);
} svc_definition;

/* In open(): */
store *svc_store(svc *s); /* NULL without migrations */
svc_peer *svc_find_peer(svc *s, const char *name);
/* A setting of the process (services/options) that this service knows by name; NULL when it is not set. */
const char *svc_setting(svc *s, const char *key);
/* The same of a number; `fallback` when it is not set. */
int64_t svc_setting_number(svc *s, const char *key, int64_t fallback);
struct token_verifier;
struct token_verifier *svc_verifier(svc *s); /* NULL when authentication is off */
/* A page of the process's admin listener, "/.well-known/jwks.json": `write` appends its text; it comes on a loop's thread, so it must not wait. Texts are static. */
typedef base_err (*svc_page_fn)(void *ctx, base_buf *out);
base_err svc_admin_page(svc *s, const char *path, const char *content_type, svc_page_fn write, void *ctx) BASE_MUST_USE;

/* -- what generated code uses ------------------------------------------------------------------------------------------ */

enum svc_step { SVC_CALL, SVC_READ, SVC_PREPARE, SVC_WRITE, SVC_STREAM };
typedef struct {
  const pb_method *method;
  pb_fn steps[SVC_STREAM + 1]; /* by enum svc_step; all NULL: UNIMPLEMENTED */
  /* Gives fn its type back and calls it. */
  base_err (*deliver)(enum svc_step step, pb_fn fn, svc_call *c, store_tx *tx, const ProtobufCMessage *request,
                      ProtobufCMessage *response);
} svc_method;

/* A row for each method of the table, in its order; copied. */
base_err svc_add(svc *s, const pb_service *service, const svc_method *methods, base_span descriptor_set) BASE_MUST_USE;
/* CANCELLED when the call is over, DEADLINE. */
base_err svc_put(svc_call *c, const ProtobufCMessage *message) BASE_MUST_USE;
/* For handlers that wait for something besides puts and peers: `on_over` comes once, when the client goes away or the deadline passes, on any thread, and must neither block nor
 * call back; at once if that was before. NULL takes it back: it is not running and will not come after that. svc_ask() takes the place of a watch that is there. */
void svc_watch(svc_call *c, void (*on_over)(void *ctx), void *ctx);
/* Asks a peer and waits: within this call's deadline, in its trace, with its caller's token. A call that UNAVAILABLE ended before anything came back is repeated, within the
 * deadline, if the method does not mutate. The answer lives as long as the call. An error is remembered with the peer's status, so that returning it passes it on; UNAVAILABLE
 * and NOT_FOUND can be told apart by the base_err. */
base_err svc_ask(svc_call *c, svc_peer *peer, const pb_method *method, const ProtobufCMessage *request,
                 const ProtobufCMessage **response) BASE_MUST_USE;
/* Gives the memory of an answer back before the call ends; for handlers that ask again and again. Nothing may point into it any more. */
void svc_drop(svc_call *c, const ProtobufCMessage *answer);

/* -- in handlers ------------------------------------------------------------------------------------------------------- */

void *svc_state(const svc_call *c);
/* From prepare to write, or from one run of write to the next. */
void svc_set_data(svc_call *c, void *data);
void *svc_data(const svc_call *c);
/* Memory of the call; zeroed. NULL when it would be too much. */
void *svc_alloc(svc_call *c, size_t n);
char *svc_strdup(svc_call *c, const char *s);
/* A message that was packed before, into the call's memory. */
base_err svc_unpack(svc_call *c, const ProtobufCMessageDescriptor *type, base_span packed,
                    ProtobufCMessage **out) BASE_MUST_USE;
/* For handlers that keep the answers of keys themselves: SHA-256 of the method and of the request without its idempotency_key. */
enum { SVC_HASH_SIZE = 32 };
base_err svc_request_hash(svc_call *c, uint8_t out[SVC_HASH_SIZE]) BASE_MUST_USE;
/* Streams, which may be long: gives back all that these two gave so far. The request stays. */
void svc_forget(svc_call *c);
/* The call's time, the same at each ask: Unix microseconds. */
int64_t svc_now_us(const svc_call *c);
/* As base_now_ms() counts; INT64_MAX: none. */
int64_t svc_deadline_ms(const svc_call *c);
/* For what a handler writes into the log itself. */
void svc_trace_id(const svc_call *c, char out[BASE_TRACE_ID_SIZE]);
/* A new id (UUIDv7) in the call's memory. */
char *svc_new_id(svc_call *c);

/* The error that ends the call; returns the base_err of its gRPC code, for `return svc_fail(...)`. */
base_err svc_fail(svc_call *c, enum rpc_reason reason, const char *field, const char *fmt, ...) BASE_MUST_USE
    __attribute__((format(printf, 4, 5)));
/* The same with a retry delay. */
base_err svc_fail_retry(svc_call *c, enum rpc_reason reason, int64_t retry_after_ms, const char *fmt, ...) BASE_MUST_USE
    __attribute__((format(printf, 4, 5)));

/* Who calls: the user's id; "" without an identity (public methods, and authentication off). */
const char *svc_caller(const svc_call *c);
/* True also while authentication is off. */
bool svc_caller_has_role(const svc_call *c, const char *role);
/* The numeric address of the caller's connection or, behind a gateway that is trusted, of its client; "" if unknown. */
const char *svc_caller_address(const svc_call *c);
/* Whom limits by address are for: that address or, of IPv6, its /64, which one subscriber has whole. "" for nobody: unknown, and this machine, from which come tools and a gateway that tells nothing of its
 * clients. */
enum { SVC_NETWORK_SIZE = 64 };
void svc_caller_network(const svc_call *c, char out[SVC_NETWORK_SIZE]);
/* For records whose owner only the store knows: OK for their owner and for one of the roles ("teacher admin"; NULL: none); PERMISSION_DENIED. */
base_err svc_require(svc_call *c, const char *owner_id, const char *roles) BASE_MUST_USE;

/* Requests with page_size and page_token: where the page begins and how long it may be. */
typedef struct {
  int size;          /* 1 to 1000; ask the store for one more, to see whether there is a next page */
  const char *after; /* what svc_next_page() was given for the page before; NULL: the first page */
} svc_page;
svc_page svc_call_page(const svc_call *c);
/* Of a page.after that cannot be read (svc/row_key.h): INVALID_FIELD. */
base_err svc_fail_page_token(svc_call *c) BASE_MUST_USE;
/* next_page_token behind the last row of this page: opaque, good for the same filters only. NULL when out of memory. */
char *svc_next_page(svc_call *c, const char *last_key);
/* The same in lists that are ordered by a time and then an id: behind that row (svc_row_key_read() of page.after reads it again). NO_MEMORY. */
base_err svc_next_page_row(svc_call *c, int64_t us, const char *id, char **out) BASE_MUST_USE;

#endif
