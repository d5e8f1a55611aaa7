/* rules.h - what a message's fields may hold beyond their types: protoc-gen-ponte makes these tables of the (buf.validate.field) options of the .proto, and pb_validate()
 * judges by them. Pure; any thread. The rules mean what protovalidate says they mean (github.com/bufbuild/protovalidate, proto/protovalidate/buf/validate/validate.proto).
 */
#ifndef PONTE_PB_RULES_H
#define PONTE_PB_RULES_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

typedef struct pb_rules pb_rules;

enum pb_format { PB_FORMAT_ANY, PB_FORMAT_EMAIL, PB_FORMAT_UUID };

typedef struct {
  bool required, ignore_zero, defined_only;
  bool has_low, has_high; /* numbers: bounds included */
  int64_t low, high;
  uint64_t min_len, max_len;     /* strings: code points; bytes: bytes. max 0 = none */
  uint64_t max_bytes;            /* strings; 0 = none */
  uint64_t min_items, max_items; /* lists; the other rules are then of each item; max 0 = none */
  enum pb_format format;
  bool ignore_empty; /* lists: an empty one is fine */
} pb_limits;

typedef struct {
  unsigned field; /* index in the descriptor's fields */
  pb_limits limits;
  const pb_rules *message; /* rules of a sub-message's fields; or NULL */
} pb_field_rules;

/* Of one message type; static. */
struct pb_rules {
  const pb_field_rules *fields;
  unsigned count;
};

enum { PB_PATH_SIZE = 128, PB_WHY_SIZE = 160 };
typedef struct {
  char path[PB_PATH_SIZE]; /* "items[2].quantity", in the .proto's names */
  char why[PB_WHY_SIZE];   /* "must be at least 1"; says what to do, never the value */
} pb_violation;

/* True: the message keeps all rules. Otherwise *v tells the first one that it does not, in the order of the fields. rules NULL: true. */
bool pb_validate(const ProtobufCMessage *message, const pb_rules *rules, pb_violation *v);

#endif
