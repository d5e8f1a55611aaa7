#include "transcription/models.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asr/fake.h"
#include "base/test.h"

static char directory[] = "/tmp/ponte-models-XXXXXX";

static void put(const char *folder, const char *json) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, folder);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/%s/model.json", directory, folder);
  FILE *f = fopen(path, "w");
  if (f) fputs(json, f);
  if (f) fclose(f);
}

static void drop(const char *folder) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s/model.json", directory, folder);
  unlink(path);
  snprintf(path, sizeof path, "%s/%s", directory, folder);
  rmdir(path);
}

static void listing(void) {
  put("b", "{\"name\": \"zebra\", \"kind\": \"fake\", \"licence\": \"MIT\", \"languages\": [\"de\"]}");
  put("c", "{\"name\": \"ant\", \"kind\": \"fake\", \"licence\": \"MIT\", \"languages\": [\"en\"]}");
  put("d", "{\"name\": \"other\", \"kind\": \"moonshine\", \"licence\": \"MIT\", \"languages\": [\"en\"]}");
  put("e", "not json");
  char why[ASR_WHY_SIZE];
  tr_models *m = NULL;
  CHECK_OK(tr_models_open(directory, &asr_fake, NULL, &m, why));
  REQUIRE(m);
  CHECK_INT(tr_models_count(m), 3);
  CHECK_STR(tr_models_at(m, 0)->name, "ant");
  CHECK_STR(tr_models_at(m, 1)->name, "fake");
  CHECK_STR(tr_models_at(m, 2)->name, "zebra");
  CHECK_STR(tr_models_default(m), "ant");
  size_t i = 9;
  CHECK(tr_models_find(m, "", &i) && i == 0);
  CHECK(tr_models_find(m, "zebra", &i) && i == 2);
  CHECK(!tr_models_find(m, "other", &i));
  CHECK(tr_models_speaks(m, 2, "de-AT") && tr_models_speaks(m, 2, "DE") && tr_models_speaks(m, 2, ""));
  CHECK(!tr_models_speaks(m, 2, "d") && !tr_models_speaks(m, 2, "deu") && !tr_models_speaks(m, 2, "-"));
  CHECK(tr_models_speaks(m, 1, "pt") && tr_models_speaks(m, 1, "pt-PT"));
  CHECK(!tr_models_is_loaded(m, 2));
  tr_models_free(m);
}

static void loading(void) {
  char why[ASR_WHY_SIZE];
  tr_models *m = NULL;
  CHECK_OK(tr_models_open(directory, &asr_fake, NULL, &m, why));
  REQUIRE(m);
  asr_model *first = NULL, *again = NULL;
  CHECK_OK(tr_models_get(m, 2, &first, why));
  CHECK_OK(tr_models_get(m, 2, &again, why));
  CHECK(first && first == again);
  CHECK(tr_models_is_loaded(m, 2));
  tr_models_free(m);
}

static void default_model(void) {
  char why[ASR_WHY_SIZE];
  tr_models *m = NULL;
  CHECK_OK(tr_models_open(directory, &asr_fake, "zebra", &m, why));
  CHECK_STR(tr_models_default(m), "zebra");
  tr_models_free(m);
  CHECK_ERR(tr_models_open(directory, &asr_fake, "none", &m, why), BASE_E_NOT_FOUND);
  CHECK(strstr(why, "none") != NULL);
}

static void broken_model(void) {
  char why[ASR_WHY_SIZE];
  tr_models *m = NULL;
  CHECK_OK(tr_models_open(directory, &asr_sherpa, NULL, &m, why));
  REQUIRE(m);
  asr_model *model = NULL;
  CHECK_ERR(tr_models_get(m, 0, &model, why), BASE_E_MALFORMED);
  CHECK(model == NULL && why[0]);
  tr_models_free(m);
}

static void no_models(void) {
  char why[ASR_WHY_SIZE];
  tr_models *m = NULL;
  drop("d");
  CHECK_ERR(tr_models_open(directory, &asr_sherpa, NULL, &m, why), BASE_E_NOT_FOUND);
  CHECK(strstr(why, directory) != NULL);
  CHECK_ERR(tr_models_open("/nonexistent", &asr_sherpa, NULL, &m, why), BASE_E_NOT_FOUND);
  CHECK(strstr(why, "/nonexistent") != NULL);
  CHECK_OK(tr_models_open("/nonexistent", &asr_fake, NULL, &m, why));
  tr_models_free(m);
}

int main(void) {
  if (!mkdtemp(directory)) return 1;
  listing();
  loading();
  default_model();
  broken_model();
  no_models();
  drop("b");
  drop("c");
  drop("e");
  rmdir(directory);
  return test_failures != 0;
}
