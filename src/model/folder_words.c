/* folder_words.c - what a folder says about its text: the chat template, which lies in a file of its own or in tokenizer_config.json,
 * there as one text or as several with names. */
#include "model/folder.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEMPLATE = 1 << 20, MAX_CONFIG = 16 << 20 };

/* The one called "default" of several, else the first. */
static const char *template_in(const json_t *config)
{
    const json_t *v = json_object_get(config, "chat_template");
    const char *first = NULL;
    if (json_is_string(v)) return json_string_value(v);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *one = json_array_get(v, i);
        const char *name = json_string_value(json_object_get(one, "name")), *text = json_string_value(json_object_get(one, "template"));
        if (name && text && !strcmp(name, "default")) return text;
        if (!first) first = text;
    }
    return first;
}

static enum hearth_status put_template(struct folder *f, const json_t *config)
{
    char *text = NULL;
    size_t n = 0;
    TRY(folder_text(f, "chat_template.jinja", MAX_TEMPLATE, &text, &n));
    const char *found = text ? text : template_in(config);
    enum hearth_status st = found ? folder_put_text(f, "tokenizer.chat_template", found) : HEARTH_OK;
    free(text);
    return st;
}

enum hearth_status folder_words(struct folder *f)
{
    json_t *config = NULL;
    TRY(folder_json(f, "tokenizer_config.json", MAX_CONFIG, &config));
    enum hearth_status st = put_template(f, config);
    json_decref(config);
    return st;
}
