/* jinja_filter_list.c - filters that go through a sequence.
 *
 * Those that give a sequence give a generator: nothing is computed, and nothing wrong is found, before somebody asks
 * for the first item.  (Python again; {{ x|select }} without list or join behind it prints no items.) */
#include <string.h>

#include "text/jinja_syntax.h"

static const struct value missing = { .kind = K_MISSING };

/* ---- getters: how a filter is told to look into the items ---- */

static int is_index(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9') return 0;
    return n > 0;
}

/* "a.0.b": getitem with "a", 0, "b" */
static enum hearth_status path(struct render *r, const char *p, size_t n, struct getter *g) {
    size_t parts = 1;
    for (size_t i = 0; i < n; i++) parts += p[i] == '.';
    TRY(jinja_alloc(r, parts, sizeof *g->part, &g->part));
    for (const char *end = p + n; g->n < parts;) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        size_t len = (size_t)((dot ? dot : end) - p);
        int64_t i;
        int overflow = 0;
        if (is_index(p, len) && jinja_parse_int(p, len, 10, &i, &overflow)) g->part[g->n++] = jinja_int(i);
        else TRY(jinja_view(r, p, len, &g->part[g->n++]));
        p = dot ? dot + 1 : end;
    }
    return HEARTH_OK;
}

static enum hearth_status getter(struct render *r, struct value attribute, int lower, struct getter *g) {
    *g = (struct getter){ .lower = lower, .fallback = missing };
    if (attribute.kind == K_MISSING || attribute.kind == K_NONE) return HEARTH_OK;
    if (attribute.kind == K_TEXT) return path(r, attribute.text->p, attribute.text->n, g);
    TRY(jinja_alloc(r, 1, sizeof *g->part, &g->part));
    g->part[g->n++] = attribute;
    return HEARTH_OK;
}

static enum hearth_status get(struct render *r, const struct getter *g, struct value item, struct value *out) {
    for (size_t i = 0; i < g->n; i++) {
        TRY(jinja_getitem(r, item, g->part[i], &item));
        if (g->fallback.kind != K_MISSING && item.kind == K_UNDEFINED) item = g->fallback;
    }
    *out = item;
    return g->lower && item.kind == K_TEXT ? jinja_recase(r, CASE_LOWER, item.text, out) : HEARTH_OK;
}

static void set_fallback(struct getter *g, struct value v) {
    g->fallback = v.kind == K_NONE ? missing : v;
}

/* ---- map, select ---- */

static enum hearth_status give(struct render *r, iter_fn *next, struct value over, struct iter **it,
                               struct value *out) {
    TRY(jinja_iter(r, next, "generator", it));
    (*it)->from.over = over; /* started at the first item wanted */
    *out = (struct value){ .kind = K_ITER, .iter = *it };
    return HEARTH_OK;
}

/* The first item is wanted: 0 when there can be none. */
static enum hearth_status wake(struct render *r, struct iter *it, int *more) {
    *more = jinja_truth(it->from.over);
    if (!*more) return HEARTH_OK;
    TRY(jinja_start(r, it->from.over, &it->from));
    it->ready = 1;
    return HEARTH_OK;
}

static enum hearth_status keep_args(struct render *r, struct value *a, size_t skip, struct args *out) {
    const struct dict *d = a[1].dict;
    *out = (struct args){ .n = a[0].list->n - skip, .v = a[0].list->v + skip, .kws = d->n };
    TRY(jinja_alloc(r, d->n, sizeof *out->kw, &out->kw));
    TRY(jinja_alloc(r, d->n, sizeof *out->kwv, &out->kwv));
    for (size_t i = 0; i < d->n; i++) {
        out->kw[i] = d->e[i].key.text;
        out->kwv[i] = d->e[i].value;
    }
    return HEARTH_OK;
}

static enum hearth_status named(struct render *r, struct iter *it, struct value *rest, size_t at, int filter) {
    struct value name = rest[0].list->v[at];
    if (name.kind == K_TEXT)
        it->builtin = filter ? jinja_filter(name.text->p, name.text->n) : jinja_test(name.text->p, name.text->n);
    it->fill = it->builtin ? missing : name; /* an unknown name matters when there is an item */
    return keep_args(r, rest, at + 1, &it->args);
}

static enum hearth_status check_name(struct render *r, const struct iter *it, const char *what) {
    if (it->fill.kind == K_MISSING) return HEARTH_OK;
    size_t n = it->fill.kind == K_TEXT ? it->fill.text->n : 0;
    return jinja_error(r, "there is no %s called %.*s", what, (int)(n < 100 ? n : 100), n ? it->fill.text->p : "");
}

/* map(attribute=...) or map('filter', arguments...) */
static enum hearth_status prepare_map(struct render *r, struct iter *it) {
    struct value *rest = it->args.v, attribute = missing;
    const struct dict *d = rest[1].dict;
    if (rest[0].list->n) return named(r, it, rest, 0, 1);
    for (size_t i = 0; i < d->n; i++) {
        if (jinja_is_text(d->e[i].key, "attribute")) attribute = d->e[i].value;
        else if (!jinja_is_text(d->e[i].key, "default")) return jinja_error(r, "map has no such argument");
    }
    if (attribute.kind == K_MISSING) return jinja_error(r, "map needs the name of a filter or attribute=");
    TRY(getter(r, attribute, 0, &it->get));
    for (size_t i = 0; i < d->n; i++)
        if (jinja_is_text(d->e[i].key, "default")) set_fallback(&it->get, d->e[i].value);
    return HEARTH_OK;
}

static enum hearth_status next_map(struct render *r, struct iter *it, struct value *out, int *more) {
    if (!it->ready) {
        TRY(wake(r, it, more));
        if (!*more) return HEARTH_OK;
        TRY(prepare_map(r, it));
    }
    TRY(jinja_next(r, &it->from, out, more));
    if (!*more) return HEARTH_OK;
    TRY(check_name(r, it, "filter"));
    return it->builtin ? jinja_call_builtin(r, it->builtin, *out, &it->args, out) : get(r, &it->get, *out, out);
}

/* select('test', ...), selectattr('attribute', 'test', ...); without a test: what is true */
static enum hearth_status prepare_select(struct render *r, struct iter *it) {
    struct value *rest = it->args.v;
    size_t at = it->by_attr != 0;
    if (at && rest[0].list->n == 0) return jinja_error(r, "the name of an attribute is missing");
    if (at) TRY(getter(r, rest[0].list->v[0], 0, &it->get));
    return rest[0].list->n > at ? named(r, it, rest, at, 0) : HEARTH_OK;
}

static enum hearth_status next_select(struct render *r, struct iter *it, struct value *out, int *more) {
    if (!it->ready) {
        TRY(wake(r, it, more));
        if (!*more) return HEARTH_OK;
        TRY(prepare_select(r, it));
    }
    for (;;) {
        struct value v;
        TRY(jinja_next(r, &it->from, out, more));
        if (!*more) return HEARTH_OK;
        TRY(check_name(r, it, "test"));
        TRY(get(r, &it->get, *out, &v));
        if (it->builtin) TRY(jinja_call_builtin(r, it->builtin, v, &it->args, &v));
        if (jinja_truth(v) != it->negate) return HEARTH_OK;
    }
}

static enum hearth_status lazily(struct render *r, iter_fn *next, struct value *a, int by_attr, int negate,
                                 struct value *out) {
    struct iter *it;
    TRY(give(r, next, a[0], &it, out));
    TRY(jinja_alloc(r, 2, sizeof *a, &it->args.v)); /* what was given, until it is looked at */
    it->args.v[0] = a[1];
    it->args.v[1] = a[2];
    it->by_attr = by_attr;
    it->negate = negate;
    return HEARTH_OK;
}

static enum hearth_status f_map(struct render *r, struct value *a, struct value *out) {
    return lazily(r, next_map, a, 0, 0, out);
}

static enum hearth_status f_select(struct render *r, struct value *a, struct value *out) {
    return lazily(r, next_select, a, 0, 0, out);
}

static enum hearth_status f_reject(struct render *r, struct value *a, struct value *out) {
    return lazily(r, next_select, a, 0, 1, out);
}

static enum hearth_status f_selectattr(struct render *r, struct value *a, struct value *out) {
    return lazily(r, next_select, a, 1, 0, out);
}

static enum hearth_status f_rejectattr(struct render *r, struct value *a, struct value *out) {
    return lazily(r, next_select, a, 1, 1, out);
}

/* ---- unique, items, batch, slice ---- */

static enum hearth_status next_unique(struct render *r, struct iter *it, struct value *out, int *more) {
    struct value key, *seen;
    if (!it->ready) TRY(jinja_start(r, it->from.over, &it->from));
    it->ready = 1;
    for (;;) {
        TRY(jinja_next(r, &it->from, out, more));
        if (!*more) return HEARTH_OK;
        TRY(get(r, &it->get, *out, &key));
        TRY(jinja_dict_find(r, it->seen, key, &seen));
        if (!seen) return jinja_dict_set(r, it->seen, key, jinja_none());
    }
}

static int given_true(struct value v) { return v.kind != K_MISSING && jinja_truth(v); }

static enum hearth_status f_unique(struct render *r, struct value *a, struct value *out) {
    struct iter *it;
    TRY(give(r, next_unique, a[0], &it, out));
    TRY(jinja_dict(r, &it->seen));
    return getter(r, a[2], !given_true(a[1]), &it->get);
}

static enum hearth_status next_items(struct render *r, struct iter *it, struct value *out, int *more) {
    struct value v = it->from.over;
    *more = 0;
    if (v.kind == K_UNDEFINED) return HEARTH_OK;
    if (v.kind != K_DICT) return jinja_error(r, "the filter items is for dicts, not for %s", jinja_type(v));
    *more = it->from.at < v.dict->n;
    if (!*more) return HEARTH_OK;
    const struct entry *e = &v.dict->e[it->from.at++];
    return jinja_pair(r, e->key, e->value, out);
}

static enum hearth_status f_items(struct render *r, struct value *a, struct value *out) {
    struct iter *it;
    return give(r, next_items, a[0], &it, out);
}

static enum hearth_status next_batch(struct render *r, struct iter *it, struct value *out, int *more) {
    struct value item;
    int64_t n = 0;
    if (!it->ready) TRY(jinja_start(r, it->from.over, &it->from));
    it->ready = 1;
    int64_t room = it->width > 4 ? 4 : it->width > 0 ? it->width : 1;
    struct value tmp;
    TRY(jinja_list(r, K_LIST, (size_t)room, &tmp));
    for (;;) {
        if (it->extra) { /* the item that did not fit into the batch before */
            item = it->args.v[0];
            *more = 1;
            it->extra = 0;
        } else {
            TRY(jinja_next(r, &it->from, &item, more));
            if (*more && n == it->width) {
                it->extra = 1;
                it->args.v[0] = item;
                break;
            }
        }
        if (!*more) break;
        if (n == room) {
            struct value grown;
            TRY(jinja_list(r, K_LIST, (size_t)(room *= 2), &grown));
            memcpy(grown.list->v, tmp.list->v, (size_t)n * sizeof item);
            tmp = grown;
        }
        tmp.list->v[n++] = item;
    }
    int64_t full = n && !*more && it->fill.kind != K_NONE && n < it->width ? it->width : n;
    TRY(jinja_list(r, K_LIST, (size_t)full, out));
    if (n) memcpy(out->list->v, tmp.list->v, (size_t)n * sizeof item);
    for (; n < full; n++) out->list->v[n] = it->fill;
    *more = it->extra || out->list->n > 0;
    return HEARTH_OK;
}

static enum hearth_status f_batch(struct render *r, struct value *a, struct value *out) {
    struct iter *it;
    TRY(give(r, next_batch, a[0], &it, out));
    TRY(jinja_alloc(r, 1, sizeof *a, &it->args.v));
    it->fill = a[2].kind == K_MISSING ? jinja_none() : a[2];
    return jinja_want_int(r, a[1], "the length of a batch", &it->width);
}

/* it->width slices, of which the first `extra` are one item longer; done: the number of the next. */
static enum hearth_status next_slice(struct render *r, struct iter *it, struct value *out, int *more) {
    if (!it->ready) {
        TRY(jinja_collect(r, it->from.over, K_LIST, &it->from.over));
        if (it->width == 0) return jinja_error(r, "division by zero");
    }
    it->ready = 1;
    struct list *all = it->from.over.list;
    int64_t n = (int64_t)all->n, i = it->done++, w = it->width;
    *more = i < w;
    if (!*more) return HEARTH_OK;
    int64_t each = n / w, longer = n % w, begin = i * each + (i < longer ? i : longer), end = begin + each + (i < longer);
    int fill = it->fill.kind != K_NONE && i >= longer;
    TRY(jinja_list(r, K_LIST, (size_t)(end - begin + fill), out));
    for (int64_t k = begin; k < end; k++) out->list->v[k - begin] = all->v[k];
    if (fill) out->list->v[end - begin] = it->fill;
    return HEARTH_OK;
}

static enum hearth_status f_slice(struct render *r, struct value *a, struct value *out) {
    struct iter *it;
    TRY(give(r, next_slice, a[0], &it, out));
    it->fill = a[2].kind == K_MISSING ? jinja_none() : a[2];
    return jinja_want_int(r, a[1], "the number of slices", &it->width);
}

/* ---- one value out of many ---- */

static enum hearth_status f_first(struct render *r, struct value *a, struct value *out) {
    struct cursor c;
    int more;
    TRY(jinja_start(r, a[0], &c));
    TRY(jinja_next(r, &c, out, &more));
    return more ? HEARTH_OK : jinja_undefined(r, "there is no first item of nothing", NULL, jinja_none(), out);
}

static enum hearth_status f_last(struct render *r, struct value *a, struct value *out) {
    struct value reversed;
    int can;
    TRY(jinja_reversed(r, a[0], &reversed, &can));
    if (!can) return jinja_error(r, "a value of type %s has no last item", jinja_type(a[0]));
    TRY(f_first(r, &reversed, out));
    if (out->kind == K_UNDEFINED && jinja_length(a[0]) == 0)
        return jinja_undefined(r, "there is no last item of nothing", NULL, jinja_none(), out);
    return HEARTH_OK;
}

static enum hearth_status extreme(struct render *r, struct value *a, int op, struct value *out) {
    struct getter g;
    struct cursor c;
    struct value item, key, best = missing;
    int more;
    TRY(getter(r, a[2], !given_true(a[1]), &g));
    TRY(jinja_start(r, a[0], &c));
    for (;;) {
        int better = best.kind == K_MISSING;
        TRY(jinja_next(r, &c, &item, &more));
        if (!more) break;
        TRY(get(r, &g, item, &key));
        if (!better) TRY(jinja_order(r, op, key, best, &better));
        if (!better) continue;
        best = key;
        *out = item;
    }
    if (best.kind != K_MISSING) return HEARTH_OK;
    return jinja_undefined(r, "there is no least or greatest of nothing", NULL, jinja_none(), out);
}

static enum hearth_status f_min(struct render *r, struct value *a, struct value *out) {
    return extreme(r, a, T_LT, out);
}

static enum hearth_status f_max(struct render *r, struct value *a, struct value *out) {
    return extreme(r, a, T_GT, out);
}

static enum hearth_status f_sum(struct render *r, struct value *a, struct value *out) {
    struct value sum = a[2].kind == K_MISSING ? jinja_int(0) : a[2], item;
    struct getter g;
    struct cursor c;
    int more;
    if (sum.kind == K_TEXT) return jinja_error(r, "sum is not for strings: use join");
    TRY(getter(r, a[1], 0, &g));
    TRY(jinja_start(r, a[0], &c));
    for (;;) {
        TRY(jinja_next(r, &c, &item, &more));
        if (!more) break;
        TRY(get(r, &g, item, &item));
        TRY(jinja_binary(r, T_ADD, sum, item, &sum));
    }
    *out = sum;
    return HEARTH_OK;
}

static enum hearth_status f_join(struct render *r, struct value *a, struct value *out) {
    struct value items, separator = a[1];
    struct getter g;
    TRY(getter(r, a[2], 0, &g));
    TRY(jinja_collect(r, a[0], K_LIST, &items));
    for (size_t i = 0; g.n && i < items.list->n; i++) { /* a copy: the list may be somebody's */
        if (i == 0) TRY(jinja_collect(r, items, K_LIST, &items));
        TRY(get(r, &g, items.list->v[i], &items.list->v[i]));
    }
    size_t mark = jinja_mark(r);
    for (size_t i = 0; i < items.list->n; i++) {
        if (i) TRY(jinja_put_str(r, separator));
        TRY(jinja_put_str(r, items.list->v[i]));
    }
    return jinja_take(r, mark, out);
}

/* ---- order ---- */

static enum hearth_status f_list(struct render *r, struct value *a, struct value *out) {
    return jinja_collect(r, a[0], K_LIST, out);
}

static enum hearth_status f_reverse(struct render *r, struct value *a, struct value *out) {
    struct value bound[3] = { jinja_none(), jinja_none(), jinja_int(-1) };
    int can;
    if (a[0].kind == K_TEXT) return jinja_slice(r, a[0], bound, out);
    TRY(jinja_reversed(r, a[0], out, &can));
    if (can) return HEARTH_OK;
    TRY(jinja_collect(r, a[0], K_LIST, out));
    return jinja_slice(r, *out, bound, out);
}

/* The keys of all items as the getters see them: lists of `paths` keys to compare in turn, or with 0 one key as it is.
 * (Lists ask first whether two keys are equal, so that None beside None is in order; None alone is not.) */
static enum hearth_status keys_of(struct render *r, const struct list *items, const struct getter *g, size_t paths,
                                  struct value **out) {
    TRY(jinja_alloc(r, items->n, sizeof **out, out));
    for (size_t i = 0; i < items->n; i++) {
        if (paths == 0) {
            TRY(get(r, g, items->v[i], &(*out)[i]));
            continue;
        }
        TRY(jinja_list(r, K_LIST, paths, &(*out)[i]));
        for (size_t k = 0; k < paths; k++) TRY(get(r, &g[k], items->v[i], &(*out)[i].list->v[k]));
    }
    return HEARTH_OK;
}

static enum hearth_status sort_by(struct render *r, struct value over, const struct getter *g, size_t paths,
                                  int reverse, struct value *out) {
    struct value *keys;
    TRY(jinja_collect(r, over, K_LIST, out));
    TRY(keys_of(r, out->list, g, paths, &keys));
    return jinja_sort(r, out->list->v, keys, out->list->n, reverse);
}

static enum hearth_status want_reverse(struct render *r, struct value v, int *out) {
    *out = given_true(v);
    if (v.kind == K_MISSING || jinja_is_integer(v)) return HEARTH_OK;
    return jinja_error(r, "reverse is true or false, not %s", jinja_type(v));
}

static enum hearth_status f_sort(struct render *r, struct value *a, struct value *out) {
    struct getter *g;
    struct value attribute = a[3];
    int lower = !given_true(a[2]), reverse;
    size_t paths = 1;
    const char *p = attribute.kind == K_TEXT ? attribute.text->p : "", *end = p;
    if (attribute.kind == K_TEXT) end += attribute.text->n;
    for (const char *c = p; c < end; c++) paths += *c == ',';
    TRY(want_reverse(r, a[1], &reverse));
    TRY(jinja_alloc(r, paths, sizeof *g, &g));
    if (attribute.kind != K_TEXT) TRY(getter(r, attribute, lower, g));
    for (size_t i = 0; attribute.kind == K_TEXT && i < paths; i++) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        g[i] = (struct getter){ .lower = lower, .fallback = missing };
        TRY(path(r, p, (size_t)((comma ? comma : end) - p), &g[i]));
        p = comma ? comma + 1 : end;
    }
    return sort_by(r, a[0], g, paths, reverse, out);
}

static enum hearth_status f_dictsort(struct render *r, struct value *a, struct value *out) {
    struct value part = jinja_int(0), view = a[0];
    struct getter g = { .n = 1, .part = &part, .lower = !given_true(a[1]), .fallback = missing };
    int reverse;
    TRY(want_reverse(r, a[3], &reverse));
    if (a[0].kind != K_DICT) return jinja_error(r, "dictsort is for dicts, not for %s", jinja_type(a[0]));
    if (a[2].kind != K_MISSING && jinja_is_text(a[2], "value")) part = jinja_int(1);
    else if (a[2].kind != K_MISSING && !jinja_is_text(a[2], "key"))
        return jinja_error(r, "dictsort sorts by \"key\" or \"value\"");
    view.kind = K_VIEW;
    view.what = VIEW_ITEMS;
    return sort_by(r, view, &g, 0, reverse, out);
}

static enum hearth_status f_groupby(struct render *r, struct value *a, struct value *out) {
    struct getter g;
    struct value sorted, *keys, first;
    size_t n = 0;
    int same = 0;
    TRY(getter(r, a[1], !given_true(a[3]), &g));
    set_fallback(&g, a[2]);
    TRY(sort_by(r, a[0], &g, 0, 0, &sorted));
    TRY(keys_of(r, sorted.list, &g, 0, &keys));
    TRY(jinja_list(r, K_LIST, sorted.list->n, out));
    for (size_t i = 0, end; i < sorted.list->n; i = end) {
        for (end = i + 1; end < sorted.list->n; end++) {
            TRY(jinja_equal(r, keys[i], keys[end], &same));
            if (!same) break;
        }
        struct value group, bound[3] = { jinja_int((int64_t)i), jinja_int((int64_t)end), jinja_none() };
        TRY(jinja_slice(r, sorted, bound, &group));
        struct getter as_is = g;
        as_is.lower = 0; /* the group is called as its first item has it */
        TRY(get(r, &as_is, sorted.list->v[i], &first));
        TRY(jinja_pair(r, first, group, &out->list->v[n]));
        out->list->v[n++].what = 1;
    }
    out->list->n = n;
    return HEARTH_OK;
}

const struct builtin *jinja_list_filter(const char *name, size_t n) {
    static const struct builtin table[] = {
        { "join", "value,d,attribute", 1, f_join },
        { "list", "value", 1, f_list },
        { "first", "seq", 1, f_first },
        { "last", "seq", 1, f_last },
        { "items", "value", 1, f_items },
        { "map", "value,*", 1, f_map },
        { "select", "value,*", 1, f_select },
        { "reject", "value,*", 1, f_reject },
        { "selectattr", "value,*", 1, f_selectattr },
        { "rejectattr", "value,*", 1, f_rejectattr },
        { "unique", "value,case_sensitive,attribute", 1, f_unique },
        { "reverse", "value", 1, f_reverse },
        { "sort", "value,reverse,case_sensitive,attribute", 1, f_sort },
        { "dictsort", "value,case_sensitive,by,reverse", 1, f_dictsort },
        { "groupby", "value,attribute,default,case_sensitive", 2, f_groupby },
        { "min", "value,case_sensitive,attribute", 1, f_min },
        { "max", "value,case_sensitive,attribute", 1, f_max },
        { "sum", "iterable,attribute,start", 1, f_sum },
        { "batch", "value,linecount,fill_with", 2, f_batch },
        { "slice", "value,slices,fill_with", 2, f_slice }
    };
    return jinja_find(table, sizeof table / sizeof *table, name, n);
}
