#include "material/markdown_memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Measured: a megabyte of Markdown takes 250 MB when each of its bytes makes a node ("[[[["), 20 MB when people write it. */
#define CEILING_BYTES ((size_t)512 << 20)

typedef struct block {
  struct block *previous, *next;
  size_t size;
  max_align_t bytes[];
} block;

typedef struct {
  jmp_buf out;
  block *blocks;
  size_t size;
} memory;

/* Not on the stack of the caller: what is changed between setjmp() and longjmp() has no certain value there. */
static memory own;
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER; /* whoever holds it owns `own` */

static void link_block(block *b) {
  b->previous = NULL;
  b->next = own.blocks;
  if (b->next) b->next->previous = b;
  own.blocks = b;
  own.size += b->size;
}

static void unlink_block(block *b) {
  *(b->previous ? &b->previous->next : &own.blocks) = b->next;
  if (b->next) b->next->previous = b->previous;
  own.size -= b->size;
}

static block *block_of(void *p) { return (block *)((char *)p - offsetof(block, bytes)); }

static void *take(size_t size, block *old) {
  if (size > CEILING_BYTES - own.size) longjmp(own.out, 1);
  block *b = malloc(sizeof *b + size);
  if (!b) longjmp(own.out, 1);
  b->size = size;
  size_t kept = old ? (old->size < size ? old->size : size) : 0;
  if (kept) memcpy(b->bytes, old->bytes, kept);
  memset((char *)b->bytes + kept, 0, size - kept);
  link_block(b);
  return b->bytes;
}

static void mem_free(void *p) {
  if (!p) return;
  block *b = block_of(p);
  unlink_block(b);
  free(b);
}

static void *mem_calloc(size_t count, size_t size) {
  if (size && count > CEILING_BYTES / size) longjmp(own.out, 1);
  return take(count * size, NULL);
}

static void *mem_realloc(void *p, size_t size) {
  void *grown = take(size, p ? block_of(p) : NULL);
  mem_free(p);
  return grown;
}

static void free_all(void) {
  while (own.blocks)
    mem_free(own.blocks->bytes);
}

base_err markdown_memory_run(base_err (*read)(cmark_mem *mem, void *ctx), void *ctx) {
  static cmark_mem mem = {mem_calloc, mem_realloc, mem_free};
  pthread_mutex_lock(&reading);
  if (setjmp(own.out) != 0) {
    free_all();
    pthread_mutex_unlock(&reading);
    return base_fail(BASE_E_NO_MEMORY);
  }
  base_err e = read(&mem, ctx);
  free_all();
  pthread_mutex_unlock(&reading);
  return e;
}
