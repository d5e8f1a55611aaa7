#include "gen/names.h"

#include "base/test.h"

static const struct {
  const char *name, *type, *lower, *reason;
} c_rows[] = {
    {".ponte.users.v1.User", "Ponte__Users__V1__User", "ponte__users__v1__user", "plain"},
    {".a.Outer.Inner", "A__Outer__Inner", "a__outer__inner", "nested"},
    {".a_b.c_d", "AB__CD", "a_b__c_d", "underscores, small letters"},
    {".a.HTTPBridge", "A__HTTPBridge", "a__httpbridge", "protobuf-c keeps a run of capitals together"},
    {".a.GetX", "A__GetX", "a__get_x", "one capital at the end"},
    {"NoPackage", "NoPackage", "no_package", "without a dot"},
};

static void test_c_names(void) {
  char out[GEN_NAME_MAX];
  for (size_t i = 0; i < sizeof c_rows / sizeof *c_rows; i++) {
    gen_c_type(c_rows[i].name, out);
    CHECK_MSG(strcmp(out, c_rows[i].type) == 0, "%s: %s", c_rows[i].reason, out);
    gen_c_lower(c_rows[i].name, out);
    CHECK_MSG(strcmp(out, c_rows[i].lower) == 0, "%s: %s", c_rows[i].reason, out);
  }
}

static const struct {
  const char *camel, *snake;
} snake_rows[] = {
    {"ListModels", "list_models"}, {"HTTPBridge", "http_bridge"},      {"GetURL", "get_url"}, {"X", "x"},
    {"V1Thing", "v1_thing"},       {"already_snake", "already_snake"},
};

static void test_snake(void) {
  char out[GEN_NAME_MAX];
  for (size_t i = 0; i < sizeof snake_rows / sizeof *snake_rows; i++) {
    gen_snake(snake_rows[i].camel, out);
    CHECK_STR(out, snake_rows[i].snake);
  }
}

static const struct {
  const char *package, *service, *prefix;
} prefix_rows[] = {
    {"ponte.transcription.v1", "TranscriptionService", "ponte_transcription_v1"},
    {"grpc.health.v1", "Health", "grpc_health_v1"},
    {"grpc.reflection.v1", "ServerReflection", "grpc_reflection_v1_server_reflection"},
    {"ponte.users.v1", "UserService", "ponte_users_v1_user"},
    {"ponte.http.v1", "HttpBridge", "ponte_http_v1_http_bridge"},
    {"", "Echo", "echo"},
};

static void test_service_prefix(void) {
  char out[GEN_NAME_MAX];
  for (size_t i = 0; i < sizeof prefix_rows / sizeof *prefix_rows; i++) {
    gen_service_prefix(prefix_rows[i].package, prefix_rows[i].service, out);
    CHECK_STR(out, prefix_rows[i].prefix);
  }
}

static void test_paths(void) {
  char out[GEN_NAME_MAX];
  gen_stem("a/b.v1/c.proto", out);
  CHECK_STR(out, "a/b.v1/c");
  gen_upper("a/b-c.d1", out);
  CHECK_STR(out, "A_B_C_D1");
}

TEST_MAIN(TEST(test_c_names), TEST(test_snake), TEST(test_service_prefix), TEST(test_paths))
