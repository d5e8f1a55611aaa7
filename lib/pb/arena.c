#include "pb/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

/* The first chunk fits a small message and its strings; later ones double up to 64 KiB. */
enum { FIRST_CHUNK = 1024, MAX_CHUNK = 65536 };

#if defined(__SANITIZE_ADDRESS__)
#define ONE_EACH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_EACH 1
#endif
#endif
#ifndef ONE_EACH
#define ONE_EACH 0
#endif

struct pb_arena_chunk {
  struct pb_arena_chunk *next;
  size_t size, used;
  alignas(max_align_t) uint8_t bytes[];
};

void pb_arena_init(pb_arena *a, size_t cap_bytes) { *a = (pb_arena){.cap_bytes = cap_bytes}; }

void pb_arena_dispose(pb_arena *a) {
  for (struct pb_arena_chunk *c = a->chunks, *next; c; c = next) {
    next = c->next;
    free(c);
  }
  pb_arena_init(a, a->cap_bytes);
}

void pb_arena_join(pb_arena *to, pb_arena *from) {
  struct pb_arena_chunk **end = to->chunks ? &to->chunks->next : &to->chunks; /* the first one goes on being filled */
  struct pb_arena_chunk *rest = *end;
  *end = from->chunks;
  while (*end) {
    end = &(*end)->next;
  }
  *end = rest;
  pb_arena_init(from, from->cap_bytes);
}

static struct pb_arena_chunk *grow(pb_arena *a, size_t n) {
  size_t size = ONE_EACH ? n : a->chunks ? a->chunks->size * 2 : FIRST_CHUNK;
  size = size > MAX_CHUNK ? MAX_CHUNK : size;
  size = size < n ? n : size;
  struct pb_arena_chunk *c = malloc(sizeof *c + size);
  if (c == NULL) {
    return NULL;
  }
  *c = (struct pb_arena_chunk){.next = a->chunks, .size = size};
  a->chunks = c;
  return c;
}

void *pb_arena_alloc(pb_arena *a, size_t n) {
  const size_t align = alignof(max_align_t);
  if (n > a->cap_bytes || a->used_bytes > a->cap_bytes - n) {
    a->over_cap = true;
    return NULL;
  }
  size_t size = (n + align - 1) & ~(align - 1);
  struct pb_arena_chunk *c = a->chunks;
  if (ONE_EACH || c == NULL || size > c->size - c->used) {
    c = grow(a, ONE_EACH ? n : size);
    size = c && ONE_EACH ? n : size;
  }
  if (c == NULL) {
    a->no_memory = true;
    return NULL;
  }
  void *at = c->bytes + c->used;
  c->used += size;
  a->used_bytes += size;
  return at;
}

char *pb_arena_copy(pb_arena *a, base_span bytes) {
  char *copy = pb_arena_alloc(a, bytes.n + 1);
  if (copy == NULL) {
    return NULL;
  }
  if (bytes.n > 0) {
    memcpy(copy, bytes.p, bytes.n);
  }
  copy[bytes.n] = '\0';
  return copy;
}
