#include <netdb.h>
#include <pthread.h>

#include "base/test.h"
#include "net/connect.h"
#include "net/test_peer.h"

/* --- a resolver of our own stands before the system's, so that no test depends on a name server --- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opens = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static atomic_int waiting;

static void open_gate(bool is_open) {
  pthread_mutex_lock(&gate);
  gate_is_open = is_open;
  pthread_cond_broadcast(&gate_opens);
  pthread_mutex_unlock(&gate);
}

static void wait_at_gate(void) {
  pthread_mutex_lock(&gate);
  atomic_fetch_add(&waiting, 1);
  while (!gate_is_open) {
    pthread_cond_wait(&gate_opens, &gate);
  }
  pthread_mutex_unlock(&gate);
}

static const struct {
  const char *name;
  const char *addresses[4];
  int repeat;
} names[] = {
    {"one.test", {"192.0.2.1"}, 1},  {"several.test", {"192.0.2.1", "2001:db8::1", "192.0.2.2"}, 1},
    {"link.test", {"fe80::1"}, 1},   {"crowd.test", {"192.0.2.7"}, NET_RESOLVE_MAX + 10},
    {"slow.test", {"192.0.2.1"}, 1},
};

static struct addrinfo *make(const char *text, const char *service) {
  struct {
    struct addrinfo info;
    struct sockaddr_in6 storage;
  } *a = calloc(1, sizeof *a);
  struct sockaddr_in *v4 = (void *)&a->storage;
  a->info.ai_addr = (void *)&a->storage;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)strtol(service, NULL, 10));
  } else {
    a->storage.sin6_family = AF_INET6;
    a->storage.sin6_port = htons((uint16_t)strtol(service, NULL, 10));
    inet_pton(AF_INET6, text, &a->storage.sin6_addr);
    a->storage.sin6_scope_id = strncmp(text, "fe80", 4) == 0 ? 2 : 0;
  }
  a->info.ai_family = a->info.ai_addr->sa_family;
  return &a->info;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
  struct addrinfo **tail = out;
  CHECK(hints->ai_socktype == SOCK_STREAM);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i].name, host) != 0) {
      continue;
    }
    if (strcmp(host, "slow.test") == 0) {
      wait_at_gate();
    }
    for (int k = 0; k < names[i].repeat; k++) {
      for (size_t j = 0; j < 4 && names[i].addresses[j]; j++) {
        *tail = make(names[i].addresses[j], service);
        tail = &(*tail)->ai_next;
      }
    }
    return 0;
  }
  return EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list) {
  while (list) {
    struct addrinfo *next = list->ai_next;
    free(list);
    list = next;
  }
}

/* --- */

typedef struct {
  net_loop *loop;
  int calls;
  size_t count;
  char text[256], failure[128];
} answer;

static void on_answer(void *ctx, const char *const *addresses, size_t count, const char *failure) {
  answer *a = ctx;
  a->calls++;
  a->count = count;
  for (size_t i = 0; i < count && i < 4; i++) {
    size_t n = strlen(a->text);
    snprintf(a->text + n, sizeof a->text - n, "%s ", addresses[i]);
  }
  snprintf(a->failure, sizeof a->failure, "%s", failure);
  net_loop_stop(a->loop);
}

static void names_become_addresses(void) {
  static const struct {
    const char *host, *want;
    size_t count;
    const char *failure;
  } rows[] = {
      {"one.test", "192.0.2.1:50051 ", 1, ""},
      {"several.test", "192.0.2.1:50051 [2001:db8::1]:50051 192.0.2.2:50051 ", 3, ""},
      {"crowd.test", "192.0.2.7:50051 192.0.2.7:50051 192.0.2.7:50051 192.0.2.7:50051 ", NET_RESOLVE_MAX, ""},
      {"link.test", "", 0, "the name has no usable address"},
      {"none.test", "", 0, "unknown node or service"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    answer a = {0};
    net_resolve *r = NULL;
    CHECK_OK(net_loop_new(NULL, &a.loop));
    CHECK_OK(net_resolve_start(a.loop, rows[i].host, 50051, on_answer, &a, &r));
    CHECK_INT(a.calls, 0);
    net_loop_run(a.loop);
    CHECK_INT(a.calls, 1);
    CHECK_INT(a.count, rows[i].count);
    CHECK_STR(a.text, rows[i].want);
    CHECK_STR(a.failure, rows[i].failure);
    net_loop_free(a.loop);
  }
}

static void nonsense_is_refused_at_once(void) {
  char long_name[300];
  memset(long_name, 'a', sizeof long_name);
  long_name[sizeof long_name - 1] = '\0';
  const struct {
    const char *host;
    int port;
  } rows[] = {{"", 1}, {long_name, 1}, {"one.test", 0}, {"one.test", -1}, {"one.test", 65536}};
  answer a = {0};
  net_resolve *r = NULL;
  CHECK_OK(net_loop_new(NULL, &a.loop));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_ERR(net_resolve_start(a.loop, rows[i].host, rows[i].port, on_answer, &a, &r), BASE_E_INVALID);
  }
  net_resolve_cancel(NULL);
  net_loop_free(a.loop);
  CHECK_INT(a.calls, 0);
}

/* More lookups than libuv lends threads to: some are cancelled while they run, some before. */
static void cancelled_lookups_stay_silent(void) {
  enum { LOOKUPS = 16 };
  answer cancelled = {0}, last = {0};
  net_resolve *r[LOOKUPS], *other = NULL;
  open_gate(false);
  CHECK_OK(net_loop_new(NULL, &last.loop));
  cancelled.loop = last.loop;
  for (int i = 0; i < LOOKUPS; i++) {
    CHECK_OK(net_resolve_start(last.loop, "slow.test", 1, on_answer, &cancelled, &r[i]));
  }
  CHECK(test_wait(&waiting, 1));
  for (int i = 0; i < LOOKUPS; i++) {
    net_resolve_cancel(r[i]);
  }
  open_gate(true);
  CHECK_OK(net_resolve_start(last.loop, "one.test", 1, on_answer, &last, &other));
  net_loop_run(last.loop);
  net_loop_free(last.loop);
  CHECK_INT(last.calls, 1);
  CHECK_INT(cancelled.calls, 0);
}

static void *open_gate_main(void *arg) {
  (void)arg;
  open_gate(true);
  return NULL;
}

static void lookups_end_silently_with_the_loop(void) {
  enum { LOOKUPS = 16 };
  answer a = {0};
  net_resolve *r = NULL;
  pthread_t thread;
  open_gate(false);
  CHECK_OK(net_loop_new(NULL, &a.loop));
  for (int i = 0; i < LOOKUPS; i++) {
    CHECK_OK(net_resolve_start(a.loop, "slow.test", 1, on_answer, &a, &r));
  }
  pthread_create(&thread, NULL, open_gate_main, NULL);
  net_loop_free(a.loop);
  pthread_join(thread, NULL);
  CHECK_INT(a.calls, 0);
}

TEST_MAIN(TEST(names_become_addresses), TEST(nonsense_is_refused_at_once), TEST(cancelled_lookups_stay_silent),
          TEST(lookups_end_silently_with_the_loop))
