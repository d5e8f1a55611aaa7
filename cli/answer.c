#include "cli/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"

typedef Ponte__Chatbot__V1__Passage passage;
typedef Ponte__Chatbot__V1__Citation citation;

void cli_answer_text(const char *text) {
  while (*text) {
    size_t n = strcspn(text, "\n\t");
    cli_put_clean(stdout, base_span_of(text, n));
    if (text[n]) putchar(text[n]);
    text += n + (text[n] != '\0');
  }
  fflush(stdout);
}

void cli_show_clock(int64_t ms, char out[CLI_SHORT]) {
  int64_t s = ms / 1000, hours = s / 3600;
  if (hours > 0)
    snprintf(out, CLI_SHORT, "%" PRId64 ":%02" PRId64 ":%02" PRId64, hours, s / 60 % 60, s % 60);
  else
    snprintf(out, CLI_SHORT, "%" PRId64 ":%02" PRId64, s / 60, s % 60);
}

static void put(const char *text) { cli_put_clean(stdout, base_span_str(text)); }

/* Words of a source stand in one line here, whatever lines they stand in there. */
static void put_quote(const char *text) {
  while (*text) {
    size_t n = strcspn(text, " \t\r\n");
    cli_put_clean(stdout, base_span_of(text, n));
    text += n;
    text += strspn(text, " \t\r\n");
    if (*text) putchar(' ');
  }
}

static void put_place(const citation *c) {
  char start[CLI_SHORT], end[CLI_SHORT];
  if (c->start_ms < 0) {
    printf(", bytes %" PRId32 "-%" PRId32, c->begin, c->end);
    return;
  }
  cli_show_clock(c->start_ms, start);
  cli_show_clock(c->end_ms, end);
  printf(", %s-%s", start, end);
}

void cli_answer_sources(citation *const *citations, size_t citation_count, passage *const *passages,
                        size_t passage_count) {
  if (citation_count) puts("\nSources:");
  for (size_t i = 0; i < citation_count; i++) {
    const citation *c = citations[i];
    const passage *p = NULL;
    for (size_t k = 0; k < passage_count && !p; k++)
      p = passages[k]->number == c->number ? passages[k] : NULL;
    const char *title = c->title[0] ? c->title : p ? p->title : "";
    printf("[%" PRId32 "] ", c->number);
    put(c->material_id[0] || title[0] ? title : "the context that was given");
    if (p && p->heading[0]) fputs(" > ", stdout), put(p->heading);
    put_place(c);
    fputs(": \"", stdout);
    put_quote(c->quote);
    puts("\"");
  }
}

int cli_answer_code(Ponte__Chatbot__V1__FinishReason reason) {
  /* As ResolveDuvida has them: OUT_OF_RANGE and FAILED_PRECONDITION. */
  enum { CUT = 11, BLOCKED = 9, INTERNAL = 13 };
  switch (reason) {
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_STOP:
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_NOT_IN_MATERIAL: return CLI_EXIT_OK;
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_MAX_TOKENS:
    cli_say("the answer is cut: it reached the engine's limit");
    return CLI_EXIT_STATUS + CUT;
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_SAFETY:
    cli_say("the engine's provider blocked the answer; what came before is none");
    return CLI_EXIT_STATUS + BLOCKED;
  default: cli_say("the answer has no end that is known"); return CLI_EXIT_STATUS + INTERNAL;
  }
}
