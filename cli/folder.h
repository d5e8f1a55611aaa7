/* folder.h - where `ponte` keeps files of its own (XDG Base Directory Specification 0.8). One thread. */
#ifndef PONTE_CLI_FOLDER_H
#define PONTE_CLI_FOLDER_H

#include <stdbool.h>

enum { CLI_PATH_MAX = 4096 };
/*      kind    variable           without it */
#define CLI_FOLDERS(X)                          \
  X(CONFIG, "XDG_CONFIG_HOME", ".config/ponte") \
  X(STATE, "XDG_STATE_HOME", ".local/state/ponte")

enum cli_folder {
#define X(kind, variable, fallback) CLI_FOLDER_##kind,
  CLI_FOLDERS(X)
#undef X
};

/* The path of a file in the folder, which is made (0700) if it is missing. False: said why. */
bool cli_folder_file(enum cli_folder folder, const char *name, char out[CLI_PATH_MAX]);
/* Waits for the file lock PATH.lock; it goes with the descriptor, or the process. -1: said why. */
int cli_lock(const char *path);
/* Replaces the file by these bytes, in one step and readable for its owner only; on disk when it returns. False: said why. */
bool cli_replace_file(const char *path, const char *bytes);

#endif
