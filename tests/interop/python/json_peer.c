/* Reads JSON a line as ponte.test.rules.v1.AllTypes and answers a line each: "ok JSON HEX" with what pb_json_write() makes of it and the packed message, or "no WHY".
 * For json_mapping.py. */
#include <stdio.h>
#include <string.h>

#include "pb/json.h"
#include "pb/message.h"
#include "ponte/test/v1/rules.pb-c.h"

enum { LINE = 1 << 16 };

static base_err answer(base_span json, base_buf *why, base_buf *text, base_buf *packed) {
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  pb_arena_init(&arena, 1 << 22);
  base_err e = pb_json_read(&ponte__test__rules__v1__all_types__descriptor, json, &arena, why, &m);
  if (base_is_ok(e)) {
    e = pb_json_write(m, PB_JSON_STANDARD, text);
  }
  if (base_is_ok(e)) {
    e = pb_pack(m, packed);
  }
  pb_arena_dispose(&arena);
  return e;
}

int main(void) {
  static char line[LINE];
  while (fgets(line, sizeof line, stdin)) {
    base_buf why, text, packed;
    base_buf_init(&why, 256);
    base_buf_init(&text, LINE);
    base_buf_init(&packed, LINE);
    base_err e = answer(base_span_of(line, strcspn(line, "\n")), &why, &text, &packed);
    if (base_is_ok(e)) {
      printf("ok %.*s ", BASE_SPAN_ARG(base_buf_span(&text)));
      for (size_t i = 0; i < base_buf_size(&packed); i++) {
        printf("%02x", base_buf_span(&packed).p[i]);
      }
      printf("\n");
    } else {
      printf("no %s %.*s\n", base_err_name(e), BASE_SPAN_ARG(base_buf_span(&why)));
    }
    fflush(stdout);
    base_buf_dispose(&why);
    base_buf_dispose(&text);
    base_buf_dispose(&packed);
  }
  return 0;
}
