/* openai_fields.c - the fields that chat and completions have in common. */
#include "serve/openai_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/jsontext.h"

#define NOT_STORED "answers are not stored by this server (their receipts are)"
#define TEXT_ONLY "this server answers in text only"
#define OLD_FUNCTIONS "functions are given as tools, and chosen by tool_choice"

#define COMMON \
    {"model", NULL, NULL}, {"max_tokens", NULL, NULL}, {"temperature", NULL, NULL}, {"top_p", NULL, NULL}, {"top_k", NULL, NULL}, \
    {"min_p", NULL, NULL}, {"repeat_penalty", NULL, NULL}, {"presence_penalty", NULL, NULL}, {"frequency_penalty", NULL, NULL}, \
    {"seed", NULL, NULL}, {"stop", NULL, NULL}, {"n", NULL, NULL}, {"logit_bias", NULL, NULL}, {"logprobs", NULL, NULL}, \
    {"stream", NULL, NULL}, {"stream_options", NULL, NULL}, {"grammar", NULL, NULL}, {"json_schema", NULL, NULL}, \
    {"keep_alive", NULL, NULL}, {"lora", NULL, NULL}, \
    /* who asks, and hints on where and when to compute: they cannot change an answer here */ \
    {"user", NULL, NULL}, {"metadata", NULL, NULL}, {"safety_identifier", NULL, NULL}, {"prompt_cache_key", NULL, NULL}, \
    {"prompt_cache_retention", NULL, NULL}, {"cache_prompt", NULL, NULL}

const struct wants_field openai_chat_fields[] = {
    COMMON, {"messages", NULL, NULL}, {"max_completion_tokens", NULL, NULL}, {"top_logprobs", NULL, NULL}, {"tools", NULL, NULL},
    {"tool_choice", NULL, NULL}, {"parallel_tool_calls", NULL, NULL}, {"response_format", NULL, NULL}, {"chat_template_kwargs", NULL, NULL},
    {"reasoning_effort", NULL, NULL}, {"prediction", NULL, NULL},
    {"store", NOT_STORED, "[false]"}, {"service_tier", "there is one tier only: auto or default", "[\"auto\", \"default\"]"},
    {"modalities", TEXT_ONLY, "[[\"text\"]]"}, {"audio", TEXT_ONLY, NULL},
    {"verbosity", "no model here knows it; say in the prompt how long the answer should be", NULL},
    {"web_search_options", "this server looks nothing up", NULL}, {"functions", OLD_FUNCTIONS, "[[]]"},
    {"function_call", OLD_FUNCTIONS, NULL}, {0}};

const struct wants_field openai_completions_fields[] = {
    COMMON, {"prompt", NULL, NULL}, {"echo", NULL, NULL}, {"suffix", NULL, NULL},
    {"best_of", NULL, NULL}, {"store", NOT_STORED, "[false]"}, {0}};

/* A number that a client did not choose is drawn, and stands in the receipt. */
static uint64_t draw_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) seed = 0;
    return seed >> 11;                                 /* below 2^53, so that every JSON reader can give it back */
}

static void read_sampling(struct wants *w, struct job *j)
{
    struct hearth_sampling *s = &j->ask.g.sampling;
    json_int_t n;
    wants_float(w, "temperature", 0, 2, &s->temperature);
    wants_float(w, "top_p", 0, 1, &s->top_p);
    wants_float(w, "min_p", 0, 1, &s->min_p);
    wants_float(w, "repeat_penalty", 0.01, 100, &s->repeat_penalty);
    wants_float(w, "presence_penalty", -2, 2, &s->presence_penalty);
    wants_float(w, "frequency_penalty", -2, 2, &s->frequency_penalty);
    if (wants_int(w, "top_k", -1, INT32_MAX, &n)) s->top_k = n > 0 ? (int)n : 0;
    s->seed = wants_int(w, "seed", INT64_MIN, INT64_MAX, &n) ? (uint64_t)n : draw_seed();
}

static void read_limits(struct wants *w, struct job *j)
{
    json_int_t max = -1, also = -1;
    int least = j->chat ? 1 : 0;
    int old = wants_int(w, "max_tokens", j->chat ? -1 : 0, INT32_MAX, &max), new = wants_int(w, "max_completion_tokens", 1, INT32_MAX, &also);
    if (old && max == 0 && least) wants_refuse(w, "max_tokens", "max_tokens is 0, should be 1 or more");
    if (old && new && max != also) wants_refuse(w, "max_tokens", "max_tokens and max_completion_tokens differ: only one of them can hold");
    if (old || new) j->ask.g.max_tokens = (int)(new ? also : max);
    else if (!json_object_get(j->keep.recipe.parameters, "num_predict")) j->ask.g.max_tokens = j->chat ? -1 : 16;   /* OpenAI's own 16 */
    j->n = 1;
    wants_int(w, "n", 1, CHOICES_MAX, &j->n);
}

static void read_stop(struct wants *w, struct job *j)
{
    const json_t *v = wants_get(w, "stop"), *one;
    size_t i;
    if (!v) return;
    j->ask.g.n_stop = 0;                               /* the request's hold instead of a derived model's */
    if (json_is_string(v)) {
        j->stop[j->ask.g.n_stop++] = json_string_value(v);
    } else {
        json_array_foreach(v, i, one) {
            if (j->ask.g.n_stop == STOPS_MAX || !json_is_string(one)) break;
            j->stop[j->ask.g.n_stop++] = json_string_value(one);
        }
        if (!json_is_array(v) || j->ask.g.n_stop != json_array_size(v))
            wants_refuse(w, "stop", "stop should be a text, or a list of at most %d texts", STOPS_MAX);
    }
    for (i = 0; i < j->ask.g.n_stop; i++)
        if (!*j->stop[i]) wants_refuse(w, "stop", "stop holds an empty text, which would end every answer at once");
    j->ask.g.stop = j->stop;
}

static void read_bias(struct wants *w, struct job *j)
{
    json_t *v = wants_get(w, "logit_bias"), *value;
    const char *id;
    if (!v) return;
    if (!json_is_object(v) || json_object_size(v) > BIAS_MAX) {
        wants_refuse(w, "logit_bias", "logit_bias should be an object of at most %d members, token id to number", BIAS_MAX);
        return;
    }
    if (!(j->bias = mem_array(json_object_size(v) + 1, sizeof *j->bias))) {
        w->bad = 1;
        exchange_fail(w->x, HEARTH_ENOMEM, NULL);
        return;
    }
    json_object_foreach(v, id, value) {
        double b = json_is_number(value) ? json_number_value(value) : 1000;
        if (!*id || strlen(id) > 9 || strspn(id, "0123456789") != strlen(id) || (*id == '0' && id[1]) || b < -100 || b > 100) {
            wants_refuse(w, "logit_bias", "logit_bias: \"%.40s\" should be a token id with a number from -100 to 100", id);
            return;
        }
        j->bias[j->ask.g.sampling.n_bias++] = (struct hearth_bias){(int32_t)strtol(id, NULL, 10), (float)b};
    }
    j->ask.g.sampling.bias = j->bias;
}

static void read_stream(struct wants *w, struct job *j)
{
    const json_t *o = wants_get(w, "stream_options");
    wants_flag(w, "stream", &j->stream);
    if (!o) return;
    if (!json_is_object(o)) wants_refuse(w, "stream_options", "stream_options should be an object");
    else if (!j->stream) wants_refuse(w, "stream_options", "stream_options is there, but stream is not true");
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)o, name, v) {
        int usage = !strcmp(name, "include_usage");
        if ((!usage && strcmp(name, "include_obfuscation") != 0) || !(json_is_boolean(v) || json_is_null(v)))
            wants_refuse(w, "stream_options", "stream_options.%.40s: allowed are include_usage and include_obfuscation, true or false", name);
        else if (!usage && json_is_true(v))
            wants_refuse(w, "stream_options", "stream_options.include_obfuscation is true, but this server adds no padding to its chunks");
        else if (usage) j->usage = json_is_true(v);
    }
}

/* Only numbers of seconds; Ollama's protocol has the words. */
static void read_keep_alive(struct wants *w, struct job *j)
{
    float seconds;
    if (wants_float(w, "keep_alive", -1, 1e9, &seconds)) j->ask.keep_alive = (double)seconds;
}

/* [{"id": 0, "scale": 1}], as llama-server's clients send it: the adapters that the server was started with, by their place. */
static void read_lora(struct wants *w, struct job *j)
{
    const json_t *v = wants_get(w, "lora"), *one;
    size_t i;
    if (v && (!json_is_array(v) || json_array_size(v) > LORAS_MAX)) wants_refuse(w, "lora", "lora should be a list of at most %d adapters", LORAS_MAX);
    json_array_foreach(v, i, one) {
        const json_t *id = json_object_get(one, "id"), *scale = json_object_get(one, "scale");
        float s = json_is_number(scale) ? (float)json_number_value(scale) : 0;
        if (w->bad) return;
        if (json_object_size(one) != 2 || !json_is_integer(id) || !json_is_number(scale))
            wants_refuse(w, "lora", "lora[%zu] should be {\"id\": 0, \"scale\": 1}, of an adapter that /lora-adapters lists", i);
        else if (json_integer_value(id) < 0 || !server_adapter(exchange_server(w->x), (size_t)json_integer_value(id)))
            wants_refuse(w, "lora", "lora[%zu].id is %lld, which is no adapter that /lora-adapters lists", i, (long long)json_integer_value(id));
        else if (!(fabsf(s) <= LORA_SCALE_MAX))
            wants_refuse(w, "lora", "lora[%zu].scale is %.6g; allowed: a number from %d to %d", i, json_number_value(scale), -LORA_SCALE_MAX, LORA_SCALE_MAX);
        else if (s != 0 && j->ask.lora >= 0)
            wants_refuse(w, "lora", "lora[%zu]: a second adapter with a scale that is not 0; an answer is made with one", i);
        else if (s != 0) j->ask.lora = (int)json_integer_value(id), j->ask.lora_scale = s;
    }
}

static char *as_text(struct wants *w, const json_t *v)
{
    char *text = jsontext_dump(v);
    if (!text && !w->bad) {
        w->bad = 1;
        exchange_fail(w->x, HEARTH_ENOMEM, NULL);
    }
    return text;
}

static void read_response_format(struct wants *w, struct job *j)
{
    const json_t *f = wants_get(w, "response_format"), *in, *schema;
    const char *type = json_string_value(json_object_get(f, "type"));
    if (!f) return;
    if (!type || (strcmp(type, "text") != 0 && strcmp(type, "json_object") != 0 && strcmp(type, "json_schema") != 0)) {
        wants_refuse(w, "response_format", "response_format.type should be text, json_object or json_schema");
        return;
    }
    if (!strcmp(type, "text")) return;
    in = !strcmp(type, "json_schema") ? json_object_get(f, "json_schema") : f;
    schema = json_object_get(in, "schema");
    if (!schema && in != f) wants_refuse(w, "response_format", "response_format.json_schema.schema is missing");
    else if (schema && !json_is_object(schema) && !json_is_boolean(schema))
        wants_refuse(w, "response_format", "the schema of response_format should be an object");
    else if (schema) j->schema = as_text(w, schema);
    else if (!(j->schema = strdup("{\"type\":\"object\"}"))) w->bad = 1, exchange_fail(w->x, HEARTH_ENOMEM, NULL);
}

static void read_form(struct wants *w, struct job *j)
{
    const json_t *schema = wants_get(w, "json_schema");
    wants_text(w, "grammar", &j->ask.gbnf);
    read_response_format(w, j);
    if (schema && j->schema) wants_refuse(w, "json_schema", "json_schema and response_format both ask for a form: only one can hold");
    else if (schema) j->schema = as_text(w, schema);
    if (j->schema && j->ask.gbnf) wants_refuse(w, "grammar", "a grammar and a schema both ask for a form: only one can hold");
    j->ask.schema = j->schema;
}

/* What a derived model was made with, before what the request says. */
static int take_defaults(struct wants *w, struct job *j)
{
    if (!exchange_allowed(w->x, j->model)) return 0;
    enum hearth_status st = ask_defaults(&j->ask, j->model, &j->keep);
    if (st == HEARTH_OK) return 1;
    openai_fail(w->x, st, hearth_errmsg());
    return 0;
}

int fields_read(struct wants *w, struct job *j)
{
    if (!wants_known(w, j->chat ? openai_chat_fields : openai_completions_fields)) return 0;
    if (!wants_text(w, "model", &j->model) || !*j->model) wants_refuse(w, "model", "model is missing: the name of a model, as /v1/models lists them");
    if (w->bad || !take_defaults(w, j)) return 0;
    read_sampling(w, j);
    read_limits(w, j);
    read_stop(w, j);
    read_bias(w, j);
    read_stream(w, j);
    read_keep_alive(w, j);
    read_lora(w, j);
    read_form(w, j);
    j->ask.model = j->model;
    return !w->bad;
}
