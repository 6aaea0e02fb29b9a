/* ollama_embed.c - /api/embed and the older /api/embeddings.  A text that is too long is refused unless truncate says otherwise, in
 * which case it is said how much was left out. */
#include "serve/ollama_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { INPUTS_MAX = 2048 };

struct embedding {
    struct exchange *x;
    struct kept *m;
    uint32_t ctx;
    int truncate;
    json_int_t dimensions;
    size_t tokens, left_out;
};

/* Cut to the first `dimensions` and made of length 1 again. */
static json_t *as_json(const struct embedding *e, const float *v)
{
    uint32_t n = e->dimensions ? (uint32_t)e->dimensions : e->m->info.embedding;
    double sum = 0;
    json_t *out = json_array();
    for (uint32_t i = 0; i < n; i++) sum += (double)v[i] * (double)v[i];
    double scale = e->dimensions && sum > 0 ? 1 / sqrt(sum) : 1;
    for (uint32_t i = 0; i < n; i++) json_array_append_new(out, json_real((double)(float)((double)v[i] * scale)));
    return out;
}

static enum hearth_status embed(struct embedding *e, const char *text, json_t **out)
{
    int32_t *ids = NULL;
    size_t n = 0, left_out = 0;
    const struct hearth_embed_text t = {.text = text, .len = strlen(text), .most = e->truncate ? e->ctx : 0};
    float *v = mem_array(e->m->info.embedding, sizeof *v);
    *out = NULL;
    enum hearth_status st = v ? ask_embed_tokenize(e->m->model, &t, &ids, &n, &left_out) : HEARTH_ENOMEM;
    if (st == HEARTH_OK && n > e->ctx && !e->truncate)
        st = fail(HEARTH_ECONTEXT, "the input has %zu tokens, the context of %s holds %u; nothing was left out of it (truncate: true does that)", n,
                  e->m->name, e->ctx);
    if (st == HEARTH_OK) e->left_out += left_out;
    if (st == HEARTH_OK && n == 0) st = fail(HEARTH_EUSAGE, "the input is empty");
    if (st == HEARTH_OK) st = hearth_engine_embed_for(e->m->engine, exchange_key(e->x), ids, n, v);
    if (st == HEARTH_OK) e->tokens += n;
    if (st == HEARTH_OK && !(*out = as_json(e, v))) st = fail_memory(0);
    hearth_free(ids);
    free(v);
    return st;
}

/* What has been computed counts, whatever became of the rest of a list.  Takes the body. */
static void reply(const struct embedding *e, enum hearth_status st, json_t *body)
{
    char said[1024];
    snprintf(said, sizeof said, "%s", hearth_errmsg());
    exchange_used(e->x, e->tokens, 0);
    if (st == HEARTH_OK) exchange_reply_json(e->x, 200, body);
    else ollama_fail(e->x, st, said);
}

static enum hearth_status open_model(struct embedding *e, const char *name)
{
    struct hearth_engine_stats s;
    TRY(ask_embedder(e->x, name, &e->m));
    hearth_engine_stats(e->m->engine, &s);
    e->ctx = s.ctx;
    if (e->dimensions > (json_int_t)e->m->info.embedding)
        return fail(HEARTH_EUSAGE, "dimensions is %lld, but vectors of %s have %u", (long long)e->dimensions, e->m->name, e->m->info.embedding);
    return HEARTH_OK;
}

static enum hearth_status all(struct embedding *e, const json_t *input, json_t *list)
{
    size_t i;
    json_t *one, *v;
    if (json_is_string(input)) {
        TRY(embed(e, json_string_value(input), &v));
        return json_array_append_new(list, v) ? fail_memory(0) : HEARTH_OK;
    }
    json_array_foreach(input, i, one) {
        if (exchange_gone(e->x)) return fail(HEARTH_ECANCELLED, "the client has left, or the server is stopping");
        TRY(embed(e, json_string_value(one), &v));
        if (json_array_append_new(list, v)) return fail_memory(0);
    }
    return HEARTH_OK;
}

/* num_ctx and the like make no sense for an embedding; what is said is checked all the same. */
static void check_options(struct wants *w)
{
    struct parameters p;
    parameters_init(&p);
    if (!w->bad && parameters_read("options", wants_get(w, "options"), &p) != HEARTH_OK) wants_refuse(w, "options", "%s", hearth_errmsg());
}

static void check_input(struct wants *w, const json_t *input)
{
    size_t i;
    json_t *one;
    if (!input) wants_refuse(w, "input", "input is missing: a text, or a list of texts");
    else if (!json_is_string(input) && (!json_is_array(input) || json_array_size(input) > INPUTS_MAX))
        wants_refuse(w, "input", "input should be a text, or a list of at most %d texts", INPUTS_MAX);
    json_array_foreach(input, i, one) if (!json_is_string(one)) wants_refuse(w, "input", "input[%zu] should be a text", i);
}

static json_t *answer(const struct embedding *e, const char *name, json_t *list, double began, double loaded)
{
    json_t *o = json_pack("{s:s, s:O, s:I, s:I, s:I}", "model", name, "embeddings", list, "total_duration",
                          (json_int_t)llround((clock_seconds() - began) * 1e9), "load_duration", (json_int_t)llround((loaded - began) * 1e9),
                          "prompt_eval_count", (json_int_t)e->tokens);
    if (o && e->left_out) json_object_set_new(o, "hearth_tokens_left_out", json_integer((json_int_t)e->left_out));
    return o;
}

void ollama_embed(struct exchange *x)
{
    static const struct wants_field fields[] = {{"model", NULL, NULL}, {"name", NULL, NULL}, {"input", NULL, NULL}, {"truncate", NULL, NULL},
                                                {"dimensions", NULL, NULL}, {"options", NULL, NULL}, {"keep_alive", NULL, NULL}, {0}};
    json_t *body = exchange_object(x), *list = json_array();
    struct wants w = {x, body, 0};
    struct embedding e = {.x = x};
    double began = clock_seconds();
    if (body) {
        const char *name = wants_known(&w, fields) ? ollama_model(&w) : NULL;
        const json_t *input = wants_get(&w, "input");
        double keep = ollama_keep_alive(&w);
        wants_flag(&w, "truncate", &e.truncate);
        wants_int(&w, "dimensions", 1, INT32_MAX, &e.dimensions);
        check_input(&w, input);
        check_options(&w);
        if (!w.bad && exchange_allowed(x, name)) {
            enum hearth_status st = open_model(&e, name);
            double loaded = clock_seconds();
            if (st == HEARTH_OK) st = all(&e, input, list);
            reply(&e, st, st == HEARTH_OK ? answer(&e, name, list, began, loaded) : NULL);
            ask_embedder_return(x, e.m, keep);
        }
    }
    json_decref(list);
    json_decref(body);
}

void ollama_embeddings(struct exchange *x)
{
    static const struct wants_field fields[] = {{"model", NULL, NULL}, {"name", NULL, NULL}, {"prompt", NULL, NULL}, {"options", NULL, NULL},
                                                {"keep_alive", NULL, NULL}, {0}};
    json_t *body = exchange_object(x), *v = NULL;
    struct wants w = {x, body, 0};
    struct embedding e = {.x = x};
    const char *prompt = NULL;
    if (!body) return;
    const char *name = wants_known(&w, fields) ? ollama_model(&w) : NULL;
    double keep = ollama_keep_alive(&w);
    if (!wants_text(&w, "prompt", &prompt)) wants_refuse(&w, "prompt", "prompt is missing");
    check_options(&w);
    if (!w.bad && exchange_allowed(x, name)) {
        enum hearth_status st = open_model(&e, name);
        if (st == HEARTH_OK && *prompt) st = embed(&e, prompt, &v);
        reply(&e, st, st == HEARTH_OK ? json_pack("{s:o}", "embedding", v ? v : json_array()) : NULL);
        ask_embedder_return(x, e.m, keep);
    }
    json_decref(body);
}
