#include "wc/reason.h"

#include "wire/details.h"

base_span wc_reason(const wire_status *status) {
  wire_details_found found;
  (void)!base_is_ok(wire_details_read(status, &found)); /* malformed ones are as good as none, and then empty */
  return found.reason;
}
