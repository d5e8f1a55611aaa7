/* service.h - the users service: who there is, and who is who. proto/ponte/users/v1/users.proto; docs/users.md. */
#ifndef PONTE_USERS_SERVICE_H
#define PONTE_USERS_SERVICE_H

#include "svc/svc.h"

extern const svc_definition users_definition;

#endif
