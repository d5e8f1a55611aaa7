/* fake_chatbot.h - ChatbotService behind a fake_gateway: it answers each question in pieces, keeps what it answered by idempotency key, and counts. Test code only.
 *
 * Every answer is "Re: <question> [1]." in FAKE_PIECES pieces, resting on one passage. A key whose answer is whole is told again, and nothing is counted as answered anew.
 */
#ifndef PONTE_WC_FAKE_CHATBOT_H
#define PONTE_WC_FAKE_CHATBOT_H

#include "ponte/chatbot/v1/chatbot.pb-c.h"
#include "wc/fake/fake_gateway.h"

enum { FAKE_PIECES = 4, FAKE_ROWS = 64, FAKE_CALLS = 256 };

typedef struct {
  char key[128], question[256], conversation[64];
  bool whole;
  int answered; /* times that an answer was worked out to its end */
  Ponte__Chatbot__V1__Rating rating;
} fake_row;

typedef struct {
  wc_socket *socket;
  uint32_t call;
  char path[128];
  wire_frame_decoder frames;
  base_buf message;
  bool over;
} fake_chat_call;

typedef struct {
  fake_gateway gw;
  fake_row rows[FAKE_ROWS];
  int row_count;
  fake_chat_call calls[FAKE_CALLS];
  int call_count;
  int conversations, cancelled;
  int cut_after;                           /* drops the connection after so many pieces of an answer, then is 0 */
  int hang_after;                          /* says so many pieces of an answer and no more; -1: says all */
  bool no_final;                           /* ends a stream with OK and without `final` */
  bool endless;                            /* says pieces until the caller has enough */
  Ponte__Chatbot__V1__FinishReason finish; /* of new answers; STOP */
  int refuse_code;                         /* of questions; 0: answers */
  const char *refuse_reason;               /* or NULL */
  int64_t refuse_retry_ms;                 /* with a reason only: RetryInfo; 0: none */
  const char *refuse_method;               /* "CreateConversation", ...; NULL: ResolveDuvidaStream */
} fake_chatbot;

void fake_chatbot_init(fake_chatbot *s, uint64_t seed);
void fake_chatbot_dispose(fake_chatbot *s);
/* NULL if the question never came. */
const fake_row *fake_chatbot_row(const fake_chatbot *s, const char *question);

#endif
