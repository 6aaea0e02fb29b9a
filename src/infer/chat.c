/* chat.c - chat templates of the public interface: messages in, the text of a prompt out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/jsontext.h"
#include "model/model.h"
#include "text/template.h"

/* Every text of a message but its role, so that only the template's own words are read as special tokens. */
static enum hearth_status mark_texts(const struct hearth_model *m, json_t *v, int *any)
{
    struct buf b = { 0 };
    enum hearth_status st = HEARTH_OK;
    const char *key;
    json_t *member;
    int marked = 0;
    size_t i;
    if (json_is_string(v)) {
        st = tokenizer_mark(m->tokenizer, json_string_value(v), json_string_length(v), &b, &marked);
        if (st == HEARTH_OK && marked && json_string_setn(v, b.data, b.len)) st = fail_memory(b.len);
        *any |= marked;
    } else if (json_is_array(v)) {
        json_array_foreach(v, i, member) TRY(mark_texts(m, member, any));
    } else if (json_is_object(v)) {
        json_object_foreach(v, key, member) if (strcmp(key, "role") != 0) TRY(mark_texts(m, member, any));
    }
    buf_free(&b);
    return st;
}

/* Text that came from outside: a JSON array or object.  marked NULL: its texts stay as they are. */
static enum hearth_status outside(const struct hearth_model *m, const char *what, const char *text, int array, int *marked, json_t **out)
{
    TRY(jsontext_read(what, text, strlen(text), out));
    enum hearth_status st = HEARTH_OK;
    if (array ? !json_is_array(*out) : !json_is_object(*out))
        st = fail(HEARTH_EFORMAT, "%s: should be a JSON %s", what, array ? "array" : "object");
    if (st == HEARTH_OK && marked) st = mark_texts(m, *out, marked);
    if (st == HEARTH_OK) return st;
    json_decref(*out);
    *out = NULL;
    return st;
}

static json_t *token_text(const struct hearth_model *m, int32_t id)
{
    const char *s = "";
    size_t n = 0;
    if (id >= 0) tokenizer_text(m->tokenizer, id, &s, &n);
    return json_stringn(s, n);
}

/* Further variables; those that carry the conversation and the special tokens stay what they are. */
static enum hearth_status add_variables(const struct hearth_model *m, const char *text, int *marked, json_t *out)
{
    static const char *const kept[] = { "messages", "tools", "bos_token", "eos_token" };
    json_t *more = NULL;
    TRY(outside(m, "the template's variables", text, 0, marked, &more));
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 0; i < sizeof kept / sizeof *kept && st == HEARTH_OK; i++)
        if (json_object_get(more, kept[i]))
            st = fail(HEARTH_EUSAGE, "the template's variables: \"%s\" cannot be replaced; allowed are names other than messages, tools, "
                      "bos_token, eos_token", kept[i]);
    if (st == HEARTH_OK && json_object_update(out, more)) st = fail_memory(0);
    json_decref(more);
    return st;
}

/* The variables that `transformers` gives a template. */
static enum hearth_status globals(const struct hearth_model *m, const struct hearth_chat *c, json_t *out, int *marked)
{
    json_t *list = NULL;
    TRY(outside(m, "messages", c->messages, 1, marked, &list));
    int bad = json_object_set_new(out, "messages", list);
    list = NULL;
    if (c->tools) TRY(outside(m, "tools", c->tools, 1, marked, &list));
    bad |= json_object_set_new(out, "tools", list ? list : json_null());
    bad |= json_object_set_new(out, "documents", json_null());
    bad |= json_object_set_new(out, "add_generation_prompt", json_boolean(c->generate));
    bad |= json_object_set_new(out, "bos_token", token_text(m, tokenizer_bos(m->tokenizer)));
    bad |= json_object_set_new(out, "eos_token", token_text(m, tokenizer_eos(m->tokenizer)));
    if (bad) return fail_memory(0);
    return c->variables ? add_variables(m, c->variables, marked, out) : HEARTH_OK;
}

static enum hearth_status put_begun(const struct hearth_model *m, const char *text, struct buf *out, int *marked)
{
    size_t n = strlen(text);
    int mark = 0;
    if (!marked) return n ? buf_put(out, text, n) : HEARTH_OK;
    enum hearth_status st = n ? tokenizer_mark(m->tokenizer, text, n, out, &mark) : HEARTH_OK;
    if (st == HEARTH_OK && n && !mark) st = buf_put(out, text, n);
    *marked |= mark;
    return st;
}

/* marked NULL: the text as it is; else texts are marked where they need it, and *marked says whether any did. */
static enum hearth_status render(const struct hearth_model *m, const struct hearth_chat *c, char **text, size_t *len, int *marked)
{
    const char *source = c->chat_template ? c->chat_template : m->info.chat_template;
    struct template *t = NULL;
    struct buf b = { 0 };
    char where[4200] = "the chat template";
    enum hearth_status st;
    if (!*source) return fail(HEARTH_EUNSUPPORTED, "%s: the model has no chat template", m->file->path);
    if (c->begun && !c->generate) return fail(HEARTH_EUSAGE, "begun: an answer begins where generate asks for its opening");
    json_t *g = json_object();
    if (!g) return fail_memory(0);
    TRY_GOTO(st, done, globals(m, c, g, marked));
    if (!c->chat_template) snprintf(where, sizeof where, "%s: the chat template", m->file->path);
    TRY_GOTO(st, done, template_open(source, strlen(source), where, &t));
    TRY_GOTO(st, done, template_render(t, g, time(NULL), NULL, &b));
    if (c->begun) TRY_GOTO(st, done, put_begun(m, c->begun, &b, marked));
    if (!(*text = buf_take(&b, len))) st = HEARTH_ENOMEM;
done:
    template_close(t);
    json_decref(g);
    buf_free(&b);
    return st;
}

enum hearth_status hearth_chat_render_with(const struct hearth_model *m, const struct hearth_chat *c, char **text, size_t *len)
{
    return render(m, c, text, len, NULL);
}

enum hearth_status hearth_chat_tokenize_with(const struct hearth_model *m, const struct hearth_chat *c, int32_t **ids, size_t *n)
{
    char *text = NULL;
    size_t len = 0;
    int marked = 0;
    TRY(render(m, c, &text, &len, &marked));
    /* The template writes the special tokens itself, so none are added and those it writes are read. */
    enum hearth_status st = hearth_tokenize(m, text, len, HEARTH_TOK_PARSE | (marked ? TOKENIZER_MARKED : 0), ids, n);
    free(text);
    return st;
}

enum hearth_status hearth_chat_render(const struct hearth_model *m, const char *messages, const char *tools, int generate,
                                      char **text, size_t *len)
{
    const struct hearth_chat c = { .messages = messages, .tools = tools, .generate = generate };
    return hearth_chat_render_with(m, &c, text, len);
}

enum hearth_status hearth_chat_tokenize(const struct hearth_model *m, const char *messages, const char *tools, int generate,
                                        int32_t **ids, size_t *n)
{
    const struct hearth_chat c = { .messages = messages, .tools = tools, .generate = generate };
    return hearth_chat_tokenize_with(m, &c, ids, n);
}
