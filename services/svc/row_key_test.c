#include "svc/row_key.h"

#include "base/test.h"

#define UUID "01936f2c-0000-7000-8000-000000000001"

static void keys_come_back(void) {
  char text[SVC_ROW_KEY_SIZE];
  svc_row_key key;
  static const int64_t times[] = {0, 1700000000123456, -5, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    svc_row_key_write(times[i], UUID, text);
    REQUIRE(svc_row_key_read(text, &key));
    CHECK_INT(key.us, times[i]);
    CHECK_STR(key.id, UUID);
  }
  static const char *const bad[] = {"",
                                    " ",
                                    "1",
                                    "1 ",
                                    " " UUID,
                                    "x " UUID,
                                    "+1 " UUID,
                                    "1x " UUID,
                                    "1\t" UUID,
                                    "9223372036854775808 " UUID,
                                    "1 " UUID "0",
                                    "- " UUID,
                                    UUID};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_MSG(!svc_row_key_read(bad[i], &key), "\"%s\"", bad[i]);
  }
}

TEST_MAIN(TEST(keys_come_back))
