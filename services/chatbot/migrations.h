/* migrations.h - the steps of the chatbot's schema. */
#ifndef PONTE_CHATBOT_MIGRATIONS_H
#define PONTE_CHATBOT_MIGRATIONS_H

#include "store/store.h"

enum { CHATBOT_MIGRATIONS = 4 };
extern const store_migration chatbot_migrations[CHATBOT_MIGRATIONS];

#endif
