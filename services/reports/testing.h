/* testing.h - reports asked for in tests, told in one line of text each, so that tables can hold what they should be. Test code only; single thread. */
#ifndef PONTE_REPORTS_TESTING_H
#define PONTE_REPORTS_TESTING_H

#include "ponte/reports/v1/reports.pb-c.h"
#include "svc/testing/world.h"

enum { REPORTS_TEXT_SIZE = 4096 };

/* Who asks; NULL: nobody. Of all questions that follow. */
extern const char *reports_token;

/* Each gives the reply and, in out, what it said: "" when it failed. Periods are days since 1970; 0: unbounded. */

/* "Alice 3 BRL 3000 EUR 50 | 100: 2 BRL 3000 | 101: 1 EUR 50 | missing users". Without the user: "-". */
svc_reply reports_ask_user(svc_world *w, const char *user_id, int period, int64_t start_day, int64_t end_day,
                           char out[REPORTS_TEXT_SIZE]);
/* "100: 2 BRL 3000 | 101: 1 EUR 50". */
svc_reply reports_ask_sales(svc_world *w, int period, int64_t start_day, int64_t end_day, char out[REPORTS_TEXT_SIZE]);
/* "1 Alice 2 BRL 7500 | 2 - 1 BRL 8000 missing users". */
svc_reply reports_ask_top(svc_world *w, const Ponte__Reports__V1__TopUsersRequest *request,
                          char out[REPORTS_TEXT_SIZE]);
/* The file is appended to *csv; of each chunk *missing gets "0" or "1". Both may be NULL. Each chunk is looked at: whole lines. */
svc_reply reports_ask_export(svc_world *w, const char *user_id, int64_t timeout_ms, base_buf *csv,
                             char missing[REPORTS_TEXT_SIZE]);

#endif
