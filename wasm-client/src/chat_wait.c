/* chat_wait.c - how long the service wants to be left alone after it refused a question: told in whole seconds until it can be retried. */
#include "wc/chat_int.h"
#include "wire/details.h"

static int64_t left_ms(const wc_chat *c, const wc_chat_entry *e) {
  int64_t left = e->retry_at_ms - wc_now_ms(c->plat);
  return e->m.state == WC_CHAT_FAILED && e->retry_at_ms && left > 0 ? left : 0;
}

void wc_chat_count_down(wc_chat *c) {
  int64_t next = 0;
  for (wc_chat_entry *e = c->list.first; e; e = e->next) {
    int64_t left = left_ms(c, e);
    int seconds = (int)((left + 999) / 1000);
    if (seconds != e->m.wait_s) wc_chat_changed(c, e, WC_CHAT_CHANGED_STATE);
    e->m.wait_s = seconds;
    if (seconds == 0) continue;
    int64_t turns = left - (int64_t)(seconds - 1) * 1000;
    if (!next || turns < next) next = turns;
  }
  if (next) c->plat->vt->timer_set(c->second, next);
}

void wc_chat_wait_from(wc_chat *c, wc_chat_entry *e, const wire_status *status) {
  wire_details_found found;
  (void)!base_is_ok(wire_details_read(status, &found)); /* malformed ones ask for nothing */
  e->retry_at_ms = found.retry_after_ms > 0 ? wc_now_ms(c->plat) + found.retry_after_ms : 0;
  wc_chat_count_down(c);
}
