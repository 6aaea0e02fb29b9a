/* scan_lengths.c - how long the examples are: in characters, and in a model's tokens against its context. */
#include <stdlib.h>
#include <string.h>

#include "work/scan_in.h"

static size_t characters(const char *s, size_t n)
{
    size_t c = 0;
    for (size_t i = 0; i < n; i++) c += ((unsigned char)s[i] & 0xC0) != 0x80;
    return c;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static void spread_of(size_t *v, size_t n, struct scan_spread *out)
{
    qsort(v, n, sizeof *v, by_size);
    *out = (struct scan_spread){ v[0], v[(n - 1) / 2], v[(n - 1) * 95 / 100], v[n - 1] };
}

static enum hearth_status count_tokens(const struct hearth_model *m, const char *s, size_t n, int flags, size_t *out)
{
    int32_t *ids;
    size_t count;
    TRY(hearth_tokenize(m, s, n, flags, &ids, &count));
    hearth_free(ids);
    *out += count;
    return HEARTH_OK;
}

/* What learning will hand to the model is a little more: the words of its template. */
static enum hearth_status tokens_of(const struct hearth_model *m, const struct scan_example *x, size_t *out)
{
    *out = 0;
    TRY(count_tokens(m, x->asked, x->asked_n, HEARTH_TOK_SPECIAL, out));
    return x->e->kind == EXAMPLE_LABEL ? HEARTH_OK : count_tokens(m, x->answered, x->answered_n, 0, out);
}

static enum hearth_status in_tokens(struct scan *s, const struct scan_options *o, size_t *v)
{
    struct hearth_model_info info;
    hearth_model_describe(o->model, &info);
    s->context = info.context;
    s->model_name = arena_strndup(&s->arena, info.name, strlen(info.name));
    if (!s->model_name) return HEARTH_ENOMEM;
    for (size_t i = 0; i < s->n; i++) {
        if (i % 256 == 0) TRY(scan_step(o, "lengths", i, s->n));
        TRY(tokens_of(o->model, &s->at[i], &v[i]));
        s->at[i].tokens = v[i] > UINT32_MAX ? UINT32_MAX : (uint32_t)v[i];
        if (v[i] > s->context) scan_mark(s, i, SCAN_LONG);
    }
    spread_of(v, s->n, &s->tokens);
    return HEARTH_OK;
}

enum hearth_status scan_lengths(struct scan *s, const struct scan_options *o)
{
    size_t *v = mem_array(s->n, sizeof *v);
    if (!v) return HEARTH_ENOMEM;
    for (size_t i = 0; i < s->n; i++) v[i] = characters(s->at[i].asked, s->at[i].asked_n);
    spread_of(v, s->n, &s->asked);
    for (size_t i = 0; i < s->n; i++) v[i] = characters(s->at[i].answered, s->at[i].answered_n);
    spread_of(v, s->n, &s->answered);
    enum hearth_status st = o->model ? in_tokens(s, o, v) : HEARTH_OK;
    free(v);
    return st;
}
