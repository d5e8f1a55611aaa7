/* message.h - between records and messages, and the refusals that every method of the service tells alike. On the call's thread; memory of the call. */
#ifndef PONTE_USERS_MESSAGE_H
#define PONTE_USERS_MESSAGE_H

#include "ponte/users/v1/users.pb-c.h"
#include "svc/svc.h"
#include "users/domain.h"

/* *out is initialised. NO_MEMORY. */
base_err users_to_message(svc_call *c, const users_user *user, Ponte__Users__V1__User *out) BASE_MUST_USE;
/* NULL when out of memory. */
Google__Protobuf__Timestamp *users_timestamp(svc_call *c, int64_t unix_us);

/* The error of a refusal whose field is within `parent` of the request ("user."; "" for the request itself). */
base_err users_refuse(svc_call *c, const char *parent, users_refusal r) BASE_MUST_USE;
/* The name in the call's memory, without the blanks around it. */
base_err users_take_name(svc_call *c, const char *parent, const char *given, const char **out) BASE_MUST_USE;
/* An error of users_find(), users_insert() or users_store() as the caller is told it. */
base_err users_store_error(svc_call *c, const char *parent, base_err e) BASE_MUST_USE;

#endif
