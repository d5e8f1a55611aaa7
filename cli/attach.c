#include "cli/attach.h"

#include <stdlib.h>

#include "cli/ask.h"
#include "cli/session.h"
#include "wc/retry.h"

struct cli_attach {
  cli_link *link;
  wc_attach *kept;
  wire_metadata metadata;    /* the token, over channels that carry none themselves */
  bool wants_token, renewed; /* renewed: since the last answer that was none of UNAUTHENTICATED */
  int code;                  /* of what was refused */
};

static void refuse(cli_attach *a, const wire_status *status) {
  a->code = cli_exit_of(status);
  a->wants_token = false;
  cli_say("a part of the transcript was not attached");
}

static void on_state(void *ctx, enum wc_attach_state state, const wire_status *status) {
  cli_attach *a = ctx;
  bool no_token = state == WC_ATTACH_NEEDS_SIGN_IN;
  if (state == WC_ATTACH_REFUSED || (no_token && (a->renewed || a->link->given_token))) {
    refuse(a, status);
    return;
  }
  a->wants_token = no_token;
  if (state == WC_ATTACH_SAVED || state == WC_ATTACH_WAITING) a->renewed = false;
}

static base_err take_token(cli_attach *a) {
  wire_metadata_clear(&a->metadata);
  return cli_add_token(a->link, &a->metadata);
}

cli_attach *cli_attach_new(cli_link *link, const char *session_id, const char *title, bool shared) {
  cli_attach *a = calloc(1, sizeof *a);
  ponte_channel *channel = cli_link_channel(link, CLI_CHATBOT_PORT);
  if (a) {
    a->link = link;
    wire_metadata_init(&a->metadata);
  }
  if (a && channel && base_is_ok(take_token(a)) &&
      base_is_ok(wc_attach_new(link->plat, channel, on_state, a, &a->kept)) &&
      base_is_ok(wc_attach_begin(a->kept, session_id, title, shared))) {
    wc_attach_set_metadata(a->kept, &a->metadata);
    return a;
  }
  cli_say("the transcript cannot be attached: out of memory");
  cli_attach_free(a);
  return NULL;
}

void cli_attach_free(cli_attach *a) {
  if (!a) return;
  wc_attach_free(a->kept);
  wire_metadata_dispose(&a->metadata);
  free(a);
}

bool cli_attach_add(cli_attach *a, const Ponte__Transcription__V1__TranscriptionResult *result) {
  base_err e = a->code ? BASE_OK : wc_attach_add(a->kept, result);
  if (!base_is_ok(e)) cli_say("a part of the transcript was not attached");
  return base_is_ok(e);
}

bool cli_attach_is_settled(const cli_attach *a) { return a->code || wc_attach_is_settled(a->kept); }

int cli_attach_code(const cli_attach *a) {
  if (a->code) return a->code;
  return cli_attach_is_settled(a) ? CLI_EXIT_OK : CLI_EXIT_STATUS + BASE_GRPC_UNAVAILABLE;
}

bool cli_attach_wants_token(const cli_attach *a) { return a->wants_token; }

void cli_attach_renew(cli_attach *a) {
  wire_status status;
  wire_status_init(&status);
  a->link->identified = a->link->given_token;
  bool good = cli_session_use(a->link, &status) && base_is_ok(take_token(a));
  if (a->wants_token && good) {
    a->renewed = true;
    a->wants_token = false;
    wc_attach_retry_now(a->kept);
  } else if (a->wants_token && !wc_retry_may_help(status.code)) {
    refuse(a, &status);
  }
  wire_status_dispose(&status);
}
