/* The gateway's configuration file, through YAML, the table and the checks across settings. Input: the file. */
#include <assert.h>

#include "gateway/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  gw_config *c = NULL;
  base_buf why;
  base_buf_init(&why, 4096);
  base_err e = gw_config_read_text("f", base_span_of(data, size), &why, &c);
  assert(base_is_ok(e) == (c != NULL));
  /* Whoever is refused is told why. */
  assert(base_is_ok(e) || base_buf_size(&why) > 0);
  if (c) {
    assert(c->cluster_count > 0 && c->route_count > 0 && c->listen_count > 0);
    for (int i = 0; i < c->route_count; i++) {
      assert(c->routes[i].cluster_index < c->cluster_count && c->routes[i].prefix[0] == '/');
    }
    for (int i = 0; i < c->listen_count; i++) {
      assert((c->listen[i].tls.main.cert_file == NULL) == (c->listen[i].tls.main.key_file == NULL));
    }
  }
  gw_config_free(c);
  base_buf_dispose(&why);
  return 0;
}
