/* engines.h - the engines there are, for llm.c and their tests; everybody else finds them by name. */
#ifndef PONTE_LLM_ENGINES_H
#define PONTE_LLM_ENGINES_H

#include "llm/llm.h"

/*      engine; the order is that of messages */
#define LLM_ENGINES(X) X(llm_embedded) X(llm_gemini) X(llm_openai) X(llm_fake)

#define X(engine) extern const llm_engine engine;
LLM_ENGINES(X)
#undef X

#endif
