/* held_session.h - a session of the users service as the client keeps it: what SignIn answered, when, and what its access token claims. And the bytes of its record.
 *
 * The token's claims are read for the page's sake (what to show, when to refresh) and prove nothing. Pure; one thread.
 */
#ifndef PONTE_WC_HELD_SESSION_H
#define PONTE_WC_HELD_SESSION_H

#include "base/buf.h"
#include "pb/arena.h"
#include "ponte/users/v1/users.pb-c.h"

enum { WC_ROLES_MAX = 8, WC_ROLE_SIZE = 32 };

typedef struct {
  pb_arena arena;
  const Ponte__Users__V1__Session *session; /* in the arena; NULL: none. It has a user, an access and a refresh token */
  int64_t since_ms;                         /* wall clock of this machine when it was asked for */
  int64_t lifetime_ms;                      /* of the access token; 0: unknown */
  bool one_time; /* its claims name no role: a one-time password, which is to be changed first */
  int role_count;
  char roles[WC_ROLES_MAX][WC_ROLE_SIZE];
} wc_held_session;

void wc_held_init(wc_held_session *h);
/* Forgets the session. */
void wc_held_clear(wc_held_session *h);
/* *to has what *from had; *from is empty. */
void wc_held_move(wc_held_session *to, wc_held_session *from);
/* Takes a copy of the answer. MALFORMED: it is no session. On failure *h is empty. */
base_err wc_held_take(wc_held_session *h, const Ponte__Users__V1__Session *answer, int64_t since_ms) BASE_MUST_USE;
/* The record's bytes, and back. MALFORMED: not written by this version; *h is empty then. */
base_err wc_held_write(const wc_held_session *h, base_buf *out) BASE_MUST_USE;
base_err wc_held_read(wc_held_session *h, base_span record) BASE_MUST_USE;
/* How long the access token is still good, for requests on their way too; 0: it is not, or nobody knows. */
int64_t wc_held_left_ms(const wc_held_session *h, int64_t wall_ms);
/* Its end has passed, or may have. */
bool wc_held_is_over(const wc_held_session *h, int64_t wall_ms);
bool wc_held_has_role(const wc_held_session *h, const char *role);

#endif
