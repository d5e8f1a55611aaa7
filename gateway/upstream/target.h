/* target.h - what a cluster's target says, without looking anything up: the h2 leg's part of gRPC's target syntax (grpc/grpc doc/naming.md). Pure; any thread. */
#ifndef PONTE_GATEWAY_TARGET_H
#define PONTE_GATEWAY_TARGET_H

#include "base/err.h"

enum gw_target_kind { GW_TARGET_NAME, GW_TARGET_ADDRESS, GW_TARGET_UNIX };
enum { GW_TARGET_TEXT = 280 };

typedef struct {
  enum gw_target_kind kind;
  int port;                       /* 0 for UNIX */
  char host[GW_TARGET_TEXT];      /* NAME: to be looked up; ADDRESS: numeric, without brackets; UNIX: "localhost" */
  char address[GW_TARGET_TEXT];   /* ADDRESS and UNIX: as net_connect takes it */
  char authority[GW_TARGET_TEXT]; /* ":authority" of calls */
} gw_target;

/* "host:port", "1.2.3.4:port", "[::1]:port", "dns:host:port", "dns:///host:port", "ipv4:1.2.3.4:port", "ipv6:[::1]:port", "unix:/path", "unix:///path".
 * UNIMPLEMENTED: a form that only the gRPC C core knows (xds, a DNS server's name, lists of addresses...). INVALID: neither. */
base_err gw_target_parse(const char *text, gw_target *out) BASE_MUST_USE;

#endif
