/* modelfile.h - Modelfiles: the text from which `hearth create` makes a model, in the notation that Ollama made common.
 *
 *     # a comment
 *     FROM smollm2                         a name; on the command line also a file's path
 *     PARAMETER temperature 0.2            see parameter.h; `stop` may come more than once
 *     SYSTEM """You are a pirate.
 *     Answer in rhymes."""                 "..." or """...""" may span lines; nothing is an escape
 *     TEMPLATE """{{ .Prompt }}"""         Jinja, or the subset of Go templates in text/gotemplate.h
 *     MESSAGE user Hello!                  user, assistant, system: what a conversation begins with
 *     ADAPTER ./pirate                     a low-rank adapter of that model: a folder or a GGUF file, see lora.h
 *     LICENSE """..."""
 *
 * Instructions are read in either case. */
#ifndef HEARTH_HUB_MODELFILE_H
#define HEARTH_HUB_MODELFILE_H

#include <jansson.h>
#include "base/mem.h"

enum {
    MODELFILE_MAX = 4 << 20,          /* bytes of the whole */
    MODELFILE_TEXT = 1 << 20,         /* of a template or a system prompt */
    MODELFILE_MESSAGES = 1024
};

struct modelfile {                    /* texts are allocated or NULL: not said */
    char *from, *chat_template, *system, *licence, *adapter;
    json_t *parameters;               /* object */
    json_t *messages;                 /* array of {"role","content"} */
};
/* label stands for the file in messages.  EFORMAT names line, what was found and what is allowed.  On failure nothing is to be freed. */
enum hearth_status modelfile_parse(const char *text, size_t n, const char *label, struct modelfile *out);
/* Appends a text that parses to the same.  EUNSUPPORTED: a value that the notation cannot hold. */
enum hearth_status modelfile_write(const struct modelfile *m, struct buf *to);
/* The parameters as lines of two columns, name and value as JSON, as /api/show gives them. */
enum hearth_status modelfile_parameters(const json_t *parameters, struct buf *to);
void modelfile_free(struct modelfile *m);

#endif
