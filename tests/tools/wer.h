/* wer.h - word error rate: how many words of a transcript are wrong, by the usual count of substitutions, deletions and insertions.
 *
 * Case and punctuation do not count, nor whether 0 to 99 are written in digits, nor "mr" for "mister". Pure; test code only.
 */
#ifndef PONTE_TESTS_WER_H
#define PONTE_TESTS_WER_H

#include <stddef.h>

/* "Mr. Smith's 7-of-clubs" -> "mister smith's seven of clubs". Writes at most size bytes with the NUL. */
void wer_normalise(const char *text, char *out, size_t size);
/* Errors of the transcript against the reference, and the reference's words. Both are normalised first. Texts of up to 64 KiB. */
size_t wer_count(const char *reference, const char *transcript, size_t *words);

#endif
