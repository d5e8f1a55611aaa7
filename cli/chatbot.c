#include "cli/chatbot.h"

#include "ponte/chatbot/v1/chatbot.ponte.h"

int cli_chatbot_run(const cli_args *a, const char *method, void (*show)(const ProtobufCMessage *reply),
                    ProtobufCMessage *request) {
  const cli_unary u = {&ponte_chatbot_v1_service, method, CLI_CHATBOT_PORT, show};
  return cli_unary_run(a, &u, request);
}
