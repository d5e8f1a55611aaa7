#include "http/h1_parser.h"

/* llhttp puts no bound on chunk extensions and trailers; nobody needs much of them. */
enum { MAX_DISCARDED = 8192 };

static h1_parser *of(llhttp_t *ll) { return ll->data; }

static int refuse(h1_parser *p, int status) {
  p->status = status;
  return HPE_USER;
}

static int on_begin(llhttp_t *ll) {
  of(ll)->begun = true;
  return HPE_OK;
}

static int discard(h1_parser *p, size_t n) {
  p->discarded += (uint32_t)(n < MAX_DISCARDED ? n : MAX_DISCARDED);
  return p->discarded < MAX_DISCARDED ? HPE_OK : refuse(p, 431);
}

static int on_url(llhttp_t *ll, const char *at, size_t n) {
  h1_parser *p = of(ll);
  h1_head_target(p->head, base_span_of(at, n));
  return p->head->status ? refuse(p, p->head->status) : HPE_OK;
}

static int on_name(llhttp_t *ll, const char *at, size_t n) {
  h1_parser *p = of(ll);
  if (p->in_body) {
    return discard(p, n + 1);
  }
  h1_head_name(p->head, base_span_of(at, n));
  return p->head->status ? refuse(p, p->head->status) : HPE_OK;
}

static int on_value(llhttp_t *ll, const char *at, size_t n) {
  h1_parser *p = of(ll);
  if (p->in_body) {
    return discard(p, n);
  }
  h1_head_value(p->head, base_span_of(at, n));
  return p->head->status ? refuse(p, p->head->status) : HPE_OK;
}

static int on_value_end(llhttp_t *ll) {
  h1_parser *p = of(ll);
  if (!p->in_body) {
    h1_head_field_end(p->head);
  }
  return HPE_OK;
}

static int on_extension(llhttp_t *ll, const char *at, size_t n) {
  (void)at;
  return discard(of(ll), n + 1);
}

static int on_head(llhttp_t *ll) {
  h1_parser *p = of(ll);
  http_request request;
  h1_facts facts = {
      .keep_alive = llhttp_should_keep_alive(ll),
      .chunked = (ll->flags & F_CHUNKED) != 0,
      .content_length = ll->flags & F_CONTENT_LENGTH ? ll->content_length : 0,
  };
  facts.has_body = facts.chunked || facts.content_length > 0;
  int status = h1_head_finish(p->head, llhttp_method_name((llhttp_method_t)ll->method), ll->http_major, ll->http_minor,
                              &request, &facts);
  if (status != 0) {
    return refuse(p, status);
  }
  p->in_body = true;
  p->wants_upgrade = facts.wants_upgrade;
  p->events->on_head(p->ctx, &request, &facts);
  return HPE_OK;
}

static int on_body(llhttp_t *ll, const char *at, size_t n) {
  h1_parser *p = of(ll);
  p->events->on_body(p->ctx, base_span_of(at, n));
  return HPE_OK;
}

/* With Upgrade, llhttp pauses by itself right after this. */
static int on_complete(llhttp_t *ll) { return ll->upgrade ? HPE_OK : HPE_PAUSED; }

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_head,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void h1_parser_init(h1_parser *p, const h1_events *events, void *ctx) {
  *p = (h1_parser){.events = events, .ctx = ctx};
  llhttp_init(&p->ll, HTTP_REQUEST, &settings);
  p->ll.data = p;
}

static enum h1_step end_of_request(h1_parser *p, enum h1_step step) {
  p->in_body = p->wants_upgrade = p->begun = false;
  p->discarded = 0;
  return step;
}

enum h1_step h1_parser_feed(h1_parser *p, base_span bytes, size_t *consumed) {
  *consumed = 0;
  if (p->status != 0) {
    return H1_ERROR;
  }
  llhttp_errno_t e = llhttp_execute(&p->ll, (const char *)bytes.p, bytes.n);
  *consumed = e == HPE_OK ? bytes.n : (size_t)(llhttp_get_error_pos(&p->ll) - (const char *)bytes.p);
  switch (e) {
  case HPE_OK: return H1_NEED_MORE;
  case HPE_PAUSED: llhttp_resume(&p->ll); return end_of_request(p, H1_END);
  case HPE_PAUSED_UPGRADE:
    llhttp_resume_after_upgrade(&p->ll);
    return end_of_request(p, p->wants_upgrade ? H1_UPGRADE : H1_END);
  default:
    /* A refusal of ours has its status already (llhttp reports it as HPE_USER or as a failed callback). */
    p->status = p->status ? p->status : e == HPE_INVALID_VERSION ? 505 : 400;
    return H1_ERROR;
  }
}

int h1_parser_status(const h1_parser *p) { return p->status; }
bool h1_parser_is_idle(const h1_parser *p) { return !p->begun; }
