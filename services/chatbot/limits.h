/* limits.h - how much one caller may ask: questions a minute, answers at once, and tokens a day of engines that cost.
 *
 * A caller is a user or, without an identity, an address. Rates and running answers are this process's; tokens are in the store (spending.h), for all processes and over restarts. Any
 * thread. A limit of 0 is none.
 */
#ifndef PONTE_CHATBOT_LIMITS_H
#define PONTE_CHATBOT_LIMITS_H

#include "base/err.h"
#include "chatbot/observe.h"

typedef struct chatbot_limits chatbot_limits;

typedef struct {
  int64_t a_minute, running, tokens_a_day;
} chatbot_limit_options;

enum {
  CHATBOT_CALLERS_MAX = 65536, /* remembered; callers who asked nothing for a minute are forgotten */
  CHATBOT_WHO_SIZE = 160
};

base_err chatbot_limits_new(const chatbot_limit_options *options, chatbot_limits **out) BASE_MUST_USE;
/* NULL is allowed. */
void chatbot_limits_free(chatbot_limits *l);
const chatbot_limit_options *chatbot_limits_options(const chatbot_limits *l);

/* One more question at now_ms (base_now_ms()); one that takes the place of an answer which runs here needs no free one. OK: chatbot_limits_leave() when it is answered. EXHAUSTED: which limit, and when it would have been let in (for RUNNING nobody knows: a second). NO_MEMORY. */
base_err chatbot_limits_enter(chatbot_limits *l, const char *who, int64_t now_ms, bool takes_place,
                              enum chatbot_limit *which, int64_t *retry_after_ms) BASE_MUST_USE;
/* A caller who never entered is nobody. */
void chatbot_limits_leave(chatbot_limits *l, const char *who);

#endif
