/* dynamic.h - message types that are learnt at run time: protobuf-c's descriptors made of a FileDescriptorSet, as reflection gives it, so that pb_unpack(), pb_pack() and
 * JSON work on messages that no compiler has seen.
 *
 * The set comes from a peer: names must be identifiers, numbers unique, and whatever is referred to must be in the set; memory is bounded by the set's size. proto2, proto3
 * (with `optional`) and editions; maps are repeated entries (key = 1, value = 2), as everywhere in protobuf-c; groups and extensions are left out, as fields that are not
 * known. Defaults of proto2 are not applied. A message's struct has no C type: its fields are found by the descriptor's offsets. `message_init` is NULL in these descriptors
 * (protobuf-c then initialises by the fields).
 *
 * Immutable once made; any thread. Descriptors live as long as the pb_dynamic. Source: google/protobuf/descriptor.proto; protobuf-c.h.
 */
#ifndef PONTE_PB_DYNAMIC_H
#define PONTE_PB_DYNAMIC_H

#include "base/err.h"
#include "base/span.h"
#include "pb/method.h"

/* Of a set; a gRPC message is no larger either. */
enum { PB_DYNAMIC_MAX_BYTES = 4 << 20 };

typedef struct pb_dynamic pb_dynamic;

/* Copies what it needs. A file that comes twice counts once. MALFORMED, TOO_LARGE (the set, or what its few bytes would take), NO_MEMORY. */
base_err pb_dynamic_new(base_span descriptor_set, pb_dynamic **out) BASE_MUST_USE;
/* NULL is allowed. */
void pb_dynamic_free(pb_dynamic *d);

/* By full name without a leading dot; NULL if the set has none. */
const ProtobufCMessageDescriptor *pb_dynamic_message(const pb_dynamic *d, const char *name);
const ProtobufCEnumDescriptor *pb_dynamic_enum(const pb_dynamic *d, const char *name);
/* With the kinds of its methods; rules and policies are not known here. */
const pb_service *pb_dynamic_service(const pb_dynamic *d, const char *name);

#endif
