/* openai_responses_read.c - a request of /v1/responses in the form of a chat's, so that one reader knows all rules.
 *
 *     instructions                         a first message of the system
 *     input "text"                         a message of the user
 *     {role, content}, type message        a message; parts input_text and output_text are text
 *     function_call, function_call_output  tool_calls of an assistant, a message of a tool
 *     reasoning                            left out: templates leave out the thoughts of earlier turns
 *     tools {type, name, parameters}       {type, function: {name, parameters}}
 *     text.format                          response_format
 *     max_output_tokens, truncation        max_completion_tokens, struct ask's truncate */
#include "serve/openai_responses.h"

#include <string.h>

#define NO_MEMORY "this server remembers no answer: send the conversation again"

static const struct wants_field fields[] = {
    {"model", NULL, NULL}, {"input", NULL, NULL}, {"instructions", NULL, NULL}, {"max_output_tokens", NULL, NULL}, {"temperature", NULL, NULL},
    {"top_p", NULL, NULL}, {"top_k", NULL, NULL}, {"min_p", NULL, NULL}, {"seed", NULL, NULL}, {"stream", NULL, NULL}, {"tools", NULL, NULL},
    {"tool_choice", NULL, NULL}, {"parallel_tool_calls", NULL, NULL}, {"text", NULL, NULL}, {"reasoning", NULL, NULL}, {"truncation", NULL, NULL},
    {"user", NULL, NULL}, {"metadata", NULL, NULL}, {"safety_identifier", NULL, NULL}, {"prompt_cache_key", NULL, NULL},
    {"prompt_cache_retention", NULL, NULL}, {"keep_alive", NULL, NULL},
    {"store", "answers are not stored by this server (their receipts are)", "[false]"},
    {"background", NO_MEMORY, "[false]"}, {"previous_response_id", NO_MEMORY, NULL}, {"conversation", NO_MEMORY, NULL},
    {"prompt", "this server stores no prompts", NULL}, {"include", "nothing further can be included", "[[], [\"reasoning.encrypted_content\"]]"},
    {"max_tool_calls", "no tool is run here; calls go to the client", NULL},
    {"top_logprobs", "log-probabilities are given by /v1/chat/completions", "[0]"},
    {"service_tier", "there is one tier only: auto or default", "[\"auto\", \"default\"]"}, {"stream_options", NULL, NULL}, {0}};

static const char *word(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* A text, or a list of parts that are. */
static json_t *words(struct wants *w, const json_t *v, size_t at)
{
    const json_t *part;
    size_t i;
    if (json_is_string(v)) return json_incref((json_t *)v);
    json_t *out = json_array();
    if (!json_is_array(v)) wants_refuse(w, "input", "input[%zu] should have a text, or a list of parts of type input_text", at);
    json_array_foreach(v, i, part) {
        const char *type = word(part, "type"), *text = word(part, type && !strcmp(type, "refusal") ? "refusal" : "text");
        if (!type || !text || (strcmp(type, "input_text") != 0 && strcmp(type, "output_text") != 0 && strcmp(type, "text") != 0 && strcmp(type, "refusal") != 0))
            wants_refuse(w, "input", "input[%zu]: part %zu is of type \"%.40s\": the models of this server read text only", at, i, type ? type : "");
        else json_array_append_new(out, json_pack("{s:s, s:s}", "type", "text", "text", text));
    }
    return out;
}

/* Calls that follow each other are of one message. */
static void add_call(struct wants *w, json_t *messages, const json_t *item, size_t at)
{
    json_t *last = json_array_get(messages, json_array_size(messages) - 1), *calls = json_object_get(last, "tool_calls");
    const char *name = word(item, "name"), *arguments = word(item, "arguments"), *id = word(item, "call_id");
    if (!name || !arguments) wants_refuse(w, "input", "input[%zu] is a function_call without a name or arguments", at);
    if (w->bad) return;
    if (!calls) {
        calls = json_array();
        json_array_append_new(messages, json_pack("{s:s, s:s, s:o}", "role", "assistant", "content", "", "tool_calls", calls));
    }
    json_array_append_new(calls, json_pack("{s:s?, s:s, s:{s:s, s:s}}", "id", id, "type", "function", "function", "name", name, "arguments", arguments));
}

static void add_item(struct wants *w, json_t *messages, const json_t *item, size_t at)
{
    const char *type = word(item, "type"), *role = word(item, "role");
    if (role && (!type || !strcmp(type, "message")))
        json_array_append_new(messages, json_pack("{s:s, s:o}", "role", role, "content", words(w, json_object_get(item, "content"), at)));
    else if (type && !strcmp(type, "function_call")) add_call(w, messages, item, at);
    else if (type && !strcmp(type, "function_call_output"))
        json_array_append_new(messages, json_pack("{s:s, s:o, s:s?}", "role", "tool", "content", words(w, json_object_get(item, "output"), at),
                                                  "tool_call_id", word(item, "call_id")));
    else if (!type || strcmp(type, "reasoning") != 0)
        wants_refuse(w, "input", "input[%zu] is of type \"%.40s\", should be message, function_call, function_call_output or reasoning", at, type ? type : "");
}

static json_t *messages_of(struct wants *w)
{
    const json_t *input = wants_get(w, "input"), *item;
    const char *instructions = NULL;
    json_t *out = json_array();
    size_t i;
    if (wants_text(w, "instructions", &instructions)) json_array_append_new(out, json_pack("{s:s, s:s}", "role", "system", "content", instructions));
    if (json_is_string(input)) json_array_append_new(out, json_pack("{s:s, s:O}", "role", "user", "content", input));
    else if (!json_is_array(input) || !json_array_size(input)) wants_refuse(w, "input", "input should be a text, or a list of items");
    json_array_foreach(input, i, item) if (!w->bad) add_item(w, out, item, i);
    return out;
}

/* {type, name, ...} as {type, function: {name, ...}}. */
static json_t *tools_of(struct wants *w)
{
    const json_t *tools = wants_get(w, "tools"), *t;
    json_t *out = json_array();
    size_t i;
    if (tools && !json_is_array(tools)) wants_refuse(w, "tools", "tools should be a list");
    json_array_foreach(tools, i, t) {
        const char *type = word(t, "type");
        if (!type || strcmp(type, "function") != 0)
            wants_refuse(w, "tools", "tools[%zu] is of type \"%.40s\", should be function: this server runs no tools of its own", i, type ? type : "");
        json_array_append_new(out, json_pack("{s:s, s:O}", "type", "function", "function", t));
    }
    return out;
}

static json_t *choice_of(struct wants *w)
{
    json_t *v = wants_get(w, "tool_choice");
    if (!json_is_object(v)) return json_incref(v);
    return json_pack("{s:s, s:{s:s?}}", "type", "function", "function", "name", word(v, "name"));
}

static json_t *format_of(struct wants *w)
{
    const json_t *text = wants_get(w, "text");
    json_t *f = json_object_get(text, "format");
    const char *type = word(f, "type");
    if (text && !json_is_object(text)) wants_refuse(w, "text", "text should be an object");
    if (json_object_get(text, "verbosity") && !json_is_null(json_object_get(text, "verbosity")))
        wants_refuse(w, "text", "text.verbosity: no model here knows it; say in the prompt how long the answer should be");
    if (type && !strcmp(type, "json_schema")) return json_pack("{s:s, s:O}", "type", "json_schema", "json_schema", f);
    return json_incref(f);
}

static void move(json_t *to, const char *name, json_t *value)
{
    if (value) json_object_set_new(to, name, value);
}

int responses_read(struct response *r)
{
    struct job *j = r->job;
    struct wants w = {j->x, j->body, 0};
    static const char *const same[] = {"model", "temperature", "top_p", "top_k", "min_p", "seed", "stream", "parallel_tool_calls", "keep_alive"};
    const char *truncation = NULL;
    const json_t *reasoning, *options;
    json_int_t max;
    if (!wants_known(&w, fields)) return 0;
    json_t *chat = json_object();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) move(chat, same[i], json_incref(wants_get(&w, same[i])));
    move(chat, "messages", messages_of(&w));
    move(chat, "tools", tools_of(&w));
    move(chat, "tool_choice", choice_of(&w));
    move(chat, "response_format", format_of(&w));
    if (wants_int(&w, "max_output_tokens", 1, INT32_MAX, &max)) move(chat, "max_completion_tokens", json_integer(max));
    if ((reasoning = wants_get(&w, "reasoning"))) move(chat, "reasoning_effort", json_incref(json_object_get(reasoning, "effort")));
    if ((options = wants_get(&w, "stream_options")) && json_is_true(json_object_get(options, "include_obfuscation")))
        wants_refuse(&w, "stream_options", "stream_options.include_obfuscation is true, but this server adds no padding");
    if (wants_text(&w, "truncation", &truncation) && strcmp(truncation, "auto") != 0 && strcmp(truncation, "disabled") != 0)
        wants_refuse(&w, "truncation", "truncation is \"%.40s\", should be auto or disabled", truncation);
    json_decref(j->body);
    j->body = chat;
    if (w.bad) return 0;
    w.body = chat;
    j->ask.truncate = truncation && !strcmp(truncation, "auto");
    return chat_read(&w, j);
}
