/* lesson.h - files of lesson material as requests: their text, format, title, and a key that is the same for the same file. One thread. */
#ifndef PONTE_CLI_LESSON_H
#define PONTE_CLI_LESSON_H

#include "cli/ask.h"
#include "ponte/chatbot/v1/chatbot.ponte.h"

enum { CLI_LESSON_KEY = 80, CLI_LESSON_TITLE = 1024, CLI_LESSON_MAX = 1 << 20, CLI_LESSON_ID = 64 };

#define CLI_LESSON_FORMATS "markdown text srt vtt"

typedef struct {
  base_buf content; /* with a NUL behind it */
  char title[CLI_LESSON_TITLE], key[CLI_LESSON_KEY];
  Ponte__Chatbot__V1__AddMaterialRequest request; /* borrows all of this */
} cli_lesson;

/* The text of a file ("-": standard input) of at most max bytes, a NUL behind it. False: said why. */
bool cli_read_text(const char *path, size_t max, base_buf *out);
/* Fills *out, which does not move from then on. `title` NULL: the file's name; `format` NULL: as its ending says. The key is not set in the request. False: said why; in either case it is
 * disposed by the caller. */
bool cli_lesson_read(cli_lesson *out, const char *path, const char *title, const char *format);
void cli_lesson_dispose(cli_lesson *l);
/* Adds the lesson of the request, whose key is that of its file, or finds it where this added it before. False: the status says why. */
bool cli_lesson_add(cli_link *l, int64_t timeout_ms, const Ponte__Chatbot__V1__AddMaterialRequest *lesson,
                    char id[CLI_LESSON_ID], wire_status *status);

#endif
