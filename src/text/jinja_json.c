/* jinja_json.c - JSON's values become the template's, and tojson: Python's json.dumps with ensure_ascii=False. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "text/jinja_syntax.h"

/* ---- in ---- */

static enum hearth_status text_in(struct render *r, const char *p, size_t n, struct value *out) {
    size_t bad;
    if (!utf8_valid(p, n, &bad)) return jinja_error(r, "byte %zu of a string among the variables is not UTF-8", bad);
    return jinja_view(r, p, n, out); /* the JSON outlives the rendering */
}

static enum hearth_status object_in(struct render *r, const json_t *j, struct value *out) {
    struct dict *d;
    TRY(jinja_dict(r, &d));
    json_t *o = (json_t *)j; /* jansson's iterators want it writable and write nothing */
    for (void *at = json_object_iter(o); at; at = json_object_iter_next(o, at)) {
        struct value key = { 0 }, v = { 0 };
        const char *name = json_object_iter_key(at);
        TRY(text_in(r, name, json_object_iter_key_len(at), &key));
        TRY(jinja_from_json(r, json_object_iter_value(at), &v));
        TRY(jinja_dict_set(r, d, key, v));
    }
    *out = jinja_dict_value(d);
    return HEARTH_OK;
}

static enum hearth_status array_in(struct render *r, const json_t *j, struct value *out) {
    struct value list;
    TRY(jinja_list(r, K_LIST, json_array_size(j), &list));
    for (size_t i = 0; i < list.list->n; i++) TRY(jinja_from_json(r, json_array_get(j, i), &list.list->v[i]));
    *out = list;
    return HEARTH_OK;
}

enum hearth_status jinja_from_json(struct render *r, const json_t *j, struct value *out) {
    *out = jinja_none();
    if (!j) return HEARTH_OK;
    switch (json_typeof(j)) {
    case JSON_TRUE: case JSON_FALSE: *out = jinja_bool(json_is_true(j)); return HEARTH_OK;
    case JSON_INTEGER: *out = jinja_int(json_integer_value(j)); return HEARTH_OK;
    case JSON_REAL: *out = jinja_float(json_real_value(j)); return HEARTH_OK;
    case JSON_STRING: return text_in(r, json_string_value(j), json_string_length(j), out);
    case JSON_NULL: return HEARTH_OK;
    default:
        TRY(jinja_enter(r));
        TRY(json_is_object(j) ? object_in(r, j, out) : array_in(r, j, out));
        r->nest--;
        return HEARTH_OK;
    }
}

/* ---- out ---- */

struct dump { struct render *r; struct value indent, item, key; int ascii, sort; };

static enum hearth_status put_string(struct dump *d, const struct text *t) {
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    struct render *r = d->r;
    TRY(jinja_puts(r, "\""));
    for (size_t i = 0, plain = 0; i <= t->n;) {
        uint32_t cp = 0;
        size_t len = i < t->n ? (size_t)jinja_char(t->p + i, t->n - i, &cp) : 1;
        int escaped = i == t->n || cp < 0x20 || cp == '"' || cp == '\\' || (d->ascii && cp > 0x7E);
        if (escaped) TRY(jinja_put(r, t->p + plain, i - plain));
        if (escaped && i < t->n) {
            const char *simple = cp && cp < 128 ? strchr(from, (int)cp) : NULL;
            char text[16];
            if (simple) snprintf(text, sizeof text, "\\%c", to[simple - from]);
            else if (cp < 0x10000) snprintf(text, sizeof text, "\\u%04x", cp);
            else snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xD800 + ((cp - 0x10000) >> 10),
                          0xDC00 + ((cp - 0x10000) & 0x3FF));
            TRY(jinja_puts(r, text));
        }
        i += len;
        if (escaped) plain = i;
    }
    return jinja_puts(r, "\"");
}

static enum hearth_status put_newline(struct dump *d, int level) {
    if (d->indent.kind == K_NONE) return HEARTH_OK;
    TRY(jinja_puts(d->r, "\n"));
    for (int i = 0; i < level; i++) TRY(jinja_put_str(d->r, d->indent));
    return HEARTH_OK;
}

static enum hearth_status put_number(struct dump *d, struct value v) {
    if (v.kind == K_BOOL) return jinja_puts(d->r, v.i ? "true" : "false");
    if (v.kind == K_FLOAT && isnan(v.f)) return jinja_puts(d->r, "NaN");
    if (v.kind == K_FLOAT && isinf(v.f)) return jinja_puts(d->r, v.f < 0 ? "-Infinity" : "Infinity");
    return jinja_put_str(d->r, v);
}

static enum hearth_status put_key(struct dump *d, struct value v) {
    struct render *r = d->r;
    if (v.kind == K_TEXT) return put_string(d, v.text);
    if (v.kind != K_NONE && !jinja_is_number(v))
        return jinja_error(r, "JSON has no keys of type %s", jinja_type(v));
    TRY(jinja_puts(r, "\""));
    TRY(v.kind == K_NONE ? jinja_puts(r, "null") : put_number(d, v));
    return jinja_puts(r, "\"");
}

static enum hearth_status put_any(struct dump *d, struct value v, int level);

static enum hearth_status put_array(struct dump *d, const struct list *l, int level) {
    if (l->n == 0) return jinja_puts(d->r, "[]");
    TRY(jinja_puts(d->r, "["));
    for (size_t i = 0; i < l->n; i++) {
        if (i) TRY(jinja_put_str(d->r, d->item));
        TRY(put_newline(d, level + 1));
        TRY(put_any(d, l->v[i], level + 1));
    }
    TRY(put_newline(d, level));
    return jinja_puts(d->r, "]");
}

/* The entries in the order of their keys. */
static enum hearth_status sorted(struct render *r, const struct dict *d, struct entry **out) {
    struct value *order, *keys;
    TRY(jinja_alloc(r, d->n, sizeof **out, out));
    TRY(jinja_alloc(r, d->n, sizeof *order, &order));
    TRY(jinja_alloc(r, d->n, sizeof *keys, &keys));
    for (size_t i = 0; i < d->n; i++) {
        order[i] = jinja_int((int64_t)i);
        keys[i] = d->e[i].key;
    }
    TRY(jinja_sort(r, order, keys, d->n, 0));
    for (size_t i = 0; i < d->n; i++) (*out)[i] = d->e[order[i].i];
    return HEARTH_OK;
}

static enum hearth_status put_object(struct dump *d, const struct dict *o, int level) {
    struct entry *e = o->e;
    if (o->n == 0) return jinja_puts(d->r, "{}");
    if (d->sort) TRY(sorted(d->r, o, &e));
    TRY(jinja_puts(d->r, "{"));
    for (size_t i = 0; i < o->n; i++) {
        if (i) TRY(jinja_put_str(d->r, d->item));
        TRY(put_newline(d, level + 1));
        TRY(put_key(d, e[i].key));
        TRY(jinja_put_str(d->r, d->key));
        TRY(put_any(d, e[i].value, level + 1));
    }
    TRY(put_newline(d, level));
    return jinja_puts(d->r, "}");
}

static enum hearth_status put_any(struct dump *d, struct value v, int level) {
    struct render *r = d->r;
    switch (v.kind) {
    case K_NONE: return jinja_puts(r, "null");
    case K_BOOL: case K_INT: case K_FLOAT: return put_number(d, v);
    case K_TEXT: return put_string(d, v.text);
    case K_LIST: case K_TUPLE: case K_DICT:
        TRY(jinja_enter(r));
        TRY(v.kind == K_DICT ? put_object(d, v.dict, level) : put_array(d, v.list, level));
        r->nest--;
        return HEARTH_OK;
    default: return jinja_error(r, "a value of type %s cannot be written as JSON", jinja_type(v));
    }
}

static enum hearth_status read_separators(struct dump *d, struct value v) {
    struct value two;
    if (v.kind == K_MISSING || v.kind == K_NONE) return HEARTH_OK;
    TRY(jinja_collect(d->r, v, K_TUPLE, &two));
    if (two.list->n != 2) return jinja_error(d->r, "tojson takes two separators, not %zu", two.list->n);
    if (two.list->v[0].kind != K_TEXT || two.list->v[1].kind != K_TEXT)
        return jinja_error(d->r, "the separators of tojson are strings");
    d->item = two.list->v[0];
    d->key = two.list->v[1];
    return HEARTH_OK;
}

enum hearth_status jinja_tojson(struct render *r, struct value *a, struct value *out) {
    struct dump d = { .r = r, .indent = a[2].kind == K_MISSING ? jinja_none() : a[2] };
    d.ascii = a[1].kind != K_MISSING && jinja_truth(a[1]);
    d.sort = a[4].kind != K_MISSING && jinja_truth(a[4]);
    if (jinja_is_integer(d.indent)) {
        struct value spaces;
        TRY(jinja_string(r, " ", &spaces));
        TRY(jinja_binary(r, T_MUL, spaces, d.indent, &d.indent));
    } else if (d.indent.kind != K_NONE && d.indent.kind != K_TEXT) {
        return jinja_error(r, "the indent of tojson is an integer or a string, not %s", jinja_type(d.indent));
    }
    TRY(jinja_string(r, d.indent.kind == K_NONE ? ", " : ",", &d.item));
    TRY(jinja_string(r, ": ", &d.key));
    TRY(read_separators(&d, a[3]));
    size_t mark = jinja_mark(r);
    TRY(put_any(&d, a[0], 0));
    return jinja_take(r, mark, out);
}
