#include "http/target.h"

/* Anything else has no handler here; CONNECT and TRACE would even be harmful. */
static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

bool http_is_method(base_span s) {
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (base_span_is(s, methods[i])) {
      return true;
    }
  }
  return false;
}

bool http_is_target_text(base_span s) {
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#') {
      return false; /* a fragment never leaves a browser */
    }
  }
  return true;
}

bool http_is_origin_form(base_span s) { return s.n > 0 && s.p[0] == '/' && http_is_target_text(s); }

static bool is_alnum(uint8_t c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool http_is_authority_text(base_span s) {
  static const char marks[] = "-._~%!$&'()*+,;=:[]";
  for (size_t i = 0; i < s.n; i++) {
    if (!is_alnum(s.p[i]) && (s.p[i] == 0 || !strchr(marks, s.p[i]))) {
      return false; /* '@' too: user information has no place in a request */
    }
  }
  return s.n > 0;
}

/* Size of the address in brackets that the text begins with; 0 if there is none. The shortest address is "::". */
static size_t bracketed_size(base_span s) {
  size_t i = 1;
  while (i < s.n && (is_alnum(s.p[i]) || s.p[i] == ':' || s.p[i] == '.')) {
    i++;
  }
  return i >= 3 && i < s.n && s.p[i] == ']' ? i + 1 : 0;
}

/* Size of the name, or IPv4 address, before the port; 0 if there is none. */
static size_t name_size(base_span s) {
  size_t i = 0;
  while (i < s.n && s.p[i] != ':') {
    if (s.p[i] == '[' || s.p[i] == ']') {
      return 0;
    }
    i++;
  }
  return i;
}

bool http_is_authority(base_span s) {
  if (!http_is_authority_text(s)) {
    return false;
  }
  size_t host_n = s.p[0] == '[' ? bracketed_size(s) : name_size(s);
  if (host_n == 0 || host_n == s.n) {
    return host_n != 0;
  }
  uint64_t port = 0;
  return s.p[host_n] == ':' && base_span_u64(base_span_of(s.p + host_n + 1, s.n - host_n - 1), &port) &&
         port <= UINT16_MAX;
}
