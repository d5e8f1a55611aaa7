/* names.h - how names of a .proto become names in C.
 *
 * Types and descriptors follow protobuf-c's rules exactly, because its generated code declares them; stubs follow ours
 * (docs/stubs.md). All functions write a NUL-terminated text into `out` and end the process with a message when it does not fit:
 * this is a build tool.
 */
#ifndef PONTE_GEN_NAMES_H
#define PONTE_GEN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { GEN_NAME_MAX = 512 };

/* ".ponte.users.v1.User.Kind" -> "Ponte__Users__V1__User__Kind", as protobuf-c names a message's struct. */
void gen_c_type(const char *full_name, char out[GEN_NAME_MAX]);
/* ".ponte.users.v1.UserKind" -> "ponte__users__v1__user_kind", the prefix of protobuf-c's functions and descriptors. */
void gen_c_lower(const char *full_name, char out[GEN_NAME_MAX]);
/* "ListModels" -> "list_models", "HTTPBridge" -> "http_bridge". */
void gen_snake(const char *camel, char out[GEN_NAME_MAX]);
/* The prefix of everything emitted for a service: the package with '_' for '.', then the service's name in snake case without a last
 * "Service"; that part is left out where it only repeats the package: ("ponte.users.v1", "UserService") -> "ponte_users_v1_user",
 * ("grpc.health.v1", "Health") -> "grpc_health_v1". */
void gen_service_prefix(const char *package, const char *service, char out[GEN_NAME_MAX]);
/* "ponte/users/v1/users.proto" -> "ponte/users/v1/users" */
void gen_stem(const char *proto_file, char out[GEN_NAME_MAX]);
/* Letters and digits stay, in upper or lower case; everything else becomes '_'. */
void gen_upper(const char *text, char out[GEN_NAME_MAX]);
void gen_flat(const char *text, char out[GEN_NAME_MAX]);

void gen_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
