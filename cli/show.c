#include "cli/show.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/words.h"
#include "pb/json.h"

enum { JSON_MAX = 64 << 20, TIME_MEMORY = 4096 };

bool cli_show_json(const ProtobufCMessage *message) {
  base_buf text;
  base_buf_init(&text, JSON_MAX);
  base_err e = pb_json_write(message, PB_JSON_STANDARD, &text);
  base_span s = base_buf_span(&text);
  bool good = base_is_ok(e) && fwrite(s.p, 1, s.n, stdout) == s.n && putchar('\n') != EOF && fflush(stdout) == 0;
  if (!good)
    cli_say("the answer cannot be written: %s", base_is_ok(e) ? cli_words("standard output failed") : base_err_text(e));
  base_buf_dispose(&text);
  return good;
}

void cli_show_time(const Google__Protobuf__Timestamp *t, char out[CLI_SHORT]) {
  char text[BASE_TIME_SIZE];
  out[0] = '\0';
  if (!t) return;
  int64_t seconds = t->seconds < 0 ? 0 : t->seconds > INT64_MAX / 1000 ? INT64_MAX / 1000 : t->seconds;
  base_time_text(seconds * 1000, text);
  snprintf(out, CLI_SHORT, "%.10s %.8s", text, text + 11);
}

/* Digits behind the point (ISO 4217, list one); those that are not here have two. */
static int digits_of(const char *currency) {
  static const struct {
    const char *codes;
    int digits;
  } rows[] = {
      {"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0},
      {"BHD IQD JOD KWD LYD OMR TND", 3},
      {"CLF UYW", 4},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strlen(currency) == 3 && strstr(rows[i].codes, currency)) return rows[i].digits;
  }
  return 2;
}

static uint64_t power_of_ten(int n) {
  uint64_t p = 1;
  while (n-- > 0)
    p *= 10;
  return p;
}

static void put_decimal(int64_t minor_units, int digits, char out[CLI_SHORT]) {
  uint64_t n = minor_units < 0 ? -(uint64_t)minor_units : (uint64_t)minor_units, unit = power_of_ten(digits);
  const char *sign = minor_units < 0 ? "-" : "";
  if (digits)
    snprintf(out, CLI_SHORT, "%s%" PRIu64 ".%0*" PRIu64, sign, n / unit, digits, n % unit);
  else
    snprintf(out, CLI_SHORT, "%s%" PRIu64, sign, n);
}

void cli_show_money(const Ponte__Type__V1__Money *m, char out[CLI_SHORT]) {
  out[0] = '\0';
  if (!m) return;
  put_decimal(m->minor_units, digits_of(m->currency_code), out);
  size_t n = strlen(out);
  snprintf(out + n, CLI_SHORT - n, " %s", m->currency_code);
}

void cli_show_amount(const Ponte__Type__V1__Money *m, char out[CLI_SHORT]) {
  put_decimal(m->minor_units, digits_of(m->currency_code), out);
  size_t n = strlen(out);
  if (!strchr(out, '.')) snprintf(out + n, CLI_SHORT - n, ".0");
  for (n = strlen(out); n > 2 && out[n - 1] == '0' && out[n - 2] != '.'; n--)
    out[n - 1] = '\0';
}

bool cli_read_amount(const char *text, const char *currency, int64_t *minor_units) {
  int digits = digits_of(currency);
  const char *point = strchr(text, '.');
  size_t whole = point ? (size_t)(point - text) : strlen(text), rest = point ? strlen(point + 1) : 0;
  uint64_t a = 0, b = 0;
  bool good = base_span_u64(base_span_of(text, whole), &a) && rest <= (size_t)digits && (!point || rest > 0) &&
              (!rest || base_span_u64(base_span_str(point + 1), &b)) && a <= INT64_MAX / power_of_ten(digits);
  uint64_t n = good ? a * power_of_ten(digits) + b * power_of_ten(digits - (int)rest) : 0;
  if (good && n <= INT64_MAX) {
    *minor_units = (int64_t)n;
    return true;
  }
  cli_say("%s is no amount of %s: %d digits behind the point", text, currency, digits);
  return false;
}

/* -- enums: the values' common beginning (ROLE_) is left out ----------------------------------------------------------- */

static size_t common_prefix(const ProtobufCEnumDescriptor *type) {
  const char *first = type->values[0].name;
  size_t n = 0;
  for (size_t i = 0; first[i]; i++) {
    for (unsigned k = 1; k < type->n_values; k++) {
      if (type->values[k].name[i] != first[i]) return n;
    }
    if (first[i] == '_') n = i + 1;
  }
  return n;
}

static void word_of(const ProtobufCEnumDescriptor *type, const ProtobufCEnumValue *v, char out[CLI_SHORT]) {
  snprintf(out, CLI_SHORT, "%s", v->name + common_prefix(type));
  for (char *p = out; *p; p++)
    *p = (char)tolower((unsigned char)*p);
}

void cli_show_enum(const ProtobufCEnumDescriptor *type, int value, char out[CLI_SHORT]) {
  const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(type, value);
  out[0] = '\0';
  if (v && value != 0) word_of(type, v, out);
  if (!v) snprintf(out, CLI_SHORT, "%d", value);
}

bool cli_read_enum(const ProtobufCEnumDescriptor *type, const char *word, int *out) {
  *out = 0;
  for (unsigned i = 0; word && i < type->n_values; i++) {
    char name[CLI_SHORT];
    word_of(type, &type->values[i], name);
    *out = type->values[i].value;
    if (strcmp(name, word) == 0) return true;
  }
  if (word) cli_say("unknown %s %s", type->short_name, word);
  return !word;
}

/* -- times ------------------------------------------------------------------------------------------------------------- */

bool cli_read_time(const char *option, const char *text, Google__Protobuf__Timestamp *time,
                   Google__Protobuf__Timestamp **out) {
  char json[CLI_SHORT];
  base_buf why;
  pb_arena arena;
  ProtobufCMessage *m = NULL;
  if (!text) return true;
  bool day = strlen(text) == 10;
  int n = snprintf(json, sizeof json, "\"%s%s\"", text, day ? "T00:00:00Z" : "");
  pb_arena_init(&arena, TIME_MEMORY);
  base_buf_init(&why, 0);
  bool good = n < (int)sizeof json && !strpbrk(text, "\"\\") &&
              base_is_ok(pb_json_read(&google__protobuf__timestamp__descriptor, base_span_str(json), &arena, &why, &m));
  if (good) {
    google__protobuf__timestamp__init(time);
    time->seconds = ((Google__Protobuf__Timestamp *)m)->seconds;
    time->nanos = ((Google__Protobuf__Timestamp *)m)->nanos;
    *out = time;
  } else {
    cli_say("--%s must be a day (2026-11-22, in UTC) or a time (2026-11-22T12:00:00Z)", option);
  }
  base_buf_dispose(&why);
  pb_arena_dispose(&arena);
  return good;
}
