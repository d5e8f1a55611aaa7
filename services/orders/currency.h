/* currency.h - which currencies an order may have, and how many of their digits are minor units.
 *
 * Source: ISO 4217, list one (SIX Group), with its amendments up to 2025; without what it lists as having no minor units (gold, SDR, testing, "no currency"), because
 * amounts are in minor units. A table in the source and not a package of the distribution's: what a service accepts may not depend on the machine it was built on.
 * Pure; any thread.
 */
#ifndef PONTE_ORDERS_CURRENCY_H
#define PONTE_ORDERS_CURRENCY_H

#include <stdint.h>

typedef struct {
  char code[4];
  uint8_t digits; /* 10^digits minor units are one of the currency */
} orders_currency;

/* Static; NULL for a code that is none. Codes are in capitals. */
const orders_currency *orders_currency_find(const char *code);

#endif
