/* index.h - the passages of all material as they can be searched: derived from the store, and kept like it.
 *
 * Before a search, chatbot_index_follow() takes over what was committed since the last time, by this process or by others on the same store; when nothing was, it costs one read of one row. Any thread.
 * Errors: those of the store and of the search.
 */
#ifndef PONTE_CHATBOT_INDEX_H
#define PONTE_CHATBOT_INDEX_H

#include "search/search.h"
#include "store/store.h"

typedef struct chatbot_index chatbot_index;

/* Reads all material once. */
base_err chatbot_index_open(store *s, chatbot_index **out) BASE_MUST_USE;
void chatbot_index_close(chatbot_index *ix);
/* OK: searches see every change that was committed before this was called. */
base_err chatbot_index_follow(chatbot_index *ix) BASE_MUST_USE;
search *chatbot_index_search(chatbot_index *ix);
/* Of a live transcription, as far as it was followed; 0 when it is not known. */
size_t chatbot_index_live_passages(chatbot_index *ix, const char *material_id);

#endif
