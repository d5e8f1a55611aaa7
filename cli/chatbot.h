/* chatbot.h - one call of the chatbot service, for the commands about what it keeps (materials.c, conversations.c). One thread. */
#ifndef PONTE_CLI_CHATBOT_H
#define PONTE_CLI_CHATBOT_H

#include "cli/unary.h"

/* cli_unary_run() of this method; `show` as there. */
int cli_chatbot_run(const cli_args *a, const char *method, void (*show)(const ProtobufCMessage *reply),
                    ProtobufCMessage *request);

#endif
