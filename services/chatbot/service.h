/* service.h - ponte.chatbot.v1.ChatbotService: doubts, answered from the lessons' material. docs/assistant.md */
#ifndef PONTE_CHATBOT_SERVICE_H
#define PONTE_CHATBOT_SERVICE_H

#include "svc/svc.h"

extern const svc_definition chatbot_definition;

#endif
