/* process.h - this process's own figures in the Prometheus text format, out of /proc and malloc. Any thread. */
#ifndef PONTE_BASE_PROCESS_H
#define PONTE_BASE_PROCESS_H

#include "base/buf.h"

/* process_cpu_seconds_total, process_resident_memory_bytes, process_heap_bytes and process_start_time_seconds (the names of
 * the Prometheus client libraries). What the system does not tell is left out; only memory and the buffer's ceiling can fail. */
base_err base_process_write(base_buf *out) BASE_MUST_USE;

#endif
