#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/pg.h"

enum { OLDEST_SERVER = 120000 };

static bool wait_for(const PGconn *pg, short events, int64_t deadline_ms) {
  struct pollfd p = {.fd = PQsocket(pg), .events = events};
  int64_t left = deadline_ms - base_now_ms();
  if (p.fd < 0 || left <= 0) {
    return false;
  }
  int n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
  return n > 0 || (n < 0 && deadline_ms > base_now_ms());
}

bool pg_result(struct pg_conn *c, int64_t deadline_ms, PGresult **out) {
  *out = NULL;
  for (;;) {
    int unsent = PQflush(c->pg);
    if (!PQisBusy(c->pg)) {
      break;
    }
    if (unsent < 0 || !wait_for(c->pg, (short)(POLLIN | (unsent ? POLLOUT : 0)), deadline_ms) ||
        !PQconsumeInput(c->pg)) {
      return false;
    }
  }
  *out = PQgetResult(c->pg);
  return *out || PQstatus(c->pg) == CONNECTION_OK;
}

bool pg_skip(struct pg_conn *c, int64_t deadline_ms) {
  for (bool synced = false; !synced;) {
    PGresult *r;
    if (!pg_result(c, deadline_ms, &r) || PQstatus(c->pg) != CONNECTION_OK) {
      PQclear(r);
      return false;
    }
    synced = PQresultStatus(r) == PGRES_PIPELINE_SYNC;
    PQclear(r);
  }
  return true;
}

PGresult *pg_simple(struct pg_conn *c, const char *sql, int64_t deadline_ms, bool *lost) {
  PGresult *failed = NULL, *r = NULL;
  *lost = !PQsendQuery(c->pg, sql);
  while (!*lost) {
    *lost = !pg_result(c, deadline_ms, &r);
    if (!r) {
      break;
    }
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY || failed) {
      PQclear(r);
    } else {
      failed = r;
    }
  }
  return failed;
}

/* By the longest prefix first: https://www.postgresql.org/docs/15/errcodes-appendix.html */
static const struct {
  const char *prefix;
  enum base_err_code err;
  enum pg_fate fate;
} errors[] = {
    {"23505", BASE_E_EXISTS, PG_FINAL},      /* unique_violation */
    {"23P01", BASE_E_EXISTS, PG_FINAL},      /* exclusion_violation */
    {"23", BASE_E_INVALID, PG_FINAL},        /* integrity constraints */
    {"22", BASE_E_INVALID, PG_FINAL},        /* data exceptions */
    {"40001", BASE_E_UNAVAILABLE, PG_AGAIN}, /* serialization_failure */
    {"40P01", BASE_E_UNAVAILABLE, PG_AGAIN}, /* deadlock_detected */
    {"53", BASE_E_EXHAUSTED, PG_FINAL},      /* disk, memory, connections */
    {"55P03", BASE_E_UNAVAILABLE, PG_FINAL}, /* lock_timeout */
    {"57014", BASE_E_UNAVAILABLE, PG_FINAL}, /* statement_timeout */
    {"57", BASE_E_UNAVAILABLE, PG_LOST},     /* shut down, starting up, dropped */
    {"58", BASE_E_UNAVAILABLE, PG_LOST},     /* the server's system fails */
    {"08", BASE_E_UNAVAILABLE, PG_LOST},     /* connections */
    {"25P03", BASE_E_UNAVAILABLE, PG_LOST},  /* idle_in_transaction_session_timeout */
    {"26000", BASE_E_UNAVAILABLE, PG_LOST},  /* a prepared statement went: prepare them anew */
};

base_err pg_error(const pg_store *s, const PGresult *r, bool read_only, const char *sql, enum pg_fate *fate) {
  if (PQresultStatus(r) == PGRES_EMPTY_QUERY) {
    *fate = PG_FINAL;
    store__log_statement(&s->base, sql, "empty");
    return base_fail(BASE_E_INTERNAL);
  }
  const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
  if (!state) {
    *fate = PG_LOST; /* libpq's own: lost, or out of memory in the middle of an answer */
    return base_fail(BASE_E_UNAVAILABLE);
  }
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    if (strncmp(state, errors[i].prefix, strlen(errors[i].prefix)) == 0) {
      *fate = errors[i].fate;
      return base_fail(errors[i].err);
    }
  }
  /* Another process migrated: what a prepared statement returns has changed, and it must be prepared anew. The code alone is that of many errors. */
  const char *where = PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION);
  bool stale = strcmp(state, "0A000") == 0 && where && strcmp(where, "RevalidateCachedQuery") == 0;
  bool standby = strcmp(state, "25006") == 0 && !read_only; /* the next connection may find the primary */
  *fate = stale || standby ? PG_LOST : PG_FINAL;
  if (*fate == PG_LOST) {
    return base_fail(BASE_E_UNAVAILABLE);
  }
  /* Messages of class 42 name tables and columns; others may quote values. */
  store__log_statement(&s->base, sql,
                       strncmp(state, "42", 2) == 0 ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : state);
  return base_fail(BASE_E_INTERNAL);
}

static void ignore_notice(void *arg, const PGresult *r) {
  (void)arg;
  (void)r;
}

static bool shake_hands(PGconn *pg, int64_t deadline_ms) {
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED || PQstatus(pg) == CONNECTION_BAD ||
        !wait_for(pg, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms)) {
      return false;
    }
    state = PQconnectPoll(pg);
  }
  return true;
}

/* The session's settings; in its schema, which pg.c has made. */
static base_err settle(const pg_store *s, struct pg_conn *c, int64_t deadline_ms, base_buf *why) {
  const char *encoding = PQparameterStatus(c->pg, "server_encoding");
  if (!encoding || strcmp(encoding, "UTF8") != 0 || PQserverVersion(c->pg) < OLDEST_SERVER) {
    store__why(why, "store %s: wants PostgreSQL 12 or later and a database with ENCODING 'UTF8'", s->base.name);
    return base_fail(BASE_E_INVALID);
  }
  char sql[512];
  long long busy = s->base.busy_timeout_ms;
  snprintf(sql, sizeof sql,
           "SET search_path = \"%s\"; SET lock_timeout = %lld; SET statement_timeout = %lld; SET "
           "idle_in_transaction_session_timeout = %lld; SET standard_conforming_strings = on",
           s->base.name, busy, busy * PG_STATEMENT_FACTOR, busy * PG_STATEMENT_FACTOR);
  bool lost;
  PGresult *failed = pg_simple(c, sql, deadline_ms, &lost);
  if (!failed && !lost) {
    return BASE_OK;
  }
  enum pg_fate fate;
  base_err e = pg_error(s, failed, false, "(settings)", &fate);
  store__why(why, "store %s: %s", s->base.name, failed ? PQresultErrorMessage(failed) : "the connection was lost");
  PQclear(failed);
  return e;
}

base_err pg_connect(const pg_store *s, struct pg_conn *c, int64_t deadline_ms, base_buf *why) {
  const char *const keys[] = {"dbname", "client_encoding", "fallback_application_name", NULL};
  const char *const values[] = {s->uri, "UTF8", "ponte", NULL};
  c->pg = PQconnectStartParams(keys, values, 1);
  if (!c->pg) {
    return base_fail(BASE_E_NO_MEMORY);
  }
  PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
  base_err e = BASE_OK;
  if (!shake_hands(c->pg, deadline_ms)) {
    /* The reasons of libpq name host and user, never a password. */
    const char *reason = PQerrorMessage(c->pg);
    store__why(why, "store %s: %s", s->base.name, *reason ? reason : "PostgreSQL did not answer in time");
    e = base_fail(strstr(reason, "too many clients") ? BASE_E_EXHAUSTED : BASE_E_UNAVAILABLE);
  }
  if (base_is_ok(e)) {
    e = PQsetnonblocking(c->pg, 1) == 0 ? settle(s, c, deadline_ms, why) : base_fail(BASE_E_UNAVAILABLE);
  }
  if (base_is_ok(e) && !PQenterPipelineMode(c->pg)) {
    e = base_fail(BASE_E_UNAVAILABLE);
  }
  if (!base_is_ok(e)) {
    pg_disconnect(c);
  }
  return e;
}

void pg_disconnect(struct pg_conn *c) {
  pg_forget_statements(c);
  PQfinish(c->pg);
  c->pg = NULL;
  c->unread = 0;
}
