/* grammar_rules.c - see grammar_rules.h. */
#include "text/grammar_rules.h"

#include <stdlib.h>
#include <string.h>

void grammar_rules_init(struct grammar_rules *r) {
    *r = (struct grammar_rules){ 0 };
    arena_init(&r->arena, 0);
}

void grammar_rules_free(struct grammar_rules *r) {
    arena_free(&r->arena);
    free(r->body);
    free(r->name);
    *r = (struct grammar_rules){ 0 };
}

enum hearth_status grammar_rules_add(struct grammar_rules *r, const char *name, size_t n, uint32_t *rule) {
    if (r->n == GRAMMAR_RULES) return fail(HEARTH_ELIMIT, "grammar: more than %d rules", GRAMMAR_RULES);
    TRY(mem_grow(&r->body, &r->body_cap, r->n + 1, sizeof *r->body));
    TRY(mem_grow(&r->name, &r->name_cap, r->n + 1, sizeof *r->name));
    if (!(r->name[r->n] = arena_strndup(&r->arena, name, n))) return HEARTH_ENOMEM;
    r->body[r->n] = NULL;
    *rule = (uint32_t)r->n++;
    return HEARTH_OK;
}

static struct gx *make(struct grammar_rules *r, enum gx_op op, uint32_t n) {
    struct gx *x = arena_alloc(&r->arena, sizeof *x);
    if (!x) return NULL;
    r->nodes++;
    x->op = op;
    x->n = n;
    return x;
}

struct gx *gx_empty(struct grammar_rules *r) { return make(r, GX_EMPTY, 0); }
struct gx *gx_nothing(struct grammar_rules *r) { return make(r, GX_NOTHING, 0); }

struct gx *gx_bytes(struct grammar_rules *r, const char *s, size_t n) {
    struct gx *x = n ? make(r, GX_BYTES, (uint32_t)n) : gx_empty(r);
    if (x && n && !(x->bytes = arena_strndup(&r->arena, s, n))) return NULL;
    return x;
}

struct gx *gx_text(struct grammar_rules *r, const char *s) { return gx_bytes(r, s, strlen(s)); }

/* ---- classes ---- */

static int by_lo(const void *a, const void *b) {
    const struct range *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Sorted and apart. */
static size_t settle(struct range *a, size_t n) {
    size_t kept = 0;
    qsort(a, n, sizeof *a, by_lo);
    for (size_t i = 0; i < n; i++) {
        if (kept && a[i].lo <= a[kept - 1].hi + 1) {
            if (a[i].hi > a[kept - 1].hi) a[kept - 1].hi = a[i].hi;
        } else {
            a[kept++] = a[i];
        }
    }
    return kept;
}

/* out has room for n + 1. */
static size_t complement(const struct range *a, size_t n, struct range *out) {
    size_t made = 0;
    uint32_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (a[i].lo > from) out[made++] = (struct range){ from, a[i].lo - 1 };
        from = a[i].hi + 1;
    }
    if (from <= 0x10FFFF) out[made++] = (struct range){ from, 0x10FFFF };
    return made;
}

struct gx *gx_set(struct grammar_rules *r, const struct range *range, size_t n, int negate) {
    struct range *a = arena_alloc(&r->arena, (n + 2) * sizeof *a), *b = arena_alloc(&r->arena, (n + 4) * sizeof *b);
    if (!a || !b) return NULL;
    if (n) memcpy(a, range, n * sizeof *a);
    size_t m;
    if (!negate) { /* surrogates are no characters: out of the complement and complemented again */
        n = settle(a, n);
        m = complement(a, n, b);
        b[m++] = (struct range){ 0xD800, 0xDFFF };
        m = settle(b, m);
        m = complement(b, m, a);
    } else {
        a[n++] = (struct range){ 0xD800, 0xDFFF };
        n = settle(a, n);
        m = complement(a, n, b);
        a = b;
    }
    if (m == 0) return gx_nothing(r);
    struct gx *x = make(r, GX_SET, (uint32_t)m);
    if (x) x->range = a;
    return x;
}

/* ---- combining ---- */

static struct gx *gather(struct grammar_rules *r, enum gx_op op, size_t n, struct gx *const *child) {
    struct gx *x = make(r, op, (uint32_t)n);
    if (!x || !(x->child = arena_alloc(&r->arena, n * sizeof *child))) return NULL;
    for (size_t i = 0; i < n; i++)
        if (!(x->child[i] = child[i])) return NULL;
    return x;
}

struct gx *gx_seq(struct grammar_rules *r, size_t n, struct gx *const *x) {
    return n == 0 ? gx_empty(r) : n == 1 ? x[0] : gather(r, GX_SEQ, n, x);
}

struct gx *gx_alt(struct grammar_rules *r, size_t n, struct gx *const *x) {
    return n == 0 ? gx_nothing(r) : n == 1 ? x[0] : gather(r, GX_ALT, n, x);
}

struct gx *gx_seq2(struct grammar_rules *r, struct gx *a, struct gx *b) { return gx_seq(r, 2, (struct gx *[]){ a, b }); }
struct gx *gx_seq3(struct grammar_rules *r, struct gx *a, struct gx *b, struct gx *c) {
    return gx_seq(r, 3, (struct gx *[]){ a, b, c });
}
struct gx *gx_alt2(struct grammar_rules *r, struct gx *a, struct gx *b) { return gx_alt(r, 2, (struct gx *[]){ a, b }); }

struct gx *gx_repeat(struct grammar_rules *r, struct gx *x, uint32_t min, uint32_t max) {
    if (!x || (min == 1 && max == 1)) return x;
    if (max == 0) return gx_empty(r);
    struct gx *y = gather(r, GX_REPEAT, 1, &x);
    if (!y) return NULL;
    y->min = min;
    y->max = max;
    return y;
}

struct gx *gx_maybe(struct grammar_rules *r, struct gx *x) { return gx_repeat(r, x, 0, 1); }

struct gx *gx_rule(struct grammar_rules *r, uint32_t rule) {
    struct gx *x = make(r, GX_RULE, 0);
    if (x) x->rule = rule;
    return x;
}

enum hearth_status gx_push(struct gx_list *l, struct gx *x) {
    if (!x) return HEARTH_ENOMEM;
    TRY(mem_grow(&l->item, &l->cap, l->n + 1, sizeof *l->item));
    l->item[l->n++] = x;
    return HEARTH_OK;
}

/* ---- rules that end with themselves ---- */

/* x without the call of the rule at its end; NULL: it does not end with one, or is nothing else. */
static struct gx *before_itself(struct grammar_rules *r, const struct gx *x, uint32_t rule) {
    if (x->op != GX_SEQ || x->child[x->n - 1]->op != GX_RULE || x->child[x->n - 1]->rule != rule) return NULL;
    return gx_seq(r, x->n - 1, x->child);
}

/* The alternatives of a body that end with the rule, and the others. */
static enum hearth_status part(struct grammar_rules *r, const struct gx *body, uint32_t rule, struct gx_list *again, struct gx_list *last) {
    for (uint32_t i = 0; i < body->n; i++) {
        struct gx *x = before_itself(r, body->child[i], rule);
        TRY(x ? gx_push(again, x) : gx_push(last, body->child[i]));
    }
    return HEARTH_OK;
}

enum hearth_status grammar_rules_loops(struct grammar_rules *r) {
    struct gx_list again = { 0 }, last = { 0 };
    enum hearth_status st = HEARTH_OK;
    for (uint32_t i = 0; i < r->n && st == HEARTH_OK; i++) {
        if (!r->body[i] || r->body[i]->op != GX_ALT) continue;
        again.n = last.n = 0;
        st = part(r, r->body[i], i, &again, &last);
        if (st != HEARTH_OK || !again.n || !last.n) continue;
        r->body[i] = gx_seq2(r, gx_repeat(r, gx_alt(r, again.n, again.item), 0, GX_MANY), gx_alt(r, last.n, last.item));
        if (!r->body[i]) st = HEARTH_ENOMEM;
    }
    free(again.item);
    free(last.item);
    return st;
}
