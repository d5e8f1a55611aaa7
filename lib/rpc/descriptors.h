/* descriptors.h - the .proto files of all services, found by file name or by symbol: what reflection answers from. Inside lib/rpc only.
 *
 * Filled before the server starts, immutable afterwards. */
#ifndef PONTE_RPC_DESCRIPTORS_H
#define PONTE_RPC_DESCRIPTORS_H

#include "base/err.h"
#include "base/span.h"

typedef struct rpc_descriptor_file rpc_descriptor_file;

typedef struct {
  rpc_descriptor_file *files;
  size_t count;
} rpc_descriptors;

/* Adds the files of a FileDescriptorSet that are not known yet; the bytes are borrowed. MALFORMED, NO_MEMORY. */
base_err rpc_descriptors_add(rpc_descriptors *d, base_span descriptor_set) BASE_MUST_USE;
void rpc_descriptors_dispose(rpc_descriptors *d);
/* Index of the file, or -1. A symbol is a full name of a service, method, message, enum or extension, without a leading dot. */
int rpc_descriptors_by_name(const rpc_descriptors *d, const char *file);
int rpc_descriptors_by_symbol(const rpc_descriptors *d, const char *symbol);
/* Serialised FileDescriptorProto of file i and of all that it imports, file i first; `out` holds d->count spans. Returns how many. */
size_t rpc_descriptors_closure(const rpc_descriptors *d, int i, base_span *out);

#endif
