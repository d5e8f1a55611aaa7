/* sources.h - what an answer may rest on: the passages that the search finds, in the lessons and in what the caller has at hand. Blocks. */
#ifndef PONTE_CHATBOT_SOURCES_H
#define PONTE_CHATBOT_SOURCES_H

#include "chatbot/chatbot.h"
#include "material/material.h"

enum { CHATBOT_SOURCES_MAX = 8 };

/* Borrowed texts, of the call; NULL where there is nothing. */
typedef struct {
  const char *text;
  const char *context;
  const char *language;
  const char *session_id;
  char *const *material_ids;
  size_t material_count;
  const llm_turn *turns; /* the oldest first */
  size_t turn_count;
} chatbot_question;

typedef struct {
  Ponte__Chatbot__V1__Passage *passages[CHATBOT_SOURCES_MAX]; /* numbered; the call's memory */
  double scores[CHATBOT_SOURCES_MAX], supports[CHATBOT_SOURCES_MAX];
  size_t count; /* 0: the material says nothing about it */
} chatbot_sources;

base_err chatbot_find_sources(svc_call *c, const chatbot_question *q, chatbot_sources *out) BASE_MUST_USE;

#endif
