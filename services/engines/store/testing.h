/* testing.h - an empty place for the stores of a test: a folder for SQLite, or a database of PostgreSQL when the environment has PONTE_TEST_POSTGRES (tests registered
 * with add_store_test(), cmake/PonteTest.cmake, run once with and once without it). Test code only; single thread. */
#ifndef PONTE_STORE_TESTING_H
#define PONTE_STORE_TESTING_H

#include "store/store.h"

typedef struct {
  char url[512];
  char dir[64], database[64]; /* one of them is "" */
} testing_place;

bool testing_on_postgres(void);
/* Ends the program when there is none. */
void testing_place_init(testing_place *p);
/* Removes it with everything in it; its stores are closed. */
void testing_place_dispose(testing_place *p);
/* A store in it; says why on stdout and returns NULL when that fails. */
store *testing_store_open(const testing_place *p, const char *name, const store_migration *migrations, size_t count);

#endif
