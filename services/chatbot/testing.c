#include "chatbot/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"
#include "chatbot/service.h"

svc_world *testing_world;
const char *testing_token;
const char testing_nobody[] = "0190b2c4-1b5c-7cc0-98a1-111111111111";
const char testing_lesson[] =
    "# Photosynthesis\n\n"
    "Plants turn light into chemical energy in their chloroplasts. Chlorophyll absorbs mostly "
    "red and blue light, which is why leaves look green.\n\n"
    "## The Calvin cycle\n\n"
    "In the Calvin cycle the enzyme rubisco binds carbon dioxide to a sugar with five carbons.\n";

enum { SETTINGS_ROOM = 32 };
static const char *given[SETTINGS_ROOM];

static svc *service;

static base_err open_service(svc *s, base_buf *why, void **state) {
  service = s;
  return chatbot_definition.open(s, why, state);
}

store *testing_store(void) { return svc_store(service); }

void testing_begin(bool auth, const char *const *settings) {
  static svc_definition definition;
  static const svc_definition *const services[] = {&definition, NULL};
  static const char *const defaults[] = {"llm", "fake", "chatbot_questions", "0", "chatbot_running", "0", NULL};
  size_t n = 0;
  for (const char *const *p = settings; p && *p; p++)
    given[n++] = *p;
  for (const char *const *p = defaults; *p; p++)
    given[n++] = *p;
  given[n] = NULL;
  definition = chatbot_definition;
  definition.open = open_service;
  testing_world = svc_world_new(&(svc_world_options){.services = services, .auth = auth, .settings = given});
  testing_token = NULL;
}

void testing_end(void) { svc_world_free(testing_world); }

static const pb_method *method_of(const ProtobufCMessageDescriptor *request) {
  const pb_service *s = &ponte_chatbot_v1_service;
  for (int i = 0; i < s->count; i++)
    if (s->methods[i].request == request) return &s->methods[i];
  return NULL;
}

svc_reply testing_ask(const ProtobufCMessage *request) {
  return svc_world_ask(testing_world, &(svc_question){.service = "chatbot",
                                                      .method = method_of(request->descriptor),
                                                      .request = request,
                                                      .token = testing_token});
}

const void *testing_need(svc_reply r) {
  if (r.code == OK && r.response) return r.response;
  printf("%d %s %s %s\n", r.code, r.reason, r.field, r.message);
  exit(1);
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

Ponte__Chatbot__V1__AddMaterialRequest testing_add_request(const char *title, int format, const char *content) {
  Ponte__Chatbot__V1__AddMaterialRequest r = PONTE__CHATBOT__V1__ADD_MATERIAL_REQUEST__INIT;
  r.title = (char *)title;
  r.format = (Ponte__Chatbot__V1__MaterialFormat)format;
  r.content = (char *)content;
  return r;
}

const char *testing_add(const char *title, int format, const char *content, bool shared) {
  Ponte__Chatbot__V1__AddMaterialRequest request = testing_add_request(title, format, content);
  request.shared = shared;
  svc_reply r = testing_ask(&request.base);
  CHECK_MSG(r.code == OK, "%s: %s %s %s", title, r.reason, r.field, r.message);
  return r.code == OK ? ((const Ponte__Chatbot__V1__Material *)r.response)->material_id : "";
}

svc_reply testing_get_material(const char *material_id) {
  Ponte__Chatbot__V1__GetMaterialRequest r = PONTE__CHATBOT__V1__GET_MATERIAL_REQUEST__INIT;
  r.material_id = (char *)material_id;
  return testing_ask(&r.base);
}

svc_reply testing_remove_material(const char *material_id) {
  Ponte__Chatbot__V1__RemoveMaterialRequest r = PONTE__CHATBOT__V1__REMOVE_MATERIAL_REQUEST__INIT;
  r.material_id = (char *)material_id;
  return testing_ask(&r.base);
}

svc_reply testing_append(const char *session_id, const testing_segment *segments, size_t count, bool shared) {
  Ponte__Chatbot__V1__AppendTranscriptRequest r = PONTE__CHATBOT__V1__APPEND_TRANSCRIPT_REQUEST__INIT;
  Ponte__Chatbot__V1__TranscriptSegment all[8], *list[8];
  for (size_t i = 0; i < count; i++) {
    ponte__chatbot__v1__transcript_segment__init(&all[i]);
    all[i].result_id = (char *)segments[i].result_id;
    all[i].start_ms = segments[i].start_ms;
    all[i].end_ms = segments[i].end_ms;
    all[i].text = (char *)segments[i].text;
    list[i] = &all[i];
  }
  r.session_id = (char *)session_id;
  r.title = (char *)"Live lesson";
  r.shared = shared;
  r.segments = list;
  r.n_segments = count;
  return testing_ask(&r.base);
}

svc_reply testing_resolve(const char *question, const char *context) {
  Ponte__Chatbot__V1__ChatbotDuvidaRequest r = PONTE__CHATBOT__V1__CHATBOT_DUVIDA_REQUEST__INIT;
  r.duvida = (char *)question;
  r.aula_contexto = (char *)context;
  return testing_ask(&r.base);
}

const char *testing_conversation(const char *title) {
  Ponte__Chatbot__V1__CreateConversationRequest r = PONTE__CHATBOT__V1__CREATE_CONVERSATION_REQUEST__INIT;
  r.title = (char *)title;
  svc_reply reply = testing_ask(&r.base);
  CHECK_INT(reply.code, OK);
  return reply.response ? ((const Ponte__Chatbot__V1__Conversation *)reply.response)->conversation_id : testing_nobody;
}

svc_reply testing_get_conversation(const char *conversation_id) {
  Ponte__Chatbot__V1__GetConversationRequest r = PONTE__CHATBOT__V1__GET_CONVERSATION_REQUEST__INIT;
  r.conversation_id = (char *)conversation_id;
  return testing_ask(&r.base);
}

/* -- streams ------------------------------------------------------------------------------------------------------- */

static void take_sources(testing_stream *s, const Ponte__Chatbot__V1__Sources *sources) {
  s->sources_count++;
  s->texts_before_sources = s->pieces;
  s->passages = sources->n_passages;
  if (sources->n_passages == 0) return;
  const Ponte__Chatbot__V1__Passage *p = sources->passages[0];
  snprintf(s->first_passage, sizeof s->first_passage, "%s", p->text);
  snprintf(s->first_material, sizeof s->first_material, "%s", p->material_id);
  snprintf(s->first_session, sizeof s->first_session, "%s", p->session_id);
  s->first_format = (int)p->format;
}

static void take_final(testing_stream *s, const Ponte__Chatbot__V1__Final *final) {
  s->finals++;
  s->finish = (int) final->finish_reason;
  snprintf(s->message_id, sizeof s->message_id, "%s", final->message_id);
  snprintf(s->engine, sizeof s->engine, "%s", final->engine);
  s->prompt_tokens = final->usage ? final->usage->prompt_tokens : -1;
  s->answer_tokens = final->usage ? final->usage->answer_tokens : -1;
  s->citations = final->n_citations;
  for (size_t i = 0; i < final->n_citations && i < 8; i++) {
    const Ponte__Chatbot__V1__Citation *from = final->citations[i];
    snprintf(s->cited[i].material_id, sizeof s->cited[i].material_id, "%s", from->material_id);
    snprintf(s->cited[i].quote, sizeof s->cited[i].quote, "%s", from->quote);
    snprintf(s->cited[i].title, sizeof s->cited[i].title, "%s", from->title);
    s->cited[i].number = from->number;
    s->cited[i].begin = from->begin;
    s->cited[i].end = from->end;
    s->cited[i].answer_offset = from->answer_offset;
    s->cited[i].start_ms = from->start_ms;
    s->cited[i].end_ms = from->end_ms;
  }
}

static bool take_part(void *ctx, const ProtobufCMessage *message) {
  testing_stream *s = ctx;
  const Ponte__Chatbot__V1__ResolveDuvidaStreamResponse *part =
      (const Ponte__Chatbot__V1__ResolveDuvidaStreamResponse *)message;
  s->after_final += s->finals > 0;
  switch (part->part_case) {
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_SOURCES: take_sources(s, part->sources); break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_TEXT:
    s->pieces++;
    snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%s", part->text);
    break;
  case PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_RESPONSE__PART_FINAL: take_final(s, part->final); break;
  default: CHECK(!"a part that is none");
  }
  return s->cancel_after == 0 || s->pieces < s->cancel_after;
}

Ponte__Chatbot__V1__ResolveDuvidaStreamRequest testing_stream_request(const char *question) {
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = PONTE__CHATBOT__V1__RESOLVE_DUVIDA_STREAM_REQUEST__INIT;
  r.duvida = (char *)question;
  return r;
}

void testing_ask_stream(const Ponte__Chatbot__V1__ResolveDuvidaStreamRequest *request, testing_stream *out) {
  int cancel_after = out->cancel_after;
  *out = (testing_stream){.cancel_after = cancel_after};
  out->reply = svc_world_ask(testing_world, &(svc_question){.service = "chatbot",
                                                            .method = method_of(request->base.descriptor),
                                                            .request = &request->base,
                                                            .token = testing_token,
                                                            .on_message = take_part,
                                                            .ctx = out});
  out->reply.response = NULL; /* it was shown already */
}

void testing_doubt(const char *question, testing_stream *out) {
  Ponte__Chatbot__V1__ResolveDuvidaStreamRequest r = testing_stream_request(question);
  testing_ask_stream(&r, out);
}
