#include "gateway/ws/deflate.h"

#include <stdlib.h>

#include "base/test.h"

static const gw_deflate_options on = {.on = true};

/* NULL = declined. */
static void negotiates(void) {
  static const struct {
    const char *offers, *answer;
    const char *reason;
  } rows[] = {
      {"permessage-deflate",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
       "the plain offer; without the client's word its window cannot be made smaller"},
      {"permessage-deflate; client_max_window_bits",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
       "client_max_window_bits=12",
       "what browsers send"},
      {"permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; "
       "client_max_window_bits=10",
       "smaller ones"},
      {"permessage-deflate ; client_max_window_bits = \"15\" ;server_no_context_takeover",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
       "client_max_window_bits=12",
       "blanks and quotes"},
      {"x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=8, permessage-deflate",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
       "the first that can be met: zlib has no window of 8 bits"},
      {"permessage-deflate; client_max_window_bits=8",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; "
       "client_max_window_bits=8",
       "but it can read one"},
      {"permessage-deflate; client_no_context_takeover",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12",
       "no takeover"},
      {"", NULL, "nothing"},
      {",", NULL, "nothing twice"},
      {"permessage-bzip2", NULL, "another extension"},
      {"Permessage-Deflate", NULL, "another name"},
      {"permessage-deflate; mode=fast", NULL, "an unknown parameter"},
      {"permessage-deflate;", NULL, "an empty parameter is none"},
      {"permessage-deflate; server_max_window_bits", NULL, "no value"},
      {"permessage-deflate; server_max_window_bits=", NULL, "an empty value"},
      {"permessage-deflate; server_max_window_bits=7", NULL, "too small"},
      {"permessage-deflate; server_max_window_bits=16", NULL, "too large"},
      {"permessage-deflate; server_max_window_bits=010", NULL, "a leading zero"},
      {"permessage-deflate; server_max_window_bits=+9", NULL, "a sign"},
      {"permessage-deflate; server_max_window_bits=8", NULL, "8, and no other offer"},
      {"permessage-deflate; client_max_window_bits=7", NULL, "too small"},
      {"permessage-deflate; client_max_window_bits=\"9", NULL, "half a quote"},
      {"permessage-deflate; server_no_context_takeover=1", NULL, "a value that may not be"},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", NULL, "twice"},
      {"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", NULL, "twice the same"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_deflate_params p;
    char answer[GW_DEFLATE_ANSWER] = "";
    bool agreed = gw_deflate_negotiate(&on, base_span_str(rows[i].offers), &p, answer);
    CHECK_MSG(agreed == (rows[i].answer != NULL), "%s: %s", rows[i].reason, answer);
    if (agreed && rows[i].answer) {
      CHECK_STR(answer, rows[i].answer);
    }
  }
}

static void options_have_their_say(void) {
  gw_deflate_params p;
  char answer[GW_DEFLATE_ANSWER];
  gw_deflate_options o = {0};
  CHECK(!gw_deflate_negotiate(&o, base_span_str("permessage-deflate"), &p, answer));
  o = (gw_deflate_options){.on = true, .context_takeover = true, .window_bits = 15};
  CHECK(gw_deflate_negotiate(&o, base_span_str("permessage-deflate; client_max_window_bits"), &p, answer));
  CHECK_STR(answer, "permessage-deflate; client_max_window_bits=15");
  CHECK(p.server_takeover && p.client_takeover && p.server_bits == 15 && p.client_bits == 15);
  CHECK(gw_deflate_negotiate(&o, base_span_str("permessage-deflate; server_no_context_takeover"), &p, answer));
  CHECK_STR(answer, "permessage-deflate; server_no_context_takeover");
  /* A client that does not offer a smaller window keeps 32 KiB, which the options forbid to hold on to. */
  o.window_bits = 10;
  CHECK(gw_deflate_negotiate(&o, base_span_str("permessage-deflate"), &p, answer));
  CHECK_STR(answer, "permessage-deflate; client_no_context_takeover; server_max_window_bits=10");
  CHECK_OK(gw_deflate_options_check(&o));
  o.window_bits = 8;
  CHECK_ERR(gw_deflate_options_check(&o), BASE_E_INVALID);
  o.window_bits = 16;
  CHECK_ERR(gw_deflate_options_check(&o), BASE_E_INVALID);
}

struct out {
  base_buf bytes;
  int ends;
};
static bool keep(void *ctx, base_span piece, bool end) {
  struct out *o = ctx;
  CHECK_OK(base_buf_append(&o->bytes, piece));
  o->ends += end;
  return true;
}

/* Three bits a byte: nothing that a ratio would be counted for. */
static void fill(uint8_t *p, size_t n) {
  uint32_t x = 1;
  for (size_t i = 0; i < n; i++) {
    x = x * 1103515245 + 12345;
    p[i] = (uint8_t)('a' + ((x >> 16) & 7));
  }
}

/* Our own two ends against each other: what one compresses the other inflates, in every mode. */
static void round_trips(void) {
  static const struct {
    gw_deflate_params params;
    gw_deflate_options options;
  } rows[] = {
      {{.server_bits = 9, .client_bits = 9}, {.on = true, .window_bits = 9}},
      {{.server_bits = 12, .client_bits = 12}, {.on = true}},
      {{.server_bits = 15, .client_bits = 15}, {.on = true, .window_bits = 15}},
      {{12, 12, true, true}, {.on = true, .context_takeover = true}},
      {{15, 15, true, true}, {.on = true, .window_bits = 15, .context_takeover = true}},
  };
  static uint8_t message[100000];
  fill(message, sizeof message);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    gw_deflate_pool *pool = NULL;
    gw_deflate *d = NULL;
    CHECK_OK(gw_deflate_pool_new(&rows[i].options, &pool));
    CHECK_OK(gw_deflate_new(pool, &rows[i].params, &d));
    for (size_t n = 300; n <= sizeof message; n *= 3) {
      base_buf packed;
      struct out out = {.ends = 0};
      base_buf_init(&packed, 1 << 20);
      base_buf_init(&out.bytes, 1 << 20);
      CHECK(gw_deflate_compress(d, base_span_of(message, n), &packed));
      CHECK(base_buf_size(&packed) < n * 2 / 3);
      base_span p = base_buf_span(&packed);
      size_t half = p.n / 2;
      CHECK_OK(gw_deflate_inflate(d, base_span_of(p.p, half), false, keep, &out));
      CHECK_OK(gw_deflate_inflate(d, base_span_of(p.p + half, p.n - half), true, keep, &out));
      CHECK_INT(out.ends, 1);
      CHECK(base_span_eq(base_buf_span(&out.bytes), base_span_of(message, n)));
      base_buf_dispose(&packed);
      base_buf_dispose(&out.bytes);
    }
    /* The reservation covers what zlib really took; without takeover the window is the pool's again, and one more for sending. */
    if (rows[i].options.context_takeover) {
      CHECK_MSG(gw_deflate_pool_used(pool) <= gw_deflate_pool_reserved(pool), "%zu: %zu > %zu", i,
                gw_deflate_pool_used(pool), gw_deflate_pool_reserved(pool));
    }
    gw_deflate_free(d);
    CHECK_INT(gw_deflate_pool_reserved(pool), 0);
    gw_deflate_pool_free(pool);
  }
}

static void short_messages_go_as_they_are(void) {
  gw_deflate_pool *pool = NULL;
  gw_deflate *d = NULL;
  base_buf packed;
  const gw_deflate_params params = {.server_bits = 12, .client_bits = 12};
  CHECK_OK(gw_deflate_pool_new(&on, &pool));
  CHECK_OK(gw_deflate_new(pool, &params, &d));
  base_buf_init(&packed, 1 << 10);
  CHECK(!gw_deflate_compress(d, base_span_str("short"), &packed));
  CHECK_INT(base_buf_size(&packed), 0);
  CHECK_INT(gw_deflate_pool_used(pool), 0);
  gw_deflate_free(d);
  gw_deflate_pool_free(pool);
  base_buf_dispose(&packed);
}

static void memory_is_bounded(void) {
  enum { MANY = 4096 };
  static gw_deflate *all[MANY];
  gw_deflate_pool *pool = NULL;
  const gw_deflate_options o = {.on = true, .context_takeover = true, .window_bits = 15, .memory_bytes = 4 << 20};
  const gw_deflate_params params = {15, 15, true, true};
  int n = 0;
  base_err e = BASE_OK;
  CHECK_OK(gw_deflate_pool_new(&o, &pool));
  while (n < MANY && base_is_ok(e)) {
    e = gw_deflate_new(pool, &params, &all[n]);
    n += base_is_ok(e);
  }
  CHECK(base_is(e, BASE_E_EXHAUSTED));
  CHECK(n > 5 && n < 20);
  static uint8_t message[40000];
  fill(message, sizeof message);
  for (int i = 0; i < n; i++) {
    base_buf packed;
    struct out out = {.ends = 0};
    base_buf_init(&packed, 1 << 20);
    base_buf_init(&out.bytes, 1 << 20);
    CHECK(gw_deflate_compress(all[i], base_span_of(message, sizeof message), &packed));
    CHECK_OK(gw_deflate_inflate(all[i], base_buf_span(&packed), true, keep, &out));
    base_buf_dispose(&packed);
    base_buf_dispose(&out.bytes);
  }
  CHECK(gw_deflate_pool_used(pool) <= o.memory_bytes);
  while (n > 0) {
    gw_deflate_free(all[--n]);
  }
  CHECK_INT(gw_deflate_pool_used(pool), 0);
  CHECK_OK(gw_deflate_new(pool, &params, &all[0]));
  gw_deflate_free(all[0]);
  gw_deflate_pool_free(pool);
}

TEST_MAIN(TEST(negotiates), TEST(options_have_their_say), TEST(round_trips), TEST(short_messages_go_as_they_are),
          TEST(memory_is_bounded))
