/* session.h - who is signed in where: the sessions of `ponte login`, kept in $XDG_CONFIG_HOME/ponte/session.json (0600), one a place.
 *
 * A refresh token is good once, so two processes must not use the same one: refreshing holds a file lock, and the new session is on disk before its token is used. One thread.
 */
#ifndef PONTE_CLI_SESSION_H
#define PONTE_CLI_SESSION_H

#include "cli/link.h"

typedef struct {
  char user_id[64], email[256], display_name[1024], role[32];
  char access_token[8193], refresh_token[257];
  int64_t expire_ms; /* of the access token */
} cli_session;

enum cli_found { CLI_FOUND, CLI_FOUND_NOT, CLI_FOUND_ERROR };

/* ERROR: said why. */
enum cli_found cli_session_load(const char *place, cli_session *out);
/* NULL forgets it. False: said why. */
bool cli_session_store(const char *place, const cli_session *s);

struct Ponte__Users__V1__Session;
/* From a service's answer. False: it is not one (said). */
bool cli_session_of(const struct Ponte__Users__V1__Session *answer, cli_session *out);

/* Gives the link the token of the session of its place, if it has none yet and there is one, refreshed if it has expired or is about to. False: the session cannot be used;
 * the status says why. */
bool cli_session_use(cli_link *l, wire_status *status);

#endif
