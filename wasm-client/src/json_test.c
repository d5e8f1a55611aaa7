#include "wc/json.h"

#include "base/test.h"
#include "ponte/transcription/v1/transcription.pb-c.h"

static const char *written(const ProtobufCMessage *m) {
  static char text[1024];
  base_buf out;
  base_buf_init(&out, sizeof text - 1);
  CHECK_OK(wc_json_write(m, &out));
  size_t n = base_buf_size(&out);
  memcpy(text, base_buf_span(&out).p, n);
  text[n] = 0;
  base_buf_dispose(&out);
  return text;
}

static void test_lists_and_text(void) {
  Ponte__Transcription__V1__ListModelsResponse r = PONTE__TRANSCRIPTION__V1__LIST_MODELS_RESPONSE__INIT;
  CHECK_STR(written(&r.base), "{}");
  Ponte__Transcription__V1__Model m = PONTE__TRANSCRIPTION__V1__MODEL__INIT;
  Ponte__Transcription__V1__Model *models[] = {&m, &m};
  char name[] = "a \"b\"", en[] = "en", pt[] = "pt-BR";
  char *languages[] = {en, pt};
  m.name = name;
  m.n_languages = 2;
  m.languages = languages;
  m.size_bytes = 5000000000;
  m.loaded = true;
  r.n_models = 2;
  r.models = models;
  r.default_model = name;
  CHECK_STR(written(&r.base),
            "{\"models\":[{\"name\":\"a "
            "\\\"b\\\"\",\"languages\":[\"en\",\"pt-BR\"],\"sizeBytes\":5000000000,\"loaded\":true},"
            "{\"name\":\"a \\\"b\\\"\",\"languages\":[\"en\",\"pt-BR\"],\"sizeBytes\":5000000000,\"loaded\":true}],"
            "\"defaultModel\":\"a \\\"b\\\"\"}");
}

static void test_oneof_enum_bytes_numbers(void) {
  Ponte__Transcription__V1__AudioChunk c = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__INIT;
  CHECK_STR(written(&c.base), "{}");
  Ponte__Transcription__V1__AudioFrame f = PONTE__TRANSCRIPTION__V1__AUDIO_FRAME__INIT;
  uint8_t bytes[] = {0xff, 0};
  f.data.data = bytes;
  f.data.len = 2;
  f.start_sample = -1;
  c.chunk_case = PONTE__TRANSCRIPTION__V1__AUDIO_CHUNK__CHUNK_AUDIO;
  c.audio = &f;
  CHECK_STR(written(&c.base), "{\"audio\":{\"startSample\":-1,\"data\":\"/wA\"}}");
  Ponte__Transcription__V1__StreamConfig config = PONTE__TRANSCRIPTION__V1__STREAM_CONFIG__INIT;
  config.codec = PONTE__TRANSCRIPTION__V1__AUDIO_CODEC__AUDIO_CODEC_OPUS;
  CHECK_STR(written(&config.base), "{\"codec\":\"AUDIO_CODEC_OPUS\"}");
  config.codec = (Ponte__Transcription__V1__AudioCodec)77;
  CHECK_STR(written(&config.base), "{\"codec\":77}");
  Ponte__Transcription__V1__Segment s = PONTE__TRANSCRIPTION__V1__SEGMENT__INIT;
  s.stability = 0.5f;
  CHECK_STR(written(&s.base), "{\"stability\":0.5}");
}

TEST_MAIN(TEST(test_lists_and_text), TEST(test_oneof_enum_bytes_numbers))
