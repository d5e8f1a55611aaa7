/* service.h - the orders service. proto/ponte/orders/v1/orders.proto; docs/orders-and-reports.md. */
#ifndef PONTE_ORDERS_SERVICE_H
#define PONTE_ORDERS_SERVICE_H

#include "svc/svc.h"

extern const svc_definition orders_definition;

#endif
