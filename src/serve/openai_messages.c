/* openai_messages.c - conversations and tools of OpenAI's form as templates read them.
 *
 * Templates know {"role", "content": text} with roles system, user, assistant and tool; calls have their arguments as an object (the
 * protocol writes them as a text).  What a client only sends back (refusal, audio: null, annotations, function_call: null) is left
 * out; what holds content that a model of text cannot see is refused. */
#include "serve/openai_in.h"

#include <string.h>

#include "base/jsontext.h"

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* A list of parts as one text, a line break between two. */
static json_t *joined(struct wants *w, const json_t *parts, size_t at)
{
    struct buf b = {0};
    const json_t *part;
    size_t i;
    json_array_foreach(parts, i, part) {
        const char *type = text_of(part, "type"), *text = text_of(part, type && !strcmp(type, "refusal") ? "refusal" : "text");
        if (!type || (strcmp(type, "text") != 0 && strcmp(type, "refusal") != 0)) {
            wants_refuse(w, "messages", "messages[%zu].content[%zu] is of type \"%.40s\": the models of this server read text only", at, i,
                         type ? type : "");
            break;
        }
        if (!text) {
            wants_refuse(w, "messages", "messages[%zu].content[%zu].text is missing", at, i);
            break;
        }
        if ((i && buf_putc(&b, '\n') != HEARTH_OK) || buf_puts(&b, text) != HEARTH_OK) break;
    }
    json_t *out = json_stringn(b.data ? b.data : "", b.len);
    buf_free(&b);
    return out;
}

static json_t *content_of(struct wants *w, const json_t *m, size_t at, int may_lack)
{
    json_t *c = json_object_get(m, "content");
    if (json_is_string(c)) return json_incref(c);
    if (json_is_array(c)) return joined(w, c, at);
    if (!may_lack || (c && !json_is_null(c)))
        wants_refuse(w, "messages", "messages[%zu].content should be a text, or a list of parts of type text", at);
    return json_string("");
}

static json_t *arguments_of(const json_t *f)
{
    json_t *given = json_object_get(f, "arguments"), *out = NULL;
    const char *text = json_string_value(given);
    if (!text) return json_is_object(given) ? json_incref(given) : json_object();
    if (jsontext_read("arguments", text, strlen(text), &out) == HEARTH_OK && json_is_object(out)) return out;
    json_decref(out);
    return json_incref(given);
}

static json_t *calls_of(struct wants *w, const json_t *given, size_t at)
{
    json_t *out = json_array();
    const json_t *call;
    size_t i;
    json_array_foreach(given, i, call) {
        const json_t *f = json_object_get(call, "function"), *id = json_object_get(call, "id");
        const char *name = text_of(f, "name"), *type = text_of(call, "type");
        char made[10];
        if (!name || (type && strcmp(type, "function") != 0)) {
            wants_refuse(w, "messages", "messages[%zu].tool_calls[%zu] should be of type function, with a name", at, i);
            break;
        }
        if (!json_is_string(id)) openai_call_id(made);     /* some clients send null back */
        json_array_append_new(out, json_pack("{s:s, s:s, s:{s:s, s:o}}", "id", json_is_string(id) ? json_string_value(id) : made, "type",
                                             "function", "function", "name", name, "arguments", arguments_of(f)));
    }
    return out;
}

static json_t *message_read(struct wants *w, const json_t *m, size_t at)
{
    const char *role = text_of(m, "role");
    json_t *calls = json_object_get(m, "tool_calls");
    if (!role) wants_refuse(w, "messages", "messages[%zu].role is missing", at);
    if (role && !strcmp(role, "developer")) role = "system";
    if (role && strcmp(role, "system") != 0 && strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0 && strcmp(role, "tool") != 0)
        wants_refuse(w, "messages", "messages[%zu].role is \"%.40s\", should be system, developer, user, assistant or tool", at, role);
    if (calls && !json_is_null(calls) && !json_is_array(calls)) wants_refuse(w, "messages", "messages[%zu].tool_calls should be a list", at);
    if (json_is_object(json_object_get(m, "audio")) || json_is_object(json_object_get(m, "function_call")))
        wants_refuse(w, "messages", "messages[%zu] has audio or function_call, which this server does not read (calls are tool_calls)", at);
    if (w->bad) return NULL;
    int has_calls = json_array_size(calls) > 0;
    json_t *out = json_pack("{s:s, s:o}", "role", role, "content", content_of(w, m, at, has_calls || !strcmp(role, "assistant")));
    static const char *const also[] = {"name", "tool_call_id", "reasoning_content"};
    for (size_t i = 0; i < sizeof also / sizeof *also && out; i++)
        if (json_is_string(json_object_get(m, also[i]))) json_object_set(out, also[i], json_object_get(m, also[i]));
    if (has_calls && out) json_object_set_new(out, "tool_calls", calls_of(w, calls, at));
    return out;
}

json_t *messages_read(struct wants *w, const json_t *given)
{
    json_t *out = json_array(), *m;
    size_t i;
    if (!json_is_array(given) || json_array_size(given) < 1 || json_array_size(given) > MESSAGES_MAX)
        wants_refuse(w, "messages", "messages should be a list of 1 to %d messages", MESSAGES_MAX);
    json_array_foreach(given, i, m) {
        if (w->bad) break;
        json_t *one = message_read(w, m, i);
        if (one) json_array_append_new(out, one);
    }
    if (!w->bad) return out;
    json_decref(out);
    return NULL;
}

json_t *tools_read(struct wants *w)
{
    json_t *tools = wants_get(w, "tools"), *t, *out = json_array();
    size_t i;
    if (tools && (!json_is_array(tools) || json_array_size(tools) > TOOLS_MAX))
        wants_refuse(w, "tools", "tools should be a list of at most %d tools", TOOLS_MAX);
    json_array_foreach(tools, i, t) {
        const json_t *f = json_object_get(t, "function"), *p = json_object_get(f, "parameters"), *d = json_object_get(f, "description");
        const char *type = text_of(t, "type"), *name = text_of(f, "name");
        if (!type || strcmp(type, "function") != 0 || !name || !*name || strlen(name) > 64)
            wants_refuse(w, "tools", "tools[%zu] should be {\"type\": \"function\", \"function\": {\"name\": ..., \"parameters\": ...}}, its name of at most 64 "
                                     "bytes", i);
        else if ((p && !json_is_object(p) && !json_is_null(p)) || (d && !json_is_string(d) && !json_is_null(d)))
            wants_refuse(w, "tools", "tools[%zu].function.parameters should be a JSON Schema, its description a text", i);
        if (w->bad) break;
        json_t *one = json_pack("{s:s, s:{s:s}}", "type", "function", "function", "name", name), *to = json_object_get(one, "function");
        if (json_is_string(d)) json_object_set(to, "description", (json_t *)d);
        if (json_is_object(p)) json_object_set(to, "parameters", (json_t *)p);
        else json_object_set_new(to, "parameters", json_pack("{s:s, s:{}}", "type", "object", "properties"));
        json_array_append_new(out, one);
    }
    if (!w->bad && json_array_size(out)) return out;
    json_decref(out);
    return NULL;
}
