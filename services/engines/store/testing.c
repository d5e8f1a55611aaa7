#include "store/testing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool testing_on_postgres(void) { return getenv("PONTE_TEST_POSTGRES"); }

void testing_place_init(testing_place *p) {
  const char *tmp = getenv("TMPDIR");
  *p = (testing_place){0};
  snprintf(p->dir, sizeof p->dir, "%.40s/ponte-store-XXXXXX", tmp ? tmp : "/tmp");
  if (!mkdtemp(p->dir)) {
    perror(p->dir);
    exit(2);
  }
  snprintf(p->url, sizeof p->url, "sqlite:%s", p->dir);
}

void testing_place_dispose(testing_place *p) {
  DIR *d = opendir(p->dir);
  for (struct dirent *e; d && (e = readdir(d));) {
    unlinkat(dirfd(d), e->d_name, 0);
  }
  if (d) {
    closedir(d);
  }
  rmdir(p->dir);
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
