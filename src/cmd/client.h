/* client.h - asking a running server: the one of HEARTH_HOST, else OLLAMA_HOST, else 127.0.0.1:11434. */
#ifndef HEARTH_CMD_CLIENT_H
#define HEARTH_CMD_CLIENT_H

#include <jansson.h>

/* body NULL: GET.  Exit code, with the message printed; *out is a JSON value (json_decref). */
int client_ask(const char *path, const json_t *body, json_t **out);

#endif
