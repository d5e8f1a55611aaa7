/* net_double.h - lib/net without sockets: the functions of net/conn.h and of net/loop.h's timers that codecs call, for one connection. It is linked in the place of lib/net's own.
 *
 * Time is the fuzzer's: a timer fires when double_time() says so, whatever it was set to. Test code only; single thread.
 */
#ifndef PONTE_TESTS_NET_DOUBLE_H
#define PONTE_TESTS_NET_DOUBLE_H

#include "net/conn.h"

/* A fresh connection from the peer, without a codec; one at a time. */
net_conn *double_open(void);
/* Bytes from the peer: delivered at once, or when the codec is no longer paused. Then the rest of the loop turn. */
void double_receive(net_conn *c, base_span bytes);
/* The end of a loop turn: what was asked for later happens now. */
void double_turn(net_conn *c);
/* Whether the kernel takes bytes. When it does again, the codec hears of it. */
void double_stick(net_conn *c, bool stuck);
/* Every timer that is set fires once. */
void double_time(net_conn *c);
/* The peer goes away, if the connection has not been closed before. */
void double_end(net_conn *c);
bool double_is_open(const net_conn *c);
/* As net_loop_free: frees the timers that are left; how many. */
size_t double_free_timers(void);

#endif
