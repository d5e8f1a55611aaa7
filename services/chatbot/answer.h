/* answer.h - a question answered: sources, then the engine's text with its citations checked, piece by piece. Blocks for as long as the engine writes. */
#ifndef PONTE_CHATBOT_ANSWER_H
#define PONTE_CHATBOT_ANSWER_H

#include "chatbot/sources.h"

enum { CHATBOT_ANSWER_MAX = 256 * 1024 };

/* Who hears it while it comes; errors end the answer. on_text gets whole UTF-8 characters. NULL: nobody. */
typedef struct {
  base_err (*on_sources)(void *ctx, const chatbot_sources *sources);
  base_err (*on_text)(void *ctx, base_span piece);
  void *ctx;
} chatbot_listener;

/* As far as it came; also after an error. The messages are the call's memory. */
typedef struct {
  Ponte__Chatbot__V1__FinishReason finish; /* UNSPECIFIED: it is not whole */
  chatbot_sources sources;
  base_buf text;
  Ponte__Chatbot__V1__Citation **citations;
  size_t citation_count;
  int64_t prompt_tokens, answer_tokens; /* of an answer that is not whole: estimated, so that breaking off costs, too */
  const char *engine;
  bool was_asked; /* the engine */
} chatbot_answer;

/* Errors are told (svc_fail): ENGINE_UNAVAILABLE, ENGINE_FAILED; CANCELLED when the run was. *out is to be disposed of in any case. */
base_err chatbot_answer_question(svc_call *c, chatbot_run *run, const chatbot_question *q, const chatbot_listener *to,
                                 chatbot_answer *out) BASE_MUST_USE;
void chatbot_answer_dispose(chatbot_answer *a);

#endif
