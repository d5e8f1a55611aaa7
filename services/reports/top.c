#include "reports/top.h"

#include <stdlib.h>
#include <string.h>

static int compare_numbers(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* > 0: a is better. */
static int compare(const reports_user *a, const reports_user *b, const reports_rule *rule) {
  int counts = compare_numbers(a->order_count, b->order_count), totals = 0;
  if (rule->currency_code[0]) {
    totals = compare_numbers(reports_totals_get(&a->totals, rule->currency_code),
                             reports_totals_get(&b->totals, rule->currency_code));
  }
  int first = rule->by == REPORTS_BY_COUNT ? counts : totals, second = rule->by == REPORTS_BY_COUNT ? totals : counts;
  if (first) return first;
  return second ? second : strcmp(b->user_id, a->user_id);
}

static void swap(reports_user *a, reports_user *b) {
  reports_user c = *a;
  *a = *b;
  *b = c;
}

static bool is_worse(const reports_top *t, size_t a, size_t b) {
  return compare(&t->users[a], &t->users[b], &t->rule) < 0;
}

static void rise(reports_top *t, size_t i) {
  for (; i > 0 && is_worse(t, i, (i - 1) / 2); i = (i - 1) / 2)
    swap(&t->users[i], &t->users[(i - 1) / 2]);
}

/* In the first n of the heap. */
static void sink(reports_top *t, size_t i, size_t n) {
  for (;;) {
    size_t worst = i, left = 2 * i + 1, right = left + 1;
    if (left < n && is_worse(t, left, worst)) worst = left;
    if (right < n && is_worse(t, right, worst)) worst = right;
    if (worst == i) return;
    swap(&t->users[i], &t->users[worst]);
    i = worst;
  }
}

base_err reports_top_init(reports_top *t, size_t limit, reports_rule rule) {
  *t = (reports_top){.rule = rule, .users = calloc(limit, sizeof *t->users), .limit = limit};
  return t->users ? BASE_OK : base_fail(BASE_E_NO_MEMORY);
}

void reports_top_dispose(reports_top *t) {
  for (size_t i = 0; t->users && i < t->limit; i++)
    reports_totals_dispose(&t->users[i].totals);
  free(t->users);
  *t = (reports_top){0};
}

void reports_top_offer(reports_top *t, reports_user *user) {
  if (t->count < t->limit) {
    swap(&t->users[t->count], user);
    rise(t, t->count++);
  } else if (compare(user, &t->users[0], &t->rule) > 0) {
    swap(&t->users[0], user);
    sink(t, 0, t->count);
  }
  /* What came back is the user that is not kept, or a free row: its memory serves the next. */
  user->order_count = 0;
  reports_totals_clear(&user->totals);
}

void reports_top_sort(reports_top *t, reports_rule rule) {
  t->rule = rule;
  for (size_t i = t->count; i-- > 0;)
    sink(t, i, t->count);
  for (size_t n = t->count; n > 1; n--) {
    swap(&t->users[0], &t->users[n - 1]);
    sink(t, 0, n - 1);
  }
}
