/* migrations.h - the schema of orders, step by step. Static. */
#ifndef PONTE_ORDERS_MIGRATIONS_H
#define PONTE_ORDERS_MIGRATIONS_H

#include "store/store.h"

enum { ORDERS_MIGRATIONS = 1 };
extern const store_migration orders_migrations[ORDERS_MIGRATIONS];

#endif
