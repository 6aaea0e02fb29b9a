/* jinja_iter.c - going through things.
 *
 * A cursor is a place in something that can be gone through as often as one likes.  A K_ITER is what Python calls a
 * generator: what the filters map, select, unique, batch ... and a loop's test give.  It computes an item when asked
 * for it and can be gone through once; a cursor over it only passes the question on. */
#include <string.h>

#include "text/jinja.h"

int jinja_iterable(struct value v) {
    return v.kind == K_UNDEFINED || (v.kind >= K_TEXT && v.kind <= K_ITER);
}

enum hearth_status jinja_start(struct render *r, struct value over, struct cursor *c) {
    if (!jinja_iterable(over)) return jinja_error(r, "a value of type %s cannot be gone through", jinja_type(over));
    *c = (struct cursor){ .over = over };
    return HEARTH_OK;
}

static enum hearth_status view_item(struct render *r, struct value view, size_t i, struct value *out) {
    const struct entry *e = &view.dict->e[i];
    if (view.what == VIEW_ITEMS) return jinja_pair(r, e->key, e->value, out);
    *out = view.what == VIEW_KEYS ? e->key : e->value;
    return HEARTH_OK;
}

static enum hearth_status iter_next(struct render *r, struct iter *it, struct value *out, int *more) {
    TRY(jinja_enter(r)); /* iterators may stand on iterators, however many */
    TRY(it->next(r, it, out, more));
    r->nest--;
    return HEARTH_OK;
}

enum hearth_status jinja_next(struct render *r, struct cursor *c, struct value *out, int *more) {
    struct value v = c->over;
    uint32_t cp;
    TRY(jinja_work(r, 1));
    if (v.kind == K_ITER) return iter_next(r, v.iter, out, more);
    if (v.kind == K_TEXT) {
        *more = c->at < v.text->n;
        if (!*more) return HEARTH_OK;
        const char *p = v.text->p + c->at;
        int len = jinja_char(p, v.text->n - c->at, &cp);
        c->at += (size_t)len;
        return jinja_view(r, p, (size_t)len, out);
    }
    int64_t n = jinja_length(v);
    *more = (int64_t)c->at < n;
    if (!*more) return HEARTH_OK;
    size_t i = c->at++;
    switch (v.kind) {
    case K_LIST: case K_TUPLE: *out = v.list->v[i]; break;
    case K_DICT: *out = v.dict->e[i].key; break;
    case K_VIEW: return view_item(r, v, i, out);
    default: *out = jinja_int(v.range->start + (int64_t)i * v.range->step);
    }
    return HEARTH_OK;
}

enum hearth_status jinja_collect(struct render *r, struct value over, enum kind kind, struct value *out) {
    struct cursor c;
    struct value *v = NULL;
    size_t n = 0, cap = 0;
    int more;
    TRY(jinja_start(r, over, &c));
    int64_t known = jinja_length(over);
    for (;;) {
        struct value item;
        TRY(jinja_next(r, &c, &item, &more));
        if (!more) break;
        if (n == cap) {
            struct value *grown;
            cap = cap ? cap * 2 : known > 0 ? (size_t)known : 8;
            TRY(jinja_alloc(r, cap, sizeof *v, &grown));
            if (n) memcpy(grown, v, n * sizeof *v);
            v = grown;
        }
        v[n++] = item;
    }
    TRY(jinja_list(r, kind, 0, out));
    out->list->v = v;
    out->list->n = n;
    return HEARTH_OK;
}

enum hearth_status jinja_iter(struct render *r, iter_fn *next, const char *type, struct iter **out) {
    TRY(jinja_alloc(r, 1, sizeof **out, out));
    (*out)->next = next;
    (*out)->type = type;
    return HEARTH_OK;
}

/* ---- backwards ---- */

static enum hearth_status next_reversed(struct render *r, struct iter *it, struct value *out, int *more) {
    struct value v = it->from.over;
    *more = it->done > 0;
    if (!*more) return HEARTH_OK;
    int64_t i = --it->done;
    int found;
    if (v.kind == K_DICT || v.kind == K_VIEW) return view_item(r, v, (size_t)i, out);
    return jinja_index(r, v, i, out, &found);
}

/* Python's reversed(); *can 0: not of this. */
enum hearth_status jinja_reversed(struct render *r, struct value over, struct value *out, int *can) {
    static const char *const types[] = {
        [K_UNDEFINED] = "reversed", [K_TEXT] = "reversed", [K_LIST] = "list_reverseiterator", [K_TUPLE] = "reversed",
        [K_DICT] = "dict_reversekeyiterator", [K_RANGE] = "range_iterator", [K_VIEW] = "dict_reverseitemiterator"
    };
    struct iter *it;
    *can = jinja_length(over) >= 0;
    if (!*can) return HEARTH_OK;
    TRY(jinja_iter(r, next_reversed, types[over.kind], &it));
    if (over.kind == K_TEXT) TRY(jinja_collect(r, over, K_LIST, &it->from.over));
    else it->from.over = over;
    it->done = jinja_length(over);
    *out = (struct value){ .kind = K_ITER, .iter = it };
    return HEARTH_OK;
}
