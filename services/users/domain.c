#include "users/domain.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { PASSWORD_MIN = 8 };
static const users_refusal fine;

static users_refusal refuse(enum rpc_reason reason, const char *field, const char *why) {
  return (users_refusal){.reason = reason, .field = field, .why = why};
}

const char *users_role_name(enum users_role role) {
  static const char *const names[] = {"", "student", "teacher", "admin"};
  return (unsigned)role < sizeof names / sizeof *names ? names[role] : "";
}

/* -- texts ------------------------------------------------------------------------------------------------------------- */

static bool is_blank(utf8proc_int32_t c) { return c == ' ' || utf8proc_category(c) == UTF8PROC_CATEGORY_ZS; }

/* Joiners are format characters too, and names need them (Persian, emoji); what turns the text's direction is not needed. */
static bool is_refused(utf8proc_int32_t c) {
  switch (utf8proc_category(c)) {
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP: return true;
  default: return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
  }
}

users_refusal users_clean_name(const char *name, base_span *clean) {
  base_span s = base_span_str(name);
  const uint8_t *first = NULL, *last = NULL;
  for (size_t at = 0; at < s.n;) {
    utf8proc_int32_t c = 0;
    utf8proc_ssize_t n = utf8proc_iterate(s.p + at, (utf8proc_ssize_t)(s.n - at), &c);
    if (n <= 0) return refuse(RPC_REASON_INVALID_FIELD, "display_name", "must be UTF-8");
    if (is_refused(c)) {
      return refuse(RPC_REASON_INVALID_FIELD, "display_name", "must be one line without control characters");
    }
    if (!is_blank(c)) {
      first = first ? first : s.p + at;
      last = s.p + at + n;
    }
    at += (size_t)n;
  }
  if (!first) return refuse(RPC_REASON_INVALID_FIELD, "display_name", "must hold more than blanks");
  *clean = base_span_of(first, (size_t)(last - first));
  return fine;
}

users_refusal users_check_password(const char *password) {
  int count = 0;
  for (const char *p = password; *p; p++)
    count += ((unsigned char)*p & 0xC0) != 0x80; /* not a byte that goes on with a code point */
  return count >= PASSWORD_MIN ? fine : refuse(RPC_REASON_INVALID_FIELD, "password", "must have 8 characters or more");
}

base_err users_fold(base_span text, base_buf *out) {
  if (!text.n) return BASE_OK;
  /* utf8proc's shorthand for it, utf8proc_NFKC_Casefold(), takes a text with NUL only. */
  const utf8proc_option_t options =
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
  utf8proc_uint8_t *folded = NULL;
  utf8proc_ssize_t n = utf8proc_map(text.p, (utf8proc_ssize_t)text.n, &folded, options);
  if (n < 0) return base_fail(n == UTF8PROC_ERROR_NOMEM ? BASE_E_NO_MEMORY : BASE_E_MALFORMED);
  base_err e = base_buf_append(out, base_span_of(folded, (size_t)n));
  free(folded);
  return e;
}

base_err users_search_text(const users_user *user, base_buf *out) {
  BASE_TRY(users_fold(base_span_str(user->display_name), out));
  BASE_TRY(base_buf_u8(out, '\n'));
  return users_fold(base_span_str(user->email), out);
}

static base_err escape(base_span text, base_buf *out) {
  for (size_t i = 0; i < text.n; i++) {
    if (strchr("%_!", text.p[i]) && text.p[i]) BASE_TRY(base_buf_u8(out, '!'));
    BASE_TRY(base_buf_u8(out, text.p[i]));
  }
  return BASE_OK;
}

base_err users_search_pattern(const char *query, base_buf *out) {
  base_buf folded;
  base_buf_init(&folded, USERS_FOLDED_MAX);
  base_err e = users_fold(base_span_str(query), &folded);
  base_span text = base_span_trim(base_buf_span(&folded));
  if (base_is_ok(e)) e = base_buf_u8(out, '%');
  if (base_is_ok(e) && text.n) {
    e = escape(text, out);
    if (base_is_ok(e)) e = base_buf_u8(out, '%');
  }
  base_buf_dispose(&folded);
  return e;
}

/* -- changes ----------------------------------------------------------------------------------------------------------- */

unsigned users_mask(char *const *paths, size_t count, size_t *bad) {
  static const struct {
    const char *path;
    unsigned bit;
  } known[] = {{"display_name", USERS_SET_NAME}, {"email", USERS_SET_EMAIL}, {"role", USERS_SET_ROLE}};
  unsigned mask = 0;
  for (*bad = 0; *bad < count; ++*bad) {
    unsigned bit = 0;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
      bit |= strcmp(paths[*bad], known[k].path) == 0 ? known[k].bit : 0;
    if (!bit) return 0;
    mask |= bit;
  }
  return mask;
}

users_refusal users_change(users_user *user, const users_user *wanted, unsigned mask, bool by_admin) {
  if (mask & USERS_SET_NAME) user->display_name = wanted->display_name;
  if (mask & USERS_SET_EMAIL) {
    if (!*wanted->email) return refuse(RPC_REASON_INVALID_FIELD, "email", "must be an e-mail address");
    user->email = wanted->email;
  }
  if (mask & USERS_SET_ROLE) {
    if (wanted->role == USERS_ROLE_NONE) {
      return refuse(RPC_REASON_INVALID_FIELD, "role", "must be one of the roles");
    }
    if (wanted->role != user->role && !by_admin) {
      return refuse(RPC_REASON_NOT_ALLOWED, "role", "is changed by administrators only");
    }
    user->role = wanted->role;
  }
  return fine;
}

bool users_gives_up_admin(const users_user *before, const users_user *after) {
  bool was = before->role == USERS_ROLE_ADMIN && !before->delete_us;
  return was && (after->role != USERS_ROLE_ADMIN || after->delete_us);
}
