/* Runs a fuzz target over the files of a corpus, for compilers and presets without libFuzzer: `fuzz.NAME FOLDER-OR-FILE...`.
 * Each file is given whole and then cut at each of its first bytes, since truncation is what decoders forget. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILE = 1 << 20, MAX_CUTS = 512, MAX_PATH = 4096 };

static int run_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    return -1;
  }
  uint8_t *bytes = malloc(MAX_FILE);
  if (!bytes) {
    fclose(f);
    return -1;
  }
  size_t n = fread(bytes, 1, MAX_FILE, f);
  fclose(f);
  for (size_t cut = 0; cut <= n && cut <= MAX_CUTS; cut++) {
    /* An exact-size copy, so that a sanitizer sees the first byte read past the end. */
    size_t len = cut == 0 ? n : cut - 1;
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact) break;
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
  }
  free(bytes);
  return 1;
}

static int run_path(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0) {
    perror(path);
    return -1;
  }
  if (!S_ISDIR(st.st_mode)) return run_file(path);
  DIR *dir = opendir(path);
  if (!dir) {
    perror(path);
    return -1;
  }
  int files = 0;
  for (struct dirent *e = readdir(dir); e && files >= 0; e = readdir(dir)) {
    if (e->d_name[0] == '.') continue;
    char child[MAX_PATH];
    snprintf(child, sizeof child, "%s/%s", path, e->d_name);
    int n = run_path(child);
    files = n < 0 ? -1 : files + n;
  }
  closedir(dir);
  return files;
}

int main(int argc, char **argv) {
  int files = 0;
  for (int i = 1; i < argc; i++) {
    int n = run_path(argv[i]);
    if (n < 0) return 1;
    files += n;
  }
  printf("%d corpus files\n", files);
  return files > 0 ? 0 : 1; /* an empty corpus tests nothing: say so */
}
