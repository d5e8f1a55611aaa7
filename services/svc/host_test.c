/* What a host refuses, and that whatever it opened it closes once. */
#include "svc/host.h"

#include "base/test.h"
#include "svc_testing/scripted.h"

static int opened, closed;

static base_err page(void *ctx, base_buf *out) { return base_buf_str(out, ctx); }

static base_err open_plain(svc *s, base_buf *why, void **state) {
  (void)why;
  opened++;
  *state = &opened;
  CHECK(svc_store(s) == NULL);
  CHECK(svc_verifier(s) == NULL);
  CHECK(svc_find_peer(s, "nobody") == NULL); /* not declared */
  CHECK(svc_setting(s, "anything") == NULL);
  for (int i = 0; i < 4; i++) {
    CHECK_OK(svc_admin_page(s, i ? "/other" : "/keys", "application/json", page, (char *)"{}"));
  }
  CHECK_ERR(svc_admin_page(s, "/fifth", "text/plain", page, (char *)""), BASE_E_EXHAUSTED);
  return BASE_OK;
}
static void close_plain(void *state) {
  CHECK(state == &opened);
  closed++;
}
static base_err open_badly(svc *s, base_buf *why, void **state) {
  (void)s;
  (void)state;
  BASE_TRY(base_buf_str(why, "the moon is not full"));
  return base_fail(BASE_E_INVALID);
}
static base_err open_silently_badly(svc *s, base_buf *why, void **state) {
  (void)s;
  (void)why;
  (void)state;
  return base_fail(BASE_E_NOT_FOUND);
}

static const svc_definition plain = {.name = "plain", .open = open_plain, .close = close_plain};
static const svc_definition other = {.name = "other", .open = open_plain, .close = close_plain};
static const svc_definition bad = {.name = "bad", .open = open_badly, .close = close_plain};
static const svc_definition silent = {.name = "silent", .open = open_silently_badly, .close = close_plain};

static svc_host *new_host(const char *store_url) {
  svc_host *h = NULL;
  CHECK_OK(svc_host_new(&(svc_host_options){.listen_host = "127.0.0.1", .store_url = store_url}, &h));
  opened = closed = 0;
  return h;
}

static void test_life(void) {
  svc_host *h = new_host(NULL);
  base_buf why, text;
  const char *reason = "", *type = "";
  base_buf_init(&why, 1024);
  base_buf_init(&text, 1024);
  CHECK_OK(svc_host_add(h, &plain, 0, &why));
  CHECK_INT(svc_host_port(h, "plain"), 0); /* not yet */
  CHECK_OK(svc_host_start(h, &why));
  CHECK(svc_host_port(h, "plain") > 0);
  CHECK_INT(svc_host_port(h, "other"), 0);
  CHECK(svc_host_is_ready(h, &reason));
  CHECK_OK(svc_host_page(h, base_span_str("/keys"), &type, &text));
  CHECK(base_span_is(base_buf_span(&text), "{}"));
  CHECK_STR(type, "application/json");
  CHECK_ERR(svc_host_page(h, base_span_str("/key"), &type, &text), BASE_E_NOT_FOUND);
  svc_host_drain(h);
  svc_host_stop(h, 100);
  svc_host_stop(h, 100); /* harmless */
  svc_host_free(h);
  CHECK_INT(opened, 1);
  CHECK_INT(closed, 1);
  base_buf_dispose(&why);
  base_buf_dispose(&text);
}

static void test_refusals(void) {
  static const struct {
    const svc_definition *first, *second;
    const char *store_url;
    const char *why; /* what the operator reads */
    int closed;      /* of those that were opened */
  } rows[] = {
      {&plain, &bad, NULL, "the moon is not full", 1},
      {&plain, &silent, NULL, "silent", 1},
      {&plain, &scripted_back_definition, "nowhere:/x", "sqlite:", 1},
      {&plain, &scripted_back_definition, "sqlite:/proc/nowhere/x", "folder", 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    svc_host *h = new_host(rows[i].store_url);
    base_buf why;
    base_buf_init(&why, 4096);
    CHECK_OK(svc_host_add(h, rows[i].first, 0, &why));
    CHECK_MSG(!base_is_ok(svc_host_add(h, rows[i].second, 0, &why)), "row %zu", i);
    CHECK_OK(base_buf_u8(&why, 0));
    const char *text = (const char *)base_buf_span(&why).p;
    CHECK_MSG(strstr(text, rows[i].why) != NULL, "row %zu: %s", i, text);
    svc_host_free(h);
    CHECK_INT(closed, rows[i].closed);
    base_buf_dispose(&why);
  }
}

static void test_port_in_use(void) {
  svc_host *first = new_host(NULL), *second = new_host(NULL);
  base_buf why;
  char port[16];
  base_buf_init(&why, 1024);
  CHECK_OK(svc_host_add(first, &plain, 0, &why));
  CHECK_OK(svc_host_start(first, &why));
  snprintf(port, sizeof port, "%d", svc_host_port(first, "plain"));
  CHECK_OK(svc_host_add(second, &other, svc_host_port(first, "plain"), &why));
  CHECK_ERR(svc_host_start(second, &why), BASE_E_IN_USE);
  CHECK_OK(base_buf_u8(&why, 0));
  const char *text = (const char *)base_buf_span(&why).p;
  CHECK_MSG(strstr(text, "other") && strstr(text, port), "%s", text);
  svc_host_free(second);
  svc_host_free(first);
  base_buf_dispose(&why);
}

static base_err open_asking(svc *s, base_buf *why, void **state) {
  (void)why;
  *state = svc_find_peer(s, "plain");
  CHECK(*state != NULL && svc_find_peer(s, "plain") == *state);
  return BASE_OK;
}

static void test_order(void) {
  static const char *const peers[] = {"plain", NULL};
  static const svc_definition asking = {.name = "asking", .open = open_asking, .peers = peers};
  for (int i = 0; i < 2; i++) { /* the one that asks first, and behind */
    svc_host *h = new_host(NULL);
    base_buf why;
    base_buf_init(&why, 1024);
    CHECK_OK(svc_host_add(h, i ? &plain : &asking, 0, &why));
    CHECK_OK(svc_host_add(h, i ? &asking : &plain, 0, &why));
    base_err e = svc_host_start(h, &why);
    CHECK(base_is(e, i ? BASE_E_OK : BASE_E_PRECONDITION));
    CHECK(i || base_buf_size(&why) > 0);
    svc_host_free(h);
    base_buf_dispose(&why);
  }
}

TEST_MAIN(TEST(test_life), TEST(test_refusals), TEST(test_port_in_use), TEST(test_order))
