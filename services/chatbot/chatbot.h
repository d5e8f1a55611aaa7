/* chatbot.h - what the files of the service share: its state, and the handlers (a noun a file). */
#ifndef PONTE_CHATBOT_CHATBOT_H
#define PONTE_CHATBOT_CHATBOT_H

#include <stdatomic.h>

#include "chatbot/index.h"
#include "chatbot/limits.h"
#include "chatbot/running.h"
#include "llm/llm.h"
#include "ponte/chatbot/v1/chatbot.ponte.svc.h"

/* One service; of all its calls. */
typedef struct {
  store *store;
  chatbot_index *index;
  llm *llm;
  chatbot_limits *limits;
  chatbot_running running;
  int64_t material_bytes; /* that one owner may keep; 0: any number */
  _Atomic int unary;      /* whole answers being written */
} chatbot;

/* materials.c */
base_err chatbot_add_material_prepare(svc_call *c, const Ponte__Chatbot__V1__AddMaterialRequest *request);
base_err chatbot_add_material(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__AddMaterialRequest *request,
                              Ponte__Chatbot__V1__Material *response);
base_err chatbot_get_material(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__GetMaterialRequest *request,
                              Ponte__Chatbot__V1__Material *response);
base_err chatbot_list_materials(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__ListMaterialsRequest *request,
                                Ponte__Chatbot__V1__ListMaterialsResponse *response);
base_err chatbot_remove_material(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__RemoveMaterialRequest *request,
                                 Google__Protobuf__Empty *response);
/* Material that everybody is answered from is given by teachers and administrators. */
base_err chatbot_require_sharing(svc_call *c, bool shared) BASE_MUST_USE;

/* For so many more of the caller's materials and of their bytes: QUOTA_EXCEEDED. Without an identity there is one owner, who has no limit. */
base_err chatbot_require_room(svc_call *c, store_tx *tx, int materials, int64_t bytes) BASE_MUST_USE;

/* transcript.c */
base_err chatbot_append_transcript(svc_call *c, const Ponte__Chatbot__V1__AppendTranscriptRequest *request,
                                   Ponte__Chatbot__V1__AppendTranscriptResponse *response);

/* doubts.c */
base_err chatbot_resolve_duvida(svc_call *c, const Ponte__Chatbot__V1__ChatbotDuvidaRequest *request,
                                Ponte__Chatbot__V1__ChatbotDuvidaResponse *response);
base_err chatbot_resolve_duvida_stream(svc_call *c, const Ponte__Chatbot__V1__ResolveDuvidaStreamRequest *request);

/* conversations.c */
base_err chatbot_create_conversation(svc_call *c, store_tx *tx,
                                     const Ponte__Chatbot__V1__CreateConversationRequest *request,
                                     Ponte__Chatbot__V1__Conversation *response);
base_err chatbot_get_conversation(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__GetConversationRequest *request,
                                  Ponte__Chatbot__V1__GetConversationResponse *response);
base_err chatbot_list_conversations(svc_call *c, store_tx *tx,
                                    const Ponte__Chatbot__V1__ListConversationsRequest *request,
                                    Ponte__Chatbot__V1__ListConversationsResponse *response);
base_err chatbot_delete_conversation(svc_call *c, store_tx *tx,
                                     const Ponte__Chatbot__V1__DeleteConversationRequest *request,
                                     Google__Protobuf__Empty *response);
base_err chatbot_give_feedback(svc_call *c, store_tx *tx, const Ponte__Chatbot__V1__GiveFeedbackRequest *request,
                               Google__Protobuf__Empty *response);

#endif
