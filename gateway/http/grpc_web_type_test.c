#include "gateway/http/grpc_web_type.h"

#include "base/test.h"

static void forms(void) {
  static const struct {
    const char *type;
    bool known, text;
  } rows[] = {
      {"application/grpc-web", true, false},
      {"application/grpc-web+proto", true, false},
      {"Application/gRPC-Web-Text ; charset=utf-8", true, true},
      {"application/grpc-web-text+proto", true, true},
      {"application/grpc-web+json", false, false},
      {"application/grpc-web-text+thrift", false, false},
      {"application/grpc-web-texts", false, false},
      {"application/grpc", false, false},
      {"application/grpc-web+", false, false},
      {"text/application/grpc-web", false, false},
      {"", false, false},
      {";", false, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    http_header h = {base_span_str("content-type"), base_span_str(rows[i].type)};
    gw_web_type got = gw_web_request_type(&(http_request){.headers = &h, .header_count = 1});
    CHECK_MSG((got.name != NULL) == rows[i].known && got.text == rows[i].text, "%s", rows[i].type);
  }
  CHECK(gw_web_request_type(&(http_request){0}).name == NULL);
}

static void the_answer_is_what_is_accepted(void) {
  static const struct {
    const char *type, *accept, *want;
  } rows[] = {
      {"application/grpc-web-text", "application/grpc-web-text", "application/grpc-web-text"},
      {"application/grpc-web-text", "application/grpc-web", "application/grpc-web"},
      {"application/grpc-web", "application/grpc-web-text+proto", "application/grpc-web-text+proto"},
      {"application/grpc-web+proto", "*/*", "application/grpc-web+proto"},
      {"application/grpc-web+proto", "", "application/grpc-web+proto"},
      {"application/grpc-web+proto", ",;,", "application/grpc-web+proto"},
      {"application/grpc-web", "text/html, application/grpc-web-text;q=0.5", "application/grpc-web-text"},
      {"application/grpc-web", "application/grpc-web-text;q=0", "application/grpc-web"},
      {"application/grpc-web", "application/grpc-web-text; q=0.000, application/grpc-web+proto",
       "application/grpc-web+proto"},
      {"application/grpc-web", "application/grpc-web-text;q=0.001", "application/grpc-web-text"},
      {"application/grpc-web-text", "application/grpc-web+json", "application/grpc-web-text"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    http_header h[] = {{base_span_str("content-type"), base_span_str(rows[i].type)},
                       {base_span_str("accept"), base_span_str(rows[i].accept)}};
    gw_web_type got = gw_web_answer_type(&(http_request){.headers = h, .header_count = 2});
    CHECK_MSG(got.name && strcmp(got.name, rows[i].want) == 0, "%s accepts %s: %s", rows[i].type, rows[i].accept,
              got.name ? got.name : "nothing");
  }
}

TEST_MAIN(TEST(forms), TEST(the_answer_is_what_is_accepted))
