/* anthropic_blocks.c - a conversation of Anthropic's form as OpenAI's protocol writes it.
 *
 *     system "text", or blocks              a first message of the system
 *     {role, content "text", or blocks}     a message; its texts with a line break between two; neighbours of one role are one turn
 *     tool_use {id, name, input}            one of the tool_calls of the assistant's turn
 *     tool_result {tool_use_id, content}    a message of the tool, before the words beside it; is_error: "Error: " stands in front
 *     thinking, redacted_thinking           left out: templates leave out the thoughts of earlier turns
 *     image, document and all else          400: these models read text only
 *     a last turn of the assistant          what the answer begins with: it is gone on with
 *
 * A template sees a call's number instead of its id ("call00001"): Mistral's allow nine letters and digits, clients send what some
 * server once made up, and a conversation told again is the same prompt whatever the ids are. */
#include "serve/anthropic.h"

#include <stdio.h>
#include <string.h>

struct turns {
    struct wants *w;
    json_t *out, *calls_by_id;       /* id to {id, name} */
    const char *role;                /* of the turn under way; NULL: none */
    struct buf text;
    json_t *calls;
    size_t n_calls;
    enum hearth_status st;
};

static const char *word(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

void anthropic_only(struct wants *w, const char *field, const char *where, const json_t *o, const char *const *names)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, name, v) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], name) != 0) i++;
        if (!names[i] && !json_is_null(v)) wants_refuse(w, field, "%s.%.64s is no field that hearth knows there", where, name);
    }
}

/* ---- a turn ---- */

static void end_turn(struct turns *t)
{
    if (!t->role) return;
    json_t *one = json_pack("{s:s, s:s%}", "role", t->role, "content", t->text.data ? t->text.data : "", t->text.len);
    if (t->calls && json_object_set(one, "tool_calls", t->calls)) t->st = HEARTH_ENOMEM;
    if (json_array_append_new(t->out, one)) t->st = HEARTH_ENOMEM;
    json_decref(t->calls);
    t->calls = NULL;
    buf_free(&t->text);
    t->role = NULL;
}

static void turn_of(struct turns *t, const char *role)
{
    if (t->role && strcmp(t->role, role) != 0) end_turn(t);
    t->role = role;
}

static void put(struct turns *t, struct buf *to, const char *text)
{
    if (t->st == HEARTH_OK && to->len) t->st = buf_putc(to, '\n');
    if (t->st == HEARTH_OK) t->st = buf_puts(to, text);
}

/* ---- blocks ---- */

static const char *text_of(struct turns *t, const char *field, const char *where, const json_t *block)
{
    static const char *const names[] = {"type", "text", "cache_control", "citations", NULL};
    const char *type = word(block, "type"), *text = word(block, "text");
    if (!type) wants_refuse(t->w, field, "%s should be an object with a type", where);
    else if (strcmp(type, "text") != 0) wants_refuse(t->w, field, "%s is of type \"%.40s\": the models of this server read text only", where, type);
    else if (!text) wants_refuse(t->w, field, "%s.text is missing", where);
    anthropic_only(t->w, field, where, block, names);
    return t->w->bad ? "" : text;
}

/* A text, or a list of blocks of text. */
static void put_texts(struct turns *t, const char *field, const char *where, const json_t *v, struct buf *to)
{
    const json_t *block;
    char at[96];
    size_t i;
    if (json_is_string(v)) put(t, to, json_string_value(v));
    else if (!json_is_array(v)) wants_refuse(t->w, field, "%s should be a text, or a list of blocks of type text", where);
    json_array_foreach(v, i, block) {
        if (t->w->bad) return;
        snprintf(at, sizeof at, "%s[%zu]", where, i);
        put(t, to, text_of(t, field, at, block));
    }
}

static void add_call(struct turns *t, const char *where, const json_t *block)
{
    static const char *const names[] = {"type", "id", "name", "input", "cache_control", "caller", NULL};
    const char *id = word(block, "id"), *name = word(block, "name");
    const json_t *input = json_object_get(block, "input");
    char ours[16];
    if (!id || !*id || !name || !json_is_object(input)) wants_refuse(t->w, "messages", "%s should have an id, a name and an object as input", where);
    anthropic_only(t->w, "messages", where, block, names);
    if (t->w->bad) return;
    snprintf(ours, sizeof ours, "call%05u", (unsigned)(++t->n_calls % 100000));
    if (!t->calls) t->calls = json_array();
    if (json_array_append_new(t->calls, json_pack("{s:s, s:s, s:{s:s, s:O}}", "id", ours, "type", "function", "function", "name", name, "arguments", input)) ||
        json_object_set_new(t->calls_by_id, id, json_pack("{s:s, s:s}", "id", ours, "name", name)))
        t->st = HEARTH_ENOMEM;
}

static void add_result(struct turns *t, const char *where, const json_t *block)
{
    static const char *const names[] = {"type", "tool_use_id", "content", "is_error", "cache_control", NULL};
    const char *id = word(block, "tool_use_id");
    const json_t *call = id ? json_object_get(t->calls_by_id, id) : NULL, *content = json_object_get(block, "content");
    const json_t *wrong = json_object_get(block, "is_error");
    struct buf text = {0};
    char at[96];
    if (!call) wants_refuse(t->w, "messages", "%s.tool_use_id is \"%.64s\", which is the id of no tool_use before it", where, id ? id : "");
    if (t->role) wants_refuse(t->w, "messages", "%s is a tool_result behind other blocks: results come first", where);
    if (wrong && !json_is_boolean(wrong) && !json_is_null(wrong)) wants_refuse(t->w, "messages", "%s.is_error should be true or false", where);
    anthropic_only(t->w, "messages", where, block, names);
    if (t->w->bad) return;
    snprintf(at, sizeof at, "%s.content", where);
    if (content && !json_is_null(content)) put_texts(t, "messages", at, content, &text);
    json_t *said = json_sprintf("%s%s", json_is_true(wrong) ? "Error: " : "", text.data ? text.data : "");
    if (json_array_append_new(t->out, json_pack("{s:s, s:O, s:O, s:o}", "role", "tool", "tool_call_id", json_object_get(call, "id"), "name",
                                                json_object_get(call, "name"), "content", said)))
        t->st = HEARTH_ENOMEM;
    buf_free(&text);
}

static void add_block(struct turns *t, const char *where, const json_t *block, const char *role)
{
    const char *type = word(block, "type");
    int asks = !strcmp(role, "user"), answers = !strcmp(role, "assistant");
    if (type && asks && !strcmp(type, "tool_result")) {
        add_result(t, where, block);
        return;
    }
    turn_of(t, role);
    if (type && answers && !strcmp(type, "tool_use")) add_call(t, where, block);
    else if (!type || !answers || (strcmp(type, "thinking") != 0 && strcmp(type, "redacted_thinking") != 0))
        put(t, &t->text, text_of(t, "messages", where, block));
}

static void add_message(struct turns *t, size_t i, const json_t *m)
{
    static const char *const names[] = {"role", "content", NULL};
    const char *role = word(m, "role");
    const json_t *content = json_object_get(m, "content"), *block;
    char where[64];
    size_t k;
    if (!role || (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0 && strcmp(role, "system") != 0))
        wants_refuse(t->w, "messages", "messages[%zu].role is \"%.40s\", should be user or assistant", i, role ? role : "");
    else if (!json_is_string(content) && !json_array_size(content))
        wants_refuse(t->w, "messages", "messages[%zu].content should be a text, or a list of blocks", i);
    snprintf(where, sizeof where, "messages[%zu]", i);
    anthropic_only(t->w, "messages", where, m, names);
    if (t->w->bad) return;
    if (t->role && strcmp(t->role, role) != 0) end_turn(t);
    if (json_is_string(content)) {
        turn_of(t, role);
        put(t, &t->text, json_string_value(content));
    }
    json_array_foreach(content, k, block) {
        if (t->w->bad) return;
        snprintf(where, sizeof where, "messages[%zu].content[%zu]", i, k);
        add_block(t, where, block, role);
    }
}

/* The turn under way is the assistant's and the last: no message, but what the answer begins with. */
static json_t *begun_with(struct turns *t)
{
    size_t n = t->text.len;
    if (t->calls || !n)
        wants_refuse(t->w, "messages", "messages ends with a turn of the assistant that is not text only: nothing can go on with that");
    else if (strchr(" \t\r\n", t->text.data[n - 1]))
        wants_refuse(t->w, "messages", "messages ends with words of the assistant that end with white space: models go on badly behind it");
    else if (!json_array_size(t->out))
        wants_refuse(t->w, "messages", "messages should have one of the user before what the assistant's answer begins with");
    json_t *begun = t->w->bad ? NULL : json_stringn(t->text.data, n);
    if (!begun) t->st = HEARTH_ENOMEM;
    json_decref(t->calls);
    buf_free(&t->text);
    return begun;
}

json_t *anthropic_messages(struct wants *w, json_t **begun)
{
    const json_t *given = wants_get(w, "messages"), *system = wants_get(w, "system"), *m;
    struct turns t = {.w = w, .out = json_array(), .calls_by_id = json_object(), .st = HEARTH_OK};
    size_t i, n = json_array_size(given);
    if (system) {
        t.role = "system";
        put_texts(&t, "system", "system", system, &t.text);
        end_turn(&t);
    }
    if (n < 1 || n > MESSAGES_MAX) wants_refuse(w, "messages", "messages should be a list of 1 to %d messages", MESSAGES_MAX);
    json_array_foreach(given, i, m) if (!w->bad) add_message(&t, i, m);
    *begun = NULL;
    if (t.role && !strcmp(t.role, "assistant") && t.st == HEARTH_OK) *begun = begun_with(&t);
    else end_turn(&t);
    if (t.st != HEARTH_OK && !w->bad) {
        w->bad = 1;
        exchange_fail(w->x, HEARTH_ENOMEM, NULL);
    }
    json_decref(t.calls_by_id);
    return t.out;
}
