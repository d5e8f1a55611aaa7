/* reload.h - from a configuration to what the workers share, the first time and at each reload. Control thread only.
 *
 * A reload is validated as a whole before anything changes: the file, every file that it names, and the ports that it adds. What is the same stays: a listener whose
 * address and kind did not change keeps its socket, and its certificates are exchanged underneath.
 */
#ifndef PONTE_GATEWAY_RELOAD_H
#define PONTE_GATEWAY_RELOAD_H

#include "gateway/shared.h"
#include "net/loop.h"

/* Takes `config` over, also on an error; `before` is what is in use, or NULL at the start. Listeners that are new get a certificate object and, in a reload, a port that
 * is tried out on `loop`. Errors, said in `why`: INVALID, IN_USE, NO_MEMORY. */
base_err gw_shared_new(net_loop *loop, gw_config *config, gw_limits *limits, const gw_shared *before, base_buf *why,
                       gw_shared **out) BASE_MUST_USE;
/* The second half of a reload: certificates of listeners that stay are exchanged. Errors are logged; the old certificate stays then. */
void gw_shared_commit(gw_shared *next, const gw_shared *before);
/* To be called now and then: certificates are read again whose files have changed, as renewals change them. A bad one is logged, once, and the old stays. */
void gw_shared_look_at_certificates(gw_shared *s);
/* Frees it but for what `next` goes on using (NULL: nothing). */
void gw_shared_free(gw_shared *s, const gw_shared *next);

/* Opens the address for itself alone and closes it again: with SO_REUSEPORT another process's port could be shared unnoticed. Port 0 becomes one. As net_listen. */
base_err gw_place_probe(net_loop *loop, gw_place *place) BASE_MUST_USE;
/* Logs what a reload cannot change. */
void gw_reload_note_fixed(const gw_config *before, const gw_config *next);

#endif
