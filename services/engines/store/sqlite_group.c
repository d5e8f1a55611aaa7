/* Group commit. Of the writers that come while one commits, the first becomes the leader of the next group: it runs everybody's function on its own thread, each in a
 * savepoint, commits once and wakes them. So one fsync carries many writes, no thread is switched in between, and a writer alone waits for nobody. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wait.h"
#include "store/sqlite.h"

enum {
  GROUP_MAX = 256,    /* writers of one commit: bounds what the last of them waits for */
  GROUP_MAX_US = 5000 /* after it nobody joins any more */
};

static const store_statement begin = {"BEGIN IMMEDIATE"}, commit = {"COMMIT"}, mark = {"SAVEPOINT writer"},
                             release_mark = {"RELEASE writer"}, rollback_mark = {"ROLLBACK TO writer"};

/* Fails only when the transaction is over: SQLite ends it itself on a full disk and the like. */
static base_err run_one(sq_store *s, struct sq_writer *w) {
  struct sq_conn *c = &s->writer;
  w->result = sq_command(s, c, &mark);
  if (!base_is_ok(w->result)) {
    return w->result;
  }
  struct sq_tx tx;
  sq_tx_begin(&tx, s, c, false);
  w->result = store__run(&tx.base, w->fn, w->ctx);
  sq_tx_end(&tx);
  if (sqlite3_get_autocommit(c->db)) {
    return base_is_ok(w->result) ? base_fail(BASE_E_INTERNAL) : w->result;
  }
  if (!base_is_ok(w->result)) {
    BASE_TRY(sq_command(s, c, &rollback_mark));
  }
  return sq_command(s, c, &release_mark);
}

/* The writers that wait now join the group. */
static struct sq_writer *take(sq_store *s, struct sq_writers *group, size_t room) {
  struct sq_writer *first = NULL;
  pthread_mutex_lock(&s->lock);
  for (struct sq_writer *w; room > 0 && (w = STAILQ_FIRST(&s->waiting)); room--) {
    STAILQ_REMOVE_HEAD(&s->waiting, next);
    w->state = SQ_TAKEN;
    STAILQ_INSERT_TAIL(group, w, next);
    first = first ? first : w;
  }
  pthread_mutex_unlock(&s->lock);
  return first;
}

static base_err run_group(sq_store *s, struct sq_writers *group) {
  BASE_TRY(sq_end_transaction(s, &s->writer));
  BASE_TRY(sq_command(s, &s->writer, &begin));
  int64_t start_us = base_now_us();
  size_t ran = 0;
  bool any = false;
  for (struct sq_writer *w = STAILQ_FIRST(group); w;) {
    BASE_TRY(run_one(s, w));
    any = any || base_is_ok(w->result);
    ran++;
    w = STAILQ_NEXT(w, next);
    if (!w && ran < GROUP_MAX && base_now_us() - start_us < GROUP_MAX_US) {
      w = take(s, group, GROUP_MAX - ran);
    }
  }
  return any ? sq_command(s, &s->writer, &commit) : sq_end_transaction(s, &s->writer);
}

/* The leader's turn: `me` and whoever waits. */
static void lead(sq_store *s, struct sq_writer *me) {
  struct sq_writers group = STAILQ_HEAD_INITIALIZER(group);
  STAILQ_INSERT_TAIL(&group, me, next);
  base_err e = run_group(s, &group);
  if (!base_is_ok(e) && !base_is_ok(sq_end_transaction(s, &s->writer))) {
    BASE_LOG(BASE_LOG_ERROR, "store cannot roll back", LOG_STR("store", s->base.name));
  }
  pthread_mutex_lock(&s->lock);
  struct sq_writer *w;
  while ((w = STAILQ_FIRST(&group))) {
    STAILQ_REMOVE_HEAD(&group, next);
    /* Even an error may have come of what another of the group wrote, and that is gone. */
    w->result = base_is_ok(e) ? w->result : e;
    w->state = SQ_DONE;
    if (w != me) {
      pthread_cond_signal(&w->wake);
    }
  }
  w = STAILQ_FIRST(&s->waiting);
  s->led = w;
  if (w) {
    STAILQ_REMOVE_HEAD(&s->waiting, next);
    w->state = SQ_LEADS;
    pthread_cond_signal(&w->wake);
  }
  pthread_mutex_unlock(&s->lock);
}

/* Under the lock. Whoever was taken waits as long as it takes: its function may be running. */
static void await_turn(sq_store *s, struct sq_writer *me) {
  struct timespec until = base_timespec(base_now_ms() + s->base.busy_timeout_ms);
  while (me->state == SQ_WAITS || me->state == SQ_TAKEN) {
    int code = me->state == SQ_TAKEN ? pthread_cond_wait(&me->wake, &s->lock)
                                     : pthread_cond_timedwait(&me->wake, &s->lock, &until);
    if (code == ETIMEDOUT && me->state == SQ_WAITS) {
      STAILQ_REMOVE(&s->waiting, me, sq_writer, next);
      me->result = base_fail(BASE_E_UNAVAILABLE);
      me->state = SQ_DONE;
    }
  }
}

base_err sq_write(store *base, store_fn fn, void *ctx) {
  sq_store *s = (sq_store *)base;
  struct sq_writer me = {.fn = fn, .ctx = ctx, .state = SQ_LEADS};
  base_cond_init(&me.wake);
  pthread_mutex_lock(&s->lock);
  if (s->led) {
    me.state = SQ_WAITS;
    STAILQ_INSERT_TAIL(&s->waiting, &me, next);
    await_turn(s, &me);
  }
  s->led = s->led || me.state == SQ_LEADS;
  pthread_mutex_unlock(&s->lock);
  if (me.state == SQ_LEADS) {
    lead(s, &me);
  }
  pthread_cond_destroy(&me.wake);
  return me.result;
}
