/* internal.h - what the files of services/svc share: a service, its methods, and a call on its way through them. */
#ifndef PONTE_SVC_INTERNAL_H
#define PONTE_SVC_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/trace.h"
#include "otlp/otlp.h"
#include "rpc/pool.h"
#include "rpc/server.h"
#include "svc/host.h"
#include "svc/page_token.h"
#include "token/token.h"

typedef struct svc__stream svc__stream;
typedef struct svc__series svc__series;
typedef struct svc__wire svc__wire;

enum { SVC__PATH_DEPTH = 4 };
/* A string field somewhere in a request: count 0 = none. */
typedef struct {
  const ProtobufCFieldDescriptor *fields[SVC__PATH_DEPTH];
  int count;
} svc__field_path;

/* A method of a service, with what its descriptor tells once and for all. */
typedef struct {
  svc_method method;
  const char *path; /* "/package.Service/Method" */
  svc__field_path owner;
  const ProtobufCFieldDescriptor *key, *page_size, *page_token; /* NULL: the request has none */
  svc__series *series;
} svc__route;

/* The methods of one `service` of a .proto. */
typedef struct svc__group {
  struct svc__group *next;
  svc *service;
  const pb_service *methods;
  svc__route routes[];
} svc__group;

struct svc_peer {
  svc_peer *next;
  svc__wire *wire;
  char *name;
  char *target;
  ponte_channel *channel; /* made by the wire's thread at the first call */
};

typedef struct {
  const char *path, *type;
  svc_page_fn write;
  void *ctx;
} svc__admin_page;
enum { SVC__ADMIN_PAGES = 4 };

struct svc {
  svc_host *host;
  const svc_definition *definition;
  int port; /* as asked for */
  void *state;
  bool is_open, is_serving;
  store *store;
  rpc_server *server;
  svc__group *groups;
  svc_peer *peers;
  svc__admin_page pages[SVC__ADMIN_PAGES];
  size_t page_count;
  _Atomic bool is_ready; /* as upkeep saw the store */
  rpc_pool stream_pool;
  bool has_stream_pool;
  _Atomic int streams;
};

/* The error that the call will tell, and the base_err that stands for it while handlers pass it on. */
typedef struct {
  enum { SVC__NO_FAILURE, SVC__OWN_FAILURE, SVC__PEER_FAILURE } from;
  base_err as;
  rpc_error error;
  wire_status status; /* the peer's, as it came */
} svc__failure;

/* A peer's answer. */
typedef struct svc__answer {
  struct svc__answer *next;
  pb_arena arena;
  ProtobufCMessage *message;
} svc__answer;

struct svc_call {
  svc *service;
  const svc__route *route;
  const ProtobufCMessage *request;
  const wire_metadata *metadata;
  rpc_call *rpc;       /* unary */
  svc__stream *stream; /* server streams */
  pb_arena *arena;
  svc__answer *answers;
  int64_t deadline_ms, begun_us, wall_us;
  base_trace trace;
  uint8_t parent[8];
  token_identity identity;
  bool has_address;
  char address[RPC_ADDRESS_SIZE];
  void *data;
  svc_page page;
  svc__failure failure;
};

/* call.c */
/* Sets up what does not depend on the kind of call. */
void svc__call_init(svc_call *c, svc *s, const svc__route *route, const wire_metadata *metadata, pb_arena *arena);
void svc__call_dispose(svc_call *c);
/* What comes before any handler: identity, policy, rules, page. */
base_err svc__admit(svc_call *c) BASE_MUST_USE;
void svc__deliver_unary(pb_fn fn, void *group, rpc_call *rpc, const ProtobufCMessage *request,
                        ProtobufCMessage *response);
svc__route *svc__route_of(svc__group *g, const rpc_call *rpc);

/* identity.c */
base_err svc__identify(svc_call *c) BASE_MUST_USE;
base_err svc__permit(svc_call *c) BASE_MUST_USE;
/* The client's address, for a connection from `peer`. */
void svc__set_address(svc_call *c, const char *peer);

/* address.c */
/* The peer's address or, if the peer is near (this machine or a private network) and was told of a client's by x-ponte-client, as gateways do, that one. Pure. */
void svc__client_address(const char *peer, base_span told, char out[RPC_ADDRESS_SIZE]);
/* svc_caller_network() of an address. Pure. */
void svc__network_of(const char *address, char out[SVC_NETWORK_SIZE]);

/* fields.c: request fields that the framework knows by name. */
const ProtobufCFieldDescriptor *svc__field(const ProtobufCMessageDescriptor *type, const char *name,
                                           ProtobufCType kind);
/* "user.user_id"; false when the type has no such string. */
bool svc__field_path_find(const ProtobufCMessageDescriptor *type, const char *text, svc__field_path *out);
const char *svc__field_path_get(const svc__field_path *path, const ProtobufCMessage *message); /* never NULL */
const char *svc__string(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* SHA-256 of the method and of the request without these fields (either may be NULL), and without a `password`. */
base_err svc__request_hash(const svc__route *route, const ProtobufCMessage *request, const ProtobufCFieldDescriptor *a,
                           const ProtobufCFieldDescriptor *b, uint8_t out[SVC_HASH_SIZE]) BASE_MUST_USE;

/* page.c */
base_err svc__page_begin(svc_call *c) BASE_MUST_USE;

/* failure.c */
/* What a call ends with. */
typedef struct {
  int code;
  const char *reason; /* "NONE" when it is OK */
} svc__outcome;
/* The error as the client is told: `error` or, NULL then, `status`. Both live as long as the call. BASE_OK is not for it. */
svc__outcome svc__failure_of(svc_call *c, base_err e, const rpc_error **error, const wire_status **status);
void svc__failure_clear(svc_call *c);
base_err svc__err_of_grpc(int code);
/* Remembers a peer's status. */
base_err svc__fail_peer(svc_call *c, const svc_peer *peer, const wire_status *status) BASE_MUST_USE;

/* answers.c: calls that were answered already. */
/* Runs the write step, or takes the answer that its key got before. */
base_err svc__write(svc_call *c, ProtobufCMessage *response) BASE_MUST_USE;
/* Whether the key was answered before: then *response has the answer. */
base_err svc__find_answer(svc_call *c, ProtobufCMessage *response, bool *found) BASE_MUST_USE;
bool svc__is_keyed(const svc_call *c);
extern const store_migration svc__answers_migration;
/* Drops answers older than a week. */
void svc__answers_purge(svc *s, int64_t wall_us);
static inline base_err svc__step(svc_call *c, enum svc_step step, store_tx *tx, ProtobufCMessage *response) {
  const svc_method *m = &c->route->method;
  return m->deliver(step, m->steps[step], c, tx, c->request, response);
}
void svc__reset_message(const ProtobufCMessageDescriptor *type, ProtobufCMessage *message);

/* stream.c */
/* Of one service, at once. */
static inline int svc__stream_limit(const svc *s) { return s->definition->streams ? s->definition->streams : 32; }
extern const rpc_handler svc__stream_handler;
base_err svc__stream_put(svc__stream *s, const ProtobufCMessage *message) BASE_MUST_USE;
/* Calls the function once when the stream is over; NULL takes it back. As rpc_call_watch(). */
void svc__stream_watch(svc__stream *s, void (*on_cancel)(void *ctx), void *ctx);

/* observe.c */
svc__series *svc__series_of(const char *path); /* NULL when out of memory */
void svc__observe(const svc_call *c, svc__outcome outcome);

/* peer.c: the calls of handlers to other services, and the spans to the collector, leave on the host's one thread for them. */
typedef struct {
  const char *otlp_endpoint; /* NULL: no traces */
  const char *service_name;
} svc__wire_options;
base_err svc__wire_new(const svc__wire_options *options, svc__wire **out) BASE_MUST_USE;
/* Nobody asks any more. Sends the spans that wait, for two seconds at most; the peers' channels may be freed then. These take NULL, too. */
void svc__wire_stop(svc__wire *w);
void svc__wire_free(svc__wire *w);
otlp *svc__wire_exporter(const svc__wire *w); /* NULL: no traces */

/* service.c */
/* After its server and the wire have stopped, and before the wire is freed. */
void svc__free(svc *s);

/* host.c */
svc__wire *svc__host_wire(svc_host *h);
double svc__host_sample_ratio(const svc_host *h);
struct token_verifier *svc__host_verifier(const svc_host *h);

#endif
