/* openai_chat.c - /v1/chat/completions.
 *
 *     stream    delta {role: assistant, content: ""} ► {content} or {reasoning_content} or {tool_calls} ... ► {} with finish_reason and
 *               hearth_receipt ► (usage, when asked for) ► [DONE]
 *     whole     message {role, content, refusal, reasoning_content, tool_calls} */
#include "serve/openai_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsontext.h"

/* ---- the request ---- */

static void read_logprobs(struct wants *w, struct job *j)
{
    int wanted = 0;
    json_int_t top = 0;
    wants_flag(w, "logprobs", &wanted);
    if (wants_int(w, "top_logprobs", 0, TOP_MAX, &top) && top > 0 && !wanted)
        wants_refuse(w, "top_logprobs", "top_logprobs is %d, but logprobs is not true", (int)top);
    if (wanted) j->logprobs = (int)top;
}

/* auto, none, required, or {"type": "function", "function": {"name": ...}}. */
static void read_tool_choice(struct wants *w, struct job *j)
{
    const json_t *v = wants_get(w, "tool_choice"), *tool;
    const char *word = json_string_value(v), *named = json_string_value(json_object_get(json_object_get(v, "function"), "name"));
    size_t i;
    if (!v) return;
    if (word && strcmp(word, "auto") != 0 && strcmp(word, "none") != 0 && strcmp(word, "required") != 0)
        wants_refuse(w, "tool_choice", "tool_choice is \"%.40s\", should be none, auto, required or a function's name in an object", word);
    else if (!word && !named) wants_refuse(w, "tool_choice", "tool_choice should be none, auto, required, or {\"type\": \"function\", \"function\": {\"name\": ...}}");
    else if (!j->tools && !(word && strcmp(word, "required") != 0)) wants_refuse(w, "tool_choice", "tool_choice asks for a call, but there are no tools");
    if (named) {
        int there = 0;
        json_array_foreach(j->tools, i, tool) {
            const char *name = json_string_value(json_object_get(json_object_get(tool, "function"), "name"));
            there |= name && !strcmp(name, named);
        }
        if (!there) wants_refuse(w, "tool_choice", "tool_choice names \"%.64s\", which is not among the tools", named);
        if (!strcmp(named, "auto") || !strcmp(named, "none") || !strcmp(named, "required"))
            wants_refuse(w, "tool_choice", "a tool called \"%s\" cannot be chosen by name", named);
    }
    j->ask.tool_choice = word ? word : named;
}

static void read_think(struct wants *w, struct job *j)
{
    const char *effort = NULL;
    const json_t *more = wants_get(w, "chat_template_kwargs");
    if (wants_text(w, "reasoning_effort", &effort)) {
        static const char *const words[] = {"none", "minimal", "low", "medium", "high", "xhigh"};
        size_t i = 0;
        while (i < sizeof words / sizeof *words && strcmp(words[i], effort) != 0) i++;
        if (i == sizeof words / sizeof *words) wants_refuse(w, "reasoning_effort", "reasoning_effort is \"%.40s\", should be none, minimal, low, medium, high or xhigh", effort);
        j->ask.think = i > 0;
    }
    if (more && !json_is_object(more)) wants_refuse(w, "chat_template_kwargs", "chat_template_kwargs should be an object");
    j->ask.template_more = more;
    j->ask.split_think = 1;
}

int chat_read(struct wants *w, struct job *j)
{
    j->chat = 1;
    if (!fields_read(w, j)) return 0;
    read_logprobs(w, j);
    j->tools = tools_read(w);
    read_tool_choice(w, j);
    wants_flag(w, "parallel_tool_calls", &j->ask.parallel_calls);
    read_think(w, j);
    if (j->tools && (j->schema || j->ask.gbnf) && !(j->ask.tool_choice && !strcmp(j->ask.tool_choice, "none")))
        wants_refuse(w, "response_format", "a form of the answer and tools exclude each other; with tool_choice none the form holds");
    j->messages = w->bad ? NULL : messages_read(w, wants_get(w, "messages"));
    return !w->bad;
}

void openai_chat(struct exchange *x)
{
    struct job *j = job_open(x);
    if (!j) return;
    struct wants w = {x, j->body, 0};
    if (!chat_read(&w, j) || !exchange_allowed(x, j->model)) {
        job_close(j);
        return;
    }
    j->n_prompts = 1;
    if (!(j->prompt = mem_array(1, sizeof *j->prompt))) {
        j->n_prompts = 0;
        exchange_fail(x, HEARTH_ENOMEM, NULL);
        job_close(j);
        return;
    }
    job_run(j);
}

/* ---- the answer ---- */

static void delta(struct choice *c, json_t *what, json_t *logprobs)
{
    json_t *one = json_pack("{s:i, s:o, s:o?, s:n}", "index", c->index, "delta", what, "logprobs", logprobs ? logprobs : json_null(),
                            "finish_reason");
    job_chunk(c->job, NULL, one);
}

static json_t *new_logprobs(struct choice *c)
{
    return c->job->logprobs >= 0 ? seen_chat(&c->tokens, c->m) : NULL;
}

void chat_begin(struct choice *c)
{
    delta(c, json_pack("{s:s, s:s}", "role", "assistant", "content", ""), NULL);
}

static int on_text(void *user, const char *text, size_t n)
{
    struct choice *c = user;
    if (c->job->stream) delta(c, json_pack("{s:o}", "content", wants_string(text, n)), new_logprobs(c));
    else if (c->st == HEARTH_OK) c->st = buf_put(&c->text, text, n);
    return c->st != HEARTH_OK;
}

static int on_think(void *user, const char *text, size_t n)
{
    struct choice *c = user;
    if (c->job->stream) delta(c, json_pack("{s:o}", "reasoning_content", wants_string(text, n)), new_logprobs(c));
    else if (c->st == HEARTH_OK) c->st = buf_put(&c->think, text, n);
    return c->st != HEARTH_OK;
}

static int on_call(void *user, int index, const char *name, json_t *arguments)
{
    struct choice *c = user;
    char *text = jsontext_dump(arguments), id[10];
    openai_call_id(id);
    json_t *call = text ? json_pack("{s:s, s:s, s:{s:s, s:s}}", "id", id, "type", "function", "function", "name", name, "arguments", text) : NULL;
    free(text);
    if (call && c->job->stream) {
        json_object_set_new(call, "index", json_integer(index));
        delta(c, json_pack("{s:[o]}", "tool_calls", call), new_logprobs(c));
    } else if (call) {
        if (!c->calls) c->calls = json_array();
        json_array_append_new(c->calls, call);
    } else {
        c->st = HEARTH_ENOMEM;
    }
    return c->st != HEARTH_OK;
}

static int on_token(void *user, const struct hearth_token *t)
{
    struct choice *c = user;
    if (c->st == HEARTH_OK) c->st = seen_add(&c->tokens, t);
    return c->st != HEARTH_OK;
}

void chat_ask(struct choice *c, struct ask *a)
{
    a->on_text = on_text;
    a->on_think = on_think;
    a->on_call = on_call;
    if (c->job->logprobs >= 0) a->on_token = on_token;
}

void chat_finish(struct choice *c, const struct ask_end *e)
{
    struct job *j = c->job;
    c->m = e->m->model;
    json_t *rest = new_logprobs(c);
    if (!j->stream) {
        c->logprobs = rest;
        return;
    }
    if (rest) delta(c, json_pack("{s:s}", "content", ""), rest);
    job_chunk(j, c, json_pack("{s:i, s:{}, s:n, s:s}", "index", c->index, "delta", "logprobs", "finish_reason", c->finish));
}

json_t *chat_choice(struct choice *c)
{
    const char *text = c->text.data ? c->text.data : "";
    json_t *m = json_pack("{s:s, s:o, s:n}", "role", "assistant", "content",
                          c->calls && !c->text.len ? json_null() : wants_string(text, c->text.len), "refusal");
    if (m && c->think.len) json_object_set_new(m, "reasoning_content", wants_string(c->think.data, c->think.len));
    if (m && c->calls) json_object_set(m, "tool_calls", c->calls);
    return json_pack("{s:i, s:o, s:o, s:s}", "index", c->index, "message", m, "logprobs",
                     c->logprobs ? json_incref(c->logprobs) : json_null(), "finish_reason", c->finish);
}
