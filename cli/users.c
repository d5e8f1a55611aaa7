/* users.c - `ponte users`: the users service. */
#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "cli/table.h"
#include "cli/unary.h"
#include "ponte/users/v1/users.ponte.h"

typedef Ponte__Users__V1__User user;
#define ROLES "student teacher admin"

static const char *const heads[] = {"USER_ID", "NAME", "E-MAIL", "ROLE", "CREATED", "DELETED", NULL};

static void add_row(cli_table *t, const user *u) {
  char text[CLI_SHORT];
  cli_table_cell(t, u->user_id);
  cli_table_cell(t, u->display_name);
  cli_table_cell(t, u->email);
  cli_show_enum(&ponte__users__v1__role__descriptor, u->role, text);
  cli_table_cell(t, text);
  cli_show_time(u->create_time, text);
  cli_table_cell(t, text);
  cli_show_time(u->delete_time, text);
  cli_table_cell(t, text);
}

static void show_user(const ProtobufCMessage *reply) {
  cli_table t;
  cli_table_init(&t, heads);
  add_row(&t, (const user *)reply);
  cli_table_show(&t);
}

static void show_users(const ProtobufCMessage *reply) {
  const Ponte__Users__V1__ListUsersResponse *r = (const Ponte__Users__V1__ListUsersResponse *)reply;
  cli_table t;
  cli_table_init(&t, heads);
  for (size_t i = 0; i < r->n_users; i++)
    add_row(&t, r->users[i]);
  cli_table_show(&t);
  cli_page_more(r->next_page_token);
}

static int run_users(const cli_args *a, const char *method, ProtobufCMessage *request) {
  cli_unary u = {&ponte_users_v1_user_service, method, CLI_USERS_PORT,
                 strcmp(method, "ListUsers") == 0 ? show_users : show_user};
  return cli_unary_run(a, &u, request);
}

static bool read_role(const cli_args *a, Ponte__Users__V1__Role *out) {
  int role;
  if (!cli_read_enum(&ponte__users__v1__role__descriptor, cli_arg(a, "role"), &role)) return false;
  *out = (Ponte__Users__V1__Role)role;
  return true;
}

static int run_list(const cli_args *a) {
  Ponte__Users__V1__ListUsersRequest r = PONTE__USERS__V1__LIST_USERS_REQUEST__INIT;
  if (!cli_page(a, &r.page_size, &r.page_token) || !read_role(a, &r.role)) return CLI_EXIT_USAGE;
  r.query = cli_arg_text(a, "query");
  r.show_deleted = cli_arg(a, "deleted") != NULL;
  return run_users(a, "ListUsers", &r.base);
}

static int run_get(const cli_args *a) {
  Ponte__Users__V1__GetUserRequest r = PONTE__USERS__V1__GET_USER_REQUEST__INIT;
  r.user_id = a->words[0];
  return run_users(a, "GetUser", &r.base);
}

static int run_create(const cli_args *a) {
  Ponte__Users__V1__CreateUserRequest r = PONTE__USERS__V1__CREATE_USER_REQUEST__INIT;
  if (!read_role(a, &r.role)) return CLI_EXIT_USAGE;
  r.display_name = a->words[0];
  r.email = a->words[1];
  return run_users(a, "CreateUser", &r.base);
}

static int run_update(const cli_args *a) {
  static const struct {
    const char *option, *field;
  } rows[] = {{"name", "display_name"}, {"email", "email"}, {"role", "role"}};
  Ponte__Users__V1__UpdateUserRequest r = PONTE__USERS__V1__UPDATE_USER_REQUEST__INIT;
  user u = PONTE__USERS__V1__USER__INIT;
  Google__Protobuf__FieldMask mask = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
  char *paths[3];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (cli_arg(a, rows[i].option)) paths[mask.n_paths++] = (char *)rows[i].field;
  }
  if (mask.n_paths == 0) {
    cli_say("say what to change: --name, --email or --role");
    return CLI_EXIT_USAGE;
  }
  if (!read_role(a, &u.role)) return CLI_EXIT_USAGE;
  u.user_id = a->words[0];
  u.display_name = cli_arg_text(a, "name");
  u.email = cli_arg_text(a, "email");
  mask.paths = paths;
  r.user = &u;
  r.update_mask = &mask;
  return run_users(a, "UpdateUser", &r.base);
}

static int run_delete(const cli_args *a) {
  Ponte__Users__V1__DeleteUserRequest r = PONTE__USERS__V1__DELETE_USER_REQUEST__INIT;
  if (!cli_confirm(a, "Delete this user and end the user's sessions?")) return CLI_EXIT_LOCAL;
  r.user_id = a->words[0];
  return run_users(a, "DeleteUser", &r.base);
}

static int run_restore(const cli_args *a) {
  Ponte__Users__V1__RestoreUserRequest r = PONTE__USERS__V1__RESTORE_USER_REQUEST__INIT;
  r.user_id = a->words[0];
  return run_users(a, "RestoreUser", &r.base);
}

enum { READS = CLI_LINK | CLI_CALL | CLI_JSON, CHANGES = READS | CLI_CHANGE };

static const cli_option list_options[] = {{"query", "WORDS", "whose name or e-mail address contains this", NULL, 0},
                                          {"role", "ROLE", "only these", ROLES, 0},
                                          {"deleted", NULL, "deleted users too", NULL, 0},
                                          CLI_PAGE_OPTIONS,
                                          {0}};
static const cli_option create_options[] = {{"role", "ROLE", "(default student)", ROLES, 0}, {0}};
static const cli_option update_options[] = {{"name", "NAME", "a new name", NULL, 0},
                                            {"email", "ADDRESS", "a new e-mail address", NULL, 0},
                                            {"role", "ROLE", "a new role (administrators only)", ROLES, 0},
                                            {0}};
static const cli_option delete_options[] = {CLI_YES_OPTION, {0}};

static const cli_command list = {
    .name = "list", .summary = "users, the newest last", .groups = READS, .options = list_options, .run = run_list};
static const cli_command get = {.name = "get",
                                .summary = "show a user",
                                .arguments = "USER_ID",
                                .min = 1,
                                .max = 1,
                                .groups = READS,
                                .run = run_get};
static const cli_command create = {.name = "create",
                                   .summary = "make a user, who signs in once a password has been set",
                                   .arguments = "NAME EMAIL",
                                   .min = 2,
                                   .max = 2,
                                   .groups = CHANGES,
                                   .options = create_options,
                                   .run = run_create};
static const cli_command update = {.name = "update",
                                   .summary = "change a user's name, e-mail address or role",
                                   .arguments = "USER_ID",
                                   .min = 1,
                                   .max = 1,
                                   .groups = CHANGES,
                                   .options = update_options,
                                   .run = run_update};
static const cli_command delete = {.name = "delete",
                                   .summary = "delete a user, who can be restored",
                                   .arguments = "USER_ID",
                                   .min = 1,
                                   .max = 1,
                                   .groups = CHANGES,
                                   .options = delete_options,
                                   .run = run_delete};
static const cli_command restore = {.name = "restore",
                                    .summary = "bring a deleted user back",
                                    .arguments = "USER_ID",
                                    .min = 1,
                                    .max = 1,
                                    .groups = CHANGES,
                                    .run = run_restore};
const cli_command cli_users = {
    .name = "users",
    .summary = "list, show and change users",
    .commands = (const cli_command *const[]){&list, &get, &create, &update, &delete, &restore, NULL}};
