/* jinja_dict.c - dictionaries: entries in the order they came, and from the ninth on an index over them.
 *
 *     e:      [ key value | key value | key value ... ]
 *     index:  open addressing by hash; number of an entry + 1, 0 is free
 *
 * Keys are what Python can hash: texts, numbers (1, 1.0 and True are one key), None, tuples of those, and things that
 * are themselves only, such as macros. */
#include <math.h>
#include <string.h>

#include "text/jinja.h"

enum { INDEX_FROM = 8 };

static uint64_t mix(uint64_t h) {
    h = (h ^ h >> 32) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 29;
}

/* *can 0: a key of a kind that has no hash. */
static enum hearth_status hash(struct render *r, struct value v, uint64_t *out, int *can) {
    *can = 1;
    switch (v.kind) {
    case K_TEXT:
        if (!v.text->hash) TRY(jinja_work(r, v.text->n >> 4));
        *out = jinja_text_hash(v.text);
        return HEARTH_OK;
    case K_NONE: case K_UNDEFINED: *out = mix(v.kind); return HEARTH_OK;
    case K_BOOL: case K_INT: *out = mix((uint64_t)v.i); return HEARTH_OK;
    case K_FLOAT:
        if (v.f == floor(v.f) && fabs(v.f) < 0x1p63) *out = mix((uint64_t)(int64_t)v.f); /* equals that integer */
        else memcpy(out, &v.f, sizeof *out);
        return HEARTH_OK;
    case K_TUPLE:
        TRY(jinja_enter(r));
        *out = v.list->n;
        for (size_t i = 0; *can && i < v.list->n; i++) {
            uint64_t one = 0;
            TRY(hash(r, v.list->v[i], &one, can));
            *out = mix(*out * 31 + one);
        }
        r->nest--;
        return HEARTH_OK;
    case K_RANGE: *out = mix((uint64_t)v.range->n); return HEARTH_OK;
    case K_LIST: case K_DICT: *can = 0; return HEARTH_OK;
    case K_VIEW:
        *can = v.what == VIEW_VALUES;
        *out = mix((uintptr_t)v.p);
        return HEARTH_OK;
    default: *out = mix((uintptr_t)(v.kind == K_METHOD ? (const void *)v.bound->method : v.p)); return HEARTH_OK;
    }
}

static enum hearth_status hash_key(struct render *r, struct value v, uint64_t *out) {
    int can;
    TRY(hash(r, v, out, &can));
    return can ? HEARTH_OK : jinja_error(r, "a value of type %s cannot be a key", jinja_type(v));
}

enum hearth_status jinja_hashable(struct render *r, struct value v, int *out) {
    uint64_t h;
    return hash(r, v, &h, out);
}

enum hearth_status jinja_dict(struct render *r, struct dict **out) { return jinja_alloc(r, 1, sizeof **out, out); }

/* The place in the index of the key, or the free place where it would stand. */
static enum hearth_status index_place(struct render *r, const struct dict *d, struct value key, uint64_t h,
                                      size_t *out) {
    size_t at = h & (d->index_cap - 1);
    for (; d->index[at]; at = (at + 1) & (d->index_cap - 1)) {
        int same;
        TRY(jinja_equal(r, d->e[d->index[at] - 1].key, key, &same));
        if (same) break;
    }
    *out = at;
    return HEARTH_OK;
}

static enum hearth_status find(struct render *r, const struct dict *d, struct value key, uint64_t h, size_t *out) {
    *out = d->n;
    if (d->index) {
        size_t at;
        TRY(index_place(r, d, key, h, &at));
        if (d->index[at]) *out = d->index[at] - 1;
        return HEARTH_OK;
    }
    for (size_t i = 0; i < d->n; i++) {
        int same;
        TRY(jinja_equal(r, d->e[i].key, key, &same));
        if (!same) continue;
        *out = i;
        break;
    }
    return HEARTH_OK;
}

enum hearth_status jinja_dict_find(struct render *r, const struct dict *d, struct value key, struct value **found) {
    uint64_t h = 0;
    size_t i;
    TRY(hash_key(r, key, &h));
    TRY(find(r, d, key, h, &i));
    *found = i < d->n ? &d->e[i].value : NULL;
    return jinja_work(r, 1);
}

/* The same for the commonest of keys, which cannot fail. */
struct value *jinja_dict_find_text(const struct dict *d, struct text *key) {
    if (!d->index) {
        for (size_t i = 0; i < d->n; i++)
            if (d->e[i].key.kind == K_TEXT && jinja_same_text(d->e[i].key.text, key)) return &d->e[i].value;
        return NULL;
    }
    for (size_t at = jinja_text_hash(key) & (d->index_cap - 1); d->index[at]; at = (at + 1) & (d->index_cap - 1)) {
        struct entry *e = &d->e[d->index[at] - 1];
        if (e->key.kind == K_TEXT && jinja_same_text(e->key.text, key)) return &e->value;
    }
    return NULL;
}

static enum hearth_status index_build(struct render *r, struct dict *d) {
    d->index_cap = d->cap * 2;
    TRY(jinja_alloc(r, d->index_cap, sizeof *d->index, &d->index));
    for (size_t i = 0; i < d->n; i++) {
        uint64_t h;
        TRY(hash_key(r, d->e[i].key, &h));
        size_t at = h & (d->index_cap - 1);
        while (d->index[at]) at = (at + 1) & (d->index_cap - 1);
        d->index[at] = (uint32_t)i + 1;
    }
    return HEARTH_OK;
}

static enum hearth_status grow(struct render *r, struct dict *d) {
    struct entry *e;
    size_t cap = d->cap ? d->cap * 2 : 4;
    TRY(jinja_alloc(r, cap, sizeof *e, &e));
    if (d->n) memcpy(e, d->e, d->n * sizeof *e);
    d->e = e;
    d->cap = cap;
    return cap > INDEX_FROM ? index_build(r, d) : HEARTH_OK;
}

enum hearth_status jinja_dict_set(struct render *r, struct dict *d, struct value key, struct value value) {
    uint64_t h = 0;
    size_t i;
    TRY(hash_key(r, key, &h));
    TRY(find(r, d, key, h, &i));
    if (i < d->n) {
        d->e[i].value = value;
        return HEARTH_OK;
    }
    if (d->n == d->cap) TRY(grow(r, d));
    d->e[d->n++] = (struct entry){ key, value };
    if (!d->index) return HEARTH_OK;
    size_t at = h & (d->index_cap - 1);
    while (d->index[at]) at = (at + 1) & (d->index_cap - 1);
    d->index[at] = (uint32_t)d->n;
    return HEARTH_OK;
}

/* dict(from): another dict's entries, or pairs. */
enum hearth_status jinja_dict_update(struct render *r, struct dict *d, struct value from) {
    if (from.kind == K_DICT) {
        for (size_t i = 0; i < from.dict->n; i++)
            TRY(jinja_dict_set(r, d, from.dict->e[i].key, from.dict->e[i].value));
        return HEARTH_OK;
    }
    struct cursor c;
    int more;
    struct value pair, items;
    if (from.kind == K_UNDEFINED) return jinja_undefined_error(r, from);
    TRY(jinja_start(r, from, &c));
    for (;;) {
        TRY(jinja_next(r, &c, &pair, &more));
        if (!more) return HEARTH_OK;
        if (!jinja_iterable(pair)) return jinja_error(r, "a dict is made of pairs, not of %s", jinja_type(pair));
        TRY(jinja_collect(r, pair, K_TUPLE, &items));
        if (items.list->n != 2)
            return jinja_error(r, "a dict is made of pairs, not of sequences of length %zu", items.list->n);
        TRY(jinja_dict_set(r, d, items.list->v[0], items.list->v[1]));
    }
}
