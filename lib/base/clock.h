/* clock.h - time and randomness of the machine, and ids made of both. Any thread. Codecs take time as an argument and
 * never call this. */
#ifndef PONTE_BASE_CLOCK_H
#define PONTE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC; only differences mean something. */
int64_t base_now_ms(void);
int64_t base_now_us(void);
/* Unix time in milliseconds, UTC. */
int64_t base_wall_ms(void);
int64_t base_wall_us(void);
enum { BASE_TIME_SIZE = 25 };
/* RFC 3339 in UTC with milliseconds, "2022-02-22T19:22:22.003Z", of the years 1970 to 9999; times outside are moved
 * to the nearest end. Pure. */
void base_time_text(int64_t wall_ms, char out[BASE_TIME_SIZE]);
/* Cryptographically strong (getentropy(3)); aborts only if the kernel has no entropy source at all. */
void base_random(void *out, size_t n);

enum { BASE_UUID_SIZE = 37 };
/* UUIDv7 text with its NUL (RFC 9562 section 5.7) of the given Unix time in ms and 10 random bytes. */
void base_uuid7_of(int64_t wall_ms, const uint8_t random[10], char out[BASE_UUID_SIZE]);
void base_uuid7(char out[BASE_UUID_SIZE]);

/* Back-off before attempt n (0, 1, 2, ...): exponential from base_ms, at most cap_ms, full jitter taken from `random`
 * (a uniform 32-bit number), never below base_ms / 2 (unless cap_ms is). Neither may be negative. Pure. (AWS
 * "Exponential Backoff And Jitter".) */
int64_t base_backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint32_t random);

#endif
