/* scripted.h - a notes service whose handlers are the test's own functions, set while no call runs; "front" has the peer "back", both are the same otherwise. Test code only. */
#ifndef PONTE_SVC_TESTING_SCRIPTED_H
#define PONTE_SVC_TESTING_SCRIPTED_H

#include "ponte/notes/v1/notes.ponte.svc.h"
#include "svc_testing/world.h"

typedef Ponte__Notes__V1__Note scripted_note;
typedef Ponte__Notes__V1__CreateNoteRequest scripted_create;
typedef Ponte__Notes__V1__GetNoteRequest scripted_get;
typedef Ponte__Notes__V1__ListNotesRequest scripted_list;
typedef Ponte__Notes__V1__ListNotesResponse scripted_listed;

/* NULL: answers at once, with nothing. */
typedef struct {
  base_err (*prepare)(svc_call *c, const scripted_create *request);
  base_err (*write)(svc_call *c, store_tx *tx, const scripted_create *request, scripted_note *response);
  base_err (*read)(svc_call *c, store_tx *tx, const scripted_get *request, scripted_note *response);
  base_err (*list)(svc_call *c, const scripted_list *request, scripted_listed *response);
  base_err (*stream)(svc_call *c, const scripted_list *request);
} scripted_steps;
extern scripted_steps scripted_front, scripted_back;
/* Handlers see it from their next call on. */
void scripted_play(scripted_steps *service, scripted_steps steps);
/* SCRIPTED(front, read, my_function); changes one step. */
#define SCRIPTED(which, step, function)        \
  do {                                         \
    scripted_steps steps__ = scripted_##which; \
    steps__.step = (function);                 \
    scripted_play(&scripted_##which, steps__); \
  } while (0)
extern svc_peer *scripted_peer; /* "back", as front sees it */
extern const svc_definition scripted_front_definition, scripted_back_definition;

enum { SCRIPTED_CREATE, SCRIPTED_GET, SCRIPTED_LIST, SCRIPTED_READ };

/* A question of "front": the four methods, with these texts (NULL: empty). */
svc_question scripted_question(int method, const ProtobufCMessage *request, const char *token);
svc_reply scripted_ask_create(svc_world *w, const char *token, const char *user_id, const char *text, const char *key);
svc_reply scripted_ask_get(svc_world *w, const char *token, const char *note_id);
svc_reply scripted_ask_list(svc_world *w, const char *token, const char *user_id, int page_size,
                            const char *page_token);
extern const char scripted_id[]; /* a valid note_id */

#endif
