/* app.h - the gateway as one process: a control thread with the signals and the admin port, and config.workers workers (worker.h) that carry the traffic.
 *
 * SIGTERM or SIGINT: not ready any more, no new connections, GOAWAY on HTTP/2 and DRAIN on every WebSocket; calls go on for config.grace_ms, then end with
 * UNAVAILABLE. A second signal ends at once. SIGHUP: reads the configuration anew (reload.h).
 */
#ifndef PONTE_GATEWAY_APP_H
#define PONTE_GATEWAY_APP_H

#include "gateway/config.h"

/* Opens the listeners and prints a line for each on stdout ("listening http://127.0.0.1:8080"), then serves; returns after the end. Errors, said in `why`: IN_USE
 * (a port is taken), INVALID (address, certificate), NOT_FOUND (the folder of files), NO_MEMORY. Takes `config` over in any case; it was read from argc and argv, which
 * are read again at each reload. */
base_err gw_app_run(gw_config *config, int argc, char *const *argv, base_buf *why) BASE_MUST_USE;

#endif
