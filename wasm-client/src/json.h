/* json.h - a protobuf message as JSON (proto3 JSON mapping), from protobuf-c's descriptors. Pure.
 *
 * Written as JavaScript wants it: names in lowerCamelCase, enums by name, bytes in base64; 64-bit integers are JSON numbers, not strings, since all
 * of ours stay below 2^53. Default values are left out. */
#ifndef PONTE_WC_JSON_H
#define PONTE_WC_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"

base_err wc_json_write(const ProtobufCMessage *message, base_buf *out) BASE_MUST_USE;

#endif
