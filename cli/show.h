/* show.h - values of the services' messages as people write and read them. Pure, but for what goes to stdout. */
#ifndef PONTE_CLI_SHOW_H
#define PONTE_CLI_SHOW_H

#include "base/err.h"
#include "pb/arena.h"
#include "ponte/type/v1/money.pb-c.h"

#include "google/protobuf/timestamp.pb-c.h"

/* One line of JSON on stdout. False: said why. */
bool cli_show_json(const ProtobufCMessage *message);

enum { CLI_SHORT = 64 };
/* "2026-11-22 12:43:11", UTC; "" for NULL. */
void cli_show_time(const Google__Protobuf__Timestamp *t, char out[CLI_SHORT]);
/* "75.00 BRL", with the digits that ISO 4217 gives the currency. */
void cli_show_money(const Ponte__Type__V1__Money *m, char out[CLI_SHORT]);
/* "75.0": as few decimals as say it, but one. */
void cli_show_amount(const Ponte__Type__V1__Money *m, char out[CLI_SHORT]);
/* "admin" for ROLE_ADMIN; "" for the value 0. */
void cli_show_enum(const ProtobufCEnumDescriptor *type, int value, char out[CLI_SHORT]);

/* The value of a word that cli_show_enum() gives; 0 for NULL. False: said why. */
bool cli_read_enum(const ProtobufCEnumDescriptor *type, const char *word, int *out);
/* "37.5" of a currency with two digits is 3750. False: said why. */
bool cli_read_amount(const char *text, const char *currency, int64_t *minor_units);
/* "2026-11-22" or RFC 3339. NULL leaves *out as it is. False: said why. */
bool cli_read_time(const char *option, const char *text, Google__Protobuf__Timestamp *time,
                   Google__Protobuf__Timestamp **out);

#endif
