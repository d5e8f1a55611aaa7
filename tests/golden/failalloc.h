/* failalloc.h - makes the nth allocation fail. The test is linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc.
 * Test code only; single thread. */
#ifndef PONTE_TESTS_FAILALLOC_H
#define PONTE_TESTS_FAILALLOC_H

/* From now on `n` allocations succeed and all later ones fail, as when memory has run out; -1: none fails. */
void failalloc_after(long n);
/* How many failed since the last failalloc_after(). */
long failalloc_failures(void);

#endif
