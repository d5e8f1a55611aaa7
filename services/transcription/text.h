/* text.h - what is done to a recognised text before anybody sees it. Pure. */
#ifndef PONTE_TRANSCRIPTION_TEXT_H
#define PONTE_TRANSCRIPTION_TEXT_H

#include <stddef.h>

/* In place: blanks at the ends go, inner ones become one space, malformed UTF-8 goes, and what the model repeats without end ("no matter,
 * no matter, no matter, ..."), a run of one to six words four times or more in a row, is kept once. */
void tr_text_clean(char *text);
/* Bytes at the beginning of `now` that `before` begins with too, up to and with the last whole word: what two decodings agree on is
 * not expected to change. The last word of `now` never counts, because more audio may still change it. */
size_t tr_text_stable(const char *before, const char *now);

#endif
