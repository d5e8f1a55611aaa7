#include "orders/migrations.h"

/* orders.day is orders_day(created_us): both databases group by it without functions of their own.
 * orders_sums holds all that sums by user need, in the order in which they are made, so that each page of them reads only its own groups. */
const store_migration orders_migrations[ORDERS_MIGRATIONS] = {
    {"0001-orders", "CREATE TABLE orders ("
                    "  order_id TEXT NOT NULL PRIMARY KEY,"
                    "  user_id TEXT NOT NULL,"
                    "  currency_code TEXT NOT NULL,"
                    "  total BIGINT NOT NULL CHECK (total >= 0),"
                    "  state BIGINT NOT NULL CHECK (state BETWEEN 1 AND 3),"
                    "  created_us BIGINT NOT NULL,"
                    "  updated_us BIGINT NOT NULL,"
                    "  day BIGINT NOT NULL"
                    ");"
                    "CREATE INDEX orders_newest ON orders (created_us, order_id);"
                    "CREATE INDEX orders_of_user ON orders (user_id, created_us, order_id);"
                    "CREATE INDEX orders_in_state ON orders (state, created_us, order_id);"
                    "CREATE INDEX orders_sums ON orders (user_id, currency_code, created_us, state, total);"
                    "CREATE TABLE order_items ("
                    "  order_id TEXT NOT NULL REFERENCES orders (order_id),"
                    "  line BIGINT NOT NULL,"
                    "  description TEXT NOT NULL,"
                    "  quantity BIGINT NOT NULL CHECK (quantity >= 1),"
                    "  unit_price BIGINT NOT NULL CHECK (unit_price >= 0),"
                    "  PRIMARY KEY (order_id, line)"
                    ")"},
};
