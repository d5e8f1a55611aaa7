/* describe.h - types as their .proto says them. To stdout. */
#ifndef PONTE_CLI_DESCRIBE_H
#define PONTE_CLI_DESCRIBE_H

#include "pb/dynamic.h"

/* A service, method ("a.b.Service.Method" or with a slash), message or enum. False: there is no such symbol. */
bool cli_describe(const pb_dynamic *types, const char *symbol);
/* The method's row, by the same two forms; NULL. The service's name goes to `service`. */
enum { CLI_SYMBOL_MAX = 512 };
const pb_method *cli_find_method(const pb_dynamic *types, const char *symbol);
/* "a.b.Service" of "a.b.Service/Method"; the symbol itself without a slash. A leading slash is dropped. False: too long. */
bool cli_symbol_service(const char *symbol, char out[CLI_SYMBOL_MAX]);

#endif
