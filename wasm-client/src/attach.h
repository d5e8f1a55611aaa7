/* attach.h - keeps a live transcription as material to ask about: its final results go to ChatbotService.AppendTranscript as they come, in small batches, over any ponte_channel.
 *
 * One call at a time; what comes meanwhile is the next batch. What got no answer is sent again, which is harmless: the service leaves out the results that it has. Without an identity, where
 * one is needed, results wait for it, at most WC_ATTACH_ITEMS_MAX of them. With wc_attach_keep() what waits longer than a moment stands in the platform's record "attach", as much as fits
 * there (WC_RECORD_MAX, the oldest first), and is sent by the next page that starts, or by another one whose turn comes (the lock "attach"); only for the reader that it is of: at a
 * shared machine what was said before anybody signed in must not become the next one's, so from the record it is sent without an identity or not at all.
 *
 * Thread rule: that of the channel; on_state comes from its loop, never from inside a function.
 */
#ifndef PONTE_WC_ATTACH_H
#define PONTE_WC_ATTACH_H

#include "pb/channel.h"
#include "ponte/transcription/v1/transcription.pb-c.h"
#include "wc/plat.h"

typedef struct wc_attach wc_attach;

/* Of a batch: its results, and the bytes of their texts unless it is a single one. */
enum { WC_ATTACH_ITEMS_MAX = 20000, WC_ATTACH_BATCH_MAX = 100, WC_ATTACH_BATCH_BYTES_MAX = 256 * 1024 };

/*      name           meaning */
#define WC_ATTACH_STATES(X)                                   \
  X(NOTHING) /* to keep yet, or of this reader any more */    \
  X(SAVING)                                                   \
  X(SAVED)         /* all that was said is searchable */      \
  X(WAITING)       /* sent again soon; the status says why */ \
  X(NEEDS_SIGN_IN) /* the service wants to know who asks */   \
  X(REFUSED)       /* not kept, and why; until the next recording */

enum wc_attach_state {
#define X(name) WC_ATTACH_##name,
  WC_ATTACH_STATES(X)
#undef X
};

/* `status`: why (WAITING, NEEDS_SIGN_IN, REFUSED), else NULL. */
typedef void wc_attach_on_state(void *ctx, enum wc_attach_state state, const wire_status *status);

base_err wc_attach_new(wc_plat *plat, ponte_channel *channel, wc_attach_on_state *on_state, void *ctx,
                       wc_attach **out) BASE_MUST_USE; /* NO_MEMORY */
/* Of all calls, for channels that carry no token themselves; borrowed. NULL: none. */
void wc_attach_set_metadata(wc_attach *a, const wire_metadata *metadata);
/* Ends a running call without callbacks. NULL is allowed. Not from inside a callback. */
void wc_attach_free(wc_attach *a);
/* A recording begins: what is added from now on is of this session. `title` and `shared` are the material's. Copies. NO_MEMORY: nothing of it will be kept. */
base_err wc_attach_begin(wc_attach *a, const char *session_id, const char *title, bool shared) BASE_MUST_USE;
/* Takes the finals, and no other results. EXHAUSTED: too many wait; NO_MEMORY. */
base_err wc_attach_add(wc_attach *a, const Ponte__Transcription__V1__TranscriptionResult *result) BASE_MUST_USE;
/* What waits is kept in the platform's record from now on, and what another page has left there is sent. */
void wc_attach_keep(wc_attach *a);
/* Who is signed in; what was said here before that is theirs too, and what another reader has left is forgotten. NO_MEMORY. */
base_err wc_attach_set_reader(wc_attach *a, const char *user_id) BASE_MUST_USE;
/* Nothing waits: all was kept, or refused for good. */
bool wc_attach_is_settled(const wc_attach *a);
/* Somebody has signed in, or the network came back: send what waits, here and in the record. */
void wc_attach_retry_now(wc_attach *a);
/* The reader has gone: what was not sent yet, and the rest of this recording, is not for who comes next; the record loses it too. NOTHING follows. Without a reader nothing happens. */
void wc_attach_forget(wc_attach *a);

#endif
