/* conversations.c - `ponte conversations`: questions and answers that were kept. */
#include <stdio.h>

#include "cli/answer.h"
#include "cli/chatbot.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/words.h"

typedef Ponte__Chatbot__V1__Conversation conversation;
typedef Ponte__Chatbot__V1__Message message;

static const char *const heads[] = {"CONVERSATION_ID", "TITLE", ">MESSAGES", "CHANGED", NULL};

static void add_row(cli_table *t, const conversation *c) {
  char text[CLI_SHORT];
  cli_table_cell(t, c->conversation_id);
  cli_table_cell(t, c->title);
  cli_table_number(t, c->message_count);
  cli_show_time(c->update_time, text);
  cli_table_cell(t, text);
}

static void show_conversation(const ProtobufCMessage *reply) {
  cli_table t;
  cli_table_init(&t, heads);
  add_row(&t, (const conversation *)reply);
  cli_table_show(&t);
}

static void show_conversations(const ProtobufCMessage *reply) {
  const Ponte__Chatbot__V1__ListConversationsResponse *r = (const Ponte__Chatbot__V1__ListConversationsResponse *)reply;
  cli_table t;
  cli_table_init(&t, heads);
  for (size_t i = 0; i < r->n_conversations; i++)
    add_row(&t, r->conversations[i]);
  cli_table_show(&t);
  cli_page_more(r->next_page_token);
}

static void show_message(const message *m) {
  char when[CLI_SHORT];
  cli_show_time(m->create_time, when);
  printf("\n%s  > ", when);
  cli_answer_text(m->duvida);
  puts("");
  if (m->resposta[0]) {
    cli_answer_text(m->resposta);
    puts("");
  }
  if (m->finish_reason == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_UNSPECIFIED) {
    puts(cli_words("(not answered to the end)"));
  } else if (m->finish_reason == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_MAX_TOKENS) {
    puts(cli_words("(cut at the engine's limit)"));
  } else if (m->finish_reason == PONTE__CHATBOT__V1__FINISH_REASON__FINISH_REASON_SAFETY) {
    puts(cli_words("(blocked by the engine's provider)"));
  }
  cli_answer_sources(m->citations, m->n_citations, m->passages, m->n_passages);
}

static void show_whole(const ProtobufCMessage *reply) {
  const Ponte__Chatbot__V1__GetConversationResponse *r = (const Ponte__Chatbot__V1__GetConversationResponse *)reply;
  if (r->conversation) show_conversation(&r->conversation->base);
  for (size_t i = 0; i < r->n_messages; i++)
    show_message(r->messages[i]);
  cli_page_more(r->next_page_token);
}

static int run_list(const cli_args *a) {
  Ponte__Chatbot__V1__ListConversationsRequest r = PONTE__CHATBOT__V1__LIST_CONVERSATIONS_REQUEST__INIT;
  if (!cli_page(a, &r.page_size, &r.page_token)) return CLI_EXIT_USAGE;
  return cli_chatbot_run(a, "ListConversations", show_conversations, &r.base);
}

static int run_create(const cli_args *a) {
  Ponte__Chatbot__V1__CreateConversationRequest r = PONTE__CHATBOT__V1__CREATE_CONVERSATION_REQUEST__INIT;
  if (a->count) r.title = a->words[0];
  return cli_chatbot_run(a, "CreateConversation", show_conversation, &r.base);
}

static int run_show(const cli_args *a) {
  Ponte__Chatbot__V1__GetConversationRequest r = PONTE__CHATBOT__V1__GET_CONVERSATION_REQUEST__INIT;
  if (!cli_page(a, &r.page_size, &r.page_token)) return CLI_EXIT_USAGE;
  r.conversation_id = a->words[0];
  return cli_chatbot_run(a, "GetConversation", show_whole, &r.base);
}

static int run_delete(const cli_args *a) {
  Ponte__Chatbot__V1__DeleteConversationRequest r = PONTE__CHATBOT__V1__DELETE_CONVERSATION_REQUEST__INIT;
  if (!cli_confirm(a, "Delete this conversation?")) return CLI_EXIT_LOCAL;
  r.conversation_id = a->words[0];
  return cli_chatbot_run(a, "DeleteConversation", NULL, &r.base);
}

enum { READS = CLI_LINK | CLI_CALL | CLI_JSON, CHANGES = READS | CLI_CHANGE };

static const cli_option page_options[] = {CLI_PAGE_OPTIONS, {0}};
static const cli_option delete_options[] = {CLI_YES_OPTION, {0}};

static const cli_command list = {.name = "list",
                                 .summary = "one's conversations, the last changed first",
                                 .groups = READS,
                                 .options = page_options,
                                 .run = run_list};
static const cli_command create = {.name = "create",
                                   .summary = "begin one, for `ponte ask --conversation`",
                                   .arguments = "[TITLE]",
                                   .max = 1,
                                   .groups = CHANGES,
                                   .run = run_create};
static const cli_command show = {.name = "show",
                                 .summary = "show a conversation's questions and answers",
                                 .arguments = "CONVERSATION_ID",
                                 .min = 1,
                                 .max = 1,
                                 .groups = READS,
                                 .options = page_options,
                                 .run = run_show};
static const cli_command delete = {.name = "delete",
                                   .summary = "delete a conversation",
                                   .arguments = "CONVERSATION_ID",
                                   .min = 1,
                                   .max = 1,
                                   .groups = CHANGES,
                                   .options = delete_options,
                                   .run = run_delete};
const cli_command cli_conversations = {.name = "conversations",
                                       .summary = "questions and answers that were kept",
                                       .commands = (const cli_command *const[]){&list, &create, &show, &delete, NULL}};
