#include "users/domain.h"

#include "base/test.h"

/* A text of bytes that no source file should hold. */
#define BLANKS "\xC2\xA0 \xE2\x80\x83"

static void names_are_trimmed_and_refused(void) {
  static const struct {
    const char *given, *clean, *reason;
  } rows[] = {
      {"Alice", "Alice", "as it is"},
      {"  Alice Silva ", "Alice Silva", "blanks around it"},
      {BLANKS "Ana" BLANKS, "Ana", "blanks of Unicode"},
      {"Jo\xC3\xA3o", "Jo\xC3\xA3o", "two bytes a letter"},
      {"\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xA2", "\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xA2",
       "a joiner is part of Persian names"},
      {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x8F\xAB", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x8F\xAB", "and of emoji"},
      {"", NULL, "empty"},
      {"   ", NULL, "blanks"},
      {BLANKS, NULL, "only blanks of Unicode"},
      {"Al\nice", NULL, "a line break"},
      {"Alice\n", NULL, "a line break at the end"},
      {"\tAlice", NULL, "a tab"},
      {"Al\x1B[31mice", NULL, "an escape sequence"},
      {"Al\x7F", NULL, "DEL"},
      {"Al\xC2\x85ice", NULL, "NEL"},
      {"Al\xE2\x80\xA8ice", NULL, "LINE SEPARATOR"},
      {"Al\xE2\x80\xA9ice", NULL, "PARAGRAPH SEPARATOR"},
      {"\xE2\x80\xAE"
       "ecilA",
       NULL, "RIGHT-TO-LEFT OVERRIDE"},
      {"Al\xE2\x81\xA6ice", NULL, "LEFT-TO-RIGHT ISOLATE"},
      {"Al\xFFice", NULL, "no UTF-8"},
      {"Al\xC3", NULL, "a letter cut in two"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_span clean = {0};
    users_refusal r = users_clean_name(rows[i].given, &clean);
    CHECK_MSG((r.reason == RPC_REASON_NONE) == (rows[i].clean != NULL), "%s: %s", rows[i].reason, r.why ? r.why : "");
    if (rows[i].clean) {
      CHECK_MSG(base_span_is(clean, rows[i].clean), "%s: \"%.*s\"", rows[i].reason, BASE_SPAN_ARG(clean));
    } else {
      CHECK_MSG(r.reason == RPC_REASON_INVALID_FIELD && r.field && strcmp(r.field, "display_name") == 0, "%s",
                rows[i].reason);
    }
  }
}

static void passwords_have_eight_characters(void) {
  static const struct {
    const char *password;
    bool good;
  } rows[] = {{"12345678", true},
              {"correct horse battery staple", true},
              {"\xC3\xA7\xC3\xA3\xC3\xB5\xC3\xA9\xC3\xAA\xC3\xAD\xC3\xB3\xC3\xBA", true},
              {"1234567", false},
              {"", false},
              {"\xC3\xA7\xC3\xA3\xC3\xB5\xC3\xA9", false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_MSG((users_check_password(rows[i].password).reason == RPC_REASON_NONE) == rows[i].good, "row %zu", i);
}

static void folds_what_is_the_same(void) {
  static const struct {
    const char *text, *folded, *reason;
  } rows[] = {
      {"", "", "nothing"},
      {"Alice@Example.COM", "alice@example.com", "ASCII"},
      {"JO\xC3\x83O", "jo\xC3\xA3o", "beyond ASCII"},
      {"Joa\xCC\x83o", "jo\xC3\xA3o", "a letter and its tilde are one"},
      {"Stra\xC3\x9F"
       "e",
       "strasse", "full folding, not letter by letter"},
      {"\xEF\xBC\xA1lice", "alice", "full-width letters (NFKC)"},
      {"\xEF\xAC\x81n", "fin", "a ligature"},
      {"\xCE\xA3\xCF\x83\xCF\x82", "\xCF\x83\xCF\x83\xCF\x83", "both ends of a sigma"},
      {"al\xC2\xADice", "alice", "what cannot be seen is left out"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_buf out;
    base_buf_init(&out, USERS_FOLDED_MAX);
    CHECK_OK(users_fold(base_span_str(rows[i].text), &out));
    CHECK_MSG(base_span_is(base_buf_span(&out), rows[i].folded), "%s: \"%.*s\"", rows[i].reason,
              BASE_SPAN_ARG(base_buf_span(&out)));
    base_buf_dispose(&out);
  }
  static const char *const bad[] = {"\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\xAF"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    base_buf out;
    base_buf_init(&out, USERS_FOLDED_MAX);
    CHECK_ERR(users_fold(base_span_str(bad[i]), &out), BASE_E_MALFORMED);
    CHECK_INT(base_buf_size(&out), 0);
    base_buf_dispose(&out);
  }
  base_buf small;
  base_buf_init(&small, 4);
  CHECK_ERR(users_fold(base_span_str("alice"), &small), BASE_E_TOO_LARGE);
  base_buf_dispose(&small);
}

/* RFC 3629, for code points that are no surrogates. */
static base_span encode(uint32_t c, uint8_t out[4]) {
  if (c < 0x80) {
    out[0] = (uint8_t)c;
    return base_span_of(out, 1);
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n - 1; i > 0; i--, c >>= 6)
    out[i] = (uint8_t)(0x80 | (c & 0x3F));
  out[0] = (uint8_t)(0xF00u >> n | c);
  return base_span_of(out, n);
}

static void every_code_point_folds_once_and_fits(void) {
  enum { NAME_MAX_CODE_POINTS = 200 };
  size_t longest = 0;
  base_buf once, twice;
  base_buf_init(&once, USERS_FOLDED_MAX);
  base_buf_init(&twice, USERS_FOLDED_MAX);
  for (uint32_t c = 1; c <= 0x10FFFF; c += c == 0xD7FF ? 0x801 : 1) {
    uint8_t bytes[4];
    base_buf_clear(&once);
    base_buf_clear(&twice);
    bool folded =
        base_is_ok(users_fold(encode(c, bytes), &once)) && base_is_ok(users_fold(base_buf_span(&once), &twice));
    CHECK_MSG(folded && base_span_eq(base_buf_span(&once), base_buf_span(&twice)), "U+%04X", c);
    longest = base_buf_size(&once) > longest ? base_buf_size(&once) : longest;
  }
  CHECK_MSG(longest * NAME_MAX_CODE_POINTS <= USERS_FOLDED_MAX, "%zu bytes of one", longest);
  base_buf_dispose(&once);
  base_buf_dispose(&twice);
}

static void patterns_escape_what_like_knows(void) {
  static const struct {
    const char *query, *pattern;
  } rows[] = {{"", "%"},
              {"  \t", "%"},
              {"Ali", "%ali%"},
              {" Ali ", "%ali%"},
              {"%", "%!%%"},
              {"a_b", "%a!_b%"},
              {"wow!", "%wow!!%"},
              {"a\\b", "%a\\b%"},
              {"a'b", "%a'b%"},
              {"%_!", "%!%!_!!%"},
              {"JO\xC3\x83O", "%jo\xC3\xA3o%"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_buf out;
    base_buf_init(&out, USERS_FOLDED_MAX);
    CHECK_OK(users_search_pattern(rows[i].query, &out));
    CHECK_MSG(base_span_is(base_buf_span(&out), rows[i].pattern), "\"%s\": \"%.*s\"", rows[i].query,
              BASE_SPAN_ARG(base_buf_span(&out)));
    base_buf_dispose(&out);
  }
}

static void masks_name_known_fields(void) {
  static const struct {
    const char *paths[3];
    size_t count;
    unsigned mask;
    size_t bad;
    const char *reason;
  } rows[] = {
      {{"email"}, 1, USERS_SET_EMAIL, 1, "one"},
      {{"role", "display_name", "email"}, 3, USERS_SET_NAME | USERS_SET_EMAIL | USERS_SET_ROLE, 3, "all, in any order"},
      {{"email", "email"}, 2, USERS_SET_EMAIL, 2, "twice is once"},
      {{NULL}, 0, 0, 0, "none"},
      {{"*"}, 1, 0, 0, "no wildcard"},
      {{""}, 1, 0, 0, "an empty path"},
      {{"nickname"}, 1, 0, 0, "unknown"},
      {{"email", "create_time"}, 2, 0, 1, "known, but not to be set"},
      {{"email", "role", "user_id"}, 3, 0, 2, "the id"},
      {{"delete_time"}, 1, 0, 0, "deleting has its own method"},
      {{"Email"}, 1, 0, 0, "names have a case"},
      {{"displayName"}, 1, 0, 0, "names of the .proto, not of JSON"},
      {{"user.email"}, 1, 0, 0, "paths begin in the user"},
      {{"email.local"}, 1, 0, 0, "nothing below a text"},
      {{"email "}, 1, 0, 0, "a blank"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t bad = 99;
    unsigned mask = users_mask((char *const *)rows[i].paths, rows[i].count, &bad);
    CHECK_MSG(mask == rows[i].mask && bad == rows[i].bad, "%s: mask %u, bad %zu", rows[i].reason, mask, bad);
  }
}

static void changes_follow_mask_and_role(void) {
  static const users_user wanted = {.display_name = "Bob", .email = "bob@example.com", .role = USERS_ROLE_TEACHER};
  static const users_user empty = {.display_name = "", .email = "", .role = USERS_ROLE_NONE};
  static const users_user same = {.display_name = "", .email = "", .role = USERS_ROLE_STUDENT};
  static const struct {
    const users_user *wanted;
    unsigned mask;
    bool by_admin;
    enum rpc_reason reason;
    const char *field, *name, *email;
    enum users_role role;
  } rows[] = {
      {&wanted, USERS_SET_NAME, false, RPC_REASON_NONE, NULL, "Bob", "alice@example.com", USERS_ROLE_STUDENT},
      {&wanted, USERS_SET_EMAIL, false, RPC_REASON_NONE, NULL, "Alice", "bob@example.com", USERS_ROLE_STUDENT},
      {&wanted, USERS_SET_ROLE, true, RPC_REASON_NONE, NULL, "Alice", "alice@example.com", USERS_ROLE_TEACHER},
      {&same, USERS_SET_ROLE, false, RPC_REASON_NONE, NULL, "Alice", "alice@example.com", USERS_ROLE_STUDENT},
      {&wanted, USERS_SET_ROLE, false, RPC_REASON_NOT_ALLOWED, "role", NULL, NULL, USERS_ROLE_NONE},
      {&wanted, USERS_SET_NAME | USERS_SET_ROLE, false, RPC_REASON_NOT_ALLOWED, "role", NULL, NULL, USERS_ROLE_NONE},
      {&empty, USERS_SET_ROLE, true, RPC_REASON_INVALID_FIELD, "role", NULL, NULL, USERS_ROLE_NONE},
      {&empty, USERS_SET_ROLE, false, RPC_REASON_INVALID_FIELD, "role", NULL, NULL, USERS_ROLE_NONE},
      {&empty, USERS_SET_EMAIL, true, RPC_REASON_INVALID_FIELD, "email", NULL, NULL, USERS_ROLE_NONE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    users_user user = {
        .user_id = "1", .display_name = "Alice", .email = "alice@example.com", .role = USERS_ROLE_STUDENT};
    users_refusal r = users_change(&user, rows[i].wanted, rows[i].mask, rows[i].by_admin);
    CHECK_MSG(r.reason == rows[i].reason, "row %zu: %s", i, rpc_reason_name(r.reason));
    if (rows[i].field) {
      CHECK_MSG(r.field && strcmp(r.field, rows[i].field) == 0 && r.why, "row %zu", i);
      continue;
    }
    CHECK_STR(user.display_name, rows[i].name);
    CHECK_STR(user.email, rows[i].email);
    CHECK_INT(user.role, rows[i].role);
  }
}

static void an_administrator_gives_it_up(void) {
  static const struct {
    users_user before, after;
    bool gives_up;
  } rows[] = {
      {{.role = USERS_ROLE_ADMIN}, {.role = USERS_ROLE_TEACHER}, true},
      {{.role = USERS_ROLE_ADMIN}, {.role = USERS_ROLE_ADMIN, .delete_us = 1}, true},
      {{.role = USERS_ROLE_ADMIN}, {.role = USERS_ROLE_ADMIN}, false},
      {{.role = USERS_ROLE_ADMIN, .delete_us = 1}, {.role = USERS_ROLE_ADMIN}, false},
      {{.role = USERS_ROLE_STUDENT}, {.role = USERS_ROLE_STUDENT, .delete_us = 1}, false},
      {{.role = USERS_ROLE_STUDENT}, {.role = USERS_ROLE_ADMIN}, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_MSG(users_gives_up_admin(&rows[i].before, &rows[i].after) == rows[i].gives_up, "row %zu", i);
}

static void roles_have_names(void) {
  CHECK_STR(users_role_name(USERS_ROLE_STUDENT), "student");
  CHECK_STR(users_role_name(USERS_ROLE_TEACHER), "teacher");
  CHECK_STR(users_role_name(USERS_ROLE_ADMIN), "admin");
  CHECK_STR(users_role_name(USERS_ROLE_NONE), "");
  CHECK_STR(users_role_name((enum users_role)4), "");
}

TEST_MAIN(TEST(names_are_trimmed_and_refused), TEST(passwords_have_eight_characters), TEST(folds_what_is_the_same),
          TEST(every_code_point_folds_once_and_fits), TEST(patterns_escape_what_like_knows),
          TEST(masks_name_known_fields), TEST(changes_follow_mask_and_role), TEST(an_administrator_gives_it_up),
          TEST(roles_have_names))
