/* reflect.h - the types of a service that nobody has compiled in: from server reflection (v1, then v1alpha), or, where there is none, from the descriptors of Ponte's own
 * services in this program. One thread. */
#ifndef PONTE_CLI_REFLECT_H
#define PONTE_CLI_REFLECT_H

#include "cli/ask.h"
#include "pb/dynamic.h"

/* The file that holds this symbol, and all that it imports. NULL: the status says why. Free it with pb_dynamic_free(). */
pb_dynamic *cli_reflect(cli_link *l, int port, int64_t timeout_ms, const char *symbol, wire_status *status);
/* The names of the server's services, a line each. False: the status says why. */
bool cli_reflect_list(cli_link *l, int port, int64_t timeout_ms, base_buf *names, wire_status *status);
/* Adds the services of Ponte's that this program knows and the list lacks. False: out of memory. */
bool cli_reflect_own(base_buf *names);
/* The standard port of the service that this symbol belongs to, for --direct; 0 if it is none of Ponte's. */
int cli_reflect_port(const char *symbol);
/* The standard ports of Ponte's services, up to 0. */
extern const int cli_reflect_ports[];

#endif
