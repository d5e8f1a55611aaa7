/* spending.h - tokens that callers have used today (UTC), in the store: for all processes on it, and over restarts. */
#ifndef PONTE_CHATBOT_SPENDING_H
#define PONTE_CHATBOT_SPENDING_H

#include "store/store.h"

base_err chatbot_spent(store *s, const char *who, int64_t wall_us, int64_t *tokens) BASE_MUST_USE;
base_err chatbot_spend(store *s, const char *who, int64_t wall_us, int64_t tokens) BASE_MUST_USE;
/* Until the next day begins. */
int64_t chatbot_spending_left_ms(int64_t wall_us);
/* Days before yesterday. */
void chatbot_spending_purge(store *s, int64_t wall_us);

#endif
