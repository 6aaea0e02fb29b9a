/* chat.c - chat templates of the public interface: messages in, the text of a prompt out. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/jsontext.h"
#include "model/model.h"
#include "text/template.h"

static enum hearth_status parse(const char *what, const char *text, json_t **out)
{
    TRY(jsontext_read(what, text, strlen(text), out));
    if (!json_is_array(*out)) return fail(HEARTH_EFORMAT, "%s: should be a JSON array", what);
    return HEARTH_OK;
}

static json_t *token_text(const struct hearth_model *m, int32_t id)
{
    const char *s = "";
    size_t n = 0;
    if (id >= 0) tokenizer_text(m->tokenizer, id, &s, &n);
    return json_stringn(s, n);
}

/* The variables that `transformers` gives a template. */
static enum hearth_status globals(const struct hearth_model *m, const char *messages, const char *tools, int generate,
                                  json_t *out)
{
    json_t *list = NULL;
    enum hearth_status st = parse("messages", messages, &list);
    int bad = json_object_set_new(out, "messages", list);
    if (st == HEARTH_OK && tools) {
        list = NULL;
        st = parse("tools", tools, &list);
        bad |= json_object_set_new(out, "tools", list);
    } else {
        bad |= json_object_set_new(out, "tools", json_null());
    }
    TRY(st);
    bad |= json_object_set_new(out, "documents", json_null());
    bad |= json_object_set_new(out, "add_generation_prompt", json_boolean(generate));
    bad |= json_object_set_new(out, "bos_token", token_text(m, tokenizer_bos(m->tokenizer)));
    bad |= json_object_set_new(out, "eos_token", token_text(m, tokenizer_eos(m->tokenizer)));
    return bad ? fail_memory(0) : HEARTH_OK;
}

enum hearth_status hearth_chat_render(const struct hearth_model *m, const char *messages, const char *tools, int generate,
                                      char **text, size_t *len)
{
    const char *source = m->info.chat_template;
    struct template *t = NULL;
    struct buf b = { 0 };
    enum hearth_status st;
    if (!*source) return fail(HEARTH_EUNSUPPORTED, "%s: the model has no chat template", m->file->path);
    json_t *g = json_object();
    if (!g) return fail_memory(0);
    TRY_GOTO(st, done, globals(m, messages, tools, generate, g));
    TRY_GOTO(st, done, template_open(source, strlen(source), m->file->path, &t));
    TRY_GOTO(st, done, template_render(t, g, time(NULL), NULL, &b));
    if (!(*text = buf_take(&b, len))) st = HEARTH_ENOMEM;
done:
    template_close(t);
    json_decref(g);
    buf_free(&b);
    return st;
}
