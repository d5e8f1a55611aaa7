/* memory.h - how much memory there is for this process, and how much it has. The parsers are pure; 0 means: not said.
 * Sources: proc(5), Documentation/admin-guide/cgroup-v2.rst of the Linux kernel. */
#ifndef PONTE_GATEWAY_MEMORY_H
#define PONTE_GATEWAY_MEMORY_H

#include "base/span.h"

/* "MemTotal:  16384 kB" among other lines, in bytes. */
uint64_t gw_memory_of_meminfo(base_span text);
/* Pages resident, the second number of /proc/self/statm, in bytes. */
uint64_t gw_memory_of_statm(base_span text, uint64_t page_bytes);
/* memory.max: a number of bytes, or "max". */
uint64_t gw_memory_of_cgroup(base_span text);
/* The path in "0::/path" of /proc/self/cgroup; empty if there is none. */
base_span gw_memory_cgroup_path(base_span text);

/* The least of the machine's memory and of what this process's control group and those above it allow. */
uint64_t gw_memory_total(void);
uint64_t gw_memory_resident(void);

#endif
