/* fake_users.h - the users service behind a fake_gateway: one user, any number of sessions whose refresh tokens are "session.generation" and good once; it counts what must not happen.
 * Test code only. */
#ifndef PONTE_WC_FAKE_USERS_H
#define PONTE_WC_FAKE_USERS_H

#include "wc/fake/fake_unary.h"

enum { FAKE_USERS_SESSIONS = 32, FAKE_USERS_LIFETIME_S = 900 };

typedef struct {
  fake_unary unary;
  char password[32];
  bool one_time;
  int sessions, generation[FAKE_USERS_SESSIONS]; /* -1: ended */
  int refreshes, reuses, sign_outs;
  int lose;      /* so many next answers are lost with their connection */
  int fail_code; /* of what comes next; 0 = none */
  const char *fail_reason;
  char log[512]; /* the methods called */
} fake_users;

void fake_users_init(fake_users *u, uint64_t seed, const char *password);
void fake_users_dispose(fake_users *u);

#endif
