/* anthropic_read.c - a request of /v1/messages in the form of a chat's, so that one reader knows all rules.
 *
 *     messages, system                       messages (anthropic_blocks.c)
 *     tools {name, description, input_schema}    {type: function, function: {name, description, parameters}}
 *     tool_choice auto, any, tool, none      auto, required, a name, none; disable_parallel_tool_use: parallel_tool_calls false
 *     max_tokens, stop_sequences             max_tokens, stop
 *     output_config.format                   response_format
 *     cache_control                          may stand anywhere: what prompts have in common is remembered without being asked
 *     thinking                               disabled, which is also what its absence means
 *
 * Beyond Anthropic's own there are seed, min_p and keep_alive. */
#include "serve/anthropic.h"

#include <stdio.h>
#include <string.h>

#define BOTH \
    {"model", NULL, NULL}, {"messages", NULL, NULL}, {"system", NULL, NULL}, {"tools", NULL, NULL}, {"tool_choice", NULL, NULL}, \
    {"thinking", NULL, NULL}, {"output_config", NULL, NULL}, {"cache_control", NULL, NULL}, {"keep_alive", NULL, NULL}, \
    {"speed", "there is one speed only: standard", "[\"standard\"]"}, {"mcp_servers", "this server connects to no others", "[[]]"}, \
    {"context_management", "nothing is left out of a conversation here", NULL}

static const struct wants_field message_fields[] = {
    BOTH, {"max_tokens", NULL, NULL}, {"stop_sequences", NULL, NULL}, {"temperature", NULL, NULL}, {"top_p", NULL, NULL}, {"top_k", NULL, NULL},
    {"min_p", NULL, NULL}, {"seed", NULL, NULL}, {"stream", NULL, NULL}, {"metadata", NULL, NULL},
    {"service_tier", "there is one tier only: auto or standard_only", "[\"auto\", \"standard_only\"]"},
    {"container", "this server runs no code", NULL}, {"inference_geo", "answers are computed on this machine only", NULL},
    {"diagnostics", "nothing is diagnosed here", NULL}, {0}};

static const struct wants_field count_fields[] = {BOTH, {0}};

static const char *word(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* ---- tools ---- */

static int is_nothing(const json_t *v)
{
    return !v || json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0);
}

/* strict is kept where calls are held to their schemas: when there must be one. */
static json_t *tool_of(struct wants *w, size_t i, const json_t *t, int held)
{
    static const char *const names[] = {"type", "name", "description", "input_schema", "cache_control", "strict", "eager_input_streaming", "defer_loading",
                                        "allowed_callers", "input_examples", NULL};
    const char *type = word(t, "type"), *name = word(t, "name");
    json_t *schema = json_object_get(t, "input_schema"), *about = json_object_get(t, "description"), *callers = json_object_get(t, "allowed_callers"),
           *examples = json_object_get(t, "input_examples"), *strict = json_object_get(t, "strict"),
           *defer = json_object_get(t, "defer_loading");
    char where[40];
    snprintf(where, sizeof where, "tools[%zu]", i);
    if (!type && !is_nothing(json_object_get(t, "type"))) wants_refuse(w, "tools", "%s.type should be custom", where);
    if (type && strcmp(type, "custom") != 0) wants_refuse(w, "tools", "%s is of type \"%.40s\", should be custom: this server runs no tools of its own", where, type);
    if (!name || !*name || strlen(name) > 64 || !json_is_object(schema)) wants_refuse(w, "tools", "%s should have a name of 1 to 64 bytes and a JSON Schema as input_schema", where);
    if (about && !json_is_string(about) && !json_is_null(about)) wants_refuse(w, "tools", "%s.description should be a text", where);
    if (json_is_true(json_object_get(t, "strict")) && !held)
        wants_refuse(w, "tools", "%s.strict is true, but a call that the model is free to make is held to no schema; with tool_choice any or tool every call is", where);
    if (strict && !json_is_null(strict) && !json_is_boolean(strict)) wants_refuse(w, "tools", "%s.strict should be true or false", where);
    if (!is_nothing(defer) && !json_is_false(defer)) wants_refuse(w, "tools", "%s.defer_loading is not false, but this server searches for no tools", where);
    if (!is_nothing(examples))
        wants_refuse(w, "tools", "%s.input_examples: no template here shows them; say them in the description", where);
    if (!is_nothing(callers) && (json_array_size(callers) != 1 || !json_is_string(json_array_get(callers, 0)) || strcmp(json_string_value(json_array_get(callers, 0)), "direct") != 0))
        wants_refuse(w, "tools", "%s.allowed_callers should be [\"direct\"]: this server runs no code", where);
    anthropic_only(w, "tools", where, t, names);
    if (w->bad) return NULL;
    json_t *f = json_pack("{s:s, s:O}", "name", name, "parameters", schema);
    if (json_is_string(about)) json_object_set(f, "description", about);
    return json_pack("{s:s, s:o}", "type", "function", "function", f);
}

static json_t *tools_of(struct wants *w, int held)
{
    const json_t *tools = wants_get(w, "tools"), *t;
    json_t *out = json_array();
    size_t i;
    if (tools && (!json_is_array(tools) || json_array_size(tools) > TOOLS_MAX)) wants_refuse(w, "tools", "tools should be a list of at most %d tools", TOOLS_MAX);
    json_array_foreach(tools, i, t) {
        if (json_array_append_new(out, tool_of(w, i, t, held))) break;     /* refused, or no memory */
    }
    if (json_array_size(out) == json_array_size(tools) || w->bad) return out;
    w->bad = 1;
    exchange_fail(w->x, HEARTH_ENOMEM, NULL);
    return out;
}

/* NULL: not said, or refused.  *held: there must be a call; *alone: one at most. */
static json_t *choice_of(struct wants *w, int *held, int *alone)
{
    static const char *const names[] = {"type", "name", "disable_parallel_tool_use", NULL};
    const json_t *v = wants_get(w, "tool_choice"), *single = json_object_get(v, "disable_parallel_tool_use");
    const char *type = word(v, "type"), *name = word(v, "name");
    *held = *alone = 0;
    if (!v) return NULL;
    int any = type && !strcmp(type, "any"), named = type && !strcmp(type, "tool");
    if (!type || (!any && !named && strcmp(type, "auto") != 0 && strcmp(type, "none") != 0))
        wants_refuse(w, "tool_choice", "tool_choice.type is \"%.40s\", should be auto, any, tool or none", type ? type : "");
    if (named != (name != NULL)) wants_refuse(w, "tool_choice", "tool_choice.name goes with tool_choice.type tool, and with no other");
    if (single && !json_is_boolean(single) && !json_is_null(single)) wants_refuse(w, "tool_choice", "tool_choice.disable_parallel_tool_use should be true or false");
    anthropic_only(w, "tool_choice", "tool_choice", v, names);
    if (w->bad) return NULL;
    *held = any || named;
    *alone = json_is_true(single);
    return named ? json_pack("{s:s, s:{s:s}}", "type", "function", "function", "name", name) : json_string(any ? "required" : type);
}

/* ---- the rest ---- */

static json_t *stops_of(struct wants *w)
{
    const json_t *v = wants_get(w, "stop_sequences"), *one;
    size_t i;
    if (!v) return NULL;
    if (!json_is_array(v) || json_array_size(v) > STOPS_MAX) wants_refuse(w, "stop_sequences", "stop_sequences should be a list of at most %d texts", STOPS_MAX);
    json_array_foreach(v, i, one)
        if (!json_string_length(one)) wants_refuse(w, "stop_sequences", "stop_sequences[%zu] should be a text that is not empty", i);
    return json_incref((json_t *)(uintptr_t)v);
}

static json_t *format_of(struct wants *w)
{
    static const char *const names[] = {"format", NULL};
    const json_t *config = wants_get(w, "output_config"), *f = json_object_get(config, "format");
    const char *type = word(f, "type");
    if (config && !json_is_object(config)) wants_refuse(w, "output_config", "output_config should be an object");
    if (json_object_get(config, "effort") && !json_is_null(json_object_get(config, "effort")))
        wants_refuse(w, "output_config", "output_config.effort: no model here knows it");
    anthropic_only(w, "output_config", "output_config", config, names);
    if (!f || json_is_null(f)) return NULL;
    if (!type || strcmp(type, "json_schema") != 0 || !json_is_object(json_object_get(f, "schema")))
        wants_refuse(w, "output_config", "output_config.format should be {\"type\": \"json_schema\", \"schema\": {...}}");
    return json_pack("{s:s, s:O}", "type", "json_schema", "json_schema", f);
}

static void check_rest(struct wants *w)
{
    static const char *const known[] = {"user_id", NULL};
    const json_t *thinking = wants_get(w, "thinking"), *about = wants_get(w, "metadata"), *user = json_object_get(about, "user_id");
    const char *type = word(thinking, "type");
    if (thinking && (!type || strcmp(type, "disabled") != 0))
        wants_refuse(w, "thinking", "thinking.type is \"%.40s\", should be disabled: thoughts have no budget and no signature here", type ? type : "");
    if (about && !json_is_object(about)) wants_refuse(w, "metadata", "metadata should be an object");
    if (user && !json_is_string(user) && !json_is_null(user)) wants_refuse(w, "metadata", "metadata.user_id should be a text");
    anthropic_only(w, "metadata", "metadata", about, known);
}

static void move(json_t *to, const char *name, json_t *value)
{
    if (value) json_object_set_new(to, name, value);
}

int anthropic_read(struct job *j, int counting)
{
    static const char *const same[] = {"model", "temperature", "top_p", "top_k", "min_p", "seed", "stream", "keep_alive"};
    struct wants w = {j->x, j->body, 0};
    json_int_t max = 1;
    int held, alone;
    if (!wants_known(&w, counting ? count_fields : message_fields)) return 0;
    json_t *chat = json_pack("{s:s}", "reasoning_effort", "none");
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) move(chat, same[i], json_incref(wants_get(&w, same[i])));
    if (!counting && !wants_int(&w, "max_tokens", 1, INT32_MAX, &max)) wants_refuse(&w, "max_tokens", "max_tokens is missing: how long the answer may be");
    move(chat, "max_tokens", json_integer(max));
    move(chat, "tool_choice", choice_of(&w, &held, &alone));
    if (alone) move(chat, "parallel_tool_calls", json_false());
    move(chat, "tools", tools_of(&w, held));
    move(chat, "stop", stops_of(&w));
    move(chat, "response_format", format_of(&w));
    check_rest(&w);
    move(chat, "messages", anthropic_messages(&w, &j->begun_with));
    if (j->begun_with && (held || json_object_get(chat, "response_format")))
        wants_refuse(&w, "messages", "messages ends with what the assistant's answer begins with, and %s holds all of an answer: they exclude each other",
                     held ? "tool_choice" : "output_config.format");
    j->ask.begun_with = json_string_value(j->begun_with);
    json_decref(j->body);
    j->body = chat;
    w.body = chat;
    return !w.bad && chat_read(&w, j);
}
