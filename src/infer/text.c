/* text.c - text and tokens of the public interface: tokenizing, detokenizing, chat templates. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/model.h"
#include "text/template.h"

enum hearth_status hearth_tokenize(const struct hearth_model *m, const char *text, size_t len, int flags, int32_t **ids,
                                   size_t *n)
{
    struct ids list = { 0 };
    enum hearth_status st = tokenizer_encode(m->tokenizer, text, len, flags, &list);
    if (st == HEARTH_OK && !list.id && !(list.id = mem_array(1, sizeof *list.id))) st = HEARTH_ENOMEM;
    if (st != HEARTH_OK) {
        free(list.id);
        return st;
    }
    *ids = list.id, *n = list.n;
    return HEARTH_OK;
}

enum hearth_status hearth_detokenize(const struct hearth_model *m, const int32_t *ids, size_t n, int flags, char **text,
                                     size_t *len)
{
    struct buf b = { 0 };
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= tokenizer_size(m->tokenizer))
            return fail(HEARTH_EUSAGE, "token %zu is id %d, should be 0 to %d", i, ids[i], tokenizer_size(m->tokenizer) - 1);
    enum hearth_status st = tokenizer_decode(m->tokenizer, ids, n, flags & HEARTH_TOK_PARSE, &b);
    if (st == HEARTH_OK && !(*text = buf_take(&b, len))) st = HEARTH_ENOMEM;
    buf_free(&b);
    return st;
}

int32_t hearth_bos(const struct hearth_model *m) { return tokenizer_bos(m->tokenizer); }
int32_t hearth_eos(const struct hearth_model *m) { return tokenizer_eos(m->tokenizer); }
int hearth_is_end(const struct hearth_model *m, int32_t id)
{
    return id >= 0 && id < tokenizer_size(m->tokenizer) && tokenizer_is_end(m->tokenizer, id);
}

static enum hearth_status parse(const char *what, const char *text, json_t **out)
{
    json_error_t e;
    *out = json_loads(text, JSON_REJECT_DUPLICATES, &e);
    if (!*out) return fail(HEARTH_EFORMAT, "%s: line %d, column %d: %s", what, e.line, e.column, e.text);
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

void hearth_free(void *p) { free(p); }
