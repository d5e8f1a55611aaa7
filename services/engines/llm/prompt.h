/* prompt.h - what a model is told: the rules, the passages as data, the question.
 *
 * The passages and the question are texts of strangers. Each stands between lines with a random mark that its writer cannot have known, so that nothing inside it can end it; the rules say that
 * what stands between them is never an instruction. What a model makes of that is its own affair, which is why chatbot/cite.h checks what it quotes. Pure; any thread.
 */
#ifndef PONTE_LLM_PROMPT_H
#define PONTE_LLM_PROMPT_H

#include "llm/llm.h"

enum { LLM_FENCE_SIZE = 25, LLM_PROMPT_MAX = 512 * 1024, LLM_HISTORY_MAX = 32 * 1024 };
/* What a model begins its answer with when the passages do not tell. */
#define LLM_NOT_IN_MATERIAL_MARK "[[not in material]]"

/* 96 random bits as hexadecimal text. */
void llm_fence(char out[LLM_FENCE_SIZE]);
/* Appends the rules. */
base_err llm_prompt_rules(const llm_request *r, const char *fence, base_buf *out) BASE_MUST_USE;
/* Appends the passages and the question. */
base_err llm_prompt_question(const llm_request *r, const char *fence, base_buf *out) BASE_MUST_USE;
/* The first of the turns that fit into LLM_HISTORY_MAX bytes and LLM_TURNS_MAX, the newest before the oldest. */
size_t llm_prompt_first_turn(const llm_request *r);

#endif
