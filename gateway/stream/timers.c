#include "gateway/stream/timers.h"

#include <stddef.h>

/* Of two heaps one; either may be NULL. The roots have no siblings. */
static gw_timer *merge(gw_timer *a, gw_timer *b) {
  if (a == NULL || b == NULL) {
    return a ? a : b;
  }
  if (b->at_ms < a->at_ms) {
    gw_timer *later = a;
    a = b;
    b = later;
  }
  b->prev = a;
  b->next = a->child;
  if (b->next) {
    b->next->prev = b;
  }
  a->child = b;
  return a;
}

static gw_timer *take(gw_timer **list) {
  gw_timer *timer = *list;
  if (timer) {
    *list = timer->next;
    timer->next = timer->prev = NULL;
  }
  return timer;
}

/* Siblings become one heap: in pairs first, then from the last pair to the first, which is what keeps the cost logarithmic. */
static gw_timer *merge_all(gw_timer *siblings) {
  gw_timer *pairs = NULL, *root = NULL;
  while (siblings) {
    gw_timer *a = take(&siblings), *pair = merge(a, take(&siblings));
    pair->next = pairs;
    pairs = pair;
  }
  while (pairs) {
    root = merge(root, take(&pairs));
  }
  return root;
}

void gw_timer_cancel(gw_timers *heap, gw_timer *timer) {
  if (!timer->is_set) {
    return;
  }
  gw_timer *orphans = merge_all(timer->child);
  if (heap->first == timer) {
    heap->first = orphans;
  } else {
    gw_timer **link = timer->prev->child == timer ? &timer->prev->child : &timer->prev->next;
    *link = timer->next;
    if (timer->next) {
      timer->next->prev = timer->prev;
    }
    heap->first = merge(heap->first, orphans);
  }
  timer->child = timer->next = timer->prev = NULL;
  timer->is_set = false;
}

void gw_timer_set(gw_timers *heap, gw_timer *timer, int64_t at_ms) {
  gw_timer_cancel(heap, timer);
  timer->at_ms = at_ms;
  timer->is_set = true;
  heap->first = merge(heap->first, timer);
  if (heap->first == timer && heap->on_earlier) {
    heap->on_earlier(heap->ctx, at_ms);
  }
}

void gw_timers_run(gw_timers *heap, int64_t now_ms) {
  while (heap->first && heap->first->at_ms <= now_ms) {
    gw_timer *due = heap->first;
    gw_timer_cancel(heap, due);
    due->fn(due, now_ms);
  }
}
