#include "cli/session.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/folder.h"
#include "cli/unary.h"
#include "cli/words.h"
#include "ponte/users/v1/users.ponte.h"

/* A token is refreshed so long before its end that a call made with it still arrives. */
enum { EARLY_MS = 30000, REFRESH_TIMEOUT_MS = 10000 };

typedef struct {
  char path[CLI_PATH_MAX];
  int lock; /* -1: for reading only; files are replaced in one step */
  json_t *root;
} book;

static void close_book(book *b) {
  json_decref(b->root);
  if (b->lock >= 0) close(b->lock);
}

static bool open_book(book *b, bool lock) {
  json_error_t error;
  *b = (book){.lock = -1};
  if (!cli_folder_file(CLI_FOLDER_CONFIG, "session.json", b->path)) return false;
  if (lock && (b->lock = cli_lock(b->path)) < 0) return false;
  b->root = access(b->path, F_OK) == 0 ? json_load_file(b->path, 0, &error) : json_object();
  if (json_is_object(b->root)) return true;
  cli_say("%s cannot be read; remove it and sign in again", b->path);
  close_book(b);
  return false;
}

static bool save_book(const book *b) {
  char *text = json_dumps(b->root, JSON_INDENT(2));
  bool good = text && cli_replace_file(b->path, text);
  free(text);
  return good;
}

static bool read_text(const json_t *entry, const char *key, char *out, size_t size) {
  const char *text = json_string_value(json_object_get(entry, key));
  return text && (size_t)snprintf(out, size, "%s", text) < size;
}

static enum cli_found read_entry(const book *b, const char *place, cli_session *out) {
  const json_t *entry = json_object_get(b->root, place);
  if (!entry) return CLI_FOUND_NOT;
  *out = (cli_session){.expire_ms = (int64_t)json_integer_value(json_object_get(entry, "expire_ms"))};
  if (read_text(entry, "user_id", out->user_id, sizeof out->user_id) &&
      read_text(entry, "email", out->email, sizeof out->email) &&
      read_text(entry, "display_name", out->display_name, sizeof out->display_name) &&
      read_text(entry, "role", out->role, sizeof out->role) &&
      read_text(entry, "access_token", out->access_token, sizeof out->access_token) &&
      read_text(entry, "refresh_token", out->refresh_token, sizeof out->refresh_token))
    return CLI_FOUND;
  cli_say("%s cannot be read; remove it and sign in again", b->path);
  return CLI_FOUND_ERROR;
}

static bool write_entry(book *b, const char *place, const cli_session *s) {
  if (!s) {
    json_object_del(b->root, place);
    return save_book(b);
  }
  json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "user_id", s->user_id, "email", s->email,
                            "display_name", s->display_name, "role", s->role, "access_token", s->access_token,
                            "refresh_token", s->refresh_token, "expire_ms", (json_int_t)s->expire_ms);
  if (entry && json_object_set_new(b->root, place, entry) == 0) return save_book(b);
  cli_say("out of memory");
  return false;
}

enum cli_found cli_session_load(const char *place, cli_session *out) {
  book b;
  if (!open_book(&b, false)) return CLI_FOUND_ERROR;
  enum cli_found found = read_entry(&b, place, out);
  close_book(&b);
  return found;
}

bool cli_session_store(const char *place, const cli_session *s) {
  book b;
  if (!open_book(&b, true)) return false;
  bool good = write_entry(&b, place, s);
  close_book(&b);
  return good;
}

static bool copy(char *out, size_t size, const char *text) { return (size_t)snprintf(out, size, "%s", text) < size; }

bool cli_session_of(const Ponte__Users__V1__Session *answer, cli_session *out) {
  const Ponte__Users__V1__User *u = answer->user;
  const ProtobufCEnumValue *role =
      u ? protobuf_c_enum_descriptor_get_value(&ponte__users__v1__role__descriptor, u->role) : NULL;
  *out = (cli_session){.expire_ms = answer->expire_time ? answer->expire_time->seconds * 1000 : 0};
  bool good = u && copy(out->user_id, sizeof out->user_id, u->user_id) &&
              copy(out->email, sizeof out->email, u->email) &&
              copy(out->display_name, sizeof out->display_name, u->display_name) &&
              copy(out->role, sizeof out->role, role ? role->name : "") && answer->access_token[0] &&
              copy(out->access_token, sizeof out->access_token, answer->access_token) &&
              copy(out->refresh_token, sizeof out->refresh_token, answer->refresh_token);
  if (!good) cli_say("the service's answer is no session");
  return good;
}

/* -- use --------------------------------------------------------------------------------------------------------------- */

static bool ask_refresh(cli_link *l, const cli_session *old, cli_session *fresh, wire_status *status) {
  Ponte__Users__V1__RefreshSessionRequest request = PONTE__USERS__V1__REFRESH_SESSION_REQUEST__INIT;
  pb_arena arena;
  pb_arena_init(&arena, 0);
  request.refresh_token = (char *)old->refresh_token;
  const ProtobufCMessage *answer =
      cli_ask_anonymous(l, CLI_USERS_PORT, cli_method(&ponte_users_v1_user_service, "RefreshSession"),
                        REFRESH_TIMEOUT_MS, &request.base, &arena, status);
  bool good = answer && cli_session_of((const Ponte__Users__V1__Session *)answer, fresh);
  if (answer && !good) wire_status_set(status, BASE_GRPC_INTERNAL, "%s", cli_words("the session cannot be refreshed"));
  if (status->code == BASE_GRPC_UNAUTHENTICATED)
    wire_status_set(status, BASE_GRPC_UNAUTHENTICATED, "%s",
                    cli_words("the session has ended: `ponte login` starts a new one"));
  pb_arena_dispose(&arena);
  return good;
}

static bool is_fresh(const cli_session *s) { return s->expire_ms - EARLY_MS > base_wall_ms(); }

/* Under the lock: another process may have refreshed it while we waited. */
static bool refresh(cli_link *l, book *b, cli_session *s, wire_status *status) {
  cli_session fresh;
  enum cli_found found = read_entry(b, l->place, s);
  if (found == CLI_FOUND && is_fresh(s)) return true;
  if (found != CLI_FOUND) {
    wire_status_set(status, BASE_GRPC_UNAUTHENTICATED, "%s",
                    cli_words("the session has ended: `ponte login` starts a new one"));
    return false;
  }
  if (!ask_refresh(l, s, &fresh, status)) return false;
  *s = fresh;
  if (write_entry(b, l->place, s)) return true;
  wire_status_set(status, BASE_GRPC_INTERNAL, "%s", cli_words("the refreshed session cannot be kept"));
  return false;
}

bool cli_session_use(cli_link *l, wire_status *status) {
  cli_session s;
  book b;
  if (l->identified) return true;
  enum cli_found found = cli_session_load(l->place, &s);
  if (found == CLI_FOUND && !is_fresh(&s)) {
    if (!open_book(&b, true)) {
      wire_status_set(status, BASE_GRPC_INTERNAL, "%s", cli_words("the session cannot be read"));
      return false;
    }
    bool good = refresh(l, &b, &s, status);
    close_book(&b);
    if (!good) return false;
  }
  if (found == CLI_FOUND && !base_is_ok(cli_link_set_token(l, s.access_token))) {
    wire_status_set(status, BASE_GRPC_UNAUTHENTICATED, "%s",
                    cli_words("the session's token is malformed: `ponte login` starts a new one"));
    return false;
  }
  l->identified = found != CLI_FOUND_ERROR;
  if (!l->identified) wire_status_set(status, BASE_GRPC_UNAUTHENTICATED, "%s", cli_words("the session cannot be read"));
  return l->identified;
}
