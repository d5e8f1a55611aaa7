/* observe.h - the metrics of answers. Any thread. */
#ifndef PONTE_CHATBOT_OBSERVE_H
#define PONTE_CHATBOT_OBSERVE_H

#include <stddef.h>
#include <stdint.h>

/*      name             label */
#define CHATBOT_ENDS(X)                 \
  X(STOP, "stop")                       \
  X(NOT_IN_MATERIAL, "not_in_material") \
  X(MAX_TOKENS, "max_tokens")           \
  X(SAFETY, "safety")                   \
  X(CANCELLED, "cancelled")             \
  X(DEADLINE, "deadline")               \
  X(FAILED, "failed")

enum chatbot_end {
#define X(name, label) CHATBOT_END_##name,
  CHATBOT_ENDS(X)
#undef X
};

/*      name             label */
#define CHATBOT_LIMITS(X) \
  X(RATE, "rate")         \
  X(RUNNING, "running")   \
  X(TOKENS, "tokens")

enum chatbot_limit {
#define X(name, label) CHATBOT_LIMIT_##name,
  CHATBOT_LIMITS(X)
#undef X
};

void chatbot_observe_register(void);
void chatbot_observe_running(int change);
/* One answer, by llm_name(). */
void chatbot_observe_end(const char *engine, enum chatbot_end end);
void chatbot_observe_first_piece(int64_t us);
void chatbot_observe_dropped(size_t citations);
void chatbot_observe_refused(enum chatbot_limit limit);
/* An answer that was told again. */
void chatbot_observe_repeat(void);

#endif
