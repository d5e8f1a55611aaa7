/* The one file that speaks to libwebsockets: it makes contexts and vhosts, and turns callback reasons into typed calls.
 *
 * lws runs on our own libuv loop as a "foreign" loop, so wake-ups, timers, signals and listening sockets are libuv's and need no lws. Of lws
 * only the raw role (adopted sockets) and the WebSocket client are in use.
 */
#include <libwebsockets.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "net/internal.h"

enum {
  READ_BYTES = 65536, /* one read at most */
  CLIENT_READ_BYTES = 16384,
  HANDSHAKE_S = 10,
};

struct net__lws {
  struct lws_context *context;
  struct lws_vhost *plain;
  struct lws_vhost *client; /* made at the first connect: its trust store takes milliseconds to load */
};

static int on_raw(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  net_conn *c = lws_get_opaque_user_data(wsi);
  (void)user;
  switch (reason) {
  case LWS_CALLBACK_RAW_RX: net__conn_on_raw(c, base_span_of(in, len)); return 0;
  case LWS_CALLBACK_RAW_WRITEABLE: net__conn_on_writable(c); return 0;
  case LWS_CALLBACK_RAW_CLOSE:
    if (c) {
      lws_set_opaque_user_data(wsi, NULL);
      net__conn_on_gone(c);
    }
    return 0;
  default: return 0;
  }
}

static int on_client(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  net_ws *w = lws_get_opaque_user_data(wsi);
  const uint8_t *bytes = in;
  (void)user;
  if (!w) {
    return 0;
  }
  switch (reason) {
  case LWS_CALLBACK_CLIENT_ESTABLISHED: net__ws_on_open(w); return 0;
  case LWS_CALLBACK_CLIENT_RECEIVE:
    net__ws_on_bytes(w, base_span_of(in, len), lws_frame_is_binary(wsi),
                     lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi));
    return 0;
  case LWS_CALLBACK_CLIENT_WRITEABLE: return net__ws_on_writable(w) ? 0 : -1;
  case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    net__ws_on_peer_close(w, len >= 2 ? bytes[0] << 8 | bytes[1] : 0,
                          len >= 2 ? base_span_of(bytes + 2, len - 2) : (base_span){0});
    return 0;
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    net__ws_on_failed(w, base_span_of(in, in ? strnlen(in, len) : 0));
    return 0;
  case LWS_CALLBACK_CLIENT_CLOSED: net__ws_on_closed(w); return 0;
  case LWS_CALLBACK_WSI_DESTROY:
    lws_set_opaque_user_data(wsi, NULL);
    net__ws_on_gone(w);
    return 0;
  default: return 0;
  }
}

/* lws tells the first protocol of a vhost about the creation and end of each wsi there, bound to a protocol or not; so each vhost has one only. */
static const struct lws_protocols raw_protocols[] = {
    {.name = "raw", .callback = on_raw, .rx_buffer_size = READ_BYTES},
    LWS_PROTOCOL_LIST_TERM,
};
static const struct lws_protocols client_protocols[] = {
    {.name = "client", .callback = on_client, .rx_buffer_size = CLIENT_READ_BYTES, .tx_packet_size = 1 << 20},
    LWS_PROTOCOL_LIST_TERM,
};

static void on_log(int level, const char *line) {
  size_t n = strcspn(line, "\n");
  BASE_LOG(level == LLL_ERR ? BASE_LOG_WARN : BASE_LOG_DEBUG, "libwebsockets", LOG_SPAN("line", base_span_of(line, n)));
}

base_err net__lws_new(uv_loop_t *uv, net__lws **out) {
  void *loops[] = {uv};
  struct lws_context_creation_info info = {
      .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
      .foreign_loops = loops,
      .pt_serv_buf_size = READ_BYTES + LWS_PRE,
      .timeout_secs = HANDSHAKE_S,
  };
  struct lws_context_creation_info plain = {
      .vhost_name = "plain", .port = CONTEXT_PORT_NO_LISTEN_SERVER, .protocols = raw_protocols};
  net__lws *x = calloc(1, sizeof *x);
  if (!x) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
  x->context = lws_create_context(&info);
  if (!x->context) {
    free(x);
    return base_fail(BASE_E_NO_MEMORY);
  }
  x->plain = lws_create_vhost(x->context, &plain);
  *out = x;
  return x->plain ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

void net__lws_close(net__lws *x) { lws_context_destroy(x->context); }

void net__lws_free(net__lws *x) {
  lws_context_destroy(x->context); /* the second half of it: lws asks foreign loops for this call */
  free(x);
}

struct lws *net__lws_adopt(net__lws *x, int fd, net_conn *c) {
  lws_adopt_desc_t info = {
      .vh = x->plain, .type = LWS_ADOPT_SOCKET, .fd.sockfd = fd, .vh_prot_name = raw_protocols[0].name, .opaque = c};
  return lws_adopt_descriptor_vhost_via_info(&info);
}

void net__lws_pause(struct lws *wsi, bool paused) { lws_rx_flow_control(wsi, !paused); }
void net__lws_want_write(struct lws *wsi) { lws_callback_on_writable(wsi); }
void net__lws_kill(struct lws *wsi) { lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC); }

struct lws *net__lws_connect(net__lws *x, const net__ws_target *target, net_ws *w) {
  if (!x->client) {
    struct lws_context_creation_info info = {
        .vhost_name = "client",
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .protocols = client_protocols,
    };
    x->client = lws_create_vhost(x->context, &info);
  }
  if (!x->client) {
    return NULL;
  }
  struct lws_client_connect_info info = {
      .context = x->context,
      .vhost = x->client,
      .address = target->host,
      .port = target->port,
      .ssl_connection = target->tls ? LCCSCF_USE_SSL : 0,
      .path = target->path,
      .host = target->host_header,
      .protocol = target->subprotocol,
      .local_protocol_name = client_protocols[0].name,
      .opaque_user_data = w,
  };
  return lws_client_connect_via_info(&info);
}

size_t net__lws_ws_headroom(void) { return LWS_PRE; }
bool net__lws_ws_write(struct lws *wsi, uint8_t *payload, size_t n) {
  return lws_write(wsi, payload, n, LWS_WRITE_BINARY) >= (int)n;
}
void net__lws_ws_close_reason(struct lws *wsi, int code) {
  lws_close_reason(wsi, (enum lws_close_status)code, NULL, 0);
}
