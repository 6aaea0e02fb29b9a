/* ollama_prompt.c - /api/generate and /api/chat: from the request to what ask_start takes.
 *
 *     parameters    hearth's own  <  the model's (its recipe)  <  the request's options
 *     template      the file's    <  the recipe's              <  the request's (generate)
 *     system        the recipe's  <  the request's
 *
 * What Ollama would cut or drop without a word is refused here. */
#include "serve/ollama_turn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define COMMON \
    {"model", NULL, NULL}, {"name", NULL, NULL}, {"stream", NULL, NULL}, {"format", NULL, NULL}, {"keep_alive", NULL, NULL}, \
    {"options", NULL, NULL}, {"think", NULL, NULL}, {"truncate", NULL, NULL}, {"logprobs", NULL, NULL}, {"top_logprobs", NULL, NULL}, \
    {"shift", "nothing that was said is dropped while an answer is written: it ends when the context is full", "[false]"}

static const struct wants_field generate_fields[] = {
    COMMON, {"prompt", NULL, NULL}, {"suffix", NULL, NULL}, {"system", NULL, NULL}, {"template", NULL, NULL}, {"context", NULL, NULL},
    {"raw", NULL, NULL}, {"images", "the models of this server read text only", "[[]]"},
    {"width", "this server makes no images", "[0]"}, {"height", "this server makes no images", "[0]"}, {"steps", "this server makes no images", "[0]"}, {0}};
static const struct wants_field chat_fields[] = {COMMON, {"messages", NULL, NULL}, {"tools", NULL, NULL}, {0}};

enum { CONTEXT_MAX = 1 << 20 };        /* the others are those of OpenAI's protocol */

/* ---- fields that both have ---- */

static void read_think(struct wants *w, struct turn *t)
{
    const json_t *v = wants_get(w, "think");
    const char *word = json_string_value(v);
    if (!v) return;
    if (json_is_boolean(v)) t->ask.think = json_is_true(v);
    else if (word && (!strcmp(word, "low") || !strcmp(word, "medium") || !strcmp(word, "high"))) t->ask.think = 1;
    else wants_refuse(w, "think", "think should be true, false, \"low\", \"medium\" or \"high\"");
}

static void read_format(struct wants *w, struct turn *t)
{
    const json_t *v = wants_get(w, "format");
    const char *word = json_string_value(v);
    if (!v || (word && !*word)) return;
    if (word && strcmp(word, "json") != 0) wants_refuse(w, "format", "format is \"%.40s\", should be \"json\" or a JSON Schema", word);
    else if (!word && !json_is_object(v)) wants_refuse(w, "format", "format should be \"json\" or a JSON Schema");
    else if (!(t->schema = word ? strdup("{\"type\":\"object\"}") : json_dumps(v, JSON_COMPACT))) t->st = fail_memory(0);
    t->ask.schema = t->schema;
}

static void read_logprobs(struct wants *w, struct turn *t)
{
    int wanted = 0;
    json_int_t top = 0;
    wants_flag(w, "logprobs", &wanted);
    if (wants_int(w, "top_logprobs", 0, 20, &top) && top > 0 && !wanted)
        wants_refuse(w, "top_logprobs", "top_logprobs is %d, but logprobs is not true", (int)top);
    t->logprobs = wanted;
    t->ask.g.logprobs = wanted ? (int)top : -1;
}

static void read_common(struct wants *w, struct turn *t)
{
    t->name = ollama_model(w);
    t->stream = ollama_stream(w);
    t->ask.keep_alive = ollama_keep_alive(w);
    wants_flag(w, "truncate", &t->ask.truncate);
    read_think(w, t);
    read_format(w, t);
    read_logprobs(w, t);
    t->ask.model = t->name;
    t->ask.split_think = 1;
}

/* ---- the model ---- */

static enum hearth_status take_parameters(struct turn *t)
{
    struct parameters *p = &t->parameters;
    char where[160];
    snprintf(where, sizeof where, "the parameters of %s", t->about.name);
    parameters_init(p);
    TRY(parameters_read(where, t->recipe.parameters, p));
    TRY(parameters_read("options", json_object_get(t->body, "options"), p));
    if (!p->seed_given && getrandom(&p->sampling.seed, sizeof p->sampling.seed, 0) != sizeof p->sampling.seed)
        return fail(HEARTH_EIO, "the system gives no random seed");
    if (!p->seed_given) p->sampling.seed >>= 11;       /* a number that JSON holds: the receipt names it */
    t->ask.g.sampling = p->sampling;
    t->ask.g.max_tokens = p->max_tokens;
    t->ask.g.stop = p->stop;
    t->ask.g.n_stop = p->n_stop;
    return HEARTH_OK;
}

/* Finds it, loads it, and keeps it until the turn has begun. */
static enum hearth_status take_model(struct turn *t)
{
    struct hearth_engine_stats s;
    char *path = NULL;
    enum hearth_status st = hub_resolve_name(t->name, &path, &t->about);
    free(path);
    TRY(st);
    TRY(hub_recipe(&t->about, &t->recipe));
    TRY(take_parameters(t));
    double from = clock_seconds();
    TRY(keeper_borrow(server_keeper(exchange_server(t->x)), t->name, &t->kept));
    t->load_seconds = clock_seconds() - from;
    hearth_engine_stats(t->kept->engine, &s);
    /* Some clients ask for room far beyond what they need (aider: a quarter more than the prompt and 8,192 tokens, whatever the model).
     * What fits is answered all the same; a prompt that does not is refused with both counts, like any other. */
    if (t->parameters.ctx > s.ctx) parameters_unused(&t->parameters, "num_ctx");
    t->ask.chat_template = t->recipe.chat_template;
    return HEARTH_OK;
}

static const char *template_of(const struct turn *t)
{
    return t->ask.chat_template ? t->ask.chat_template : t->kept->info.chat_template;
}

/* A model that cannot think is not asked to, rather than answer as if it had. */
static enum hearth_status check_think(const struct turn *t)
{
    if (t->ask.think != 1 || strstr(template_of(t), "enable_thinking")) return HEARTH_OK;
    return fail(HEARTH_EUSAGE, "think: \"%s\" does not support thinking: its template has no enable_thinking", t->about.name);
}

/* An empty prompt loads the model; with keep_alive 0 it goes. */
static void preload(struct turn *t)
{
    int leave = t->ask.keep_alive == 0;
    char now[40];
    ollama_now(now);
    enum hearth_status st = HEARTH_OK;
    if (!leave) st = take_model(t);
    else {
        struct hub_model about = {0};
        char *path = NULL;
        st = hub_resolve_name(t->name, &path, &about);
        if (st == HEARTH_OK) keeper_unload(server_keeper(exchange_server(t->x)), t->name, NULL);
        hub_model_free(&about);
        free(path);
    }
    if (st != HEARTH_OK) {
        ollama_fail(t->x, st, NULL);
        return;
    }
    json_t *o = json_pack("{s:s, s:s, s:b, s:s}", "model", t->name, "created_at", now, "done", 1, "done_reason", leave ? "unload" : "load");
    if (t->chat) json_object_set_new(o, "message", json_pack("{s:s, s:s}", "role", "assistant", "content", ""));
    else json_object_set_new(o, "response", json_string(""));
    exchange_reply_json(t->x, 200, o);
}

/* ---- conversations ---- */

static json_t *calls_of(struct wants *w, const json_t *given, size_t at)
{
    json_t *out = json_array();
    const json_t *call;
    size_t i;
    json_array_foreach(given, i, call) {
        json_t *f = json_object_get(call, "function"), *arguments = json_object_get(f, "arguments");
        const char *name = json_string_value(json_object_get(f, "name"));
        if (!name || (arguments && !json_is_object(arguments) && !json_is_null(arguments))) {
            wants_refuse(w, "messages", "messages[%zu].tool_calls[%zu].function should have a name, and arguments that are an object", at, i);
            break;
        }
        json_array_append_new(out, json_pack("{s:s, s:{s:s, s:o}}", "type", "function", "function", "name", name, "arguments",
                                             json_is_object(arguments) ? json_incref(arguments) : json_object()));
    }
    return out;
}

static json_t *message_of(struct wants *w, const json_t *m, size_t at)
{
    const char *role = json_string_value(json_object_get(m, "role"));
    const json_t *content = json_object_get(m, "content"), *calls = json_object_get(m, "tool_calls"), *tool = json_object_get(m, "tool_name"),
                 *thinking = json_object_get(m, "thinking"), *id = json_object_get(m, "tool_call_id");
    if (!role || (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0 && strcmp(role, "tool") != 0))
        wants_refuse(w, "messages", "messages[%zu].role is \"%.40s\", should be system, user, assistant or tool", at, role ? role : "");
    if (content && !json_is_string(content) && !json_is_null(content)) wants_refuse(w, "messages", "messages[%zu].content should be a text", at);
    if (json_array_size(json_object_get(m, "images")))
        wants_refuse(w, "messages", "messages[%zu].images: the models of this server read text only", at);
    if (calls && !json_is_null(calls) && !json_is_array(calls)) wants_refuse(w, "messages", "messages[%zu].tool_calls should be a list", at);
    if (w->bad) return NULL;
    json_t *out = json_pack("{s:s, s:s}", "role", role, "content", json_is_string(content) ? json_string_value(content) : "");
    if (out && json_is_string(tool)) json_object_set(out, "tool_name", (json_t *)tool), json_object_set(out, "name", (json_t *)tool);
    if (out && json_is_string(id)) json_object_set(out, "tool_call_id", (json_t *)id);
    if (out && json_is_string(thinking) && json_string_length(thinking))
        json_object_set(out, "thinking", (json_t *)thinking), json_object_set(out, "reasoning_content", (json_t *)thinking);
    if (out && json_array_size(calls)) json_object_set_new(out, "tool_calls", calls_of(w, calls, at));
    return out;
}

static void conversation(struct wants *w, struct turn *t, const json_t *given)
{
    json_t *m;
    size_t i;
    t->messages = json_array();
    json_array_foreach(given, i, m) {
        json_t *one = w->bad ? NULL : message_of(w, m, i);
        if (one) json_array_append_new(t->messages, one);
    }
    t->ask.messages = t->messages;
}

/* OpenAI's form; calls are parsed against it. */
static void read_tools(struct wants *w, struct turn *t)
{
    const json_t *given = wants_get(w, "tools"), *tool;
    size_t i;
    if (!given) return;
    if (!json_is_array(given) || json_array_size(given) > TOOLS_MAX) wants_refuse(w, "tools", "tools should be a list of at most %d tools", TOOLS_MAX);
    t->tools = json_array();
    json_array_foreach(given, i, tool) {
        const json_t *f = json_object_get(tool, "function"), *p = json_object_get(f, "parameters"), *d = json_object_get(f, "description");
        const char *name = json_string_value(json_object_get(f, "name"));
        if (!name || !*name || strlen(name) > 64 || (p && !json_is_object(p) && !json_is_null(p)) || (d && !json_is_string(d) && !json_is_null(d)))
            wants_refuse(w, "tools", "tools[%zu].function should have a name of at most 64 bytes, a description that is a text, and parameters that are "
                                     "a JSON Schema", i);
        if (w->bad) return;
        json_t *one = json_pack("{s:s, s:{s:s}}", "type", "function", "function", "name", name), *to = json_object_get(one, "function");
        if (json_is_string(d)) json_object_set(to, "description", (json_t *)d);
        json_object_set_new(to, "parameters", json_is_object(p) ? json_incref((json_t *)p) : json_pack("{s:s, s:{}}", "type", "object", "properties"));
        json_array_append_new(t->tools, one);
    }
    if (json_array_size(t->tools)) t->ask.tools = t->tools;
    if (t->ask.tools && t->schema) wants_refuse(w, "format", "a form of the answer and tools exclude each other");
}

static void chat(struct wants *w, struct turn *t)
{
    const json_t *given = wants_get(w, "messages");
    if (given && (!json_is_array(given) || json_array_size(given) > MESSAGES_MAX))
        wants_refuse(w, "messages", "messages should be a list of at most %d messages", MESSAGES_MAX);
    read_tools(w, t);
    if (w->bad || !exchange_allowed(t->x, t->name)) return;
    if (!json_array_size(given)) {
        preload(t);
        return;
    }
    enum hearth_status st = take_model(t);
    if (st == HEARTH_OK) st = check_think(t);
    if (st != HEARTH_OK) {
        ollama_fail(t->x, st, NULL);
        return;
    }
    conversation(w, t, given);
    if (!w->bad) turn_start(t);
}

void ollama_chat(struct exchange *x)
{
    struct turn *t = turn_open(x, 1);
    if (!t) return;
    struct wants w = {x, t->body, 0};
    if (wants_known(&w, chat_fields)) read_common(&w, t);
    if (!w.bad) chat(&w, t);
    turn_drop(t);
}

/* ---- /api/generate ---- */

static void read_context(struct wants *w, struct turn *t)
{
    const json_t *v = wants_get(w, "context"), *one;
    size_t i;
    if (!v) return;
    if (!json_is_array(v) || json_array_size(v) > CONTEXT_MAX) wants_refuse(w, "context", "context should be a list of tokens, as an answer has it");
    if (w->bad || !json_array_size(v)) return;
    if (!(t->context = mem_array(json_array_size(v), sizeof *t->context))) {
        t->st = HEARTH_ENOMEM;
        return;
    }
    json_array_foreach(v, i, one) {
        json_int_t id = json_is_integer(one) ? json_integer_value(one) : -1;
        if (id < 0 || id > INT32_MAX) {
            wants_refuse(w, "context", "context[%zu] is no token", i);
            return;
        }
        t->context[i] = (int32_t)id;
    }
    t->ask.before = t->context;
    t->ask.n_before = json_array_size(v);
}

/* The request's own template. */
static enum hearth_status own_template(struct turn *t, const char *source)
{
    if (!source || !*source) return HEARTH_OK;
    TRY(recipe_template(source, &t->jinja));
    t->as_written = source;
    t->ask.chat_template = t->jinja.data;
    return HEARTH_OK;
}

/* A middle: through a template that has .Suffix, else by the vocabulary's own tokens. */
static enum hearth_status middle(struct turn *t, const char *prompt, const char *suffix)
{
    const char *written = t->as_written ? t->as_written : t->recipe.as_written;
    if (!written || !strstr(written, ".Suffix")) {
        t->ask.text = prompt;
        t->ask.text_len = strlen(prompt);
        t->ask.suffix = suffix;
        return HEARTH_OK;
    }
    t->messages = json_array();
    t->variables = json_pack("{s:s, s:s}", "prompt", prompt, "suffix", suffix);
    t->ask.messages = t->messages;
    t->ask.template_more = t->variables;
    t->ask.split_think = 0;
    return t->messages && t->variables ? HEARTH_OK : fail_memory(0);
}

/* The prompt as a turn of the user's, or, of a model without a template, as the text that it goes on with. */
static enum hearth_status ordinary(struct turn *t, const char *prompt, const char *system)
{
    if (!*template_of(t)) {
        if (system && *system) return fail(HEARTH_EUSAGE, "system: %s has no template, so it has no place for a system prompt", t->about.name);
        t->ask.text = prompt;
        t->ask.text_len = strlen(prompt);
        return HEARTH_OK;
    }
    t->messages = json_array();
    int bad = !t->messages;
    if (system && *system && !t->context)
        bad |= json_array_append_new(t->messages, json_pack("{s:s, s:s}", "role", "system", "content", system));
    bad |= json_array_append_new(t->messages, json_pack("{s:s, s:s}", "role", "user", "content", prompt));
    t->ask.messages = t->messages;
    return bad ? fail_memory(0) : HEARTH_OK;
}

static void generate(struct wants *w, struct turn *t)
{
    const char *prompt = "", *suffix = NULL, *system = NULL, *source = NULL;
    wants_text(w, "prompt", &prompt);
    wants_text(w, "suffix", &suffix);
    wants_text(w, "system", &system);
    wants_text(w, "template", &source);
    wants_flag(w, "raw", &t->raw);
    read_context(w, t);
    if (suffix && !*suffix) suffix = NULL;
    if (t->raw && ((system && *system) || (source && *source) || t->context || suffix))
        wants_refuse(w, "raw", "a raw prompt goes to the model as it is: it has no system, template, suffix or context");
    if (suffix && t->context) wants_refuse(w, "suffix", "suffix and context exclude each other");
    if (w->bad || !exchange_allowed(t->x, t->name)) return;
    if (!*prompt && !suffix) {
        preload(t);
        return;
    }
    enum hearth_status st = t->st == HEARTH_OK ? take_model(t) : t->st;
    if (st == HEARTH_OK) st = own_template(t, source);
    if (st == HEARTH_OK && !t->raw) st = check_think(t);
    if (st == HEARTH_OK) {
        if (suffix) st = middle(t, prompt, suffix);
        else if (!t->raw) st = ordinary(t, prompt, system);
        else t->ask.text = prompt, t->ask.text_len = strlen(prompt), t->ask.raw = 1;
    }
    if (st == HEARTH_OK) turn_start(t);
    else ollama_fail(t->x, st, NULL);
}

void ollama_generate(struct exchange *x)
{
    struct turn *t = turn_open(x, 0);
    if (!t) return;
    struct wants w = {x, t->body, 0};
    if (wants_known(&w, generate_fields)) read_common(&w, t);
    if (!w.bad) generate(&w, t);
    turn_drop(t);
}
