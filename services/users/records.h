/* records.h - the methods that keep users: create, get, list, update, delete, restore. Steps of svc/svc.h. */
#ifndef PONTE_USERS_RECORDS_H
#define PONTE_USERS_RECORDS_H

#include "ponte/users/v1/users.ponte.svc.h"

base_err users_create_prepare(svc_call *c, const Ponte__Users__V1__CreateUserRequest *request);
base_err users_create(svc_call *c, store_tx *tx, const Ponte__Users__V1__CreateUserRequest *request,
                      Ponte__Users__V1__User *response);
base_err users_get(svc_call *c, store_tx *tx, const Ponte__Users__V1__GetUserRequest *request,
                   Ponte__Users__V1__User *response);
base_err users_list_page(svc_call *c, store_tx *tx, const Ponte__Users__V1__ListUsersRequest *request,
                         Ponte__Users__V1__ListUsersResponse *response);
base_err users_update_prepare(svc_call *c, const Ponte__Users__V1__UpdateUserRequest *request);
base_err users_update(svc_call *c, store_tx *tx, const Ponte__Users__V1__UpdateUserRequest *request,
                      Ponte__Users__V1__User *response);
base_err users_delete(svc_call *c, store_tx *tx, const Ponte__Users__V1__DeleteUserRequest *request,
                      Ponte__Users__V1__User *response);
base_err users_restore(svc_call *c, store_tx *tx, const Ponte__Users__V1__RestoreUserRequest *request,
                       Ponte__Users__V1__User *response);

#endif
