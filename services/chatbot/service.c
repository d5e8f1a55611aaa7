#include "chatbot/service.h"

#include <stdlib.h>

#include "chatbot/chatbot.h"
#include "chatbot/messages.h"
#include "chatbot/migrations.h"
#include "chatbot/records.h"
#include "chatbot/spending.h"

enum { STREAMS = 256 };
/* Where the settings say nothing: what a class of people needs, and a script does not. */
enum { QUESTIONS_A_MINUTE = 30, RUNNING = 4, TOKENS_A_DAY = 200000, MATERIAL_MIB = 64 };

static const ponte_chatbot_v1_methods methods = {
    .resolve_duvida = {.call = chatbot_resolve_duvida},
    .resolve_duvida_stream = {.stream = chatbot_resolve_duvida_stream},
    .create_conversation = {.write = chatbot_create_conversation},
    .get_conversation = {.read = chatbot_get_conversation},
    .list_conversations = {.read = chatbot_list_conversations},
    .delete_conversation = {.write = chatbot_delete_conversation},
    .give_feedback = {.write = chatbot_give_feedback},
    .list_materials = {.read = chatbot_list_materials},
    .get_material = {.read = chatbot_get_material},
    .add_material = {.prepare = chatbot_add_material_prepare, .write = chatbot_add_material},
    .remove_material = {.write = chatbot_remove_material},
    /* Not a write alone: it waits for the index behind it. */
    .append_transcript = {.call = chatbot_append_transcript},
};

static const char *key_of(const llm_engine *engine) {
  const char *key = engine->key_variable ? getenv(engine->key_variable) : NULL;
  return key && *key ? key : NULL;
}

/* A key on the command line or in a file would be seen by others. */
static base_err open_engine(svc *s, base_buf *why, llm **out) {
  const char *name = svc_setting(s, "llm");
  llm_options options = {
      .name = name ? name : "embedded",
      .base_url = svc_setting(s, "llm_url"),
      .model = svc_setting(s, "llm_model"),
      .silence_timeout_ms = svc_setting_number(s, "llm_silence", 0),
  };
  const llm_engine *engine = llm_engine_find(options.name);
  if (engine) options.key = key_of(engine);
  return llm_open(&options, why, out);
}

static base_err start(svc *s, chatbot *b, base_buf *why) {
  const chatbot_limit_options limits = {
      .a_minute = svc_setting_number(s, "chatbot_questions", QUESTIONS_A_MINUTE),
      .running = svc_setting_number(s, "chatbot_running", RUNNING),
      .tokens_a_day = svc_setting_number(s, "chatbot_tokens", TOKENS_A_DAY),
  };
  b->store = svc_store(s);
  b->material_bytes = svc_setting_number(s, "chatbot_material", MATERIAL_MIB) * (1 << 20);
  BASE_TRY(open_engine(s, why, &b->llm));
  BASE_TRY(chatbot_limits_new(&limits, &b->limits));
  BASE_TRY(chatbot_index_open(b->store, &b->index));
  chatbot_observe_register();
  return ponte_chatbot_v1_add(s, &methods);
}

static void close_chatbot(void *state) {
  chatbot *b = state;
  chatbot_index_close(b->index);
  chatbot_limits_free(b->limits);
  llm_close(b->llm);
  chatbot_running_dispose(&b->running);
  free(b);
}

static base_err open_chatbot(svc *s, base_buf *why, void **state) {
  chatbot *b = calloc(1, sizeof *b);
  if (!b) return base_fail(BASE_E_NO_MEMORY);
  chatbot_running_init(&b->running);
  base_err e = start(s, b, why);
  if (!base_is_ok(e)) {
    close_chatbot(b);
    return e;
  }
  *state = b;
  return BASE_OK;
}

static void tick(void *state, int64_t wall_ms) {
  chatbot *b = state;
  base_err e = chatbot_index_follow(b->index); /* also where nobody asks, so that no removal is missed */
  (void)e;                                     /* the next search tries again */
  chatbot_removals_purge(b->store, wall_ms * 1000);
  chatbot_messages_purge(b->store, wall_ms * 1000);
  chatbot_spending_purge(b->store, wall_ms * 1000);
}

const svc_definition chatbot_definition = {
    .name = "chatbot",
    .port = 8082,
    .migrations = chatbot_migrations,
    .migration_count = CHATBOT_MIGRATIONS,
    .streams = STREAMS,
    .open = open_chatbot,
    .close = close_chatbot,
    .tick = tick,
};
