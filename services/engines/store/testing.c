#include "store/testing.h"

#include <dirent.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *server(void) { return getenv("PONTE_TEST_POSTGRES"); }

bool testing_on_postgres(void) { return server(); }

static void on_server(const char *sql) {
  PGconn *pg = PQconnectdb(server());
  PGresult *r = PQexec(pg, sql);
  if (PQresultStatus(r) != PGRES_COMMAND_OK) {
    printf("%s: %s\n", sql, PQerrorMessage(pg));
    exit(2);
  }
  PQclear(r);
  PQfinish(pg);
}

/* A database of its own, named in place of the one in the server's URI. */
static void make_database(testing_place *p) {
  static int count;
  char sql[128];
  snprintf(p->database, sizeof p->database, "test_%d_%d", (int)getpid(), count++);
  snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0", p->database);
  on_server(sql);
  const char *path = strrchr(server(), '/');
  snprintf(p->url, sizeof p->url, "%.*s/%s", (int)(path - server()), server(), p->database);
}

void testing_place_init(testing_place *p) {
  *p = (testing_place){0};
  if (testing_on_postgres()) {
    make_database(p);
    return;
  }
  const char *tmp = getenv("TMPDIR");
  snprintf(p->dir, sizeof p->dir, "%.40s/ponte-store-XXXXXX", tmp ? tmp : "/tmp");
  if (!mkdtemp(p->dir)) {
    perror(p->dir);
    exit(2);
  }
  snprintf(p->url, sizeof p->url, "sqlite:%s", p->dir);
}

static void remove_folder(const char *dir) {
  DIR *d = opendir(dir);
  for (struct dirent *e; d && (e = readdir(d));) {
    unlinkat(dirfd(d), e->d_name, 0);
  }
  if (d) {
    closedir(d);
  }
  rmdir(dir);
}

void testing_place_dispose(testing_place *p) {
  if (*p->dir) {
    remove_folder(p->dir);
  }
  if (*p->database) {
    char sql[128];
    snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", p->database);
    on_server(sql);
  }
}

store *testing_store_open(const testing_place *p, const char *name, const store_migration *migrations, size_t count) {
  base_buf why;
  base_buf_init(&why, 1024);
  store *s = NULL;
  base_err e = store_open(
      &(store_options){.url = p->url, .name = name, .migrations = migrations, .migration_count = count}, &why, &s);
  if (!base_is_ok(e)) {
    printf("store_open: %s: %.*s\n", base_err_name(e), BASE_SPAN_ARG(base_buf_span(&why)));
  }
  base_buf_dispose(&why);
  return s;
}
