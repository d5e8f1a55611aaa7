/* policy.h - what a method asks of its caller: (ponte.options.v1.policy) of the .proto as data, in the method table. Static. */
#ifndef PONTE_PB_POLICY_H
#define PONTE_PB_POLICY_H

#include <stdbool.h>

typedef struct {
  bool is_public, mutates;
  const char *const *roles; /* ends with NULL; NULL: none */
  const char *owner;        /* "user.user_id"; NULL: none */
} pb_policy;

#endif
