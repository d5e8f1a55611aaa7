/* testing.h - what the tests of the chatbot share: a world with the service, and its methods as questions. Test code only; one world at a time. */
#ifndef PONTE_CHATBOT_TESTING_H
#define PONTE_CHATBOT_TESTING_H

#include "ponte/chatbot/v1/chatbot.ponte.h"
#include "svc_testing/world.h"

enum { OK = 0, CANCELLED = 1, INVALID = 3, NOT_FOUND = 5, DENIED = 7, EXHAUSTED = 8, PRECONDITION = 9, RANGE = 11 };
enum { UNAVAILABLE = 14, UNAUTHENTICATED = 16 };
enum { MARKDOWN = 1, PLAIN = 2, SRT = 3, VTT = 4, LIVE = 5 };
enum { STOP = 1, NOT_IN_MATERIAL = 2, MAX_TOKENS = 3, SAFETY = 4 };

extern svc_world *testing_world;
extern const char *testing_token;   /* of the next questions; NULL: none */
extern const char testing_lesson[]; /* Markdown about photosynthesis */
extern const char testing_nobody[]; /* an id of nothing */

/* The scripted engine, no limit of questions; settings (key, value, ..., NULL; may be NULL) come before both. */
void testing_begin(bool auth, const char *const *settings);
void testing_end(void);
/* The running service's own store, for states that take too many questions to get to. */
store *testing_store(void);
svc_reply testing_ask(const ProtobufCMessage *request);
/* The response; ends the program when there is none. */
const void *testing_need(svc_reply r);

/* -- requests ------------------------------------------------------------------------------------------------------ */

Ponte__Chatbot__V1__AddMaterialRequest testing_add_request(const char *title, int format, const char *content);
/* The new material's id, as long as the world; "" when it failed. */
const char *testing_add(const char *title, int format, const char *content, bool shared);
svc_reply testing_get_material(const char *material_id);
svc_reply testing_remove_material(const char *material_id);

typedef struct {
  const char *result_id;
  int64_t start_ms, end_ms;
  const char *text;
} testing_segment;
svc_reply testing_append(const char *session_id, const testing_segment *segments, size_t count, bool shared);
svc_reply testing_resolve(const char *question, const char *context);
const char *testing_conversation(const char *title);
svc_reply testing_get_conversation(const char *conversation_id);

/* -- streams ------------------------------------------------------------------------------------------------------- */

/* What a stream said; texts and messages are copies that live as long as the world. */
typedef struct {
  svc_reply reply;
  char text[65536];
  int pieces, sources_count, finals, texts_before_sources, after_final;
  size_t passages;
  char first_passage[2048], first_material[64], first_session[128];
  int first_format;
  int finish;
  char message_id[64], engine[32];
  int64_t prompt_tokens, answer_tokens;
  size_t citations;
  struct {
    char material_id[64], quote[512], title[128];
    int number, begin, end, answer_offset;
    int64_t start_ms, end_ms;
  } cited[8];
  int cancel_after; /* pieces; 0: never */
} testing_stream;

Ponte__Chatbot__V1__ResolveDuvidaStreamRequest testing_stream_request(const char *question);
void testing_ask_stream(const Ponte__Chatbot__V1__ResolveDuvidaStreamRequest *request, testing_stream *out);
/* The question alone. */
void testing_doubt(const char *question, testing_stream *out);

#endif
