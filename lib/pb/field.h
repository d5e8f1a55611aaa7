/* field.h - what protobuf-c's descriptors say about a field of a message in memory: where it is, how large, whether it is set. Uses only what the descriptor holds, so it
 * works with descriptors that were made at run time too. Pure; any thread.
 */
#ifndef PONTE_PB_FIELD_H
#define PONTE_PB_FIELD_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* Bytes that one value takes in the message or in a list: of a text or message, the pointer. */
size_t pb_value_size(ProtobufCType type);
/* Empty, 0, false, NULL. */
bool pb_value_is_zero(ProtobufCType type, const void *value);

static inline bool pb_field_is_list(const ProtobufCFieldDescriptor *f) { return f->label == PROTOBUF_C_LABEL_REPEATED; }
/* Absent can be told from empty or 0: messages, `optional`, members of a oneof. */
bool pb_field_has_presence(const ProtobufCFieldDescriptor *f);
/* Is there. A field without presence is, if it is not empty or 0. */
bool pb_field_is_set(const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message);

/* The value, or the pointer to a list's first item. */
static inline const void *pb_field_at(const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message) {
  return (const char *)message + f->offset;
}
/* Items of a list. */
static inline size_t pb_field_count(const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message) {
  return *(const size_t *)((const char *)message + f->quantifier_offset);
}
static inline const char *pb_field_items(const ProtobufCFieldDescriptor *f, const ProtobufCMessage *message) {
  return *(const char *const *)pb_field_at(f, message);
}

#endif
