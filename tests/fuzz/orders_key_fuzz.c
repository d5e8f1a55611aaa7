/* Keys of pages, which come back in tokens that anybody may forge: what is read is within its bounds, and is read the same again once written. */
#include "fuzz.h"

#include <string.h>

#include "orders/domain.h"
#include "svc/row_key.h"

enum { TEXT_MAX = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char text[TEXT_MAX + 1], again[ORDERS_KEY_SIZE], row[SVC_ROW_KEY_SIZE];
  svc_row_key list, list_again;
  orders_group_key group, group_again;
  if (size > TEXT_MAX) return 0;
  if (size) memcpy(text, data, size);
  text[size] = '\0';
  if (svc_row_key_read(text, &list)) {
    svc_row_key_write(list.us, list.id, row);
    FUZZ_CHECK(svc_row_key_read(row, &list_again) && list.us == list_again.us && strcmp(list.id, list_again.id) == 0);
  }
  if (orders_group_key_read(text, &group)) {
    int64_t us = group.day * ORDERS_DAY_US; /* no overflow, or the sanitizer says so */
    FUZZ_CHECK(orders_day(us) == group.day);
    orders_group_key_write(group.user_id, group.day, group.currency_code, again);
    FUZZ_CHECK(orders_group_key_read(again, &group_again) && strcmp(group.user_id, group_again.user_id) == 0 &&
               strcmp(group.currency_code, group_again.currency_code) == 0 && group.day == group_again.day);
  }
  return 0;
}
