/* balance.h - which endpoint the next call goes to. Pure; time and randomness are arguments. */
#ifndef PONTE_GATEWAY_UPSTREAM_H2_BALANCE_H
#define PONTE_GATEWAY_UPSTREAM_H2_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/upstream/cluster.h"

/* n endpoints, as the picker sees them. */
typedef struct {
  size_t n;
  bool (*is_usable)(void *ctx, size_t i); /* a call can be started there now */
  size_t (*load)(void *ctx, size_t i);    /* calls that run there */
  void *ctx;
} gw__choice;

/* The index, or n when none is usable. ROUND_ROBIN: the next usable one after *cursor, which moves on. LEAST_REQUEST: of two at random the one with fewer calls
 * (Mitzenmacher, "The Power of Two Choices"). PICK_FIRST: the first usable one. */
size_t gw__pick(enum gw_balance how, const gw__choice *of, size_t *cursor, uint32_t random);

#endif
