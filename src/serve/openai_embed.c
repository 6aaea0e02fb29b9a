/* openai_embed.c - /v1/embeddings, and /v1/rerank by the cosine of two embeddings.
 *
 * The vector is what the model's file says it is, or the mean of the last hidden states (hearth.h).  A model made for answering gives usable
 * vectors, not good ones; rerank says in its answer how its scores were made.  A model with prompts of the names query and document has them
 * put before what rerank compares. */
#include "serve/openai_in.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS_MAX = 2048 };

struct embedding { struct wants w; struct kept *m; const char *model, *prompt; size_t tokens; uint32_t dimensions; int base64; float keep_alive; };

static const struct wants_field embedding_fields[] = {{"model", NULL, NULL}, {"input", NULL, NULL}, {"encoding_format", NULL, NULL},
                                                      {"dimensions", NULL, NULL}, {"prompt_name", NULL, NULL}, {"user", NULL, NULL}, {"keep_alive", NULL, NULL}, {0}};
static const struct wants_field rerank_fields[] = {{"model", NULL, NULL}, {"query", NULL, NULL}, {"documents", NULL, NULL}, {"top_n", NULL, NULL},
                                                   {"return_documents", NULL, NULL}, {"user", NULL, NULL}, {"keep_alive", NULL, NULL}, {0}};

/* ---- vectors ---- */

static enum hearth_status embed_ids(struct embedding *e, const int32_t *ids, size_t n, float *out)
{
    if (n == 0) return fail(HEARTH_EUSAGE, "input: an empty text has no embedding");
    TRY(hearth_engine_embed_for(e->m->engine, exchange_key(e->w.x), ids, n, out));
    e->tokens += n;
    return HEARTH_OK;
}

static enum hearth_status embed_text(struct embedding *e, const char *prompt, const char *text, size_t len, float *out)
{
    int32_t *ids = NULL;
    size_t n = 0;
    if (len == 0) return fail(HEARTH_EUSAGE, "input: an empty text has no embedding");
    TRY(ask_embed_tokenize(e->m->model, &(struct hearth_embed_text){.text = text, .len = len, .prompt = prompt}, &ids, &n, NULL));
    enum hearth_status st = embed_ids(e, ids, n, out);
    hearth_free(ids);
    return st;
}

static enum hearth_status embed_list(struct embedding *e, const json_t *list, float *out)
{
    size_t n = json_array_size(list), i;
    int32_t *ids = mem_array(n + 1, sizeof *ids);
    const json_t *v;
    enum hearth_status st = ids ? HEARTH_OK : HEARTH_ENOMEM;
    char *text = NULL;
    size_t len;
    json_array_foreach(list, i, v) {
        if (st != HEARTH_OK) break;
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX)
            st = fail(HEARTH_EUSAGE, "input: element %zu of a list of token ids is none", i);
        else ids[i] = (int32_t)json_integer_value(v);
    }
    if (st == HEARTH_OK) st = hearth_detokenize(e->m->model, ids, n, 0, &text, &len);       /* says which id is none */
    hearth_free(text);
    if (st == HEARTH_OK) st = embed_ids(e, ids, n, out);
    free(ids);
    return st;
}

/* The first of them, scaled to length 1 again. */
static void shorten(float *v, uint32_t width, uint32_t dimensions)
{
    double sum = 0;
    if (!dimensions || dimensions >= width) return;
    for (uint32_t i = 0; i < dimensions; i++) sum += (double)v[i] * (double)v[i];
    for (uint32_t i = 0; i < dimensions && sum > 0; i++) v[i] = (float)((double)v[i] / sqrt(sum));
}

static json_t *base64_json(const unsigned char *p, size_t n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = mem_array((n + 2) / 3 * 4 + 1, 1), *to = out;
    if (!out) return NULL;
    for (size_t i = 0; i < n; i += 3, to += 4) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        to[0] = set[v >> 18], to[1] = set[v >> 12 & 63];
        to[2] = i + 1 < n ? set[v >> 6 & 63] : '=';
        to[3] = i + 2 < n ? set[v & 63] : '=';
    }
    json_t *text = json_string(out);
    free(out);
    return text;
}

static json_t *vector_json(const struct embedding *e, const float *v)
{
    uint32_t n = e->dimensions ? e->dimensions : e->m->info.embedding;
    if (e->base64) return base64_json((const unsigned char *)v, n * sizeof *v);     /* of this machine's order, which is little-endian */
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) json_array_append_new(list, json_real((double)v[i]));
    return list;
}

/* ---- what both share ---- */

static int borrow(struct embedding *e)
{
    e->keep_alive = NAN;
    wants_float(&e->w, "keep_alive", -1, 1e9, &e->keep_alive);
    if (!wants_text(&e->w, "model", &e->model) || !*e->model)
        wants_refuse(&e->w, "model", "model is missing: the name of a model, as /v1/models lists them");
    if (e->w.bad || !exchange_allowed(e->w.x, e->model)) return 0;
    enum hearth_status st = ask_embedder(e->w.x, e->model, &e->m);
    if (st != HEARTH_OK) openai_fail(e->w.x, st, hearth_errmsg());
    return st == HEARTH_OK;
}

static void give_back(struct embedding *e)
{
    ask_embedder_return(e->w.x, e->m, (double)e->keep_alive);
    json_decref((json_t *)e->w.body);
}

/* What has been computed counts, whatever became of the rest, and before it is answered: the next request may come at once. */
static enum hearth_status counted(const struct embedding *e, enum hearth_status st, char said[1024])
{
    snprintf(said, 1024, "%s", hearth_errmsg());
    exchange_used(e->w.x, e->tokens, 0);
    return st;
}

static json_t *usage_json(const struct embedding *e)
{
    return json_pack("{s:I, s:I}", "prompt_tokens", (json_int_t)e->tokens, "total_tokens", (json_int_t)e->tokens);
}

/* ---- /v1/embeddings ---- */

static int read_options(struct embedding *e)
{
    const char *format = NULL;
    json_int_t n = 0;
    if (!wants_known(&e->w, embedding_fields)) return 0;
    if (wants_text(&e->w, "encoding_format", &format) && strcmp(format, "float") != 0 && strcmp(format, "base64") != 0)
        wants_refuse(&e->w, "encoding_format", "encoding_format is \"%.40s\", should be float or base64", format);
    e->base64 = format && !strcmp(format, "base64");
    wants_text(&e->w, "prompt_name", &e->prompt);
    if (wants_int(&e->w, "dimensions", 1, INT32_MAX, &n)) e->dimensions = (uint32_t)n;
    return !e->w.bad;
}

static enum hearth_status one(struct embedding *e, const json_t *input, float *v, json_t *data)
{
    TRY(json_is_string(input) ? embed_text(e, e->prompt, json_string_value(input), json_string_length(input), v)
        : json_is_array(input) ? embed_list(e, input, v)
                               : fail(HEARTH_EUSAGE, "input should be a text, a list of texts, a list of token ids, or a list of such lists"));
    shorten(v, e->m->info.embedding, e->dimensions);
    json_t *o = json_pack("{s:s, s:I, s:o}", "object", "embedding", "index", (json_int_t)json_array_size(data), "embedding", vector_json(e, v));
    return o && json_array_append_new(data, o) == 0 ? HEARTH_OK : fail_memory(0);
}

static enum hearth_status all(struct embedding *e, const json_t *input, json_t *data)
{
    const json_t *v;
    size_t i;
    if (e->dimensions > e->m->info.embedding)
        return fail(HEARTH_EUSAGE, "dimensions is %u, but vectors of %s have %u", e->dimensions, e->m->name, e->m->info.embedding);
    float *vector = mem_array(e->m->info.embedding, sizeof *vector);
    enum hearth_status st = vector ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK && (!json_is_array(input) || json_is_integer(json_array_get(input, 0)))) st = one(e, input, vector, data);
    else json_array_foreach(input, i, v) if (st == HEARTH_OK) st = exchange_gone(e->w.x) ? fail(HEARTH_ECANCELLED, "the client has left, or the server is stopping") : one(e, v, vector, data);
    free(vector);
    return st;
}

void openai_embeddings(struct exchange *x)
{
    json_t *body = exchange_object(x), *data = json_array();
    struct embedding e = {.w = {x, body, 0}};
    if (body && read_options(&e)) {
        const json_t *input = wants_get(&e.w, "input");
        if (!input) wants_refuse(&e.w, "input", "input is missing");
        else if (json_is_array(input) && (json_array_size(input) < 1 || (!json_is_integer(json_array_get(input, 0)) && json_array_size(input) > INPUTS_MAX)))
            wants_refuse(&e.w, "input", "input is a list of %zu, should be of 1 to %d", json_array_size(input), INPUTS_MAX);
        else if (borrow(&e)) {
            char said[1024];
            enum hearth_status st = counted(&e, all(&e, input, data), said);
            if (st != HEARTH_OK) openai_fail(x, st, said);
            else
                exchange_reply_json(x, 200, json_pack("{s:s, s:O, s:s, s:o}", "object", "list", "data", data, "model", e.model, "usage",
                                                      usage_json(&e)));
        }
    }
    json_decref(data);
    if (body) give_back(&e);
}

/* ---- /v1/rerank ---- */

struct scored { size_t index; double score; };

static int better(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* A document is a text, or {"text": ...}. */
static const char *document_text(const json_t *v)
{
    return json_string_value(json_is_object(v) ? json_object_get(v, "text") : v);
}

/* The prompt of that name, where the model has one. */
static const char *own_prompt(const struct embedding *e, const char *wanted)
{
    const char *name;
    for (size_t i = 0; (name = hearth_model_prompt(e->m->model, i, NULL)); i++)
        if (!strcmp(name, wanted)) return name;
    return NULL;
}

static enum hearth_status score(struct embedding *e, const char *query, const json_t *documents, struct scored *out)
{
    uint32_t width = e->m->info.embedding;
    float *q = mem_array(2 * (size_t)width, sizeof *q), *d = q ? q + width : NULL;
    const json_t *v;
    size_t i;
    enum hearth_status st = q ? embed_text(e, own_prompt(e, "query"), query, strlen(query), q) : HEARTH_ENOMEM;
    json_array_foreach(documents, i, v) {
        const char *text = document_text(v);
        if (st == HEARTH_OK && exchange_gone(e->w.x)) st = fail(HEARTH_ECANCELLED, "the client has left, or the server is stopping");
        if (st != HEARTH_OK) break;
        st = text ? embed_text(e, own_prompt(e, "document"), text, strlen(text), d) : fail(HEARTH_EUSAGE, "documents[%zu] should be a text", i);
        out[i] = (struct scored){i, st == HEARTH_OK ? hearth_cosine(q, d, width) : 0};
    }
    free(q);
    return st;
}

static json_t *results_json(const json_t *documents, const struct scored *s, size_t n, int with_documents)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_pack("{s:I, s:f}", "index", (json_int_t)s[i].index, "relevance_score", s[i].score);
        if (with_documents) json_object_set_new(o, "document", json_pack("{s:s}", "text", document_text(json_array_get(documents, s[i].index))));
        json_array_append_new(list, o);
    }
    return list;
}

static void rerank(struct embedding *e, const char *query, const json_t *documents, size_t top, int with_documents)
{
    size_t n = json_array_size(documents);
    struct scored *s = mem_array(n, sizeof *s);
    char said[1024];
    enum hearth_status st = counted(e, s ? score(e, query, documents, s) : HEARTH_ENOMEM, said);
    if (st != HEARTH_OK) {
        openai_fail(e->w.x, st, said);
    } else {
        qsort(s, n, sizeof *s, better);
        exchange_reply_json(e->w.x, 200, json_pack("{s:s, s:s, s:s, s:o, s:o}", "object", "list", "model", e->model, "method",
                                                   e->m->info.only_embeds ? "cosine of embeddings" : "cosine of mean-pooled hidden states", "results",
                                                   results_json(documents, s, top && top < n ? top : n, with_documents), "usage", usage_json(e)));
    }
    free(s);
}

void openai_rerank(struct exchange *x)
{
    json_t *body = exchange_object(x);
    struct embedding e = {.w = {x, body, 0}};
    const char *query = NULL;
    json_int_t top = 0;
    int with_documents = 0;
    if (!body) return;
    if (wants_known(&e.w, rerank_fields)) {
        const json_t *documents = wants_get(&e.w, "documents");
        if (!wants_text(&e.w, "query", &query) || !*query) wants_refuse(&e.w, "query", "query is missing");
        if (!json_is_array(documents) || json_array_size(documents) < 1 || json_array_size(documents) > INPUTS_MAX)
            wants_refuse(&e.w, "documents", "documents should be a list of 1 to %d texts", INPUTS_MAX);
        wants_int(&e.w, "top_n", 1, INT32_MAX, &top);
        wants_flag(&e.w, "return_documents", &with_documents);
        if (borrow(&e)) rerank(&e, query, documents, (size_t)top, with_documents);
    }
    give_back(&e);
}
