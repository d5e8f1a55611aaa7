#include "cli/lesson.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"
#include "cli/unary.h"

enum { TITLE_CHARACTERS = 200, CHUNK = 65536 };

static const struct {
  const char *ending, *format;
} endings[] = {{".md", "markdown"}, {".markdown", "markdown"}, {".txt", "text"},
               {".text", "text"},   {".srt", "srt"},           {".vtt", "vtt"}};

static bool read_file(FILE *from, const char *path, base_buf *out) {
  uint8_t chunk[CHUNK];
  size_t n;
  while ((n = fread(chunk, 1, sizeof chunk, from)) > 0) {
    if (base_is_ok(base_buf_append(out, base_span_of(chunk, n)))) continue;
    cli_say("%s: more than %zu bytes", path, out->ceiling - 1);
    return false;
  }
  if (!ferror(from)) return true;
  cli_say("%s: %s", path, strerror(errno));
  return false;
}

bool cli_read_text(const char *path, size_t max, base_buf *out) {
  bool is_stdin = strcmp(path, "-") == 0;
  base_buf_init(out, max + 1);
  FILE *from = is_stdin ? stdin : fopen(path, "rb");
  if (!from) {
    cli_say("%s: %s", path, strerror(errno));
    return false;
  }
  bool good = read_file(from, path, out);
  if (!is_stdin) fclose(from);
  base_span text = base_buf_span(out);
  if (good && (!base_span_utf8(text) || (text.n && memchr(text.p, '\0', text.n)))) {
    cli_say("%s: not a text in UTF-8", path);
    return false;
  }
  if (good && text.n == max + 1) cli_say("%s: more than %zu bytes", path, max);
  return good && text.n <= max && base_is_ok(base_buf_u8(out, 0));
}

static const char *file_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The name without its ending, and not longer than a title may be. */
static bool title_of(const char *path, char title[CLI_LESSON_TITLE]) {
  const char *name = file_name(path), *dot = strrchr(name, '.');
  size_t n = dot && dot != name ? (size_t)(dot - name) : strlen(name), at = 0, characters = 0;
  while (at < n && at < CLI_LESSON_TITLE - 1) {
    characters += ((uint8_t)name[at] & 0xC0) != 0x80;
    if (characters > TITLE_CHARACTERS) break;
    title[at] = name[at];
    at++;
  }
  title[at] = '\0';
  return at > 0 && base_span_utf8(base_span_str(title));
}

static const char *format_of(const char *path) {
  base_span name = base_span_str(file_name(path));
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t n = strlen(endings[i].ending);
    if (name.n > n && base_span_ieq(base_span_of(name.p + name.n - n, n), base_span_str(endings[i].ending)))
      return endings[i].format;
  }
  return NULL;
}

/* The same for the same content under the same title, whoever asks: keys are kept by caller. */
static void make_key(cli_lesson *l) {
  unsigned char title[SHA256_DIGEST_LENGTH], both[2 * SHA256_DIGEST_LENGTH + 1], digest[SHA256_DIGEST_LENGTH];
  base_span content = base_buf_span(&l->content);
  SHA256((const unsigned char *)l->title, strlen(l->title), title);
  SHA256(content.p, content.n, digest);
  memcpy(both, title, sizeof title);
  memcpy(both + sizeof title, digest, sizeof digest);
  both[sizeof both - 1] = (unsigned char)l->request.format;
  SHA256(both, sizeof both, digest);
  size_t at = (size_t)snprintf(l->key, sizeof l->key, "material-");
  for (size_t i = 0; i < sizeof digest; i++)
    at += (size_t)snprintf(l->key + at, sizeof l->key - at, "%02x", digest[i]);
}

bool cli_lesson_read(cli_lesson *out, const char *path, const char *title, const char *format) {
  int value;
  *out = (cli_lesson){0};
  ponte__chatbot__v1__add_material_request__init(&out->request);
  if (!cli_read_text(path, CLI_LESSON_MAX, &out->content)) return false;
  if (!format) format = format_of(path);
  if (!format) {
    cli_say("%s: its ending tells no format (.md .txt .srt .vtt; `ponte materials add` takes --format)", path);
    return false;
  }
  if (title ? snprintf(out->title, sizeof out->title, "%s", title) >= (int)sizeof out->title
            : !title_of(path, out->title)) {
    cli_say("%s: no title can be made of it: give one with --title", path);
    return false;
  }
  if (!cli_read_enum(&ponte__chatbot__v1__material_format__descriptor, format, &value)) return false;
  out->request.format = (Ponte__Chatbot__V1__MaterialFormat)value;
  out->request.title = out->title;
  out->request.content = (char *)out->content.data;
  make_key(out);
  return true;
}

void cli_lesson_dispose(cli_lesson *l) { base_buf_dispose(&l->content); }

/* -- adding ------------------------------------------------------------------------------------------------------------ */

/* Whether a material that was added earlier is there still: a key's answer outlives what it made. */
static bool is_there(cli_link *l, int64_t timeout_ms, char *id, wire_status *status) {
  Ponte__Chatbot__V1__GetMaterialRequest request = PONTE__CHATBOT__V1__GET_MATERIAL_REQUEST__INIT;
  pb_arena arena;
  pb_arena_init(&arena, 0);
  request.material_id = id;
  bool there = cli_ask(l, CLI_CHATBOT_PORT, cli_method(&ponte_chatbot_v1_service, "GetMaterial"), timeout_ms,
                       &request.base, &arena, status) != NULL;
  pb_arena_dispose(&arena);
  return there;
}

static bool add(cli_link *l, int64_t timeout_ms, const Ponte__Chatbot__V1__AddMaterialRequest *request,
                char id[CLI_LESSON_ID], wire_status *status) {
  pb_arena arena;
  pb_arena_init(&arena, 0);
  const ProtobufCMessage *reply = cli_ask(l, CLI_CHATBOT_PORT, cli_method(&ponte_chatbot_v1_service, "AddMaterial"),
                                          timeout_ms, &request->base, &arena, status);
  if (reply) snprintf(id, CLI_LESSON_ID, "%s", ((const Ponte__Chatbot__V1__Material *)reply)->material_id);
  pb_arena_dispose(&arena);
  return reply != NULL;
}

/* The same key for the same file, so that it is added once; where what it added was removed since, the next key of a row. */
bool cli_lesson_add(cli_link *l, int64_t timeout_ms, const Ponte__Chatbot__V1__AddMaterialRequest *lesson,
                    char id[CLI_LESSON_ID], wire_status *status) {
  enum { REMOVED_MAX = 20 };
  Ponte__Chatbot__V1__AddMaterialRequest request = *lesson;
  char key[CLI_LESSON_KEY + 8];
  bool there = false;
  request.idempotency_key = key;
  for (int i = 0; i < REMOVED_MAX && !there && (i == 0 || status->code == BASE_GRPC_NOT_FOUND); i++) {
    snprintf(key, sizeof key, "%s-%d", lesson->idempotency_key, i);
    wire_status_set(status, BASE_GRPC_OK, "%s", "");
    there = add(l, timeout_ms, &request, id, status) && is_there(l, timeout_ms, id, status);
  }
  return there;
}
