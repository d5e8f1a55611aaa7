/* domain.h - the rules about users: how names and e-mail addresses are compared, what may be changed, by whom, and that an administrator remains.
 *
 * Pure; any thread. What pb_validate() checks by the options of users.proto (lengths, well-formed addresses, known roles) is taken as checked.
 * Sources: Unicode Standard 3.13, toNFKC_Casefold (by utf8proc); google.aip.dev/161 (field masks).
 */
#ifndef PONTE_USERS_DOMAIN_H
#define PONTE_USERS_DOMAIN_H

#include "base/buf.h"
#include "rpc/error.h"

enum users_role { USERS_ROLE_NONE, USERS_ROLE_STUDENT, USERS_ROLE_TEACHER, USERS_ROLE_ADMIN };

/* A record. Texts are borrowed; never NULL in what a store gives. */
typedef struct {
  const char *user_id, *display_name, *email;
  enum users_role role;
  int64_t create_us, update_us;
  int64_t delete_us; /* 0: not deleted */
} users_user;

/* Why something cannot be; RPC_REASON_NONE: it can. The texts are static. */
typedef struct {
  enum rpc_reason reason;
  const char *field; /* within a User */
  const char *why;
} users_refusal;

/* "student", as in tokens and policies; "" for none. */
const char *users_role_name(enum users_role role);

/* The text without the blanks around it, in *clean (borrowed). Refused: nothing but blanks; control characters, line breaks and marks that turn the direction of
 * the text around them, because a name is shown beside others'. */
users_refusal users_clean_name(const char *name, base_span *clean);
/* 8 code points or more. */
users_refusal users_check_password(const char *password);

enum { USERS_FOLDED_MAX = 8192 };
/* Appends the text as it is compared: NFKC_Casefold. MALFORMED: not UTF-8. */
base_err users_fold(base_span text, base_buf *out) BASE_MUST_USE;
/* Appends what a query is searched in: name and address, folded, in two lines. */
base_err users_search_text(const users_user *user, base_buf *out) BASE_MUST_USE;
/* Appends the pattern of LIKE ... ESCAPE '!' for texts that hold the query; "%" for one of blanks. */
base_err users_search_pattern(const char *query, base_buf *out) BASE_MUST_USE;

enum { USERS_SET_NAME = 1, USERS_SET_EMAIL = 2, USERS_SET_ROLE = 4 };
/* The fields that a mask names; 0 with the index of the path at fault in *bad if one cannot be set, or with count if there is none. */
unsigned users_mask(char *const *paths, size_t count, size_t *bad);
/* Sets the fields of the mask to what `wanted` says; its name is a clean one. */
users_refusal users_change(users_user *user, const users_user *wanted, unsigned mask, bool by_admin);
/* True if `after` is no administrator who can sign in although `before` was: then another one must remain. */
bool users_gives_up_admin(const users_user *before, const users_user *after);

#endif
