#include "gateway/ws/deflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum {
  DEFAULT_BITS = 12,
  DEFAULT_RATIO = 64,
  DEFAULT_MEMORY = 32 << 20,
  DEFAULT_MIN = 256,
  MIN_BITS = 9, /* zlib's raw deflate cannot do 8 */
  MAX_BITS = 15,
  RATIO_FREE = 65536, /* bytes that any message may inflate to */
  CHUNK = 16384,
  LEVEL = 1, /* live messages: the fastest */
  TAIL = 4,
};
static const uint8_t tail[TAIL] = {0x00, 0x00, 0xff, 0xff};

/* zlib's own words (zconf.h) with the structs rounded up; deflate_test.c compares with what it takes. */
static size_t inflate_bytes(unsigned bits) { return ((size_t)1 << bits) + 12 * 1024; }
static int mem_level(unsigned bits) { return bits > 7 + 8 ? 8 : (int)bits - 7; }
static size_t deflate_bytes(unsigned bits) {
  return ((size_t)1 << (bits + 2)) + ((size_t)1 << (mem_level(bits) + 9)) + 8 * 1024;
}

struct gw_deflate_pool {
  gw_deflate_options options;
  size_t reserved, used;
  /* For sockets without context takeover, when nobody uses them. */
  z_stream *spare_inflate, *spare_deflate;
  unsigned spare_inflate_bits, spare_deflate_bits;
  uint8_t chunk[CHUNK];
};

struct gw_deflate {
  gw_deflate_pool *pool;
  gw_deflate_params params;
  z_stream *in, *out;               /* NULL until needed */
  uint64_t message_in, message_out; /* of the message on its way */
  size_t reserved;
};

/* -- options --------------------------------------------------------------------------------------------------------------- */

static gw_deflate_options with_defaults(const gw_deflate_options *o) {
  gw_deflate_options full = *o;
  full.window_bits = o->window_bits ? o->window_bits : DEFAULT_BITS;
  full.max_ratio = o->max_ratio ? o->max_ratio : DEFAULT_RATIO;
  full.memory_bytes = o->memory_bytes ? o->memory_bytes : DEFAULT_MEMORY;
  full.min_bytes = o->min_bytes ? o->min_bytes : DEFAULT_MIN;
  return full;
}

base_err gw_deflate_options_check(const gw_deflate_options *o) {
  bool sound = o->window_bits == 0 || (o->window_bits >= MIN_BITS && o->window_bits <= MAX_BITS);
  return sound ? BASE_OK : base_fail(BASE_E_INVALID);
}

/* -- negotiation ------------------------------------------------------------------------------------------------------------ */

/* Cuts the text before the next `separator` off the front. Quoted strings hold neither comma nor semicolon in this extension, so those are not looked for. */
static base_span cut(base_span *list, uint8_t separator) {
  const uint8_t *at = list->n ? memchr(list->p, separator, list->n) : NULL;
  size_t n = at ? (size_t)(at - list->p) : list->n;
  base_span item = base_span_trim(base_span_of(list->p, n));
  n += at != NULL;
  *list = base_span_of(list->p + n, list->n - n);
  return item;
}

enum { SERVER_TAKEOVER = 1, CLIENT_TAKEOVER = 2, SERVER_BITS = 4, CLIENT_BITS = 8 };
static const struct {
  const char *name;
  int seen;
  bool needs_value, takes_value;
} parameters[] = {
    {"server_no_context_takeover", SERVER_TAKEOVER, false, false},
    {"client_no_context_takeover", CLIENT_TAKEOVER, false, false},
    {"server_max_window_bits", SERVER_BITS, true, true},
    {"client_max_window_bits", CLIENT_BITS, false, true},
};

/* 8 to 15, without leading zeroes, as a token or quoted (RFC 7692 section 7.1.2). */
static bool read_bits(base_span value, unsigned *bits) {
  uint64_t n = 0;
  if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"') {
    value = base_span_of(value.p + 1, value.n - 2);
  }
  if (value.n == 0 || value.p[0] == '0' || !base_span_u64(value, &n) || n < 8 || n > MAX_BITS) {
    return false;
  }
  *bits = (unsigned)n;
  return true;
}

typedef struct {
  int seen;
  unsigned server_bits, client_bits; /* 0 = no value */
} offer;

static bool read_parameter(base_span text, offer *o) {
  bool has_value = text.n > 0 && memchr(text.p, '=', text.n) != NULL;
  base_span name = cut(&text, '=');
  base_span value = base_span_trim(text);
  for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
    if (!base_span_is(name, parameters[i].name)) {
      continue;
    }
    bool repeated = o->seen & parameters[i].seen;
    o->seen |= parameters[i].seen;
    if (repeated || (has_value && !parameters[i].takes_value) || (!has_value && parameters[i].needs_value)) {
      return false;
    }
    return !has_value || read_bits(value, parameters[i].seen == SERVER_BITS ? &o->server_bits : &o->client_bits);
  }
  return false;
}

static bool read_offer(base_span text, offer *o) {
  *o = (offer){0};
  if (base_span_ends(text, ";") || !base_span_is(cut(&text, ';'), "permessage-deflate")) {
    return false;
  }
  while (text.n > 0) {
    if (!read_parameter(cut(&text, ';'), o)) {
      return false;
    }
  }
  return true;
}

/* What we do about an offer; false when we cannot meet it. */
static bool meet(const gw_deflate_options *full, const offer *o, gw_deflate_params *p) {
  unsigned wanted = full->window_bits;
  if (o->server_bits == 8) {
    return false;
  }
  p->server_bits = (uint8_t)(o->server_bits && o->server_bits < wanted ? o->server_bits : wanted);
  /* Only a client that says so can be told to use a smaller window. */
  unsigned client = o->client_bits ? o->client_bits : MAX_BITS;
  p->client_bits = (uint8_t)(o->seen & CLIENT_BITS && wanted < client ? wanted : client);
  p->server_takeover = full->context_takeover && !(o->seen & SERVER_TAKEOVER);
  p->client_takeover = full->context_takeover && !(o->seen & CLIENT_TAKEOVER) && p->client_bits <= wanted;
  return true;
}

bool gw_deflate_negotiate(const gw_deflate_options *options, base_span offers, gw_deflate_params *params,
                          char answer[GW_DEFLATE_ANSWER]) {
  gw_deflate_options full = with_defaults(options);
  while (full.on && offers.n > 0) {
    offer o;
    if (!read_offer(cut(&offers, ','), &o) || !meet(&full, &o, params)) {
      continue;
    }
    int n = snprintf(answer, GW_DEFLATE_ANSWER, "permessage-deflate%s%s",
                     params->server_takeover ? "" : "; server_no_context_takeover",
                     params->client_takeover ? "" : "; client_no_context_takeover");
    if (params->server_bits < MAX_BITS) {
      n += snprintf(answer + n, GW_DEFLATE_ANSWER - (size_t)n, "; server_max_window_bits=%d", params->server_bits);
    }
    if (o.seen & CLIENT_BITS) {
      snprintf(answer + n, GW_DEFLATE_ANSWER - (size_t)n, "; client_max_window_bits=%d", params->client_bits);
    }
    return true;
  }
  return false;
}

/* -- memory ----------------------------------------------------------------------------------------------------------------- */

/* zlib does not say how much it frees. */
typedef union {
  size_t n;
  max_align_t align;
} block;

static void *pool_alloc(void *opaque, uInt items, uInt size) {
  gw_deflate_pool *p = opaque;
  size_t n = (size_t)items * size;
  block *b = malloc(sizeof *b + n);
  if (b == NULL) {
    return Z_NULL;
  }
  b->n = n;
  p->used += n;
  return b + 1;
}

static void pool_release(void *opaque, void *address) {
  gw_deflate_pool *p = opaque;
  block *b = (block *)address - 1;
  p->used -= b->n;
  free(b);
}

static z_stream *stream_new(gw_deflate_pool *p) {
  z_stream *z = calloc(1, sizeof *z);
  if (z) {
    z->zalloc = pool_alloc;
    z->zfree = pool_release;
    z->opaque = p;
  }
  return z;
}

static void inflate_drop(z_stream *z) {
  if (z) {
    inflateEnd(z);
    free(z);
  }
}
static void deflate_drop(z_stream *z) {
  if (z) {
    deflateEnd(z);
    free(z);
  }
}

base_err gw_deflate_pool_new(const gw_deflate_options *o, gw_deflate_pool **out) {
  BASE_TRY(gw_deflate_options_check(o));
  gw_deflate_pool *p = calloc(1, sizeof *p);
  if (p == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  p->options = with_defaults(o);
  *out = p;
  return BASE_OK;
}

void gw_deflate_pool_free(gw_deflate_pool *p) {
  if (p) {
    inflate_drop(p->spare_inflate);
    deflate_drop(p->spare_deflate);
    free(p);
  }
}

const gw_deflate_options *gw_deflate_pool_options(const gw_deflate_pool *p) { return &p->options; }
size_t gw_deflate_pool_used(const gw_deflate_pool *p) { return p->used; }
size_t gw_deflate_pool_reserved(const gw_deflate_pool *p) { return p->reserved; }

/* -- a socket's streams -------------------------------------------------------------------------------------------------------- */

base_err gw_deflate_new(gw_deflate_pool *pool, const gw_deflate_params *params, gw_deflate **out) {
  size_t n = inflate_bytes(params->client_bits) + (params->server_takeover ? deflate_bytes(params->server_bits) : 0);
  if (n > pool->options.memory_bytes || pool->reserved > pool->options.memory_bytes - n) {
    return base_fail(BASE_E_EXHAUSTED);
  }
  gw_deflate *d = calloc(1, sizeof *d);
  if (d == NULL) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  d->pool = pool;
  d->params = *params;
  d->reserved = n;
  pool->reserved += n;
  *out = d;
  return BASE_OK;
}

void gw_deflate_free(gw_deflate *d) {
  if (d) {
    d->pool->reserved -= d->reserved;
    inflate_drop(d->in);
    deflate_drop(d->out);
    free(d);
  }
}

static bool take_deflate(gw_deflate *d) {
  gw_deflate_pool *p = d->pool;
  unsigned bits = d->params.server_bits;
  if (d->out) {
    return true;
  }
  if (!d->params.server_takeover && p->spare_deflate && p->spare_deflate_bits == bits) {
    d->out = p->spare_deflate;
    p->spare_deflate = NULL;
    return true;
  }
  d->out = stream_new(p);
  if (d->out && deflateInit2(d->out, LEVEL, Z_DEFLATED, -(int)bits, mem_level(bits), Z_DEFAULT_STRATEGY) != Z_OK) {
    free(d->out);
    d->out = NULL;
  }
  return d->out != NULL;
}

static void rest_deflate(gw_deflate *d) {
  gw_deflate_pool *p = d->pool;
  if (d->params.server_takeover) {
    return;
  }
  deflateReset(d->out);
  deflate_drop(p->spare_deflate);
  p->spare_deflate = d->out;
  p->spare_deflate_bits = d->params.server_bits;
  d->out = NULL;
}

bool gw_deflate_compress(gw_deflate *d, base_span message, base_buf *out) {
  size_t before = base_buf_size(out);
  uint8_t *room = NULL;
  if (message.n < d->pool->options.min_bytes || message.n > UINT32_MAX / 2 || !take_deflate(d)) {
    return false;
  }
  uLong bound = deflateBound(d->out, (uLong)message.n) + 16; /* and the sync marker */
  bool ok = base_is_ok(base_buf_reserve(out, bound, &room));
  if (ok) {
    d->out->next_in = (z_const Bytef *)message.p;
    d->out->avail_in = (uInt)message.n;
    d->out->next_out = room;
    d->out->avail_out = (uInt)bound;
    ok = deflate(d->out, Z_SYNC_FLUSH) == Z_OK && d->out->avail_in == 0 && d->out->avail_out > 0;
    base_buf_commit(out, bound - d->out->avail_out);
  }
  if (ok) {
    base_buf_truncate(out, base_buf_size(out) - TAIL);
  } else {
    /* The client knows nothing of what went into the window. */
    base_buf_truncate(out, before);
    deflateReset(d->out);
  }
  rest_deflate(d);
  return ok;
}

static bool take_inflate(gw_deflate *d) {
  gw_deflate_pool *p = d->pool;
  unsigned bits = d->params.client_bits;
  if (d->in) {
    return true;
  }
  if (!d->params.client_takeover && p->spare_inflate && p->spare_inflate_bits == bits) {
    d->in = p->spare_inflate;
    p->spare_inflate = NULL;
    return true;
  }
  d->in = stream_new(p);
  if (d->in && inflateInit2(d->in, -(int)bits) != Z_OK) {
    free(d->in);
    d->in = NULL;
  }
  return d->in != NULL;
}

static void rest_inflate(gw_deflate *d) {
  gw_deflate_pool *p = d->pool;
  d->message_in = d->message_out = 0;
  if (d->params.client_takeover) {
    return;
  }
  inflateReset(d->in);
  inflate_drop(p->spare_inflate);
  p->spare_inflate = d->in;
  p->spare_inflate_bits = d->params.client_bits;
  d->in = NULL;
}

/* Runs the bytes through; *go is false when the sink has had enough. */
static base_err run(gw_deflate *d, base_span piece, gw_deflate_sink *sink, void *ctx, bool *go) {
  z_stream *z = d->in;
  z->next_in = (z_const Bytef *)piece.p;
  z->avail_in = (uInt)piece.n;
  do {
    z->next_out = d->pool->chunk;
    z->avail_out = CHUNK;
    int result = inflate(z, Z_SYNC_FLUSH);
    if (result == Z_STREAM_END) {
      /* A block with BFINAL ends the stream, which a sender may do (section 7.2.3.4): what follows begins anew. */
      if (inflateReset(z) != Z_OK) {
        return base_fail(BASE_E_MALFORMED);
      }
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return base_fail(result == Z_MEM_ERROR ? BASE_E_NO_MEMORY : BASE_E_MALFORMED);
    }
    size_t n = CHUNK - z->avail_out;
    d->message_out += n;
    if (d->message_out > RATIO_FREE && d->message_out / d->pool->options.max_ratio > d->message_in) {
      return base_fail(BASE_E_TOO_LARGE);
    }
    *go = n == 0 || sink(ctx, base_span_of(d->pool->chunk, n), false);
    if (result == Z_BUF_ERROR) {
      break;
    }
  } while (*go && (z->avail_in > 0 || z->avail_out == 0));
  return BASE_OK;
}

base_err gw_deflate_inflate(gw_deflate *d, base_span piece, bool end, gw_deflate_sink *sink, void *ctx) {
  bool go = true;
  if (!take_inflate(d)) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  d->message_in += piece.n;
  if (piece.n > 0) {
    BASE_TRY(run(d, piece, sink, ctx, &go));
  }
  if (!end || !go) {
    return BASE_OK;
  }
  BASE_TRY(run(d, base_span_of(tail, TAIL), sink, ctx, &go));
  rest_inflate(d);
  if (go) {
    (void)sink(ctx, base_span_of(NULL, 0), true);
  }
  return BASE_OK;
}
