/* alike.c - see alike.h. */
#include "work/alike.h"

#include <stdlib.h>
#include <string.h>

/* ---- whole vocabularies ---- */

struct name { const char *s; size_t n; int control; int32_t id; };

static struct name name_of(const struct tokenizer *t, int32_t id)
{
    struct name k = { .id = id };
    tokenizer_piece(t, id, 0, &k.s, &k.n);
    if (k.n == 0) k.control = 1, tokenizer_text(t, id, &k.s, &k.n);
    return k;
}

int alike_whole(const struct hearth_model *own, const struct hearth_model *other)
{
    int32_t n = tokenizer_size(own->tokenizer);
    if (n != tokenizer_size(other->tokenizer) || own->h.vocabulary != other->h.vocabulary) return 0;
    for (int32_t i = 0; i < n; i++) {
        const char *a, *b;
        size_t x, y;
        tokenizer_text(own->tokenizer, i, &a, &x), tokenizer_text(other->tokenizer, i, &b, &y);
        if (x != y || memcmp(a, b, x) != 0) return 0;
    }
    return tokenizer_eos(own->tokenizer) == tokenizer_eos(other->tokenizer);
}

static int same_name(const struct name *x, const struct name *y)
{
    return x->control == y->control && x->n == y->n && memcmp(x->s, y->s, x->n) == 0;
}

static int by_name(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int d = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
    if (d) return d;
    if (x->n != y->n) return x->n < y->n ? -1 : 1;
    return x->control != y->control ? x->control - y->control : x->id < y->id ? -1 : x->id > y->id;
}

/* Sorted; of several with one name the last.  *n: how many are left. */
static struct name *names_of(const struct hearth_model *m, size_t *n)
{
    int32_t size = tokenizer_size(m->tokenizer);
    if ((uint32_t)size > m->h.vocabulary) size = (int32_t)m->h.vocabulary;
    struct name *list = mem_array((size_t)size + 1, sizeof *list);
    *n = 0;
    if (!list) return NULL;
    for (int32_t i = 0; i < size; i++) list[i] = name_of(m->tokenizer, i);
    qsort(list, (size_t)size, sizeof *list, by_name);
    for (int32_t i = 0; i < size; i++)
        if (list[i].n && (i + 1 == size || !same_name(&list[i], &list[i + 1]))) list[(*n)++] = list[i];
    return list;
}

/* partner [own vocabulary]: the other's id, or -1; taken [other vocabulary]. */
static void pair_names(const struct name *a, size_t na, const struct name *b, size_t nb, int32_t *partner, uint8_t *taken)
{
    for (size_t i = 0, j = 0; i < na && j < nb;) {
        if (same_name(&a[i], &b[j])) {
            partner[a[i].id] = b[j].id, taken[b[j].id] = 1;
            i++, j++;
            continue;
        }
        struct name x = a[i], y = b[j];
        x.id = y.id = 0;
        if (by_name(&x, &y) < 0) i++;
        else j++;
    }
}

static enum hearth_status fill(const struct hearth_model *own, const struct hearth_model *other, const int32_t *partner, const uint8_t *taken,
                               struct distil_map *out)
{
    size_t n = own->h.vocabulary, m = other->h.vocabulary;
    out->own = mem_array(n, sizeof *out->own), out->other = mem_array(n, sizeof *out->other);
    out->own_rest = mem_array(n, sizeof *out->own_rest), out->other_rest = mem_array(m, sizeof *out->other_rest);
    if (!out->own || !out->other || !out->own_rest || !out->other_rest) return HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (partner[i] < 0) out->own_rest[out->own_n++] = (int32_t)i;
        else out->own[out->n] = (int32_t)i, out->other[out->n++] = partner[i];
    }
    for (size_t i = 0; i < m; i++) if (!taken[i]) out->other_rest[out->other_n++] = (int32_t)i;
    if (!out->n) return fail(HEARTH_EUSAGE, "%s and %s have no token in common", own->file->path, other->file->path);
    return HEARTH_OK;
}

enum hearth_status alike_map(const struct hearth_model *own, const struct hearth_model *other, struct distil_map *out)
{
    size_t na, nb;
    struct name *a = names_of(own, &na), *b = names_of(other, &nb);
    int32_t *partner = mem_array(own->h.vocabulary, sizeof *partner), end = tokenizer_eos(own->tokenizer), its_end = tokenizer_eos(other->tokenizer);
    uint8_t *taken = mem_array(other->h.vocabulary, 1);
    enum hearth_status st = a && b && partner && taken ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        for (uint32_t i = 0; i < own->h.vocabulary; i++) partner[i] = -1;
        pair_names(a, na, b, nb, partner, taken);
        if (end >= 0 && its_end >= 0 && partner[end] < 0 && !taken[its_end]) partner[end] = its_end, taken[its_end] = 1;
        st = fill(own, other, partner, taken, out);
    }
    free(a), free(b), free(partner), free(taken);
    if (st != HEARTH_OK) distil_map_free(out);
    return st;
}

/* ---- a text ---- */

struct stretch { const struct alike_text *t; uint32_t i, end; size_t at, lead; };   /* at: bytes before token i; lead: a space of its own */

static size_t bytes_of(const struct stretch *s, uint32_t i)
{
    const char *text;
    size_t n;
    tokenizer_piece(s->t->m->tokenizer, s->t->ids[i], 0, &text, &n);
    return n;
}

static int begins_with_space(const struct stretch *s)
{
    const char *text = "";
    size_t n = 0;
    for (uint32_t i = s->i; i < s->end && n == 0; i++) tokenizer_piece(s->t->m->tokenizer, s->t->ids[i], 0, &text, &n);
    return n && text[0] == ' ';
}

/* The next stretch from token `from` on; 0: there is none. */
static int next_stretch(const struct alike_text *t, uint32_t from, struct stretch *s)
{
    *s = (struct stretch){ .t = t, .i = from };
    while (s->i < t->n && !(t->learn ? t->learn[s->i] : bytes_of(s, s->i) > 0)) s->i++;
    s->end = s->i;
    while (s->end < t->n && (!t->learn || t->learn[s->end])) s->end++;
    return s->i < s->end;
}

static size_t where(const struct stretch *s, size_t at) { return at > s->lead ? at - s->lead : 0; }

static void advance(struct stretch *s) { s->at += bytes_of(s, s->i++); }

static int both_end(const struct stretch *a, const struct stretch *b)
{
    return tokenizer_is_end(a->t->m->tokenizer, a->t->ids[a->i]) && tokenizer_is_end(b->t->m->tokenizer, b->t->ids[b->i]);
}

static void lay(struct stretch *a, struct stretch *b, int32_t *at)
{
    int x = begins_with_space(a), y = begins_with_space(b);
    a->lead = (size_t)(x && !y), b->lead = (size_t)(y && !x);
    while (a->i < a->end && b->i < b->end) {
        size_t p = bytes_of(a, a->i), q = bytes_of(b, b->i), a_end = where(a, a->at + p), b_end = where(b, b->at + q);
        int same = where(a, a->at) == where(b, b->at) && a_end == b_end && (p && q ? 1 : !p && !q && both_end(a, b));
        if (same && a->i > 0 && b->i > 0) at[a->i - 1] = (int32_t)b->i - 1;
        int first = a_end < b_end || (a_end == b_end && (p || !q)), second = b_end < a_end || (a_end == b_end && (q || !p));
        if (first) advance(a);
        if (second) advance(b);
    }
}

void alike_places(const struct alike_text *own, const struct alike_text *other, int32_t *at)
{
    struct stretch a = { 0 }, b = { 0 };
    for (uint32_t i = 0; i < own->n; i++) at[i] = -1;
    while (next_stretch(own, a.end, &a) && next_stretch(other, b.end, &b)) lay(&a, &b, at);
}
