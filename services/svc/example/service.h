/* service.h - the notes service of docs/adding-a-service.md. */
#ifndef PONTE_NOTES_SERVICE_H
#define PONTE_NOTES_SERVICE_H

#include "svc/svc.h"

extern const svc_definition notes_definition;

#endif
