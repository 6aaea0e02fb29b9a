/* parameter.c - the parameters of a model or a request. */
#include "hub/parameter.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    P_FLOAT, P_INT, P_COUNT /* unsigned, 64 bits */, P_SEED, P_STOPS,
    P_HINT_INT, P_HINT_BOOL,
    P_OFF            /* not done here: allowed is the value that switches it off */
};

static const struct parameter {
    const char *name;
    enum kind kind;
    double low, high;    /* P_OFF: low is the value that is off */
    size_t at;           /* in struct parameters */
    const char *why;     /* P_OFF */
} table[] = {
    {"temperature", P_FLOAT, 0, 1e6, offsetof(struct parameters, sampling.temperature), NULL},
    {"top_k", P_INT, 0, 1 << 30, offsetof(struct parameters, sampling.top_k), NULL},
    {"top_p", P_FLOAT, 0, 1, offsetof(struct parameters, sampling.top_p), NULL},
    {"min_p", P_FLOAT, 0, 1, offsetof(struct parameters, sampling.min_p), NULL},
    {"repeat_penalty", P_FLOAT, 1e-6, 1e6, offsetof(struct parameters, sampling.repeat_penalty), NULL},
    {"presence_penalty", P_FLOAT, -1e6, 1e6, offsetof(struct parameters, sampling.presence_penalty), NULL},
    {"frequency_penalty", P_FLOAT, -1e6, 1e6, offsetof(struct parameters, sampling.frequency_penalty), NULL},
    {"repeat_last_n", P_INT, -1, 1 << 30, offsetof(struct parameters, sampling.repeat_last), NULL},
    {"seed", P_SEED, -1, 9007199254740992.0, offsetof(struct parameters, sampling.seed), NULL},
    {"num_predict", P_INT, -2, 1 << 30, offsetof(struct parameters, max_tokens), NULL},
    {"num_ctx", P_COUNT, 1, 1 << 30, offsetof(struct parameters, ctx), NULL},
    {"stop", P_STOPS, 0, 0, 0, NULL},
    {"num_keep", P_HINT_INT, -1, 1 << 30, 0, NULL},
    {"num_batch", P_HINT_INT, 1, 1 << 30, 0, NULL},
    {"num_thread", P_HINT_INT, 0, 1 << 20, 0, NULL},
    {"num_gpu", P_HINT_INT, -1, 1 << 20, 0, NULL},
    {"main_gpu", P_HINT_INT, -1, 1 << 20, 0, NULL},
    {"num_gqa", P_HINT_INT, 0, 1 << 20, 0, NULL},
    {"low_vram", P_HINT_BOOL, 0, 0, 0, NULL},
    {"numa", P_HINT_BOOL, 0, 0, 0, NULL},
    {"use_mmap", P_HINT_BOOL, 0, 0, 0, NULL},
    {"use_mlock", P_HINT_BOOL, 0, 0, 0, NULL},
    {"f16_kv", P_HINT_BOOL, 0, 0, 0, NULL},
    {"penalize_newline", P_HINT_BOOL, 0, 0, 0, NULL},
    {"mirostat", P_OFF, 0, 0, 0, "mirostat sampling"},
    {"mirostat_eta", P_HINT_INT, 0, 1e6, 0, NULL},
    {"mirostat_tau", P_HINT_INT, 0, 1e6, 0, NULL},
    {"typical_p", P_OFF, 1, 0, 0, "locally typical sampling"},
    {"tfs_z", P_OFF, 1, 0, 0, "tail-free sampling"},
    {"logits_all", P_OFF, 0, 0, 0, "returning all logits"},
    {"embedding_only", P_OFF, 0, 0, 0, "a mode for embeddings only"},
    {"vocab_only", P_OFF, 0, 0, 0, "opening the vocabulary only"},
};

static const struct parameter *find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name)) return &table[i];
    return NULL;
}

void parameters_init(struct parameters *p)
{
    *p = (struct parameters){.max_tokens = -1};
    hearth_sampling_defaults(&p->sampling);
}

static enum hearth_status unknown(const char *where, const char *name)
{
    return fail(HEARTH_EUSAGE, "%s: there is no parameter \"%.64s\"; allowed are temperature, top_k, top_p, min_p, repeat_penalty, "
                "repeat_last_n, presence_penalty, frequency_penalty, seed, num_predict, num_ctx, stop and hints about the machine",
                where, name);
}

static enum hearth_status wrong(const char *where, const struct parameter *d, const json_t *found, const char *allowed)
{
    char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
    enum hearth_status st = fail(HEARTH_EUSAGE, "%s: %s is %.80s; allowed is %s", where, d->name, text ? text : "something else", allowed);
    free(text);
    return st;
}

static enum hearth_status read_number(const char *where, const struct parameter *d, const json_t *v, double *out)
{
    char allowed[96];
    int whole = d->kind != P_FLOAT && !(d->kind == P_HINT_INT && !strncmp(d->name, "mirostat", 8));
    snprintf(allowed, sizeof allowed, "%s from %.10g to %.16g", whole ? "a whole number" : "a number", d->low, d->high);
    if (!json_is_number(v)) return wrong(where, d, v, allowed);
    *out = json_number_value(v);
    if (!(*out >= d->low && *out <= d->high) || (whole && *out != floor(*out))) return wrong(where, d, v, allowed);
    return HEARTH_OK;
}

static enum hearth_status read_stops(const char *where, const struct parameter *d, const json_t *v, struct parameters *p)
{
    size_t i;
    json_t *s;
    p->n_stop = 0;
    if (json_is_string(v)) {
        if (json_string_length(v)) p->stop[p->n_stop++] = json_string_value(v);
        return HEARTH_OK;
    }
    if (json_is_null(v)) return HEARTH_OK;
    if (!json_is_array(v) || json_array_size(v) > PARAMETER_STOPS) return wrong(where, d, v, "a text, or a list of at most 64 texts");
    json_array_foreach(v, i, s) {
        if (!json_is_string(s)) return wrong(where, d, s, "a text, or a list of at most 64 texts");
        if (json_string_length(s)) p->stop[p->n_stop++] = json_string_value(s);
    }
    return HEARTH_OK;
}

static enum hearth_status read_off(const char *where, const struct parameter *d, const json_t *v)
{
    double x = json_is_boolean(v) ? (double)json_is_true(v) : json_is_number(v) ? json_number_value(v) : NAN;
    if (x == d->low) return HEARTH_OK;
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    enum hearth_status st = fail(HEARTH_EUSAGE, "%s: %s is %.80s, and hearth does not have %s; allowed is %g (off)", where, d->name,
                                 text ? text : "something else", d->why, d->low);
    free(text);
    return st;
}

void parameters_unused(struct parameters *p, const char *name)
{
    for (size_t i = 0; i < p->n_unused; i++)
        if (!strcmp(p->unused[i], name)) return;
    if (p->n_unused < PARAMETER_UNUSED) p->unused[p->n_unused++] = name;
}

static enum hearth_status read_one(const char *where, const struct parameter *d, const json_t *v, struct parameters *p)
{
    char *field = (char *)p + d->at;
    double x = 0;
    switch (d->kind) {
    case P_STOPS: return read_stops(where, d, v, p);
    case P_OFF: return read_off(where, d, v);
    case P_HINT_BOOL:
        if (!json_is_boolean(v)) return wrong(where, d, v, "true or false");
        break;
    default: TRY(read_number(where, d, v, &x));
    }
    switch (d->kind) {
    case P_FLOAT: *(float *)(void *)field = (float)x; break;
    case P_INT: *(int *)(void *)field = (int)x; break;
    case P_COUNT: *(uint64_t *)(void *)field = (uint64_t)x; break;
    case P_SEED:
        p->seed_given = x >= 0;
        if (x >= 0) p->sampling.seed = (uint64_t)x;
        break;
    default: parameters_unused(p, d->name);
    }
    return HEARTH_OK;
}

enum hearth_status parameters_read(const char *where, const json_t *from, struct parameters *p)
{
    const char *name;
    json_t *v;
    if (!from || json_is_null(from)) return HEARTH_OK;
    if (!json_is_object(from)) return fail(HEARTH_EUSAGE, "%s: should be a JSON object", where);
    json_object_foreach((json_t *)from, name, v) {
        const struct parameter *d = find(name);
        if (!d) return unknown(where, name);
        if (json_is_null(v)) continue;
        TRY(read_one(where, d, v, p));
    }
    if (p->max_tokens == -2) p->max_tokens = -1;      /* "until the context is full" is what both mean where nothing shifts */
    return HEARTH_OK;
}

enum hearth_status parameter_parse(const char *name, const char *text, json_t **out, int *list)
{
    const struct parameter *d = find(name);
    struct parameters check;
    char *end = NULL;
    *out = NULL;
    *list = d && d->kind == P_STOPS;
    if (!d) return unknown("PARAMETER", name);
    if (*list) *out = json_string(text);
    else if (!strcmp(text, "true") || !strcmp(text, "false")) *out = json_boolean(*text == 't');
    else {
        double x = strtod(text, &end);
        int whole = x == floor(x) && fabs(x) < 9e15 && !strpbrk(text, ".eE");
        if (end != text && !*end && isfinite(x)) *out = whole ? json_integer((json_int_t)x) : json_real(x);
        else *out = json_string(text);                /* and so refused, as it was written */
    }
    if (!*out) return *list ? fail(HEARTH_EFORMAT, "PARAMETER: %s: not UTF-8", name) : fail_memory(0);
    parameters_init(&check);
    enum hearth_status st = read_one("PARAMETER", d, *out, &check);
    if (st == HEARTH_OK) return st;
    json_decref(*out);
    *out = NULL;
    return st;
}
