/* chatfile.h - saved chats: one JSON file each in the folder chats/ beside the models. */
#ifndef HEARTH_CMD_CHATFILE_H
#define HEARTH_CMD_CHATFILE_H

#include <jansson.h>
#include "cmd/command.h"

/* Every one returns 0, or -1 with the sentence printed: a chat goes on after it. */
int chatfile_save(const char *name, const char *model, const char *system /* or NULL */, const json_t *messages);
/* *system is NULL or allocated; *messages a new array; *model allocated. */
int chatfile_load(const char *name, char **model, char **system, json_t **messages);
/* The names on standard output, one a line. */
int chatfile_list(void);

#endif
