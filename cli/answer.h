/* answer.h - answers of the assistant as a terminal shows them: text with its lines, and the places it rests on. One thread. */
#ifndef PONTE_CLI_ANSWER_H
#define PONTE_CLI_ANSWER_H

#include "cli/ask.h"
#include "cli/show.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"

/* To stdout, at once: lines and tabs stay, anything else that could steer a terminal is '?'. */
void cli_answer_text(const char *text);
/* "1:05", "1:01:05". */
void cli_show_clock(int64_t ms, char out[CLI_SHORT]);
/* One line for each citation: [1] title > heading, 1:05-1:12 or bytes 120-180: "quote". Nothing for none. */
void cli_answer_sources(Ponte__Chatbot__V1__Citation *const *citations, size_t citation_count,
                        Ponte__Chatbot__V1__Passage *const *passages, size_t passage_count);
typedef struct {
  bool heard; /* something of an answer came */
  bool shown; /* false: standard output, or memory, failed (said) */
  Ponte__Chatbot__V1__FinishReason end;
} cli_answered;
/* Asks, and shows the answer as it comes, its sources at the end; with `json` each message in a line. `head` (or NULL) is put before the first thing that comes. An answer without an end
 * has a status that is not OK. */
void cli_answer_ask(cli_link *l, int64_t timeout_ms, const Ponte__Chatbot__V1__ResolveDuvidaStreamRequest *request,
                    bool json, const char *head, cli_answered *out, wire_status *status);
/* The exit code of an answer's end; what is no whole answer is told on stderr. */
int cli_answer_code(Ponte__Chatbot__V1__FinishReason reason);

#endif
