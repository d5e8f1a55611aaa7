/* login.c - `ponte login`, `ponte logout`, `ponte whoami`: the session of a place. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/session.h"
#include "cli/show.h"
#include "cli/table.h"
#include "cli/unary.h"
#include "cli/words.h"
#include "ponte/users/v1/users.ponte.h"

enum { LINE_MAX_BYTES = 1100 };

/* Without its line end. False: there is none, or it is too long. */
static bool read_line(char line[LINE_MAX_BYTES]) {
  if (!fgets(line, LINE_MAX_BYTES, stdin)) return false;
  size_t n = strlen(line);
  bool whole = n > 0 && line[n - 1] == '\n';
  if (whole) line[--n] = '\0';
  return whole || n + 1 < LINE_MAX_BYTES;
}

static bool prompt(const char *question, bool echo, char line[LINE_MAX_BYTES]) {
  struct termios old, quiet;
  fputs(cli_words(question), stderr);
  if (echo) return read_line(line);
  if (tcgetattr(STDIN_FILENO, &old) != 0) return false;
  quiet = old;
  quiet.c_lflag &= ~(tcflag_t)ECHO;
  /* Ctrl-C would leave the terminal without an echo: it comes as a character here. */
  quiet.c_lflag &= ~(tcflag_t)ISIG;
  if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0) return false;
  bool good = read_line(line) && !strchr(line, 3);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
  fputc('\n', stderr);
  return good;
}

static bool read_credentials(const cli_args *a, char email[LINE_MAX_BYTES], char password[LINE_MAX_BYTES]) {
  bool from_stdin = cli_arg(a, "password-stdin") != NULL;
  if (!from_stdin && !isatty(STDIN_FILENO)) {
    cli_say("standard input is no terminal: give the password with --password-stdin");
    return false;
  }
  if (a->count == 0 && from_stdin) {
    cli_say("--password-stdin needs the e-mail address as an argument");
    return false;
  }
  bool good = a->count == 0 ? prompt("E-mail: ", true, email)
                            : snprintf(email, LINE_MAX_BYTES, "%s", a->words[0]) < LINE_MAX_BYTES;
  good = good && (from_stdin ? read_line(password) : prompt("Password: ", false, password));
  if (!good) cli_say("no e-mail address or no password was given");
  return good;
}

static int sign_in(cli_link *l, int64_t timeout_ms, char *email, char *password) {
  Ponte__Users__V1__SignInRequest request = PONTE__USERS__V1__SIGN_IN_REQUEST__INIT;
  cli_session session;
  pb_arena arena;
  wire_status status;
  request.email = email;
  request.password = password;
  pb_arena_init(&arena, 0);
  wire_status_init(&status);
  const ProtobufCMessage *answer =
      cli_ask_anonymous(l, CLI_USERS_PORT, cli_method(&ponte_users_v1_user_service, "SignIn"), timeout_ms,
                        &request.base, &arena, &status);
  int code = cli_exit_of(&status);
  if (answer) {
    bool kept =
        cli_session_of((const Ponte__Users__V1__Session *)answer, &session) && cli_session_store(l->place, &session);
    code = kept ? CLI_EXIT_OK : CLI_EXIT_LOCAL;
    if (kept) cli_say("signed in as %s at %s", session.email, l->place);
  }
  wire_status_dispose(&status);
  pb_arena_dispose(&arena);
  return code;
}

static int run_login(const cli_args *a) {
  char email[LINE_MAX_BYTES], password[LINE_MAX_BYTES];
  cli_link_options options = cli_link_options_of(a);
  int64_t timeout_ms;
  cli_link l;
  if (!cli_timeout(a, &timeout_ms) || !read_credentials(a, email, password)) return CLI_EXIT_USAGE;
  int code = CLI_EXIT_USAGE;
  if (cli_link_open(&l, &options, CLI_USERS_PORT)) {
    code = sign_in(&l, timeout_ms, email, password);
    cli_link_close(&l);
  }
  explicit_bzero(password, sizeof password);
  return code;
}

/* The session is forgotten here whatever the service says; it ends there, too, if it can be reached. */
static int sign_out(cli_link *l, int64_t timeout_ms) {
  Ponte__Users__V1__SignOutRequest request = PONTE__USERS__V1__SIGN_OUT_REQUEST__INIT;
  cli_session session;
  pb_arena arena;
  wire_status status;
  enum cli_found found = cli_session_load(l->place, &session);
  if (found == CLI_FOUND_NOT) cli_say("not signed in at %s", l->place);
  if (found != CLI_FOUND) return found == CLI_FOUND_NOT ? CLI_EXIT_OK : CLI_EXIT_LOCAL;
  if (!cli_session_store(l->place, NULL)) return CLI_EXIT_LOCAL;
  request.refresh_token = session.refresh_token;
  pb_arena_init(&arena, 0);
  wire_status_init(&status);
  (void)cli_ask_anonymous(l, CLI_USERS_PORT, cli_method(&ponte_users_v1_user_service, "SignOut"), timeout_ms,
                          &request.base, &arena, &status);
  cli_say("signed out at %s", l->place);
  if (status.code)
    cli_say("the service could not be told (%s): the session ends there by itself", base_grpc_name(status.code));
  wire_status_dispose(&status);
  pb_arena_dispose(&arena);
  return CLI_EXIT_OK;
}

static int run_logout(const cli_args *a) {
  cli_link_options options = cli_link_options_of(a);
  int64_t timeout_ms;
  cli_link l;
  if (!cli_timeout(a, &timeout_ms) || !cli_link_open(&l, &options, CLI_USERS_PORT)) return CLI_EXIT_USAGE;
  int code = sign_out(&l, timeout_ms);
  cli_link_close(&l);
  return code;
}

static void show_user(const ProtobufCMessage *reply) {
  const Ponte__Users__V1__User *u = (const Ponte__Users__V1__User *)reply;
  static const char *const heads[] = {"USER_ID", "NAME", "E-MAIL", "ROLE", NULL};
  char role[CLI_SHORT];
  cli_table t;
  cli_table_init(&t, heads);
  cli_show_enum(&ponte__users__v1__role__descriptor, u->role, role);
  cli_table_cell(&t, u->user_id);
  cli_table_cell(&t, u->display_name);
  cli_table_cell(&t, u->email);
  cli_table_cell(&t, role);
  cli_table_show(&t);
}

static int run_whoami(const cli_args *a) {
  static const cli_unary get = {&ponte_users_v1_user_service, "GetUser", CLI_USERS_PORT, show_user};
  Ponte__Users__V1__GetUserRequest request = PONTE__USERS__V1__GET_USER_REQUEST__INIT;
  cli_link_options options = cli_link_options_of(a);
  char place[CLI_PLACE_MAX];
  cli_session session;
  if (!cli_link_place(&options, place)) return CLI_EXIT_USAGE;
  enum cli_found found = cli_session_load(place, &session);
  if (found == CLI_FOUND_NOT) cli_say("not signed in at %s: `ponte login`", place);
  if (found != CLI_FOUND) return found == CLI_FOUND_NOT ? CLI_EXIT_STATUS + BASE_GRPC_UNAUTHENTICATED : CLI_EXIT_LOCAL;
  request.user_id = session.user_id;
  return cli_unary_run(a, &get, &request.base);
}

static const cli_option login_options[] = {
    {"password-stdin", NULL, "the password is the first line of standard input", NULL, 0}, {0}};

const cli_command cli_login = {.name = "login",
                               .summary = "sign in; later commands to the same place use the session",
                               .arguments = "[EMAIL]",
                               .max = 1,
                               .groups = CLI_LINK | CLI_CALL,
                               .options = login_options,
                               .run = run_login};
const cli_command cli_logout = {
    .name = "logout", .summary = "end the session", .groups = CLI_LINK | CLI_CALL, .run = run_logout};
const cli_command cli_whoami = {
    .name = "whoami", .summary = "show who is signed in", .groups = CLI_LINK | CLI_CALL | CLI_JSON, .run = run_whoami};
