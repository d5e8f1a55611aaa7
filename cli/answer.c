#include "cli/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "cli/unary.h"
#include "cli/words.h"

enum { SOURCES_MAX = 4 << 20 };

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
  if (citation_count) puts(cli_words("\nSources:"));
  for (size_t i = 0; i < citation_count; i++) {
    const citation *c = citations[i];
    const passage *p = NULL;
    for (size_t k = 0; k < passage_count && !p; k++)
      p = passages[k]->number == c->number ? passages[k] : NULL;
    const char *title = c->title[0] ? c->title : p ? p->title : "";
    printf("[%" PRId32 "] ", c->number);
    put(c->material_id[0] || title[0] ? title : cli_words("the context that was given"));
    if (p && p->heading[0]) fputs(" > ", stdout), put(p->heading);
    put_place(c);
    fputs(": \"", stdout);
    put_quote(c->quote);
    puts("\"");
  }
}

int cli_answer_code(Ponte__Chatbot__V1__FinishReason reason) {
  switch (reason) {
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_STOP:
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_NOT_IN_MATERIAL: return CLI_EXIT_OK;
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_MAX_TOKENS:
    cli_say("the answer is cut: it reached the engine's limit");
    return CLI_EXIT_STATUS + BASE_GRPC_OUT_OF_RANGE; /* as ResolveDuvida has it */
  case PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_SAFETY:
    cli_say("the engine's provider blocked the answer; what came before is none");
    return CLI_EXIT_STATUS + BASE_GRPC_FAILED_PRECONDITION;
  default: cli_say("the answer has no end that is known"); return CLI_EXIT_STATUS + BASE_GRPC_INTERNAL;
  }
}

/* -- as it comes ------------------------------------------------------------------------------------------------------- */

typedef struct {
  cli_answered *out;
  const char *head;
  base_buf sources; /* the message, kept for the end: a message lives as long as its callback */
  bool json, ended, line_open;
} coming;

static void end_line(coming *c) {
  if (c->line_open) putchar('\n');
  c->line_open = false;
}

static void show_final(coming *c, const Ponte__Chatbot__V1__Final *final) {
  ProtobufCMessage *kept = NULL;
  pb_arena arena;
  base_span bytes = base_buf_span(&c->sources);
  pb_arena_init(&arena, pb_memory_cap(bytes.n));
  if (!base_is_ok(pb_unpack(&ponte__chatbot__v1__sources__descriptor, bytes, &arena, &kept))) c->out->shown = false;
  const Ponte__Chatbot__V1__Sources *sources = (const Ponte__Chatbot__V1__Sources *)kept;
  end_line(c);
  cli_answer_sources(final->citations, final->n_citations, sources ? sources->passages : NULL,
                     sources ? sources->n_passages : 0);
  pb_arena_dispose(&arena);
}

static void on_part(void *ctx, const ProtobufCMessage *message) {
  coming *c = ctx;
  const Ponte__Chatbot__V1__ResolveDuvidaStreamResponse *r =
      (const Ponte__Chatbot__V1__ResolveDuvidaStreamResponse *)message;
  if (!c->out->heard && c->head) c->json ? (void)fputs(c->head, stdout) : cli_answer_text(c->head);
  c->out->heard = true;
  if (c->json && !cli_show_json(message)) c->out->shown = false;
  switch (r->part_case) {
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_SOURCES:
    base_buf_clear(&c->sources);
    if (!base_is_ok(pb_pack(&r->sources->base, &c->sources))) c->out->shown = false;
    break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_TEXT:
    if (c->json || !r->text[0]) break;
    cli_answer_text(r->text);
    c->line_open = r->text[strlen(r->text) - 1] != '\n';
    break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_FINAL:
    if (!c->json) show_final(c, r->final);
    c->ended = true;
    c->out->end = r->final->finish_reason;
    break;
  default: break;
  }
}

void cli_answer_ask(cli_link *l, int64_t timeout_ms, const Ponte__Chatbot__V1__ResolveDuvidaStreamRequest *request,
                    bool json, const char *head, cli_answered *out, wire_status *status) {
  coming c = {.out = out, .head = head, .json = json};
  *out = (cli_answered){.shown = true};
  base_buf_init(&c.sources, SOURCES_MAX);
  cli_ask_stream(l, CLI_CHATBOT_PORT, cli_method(&ponte_chatbot_v1_service, "ResolveDuvidaStream"), timeout_ms,
                 &request->base, on_part, &c, status);
  end_line(&c);
  if (fflush(stdout) != 0 || ferror(stdout)) out->shown = false;
  if (!out->shown) cli_say("the answer could not be shown whole");
  if (status->code == 0 && !c.ended)
    wire_status_set(status, BASE_GRPC_INTERNAL, "%s", cli_words("the answer broke off"));
  base_buf_dispose(&c.sources);
}
