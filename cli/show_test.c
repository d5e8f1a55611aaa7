#include "cli/show.h"

#include <stdlib.h>

#include "base/test.h"
#include "cli/args.h"
#include "cli/text.h"
#include "ponte/users/v1/users.pb-c.h"

/* Of main.c. */
void cli_say(const char *fmt, ...) { (void)fmt; }
const cli_command cli_root = {.name = "test"};

static Ponte__Type__V1__Money money(int64_t minor_units, const char *currency) {
  Ponte__Type__V1__Money m = PONTE__TYPE__V1__MONEY__INIT;
  m.minor_units = minor_units;
  m.currency_code = (char *)currency;
  return m;
}

static void amounts_are_shown(void) {
  static const struct {
    int64_t minor_units;
    const char *currency, *money, *amount;
  } rows[] = {
      {7500, "BRL", "75.00 BRL", "75.0"},
      {0, "BRL", "0.00 BRL", "0.0"},
      {1, "BRL", "0.01 BRL", "0.01"},
      {7550, "USD", "75.50 USD", "75.5"},
      {-7505, "USD", "-75.05 USD", "-75.05"},
      {360, "JPY", "360 JPY", "360.0"},
      {100, "JPY", "100 JPY", "100.0"},
      {1500, "KWD", "1.500 KWD", "1.5"},
      {INT64_MAX, "BRL", "92233720368547758.07 BRL", "92233720368547758.07"},
      {INT64_MIN, "BRL", "-92233720368547758.08 BRL", "-92233720368547758.08"},
      {5, "", "0.05 ", "0.05"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[CLI_SHORT];
    Ponte__Type__V1__Money m = money(rows[i].minor_units, rows[i].currency);
    cli_show_money(&m, text);
    CHECK_STR(text, rows[i].money);
    cli_show_amount(&m, text);
    CHECK_STR(text, rows[i].amount);
  }
}

static void amounts_are_read(void) {
  static const struct {
    const char *text, *currency;
    int64_t want; /* -1: refused */
  } rows[] = {
      {"75", "BRL", 7500},
      {"75.5", "BRL", 7550},
      {"0.05", "BRL", 5},
      {"360", "JPY", 360},
      {"1.5", "KWD", 1500},
      {"92233720368547758.07", "BRL", INT64_MAX},
      {"92233720368547758.08", "BRL", -1},
      {"92233720368547759", "BRL", -1},
      {"18446744073709551616", "JPY", -1},
      {"9223372036854775808", "JPY", -1},
      {"1.234", "BRL", -1},
      {"1.5", "JPY", -1},
      {"1.", "BRL", -1},
      {".5", "BRL", -1},
      {"", "BRL", -1},
      {"-1", "BRL", -1},
      {"+1", "BRL", -1},
      {"1,5", "BRL", -1},
      {"1.2.3", "BRL", -1},
      {"1e3", "BRL", -1},
      {" 1", "BRL", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t got = -1;
    bool good = cli_read_amount(rows[i].text, rows[i].currency, &got);
    CHECK_MSG(good == (rows[i].want >= 0) && got == rows[i].want, "%s %s", rows[i].text, rows[i].currency);
  }
}

static void words_of_enums(void) {
  const ProtobufCEnumDescriptor *roles = &ponte__users__v1__role__descriptor;
  char text[CLI_SHORT];
  int value = -1;
  cli_show_enum(roles, PONTE__USERS__V1__ROLE__ROLE_ADMIN, text);
  CHECK_STR(text, "admin");
  cli_show_enum(roles, 0, text);
  CHECK_STR(text, "");
  cli_show_enum(roles, 77, text);
  CHECK_STR(text, "77");
  CHECK(cli_read_enum(roles, "teacher", &value) && value == PONTE__USERS__V1__ROLE__ROLE_TEACHER);
  CHECK(cli_read_enum(roles, NULL, &value) && value == 0);
  CHECK(!cli_read_enum(roles, "ROLE_TEACHER", &value));
  CHECK(!cli_read_enum(roles, "", &value));
}

/* What a terminal gets of it, and how wide it is said to be. */
static void text_is_clean(void) {
  static const struct {
    const char *text, *shown;
    int width;
    const char *reason;
  } rows[] = {
      {"plain", "plain", 5, "ASCII"},
      {"", "", 0, "nothing"},
      {"Zo\xc3\xab", "Zo\xc3\xab", 3, "a letter of two bytes"},
      {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4, "two wide characters"},
      {"e\xcc\x81", "e\xcc\x81", 1, "a combining accent"},
      {"a\033[31mb", "a?[31mb", 7, "an escape"},
      {"a\r\n\tb", "a???b", 5, "lines and tabs"},
      {"a\xc2\x9b"
       "31m",
       "a?31m", 5, "a C1 control character"},
      {"a\xe2\x80\xae"
       "b",
       "a?b", 3, "right-to-left override"},
      {"a\xe2\x80\xa8"
       "b",
       "a?b", 3, "a line separator"},
      {"a\xff"
       "b",
       "a?b", 3, "no UTF-8"},
      {"a\xed\xa0\x80", "a???", 4, "a surrogate"},
      {"a\xe6\x97", "a??", 3, "cut"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *shown = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&shown, &n);
    REQUIRE(to != NULL);
    cli_put_clean(to, base_span_str(rows[i].text));
    fclose(to);
    CHECK_MSG(strcmp(shown, rows[i].shown) == 0 && cli_width(base_span_str(rows[i].text)) == rows[i].width, "%s: %s",
              rows[i].reason, shown);
    free(shown);
  }
}

TEST_MAIN(TEST(amounts_are_shown), TEST(amounts_are_read), TEST(words_of_enums), TEST(text_is_clean))
