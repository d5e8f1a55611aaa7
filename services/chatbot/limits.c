#include "chatbot/limits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, MINUTE_MS = 60000, RUNNING_RETRY_MS = 1000 };

typedef struct caller {
  struct caller *next;
  int64_t
      full_us; /* when the rate is as if nothing had been asked yet; at most a minute ahead (GCRA: a question moves it on by a minute / a_minute) */
  int64_t running;
  char who[CHATBOT_WHO_SIZE];
} caller;

struct chatbot_limits {
  chatbot_limit_options options;
  pthread_mutex_t lock; /* of the rest */
  caller *buckets[BUCKETS];
  size_t count;
};

base_err chatbot_limits_new(const chatbot_limit_options *options, chatbot_limits **out) {
  chatbot_limits *l = calloc(1, sizeof *l);
  if (!l) return base_fail(BASE_E_NO_MEMORY);
  l->options = *options;
  pthread_mutex_init(&l->lock, NULL);
  *out = l;
  return BASE_OK;
}

void chatbot_limits_free(chatbot_limits *l) {
  if (!l) return;
  for (size_t i = 0; i < BUCKETS; i++) {
    for (caller *c = l->buckets[i], *next; c; c = next) {
      next = c->next;
      free(c);
    }
  }
  pthread_mutex_destroy(&l->lock);
  free(l);
}

const chatbot_limit_options *chatbot_limits_options(const chatbot_limits *l) { return &l->options; }

/* FNV-1a; callers cannot choose their ids, and an address has few forms. */
static caller **bucket_of(chatbot_limits *l, const char *who) {
  uint32_t hash = 2166136261u;
  for (; *who; who++)
    hash = (hash ^ (uint8_t)*who) * 16777619u;
  return &l->buckets[hash % BUCKETS];
}

static caller *find(chatbot_limits *l, const char *who) {
  caller *c = *bucket_of(l, who);
  while (c && strcmp(c->who, who) != 0)
    c = c->next;
  return c;
}

static void forget_idle(chatbot_limits *l, int64_t now_us) {
  for (size_t i = 0; i < BUCKETS; i++) {
    for (caller **link = &l->buckets[i], *c; (c = *link) != NULL;) {
      if (c->running > 0 || c->full_us > now_us) {
        link = &c->next;
        continue;
      }
      *link = c->next;
      l->count--;
      free(c);
    }
  }
}

static base_err find_or_add(chatbot_limits *l, const char *who, int64_t now_us, caller **out) {
  *out = find(l, who);
  if (*out) return BASE_OK;
  if (l->count >= CHATBOT_CALLERS_MAX) forget_idle(l, now_us);
  if (l->count >= CHATBOT_CALLERS_MAX) return base_fail(BASE_E_NO_MEMORY);
  caller *c = calloc(1, sizeof *c);
  if (!c) return base_fail(BASE_E_NO_MEMORY);
  snprintf(c->who, sizeof c->who, "%s", who);
  caller **link = bucket_of(l, c->who);
  c->next = *link;
  *link = c;
  l->count++;
  *out = c;
  return BASE_OK;
}

static base_err refuse(enum chatbot_limit limit, int64_t retry_ms, enum chatbot_limit *which, int64_t *retry_after_ms) {
  *which = limit;
  *retry_after_ms = retry_ms;
  return base_fail(BASE_E_EXHAUSTED);
}

static base_err enter(chatbot_limits *l, const char *who, int64_t now_us, bool takes_place, enum chatbot_limit *which,
                      int64_t *retry_after_ms) {
  const chatbot_limit_options *o = &l->options;
  caller *c = NULL;
  BASE_TRY(find_or_add(l, who, now_us, &c));
  if (o->running && c->running >= o->running && !takes_place) {
    return refuse(CHATBOT_LIMIT_RUNNING, RUNNING_RETRY_MS, which, retry_after_ms);
  }
  int64_t minute_us = (int64_t)MINUTE_MS * 1000, step_us = o->a_minute ? minute_us / o->a_minute : 0;
  int64_t full_us = (c->full_us > now_us ? c->full_us : now_us) + step_us;
  if (full_us - now_us > minute_us) {
    return refuse(CHATBOT_LIMIT_RATE, (full_us - now_us - minute_us + 999) / 1000, which, retry_after_ms);
  }
  c->full_us = full_us;
  c->running++;
  return BASE_OK;
}

base_err chatbot_limits_enter(chatbot_limits *l, const char *who, int64_t now_ms, bool takes_place,
                              enum chatbot_limit *which, int64_t *retry_after_ms) {
  pthread_mutex_lock(&l->lock);
  base_err e = enter(l, who, now_ms * 1000, takes_place, which, retry_after_ms);
  pthread_mutex_unlock(&l->lock);
  return e;
}

void chatbot_limits_leave(chatbot_limits *l, const char *who) {
  pthread_mutex_lock(&l->lock);
  caller *c = find(l, who);
  if (c) c->running--;
  pthread_mutex_unlock(&l->lock);
}
