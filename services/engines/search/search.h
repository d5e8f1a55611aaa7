/* search.h - the passages of all material, found by their words: SQLite FTS5 with BM25, accents folded, Portuguese and English words by their stems.
 *
 * An index is derived data: it lives in this process and is built from the service's store, which is what counts. Any thread may call anything; searches run beside each
 * other and see every passage whose search_put() has returned.
 *
 * Errors: NO_MEMORY, INTERNAL (SQLite failed; logged).
 */
#ifndef PONTE_SEARCH_SEARCH_H
#define PONTE_SEARCH_SEARCH_H

#include "base/buf.h"

typedef struct search search;

typedef struct {
  const char *material_id; /* "" only in search_query.extra */
  int ordinal;             /* of the passage in its material, from 0 */
  const char *title, *heading;
  const char *owner;        /* whose it is; "" while nobody has an identity */
  bool shared;              /* everybody may be answered from it */
  size_t begin, end;        /* in the material's text */
  int64_t start_ms, end_ms; /* -1: no times */
  base_span text;           /* bytes [begin, end) of the material; UTF-8 */
} search_passage;

base_err search_open(search **out) BASE_MUST_USE;
/* NULL is allowed. */
void search_close(search *s);
/* Adds them or, where (material_id, ordinal) is there, takes their place; all of them or, after an error, none. */
base_err search_put(search *s, const search_passage *passages, size_t count) BASE_MUST_USE;
/* All passages of a material; OK if there are none. */
base_err search_remove(search *s, const char *material_id) BASE_MUST_USE;
size_t search_count(search *s);

typedef struct {
  const char *text; /* the question */
  const char
      *earlier; /* the question before it in the conversation, which gives "and why?" its subject; NULL or "": none */
  const char *owner;               /* passages of this owner and shared ones */
  bool all;                        /* those of all owners: authentication is off, or it is an administrator */
  const char *const *material_ids; /* only these; count 0: all */
  size_t material_count;
  const char *first_material;  /* wins a draw, and a little more: the lesson that runs. NULL: none */
  const search_passage *extra; /* ranked with the others, though they are in no index */
  size_t extra_count;
  size_t limit; /* of hits; at most SEARCH_HITS_MAX */
} search_query;

enum { SEARCH_HITS_MAX = 16 };

typedef struct {
  search_passage passage; /* its texts belong to the hits */
  double score;           /* comparable within one search only */
  double
      support; /* 0..1: how much of what was asked stands in it, rare words weighing more than common ones; comparable between searches */
} search_hit;

typedef struct {
  search_hit hits[SEARCH_HITS_MAX]; /* the best first */
  size_t count;
  void *memory;
} search_hits;

base_err search_find(search *s, const search_query *query, search_hits *out) BASE_MUST_USE;
/* Zeroed hits may be disposed. */
void search_hits_dispose(search_hits *h);

#endif
