#include "base/test.h"
#include "gateway/stream/stream.h"

static void decides_by_name(void) {
  static const struct {
    const char *key;
    bool forwarded;
    const char *reason;
  } rows[] = {
      {"authorization", true, "services verify tokens themselves too"},
      {"x-request-id", true, "ordinary custom metadata"},
      {"trace-bin", true, "binary metadata"},
      {"idempotency-key", true, "ordinary"},
      {"hostess", true, "a name that begins like a refused one"},
      {"te-deum", true, "the same"},
      {"grpcx", true, "not the prefix"},
      {"grpc-timeout", false, "the timeout travels apart; a second one would contradict it"},
      {"grpc-encoding", true, "how the request's messages are compressed is between browser and service"},
      {"grpc-accept-encoding", true, "the same for the answer's"},
      {"grpc-encodings", false, "another name"},
      {"grpc-", false, "the bare prefix"},
      {"x-ponte-user", false, "only the gateway may vouch"},
      {"content-type", false, "written by the leg"},
      {"content-length", false, "framing"},
      {"te", false, "written by the leg"},
      {"host", false, "names the gateway"},
      {"connection", false, "hop-by-hop"},
      {"keep-alive", false, "hop-by-hop"},
      {"proxy-authorization", false, "hop-by-hop"},
      {"transfer-encoding", false, "request smuggling"},
      {"upgrade", false, "hop-by-hop"},
      {"trailer", false, "hop-by-hop"},
      {":path", false, "a pseudo-header is no metadata"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(gw_metadata_is_forwarded(base_span_str(rows[i].key)) == rows[i].forwarded, "%s: %s", rows[i].key,
              rows[i].reason);
  }
}

TEST_MAIN(TEST(decides_by_name))
