/* config.h - judges what a client asks for. Pure but for the list of models; each refusal names the field and says what to do. */
#ifndef PONTE_TRANSCRIPTION_CONFIG_H
#define PONTE_TRANSCRIPTION_CONFIG_H

#include "ponte/transcription/v1/transcription.pb-c.h"
#include "rpc/error.h"
#include "transcription/audio.h"
#include "transcription/models.h"

enum { TR_SESSION_ID_MAX = 64 };

typedef struct {
  tr_format format;
  size_t model;
  bool interim;
  char session_id[TR_SESSION_ID_MAX + 1]; /* chosen here when the client left it empty */
  int64_t resume_sample;
} tr_config;

/* False with *error set. */
bool tr_config_check(const tr_models *models, const Ponte__Transcription__V1__StreamConfig *in, tr_config *out,
                     rpc_error *error);
/* The model and language alone; a stream's fields are named config.x, those of TranscribeAudio x. */
bool tr_config_model(const tr_models *models, bool is_stream, const char *name, const char *language, size_t *out,
                     rpc_error *error);

/* Where the audio of a stream stands. */
typedef struct {
  uint64_t sequence; /* of the next frame */
  int64_t sample;    /* where it begins; meaningless before the first */
  uint32_t lead;     /* samples of the first frames that lie before resume_sample */
} tr_position;

/* Judges a frame and moves on behind it. */
bool tr_config_frame(const tr_config *config, tr_position *position, const Ponte__Transcription__V1__AudioFrame *frame,
                     rpc_error *error);

#endif
