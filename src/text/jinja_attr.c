/* jinja_attr.c - what a dot or a bracket reaches.
 *
 *     x.name      the attribute (a method, a namespace's member, a property), else the item x['name'], else undefined
 *     x['name']   the item, else the attribute, else undefined
 *
 * The sandbox: nothing that begins with two underscores is ever reached, nor a method that changes a list or dict. */
#include <string.h>

#include "text/jinja.h"

enum hearth_status jinja_index(struct render *r, struct value of, int64_t i, struct value *out, int *found) {
    int64_t n = jinja_length(of);
    if (i < 0) i += n;
    *found = of.kind >= K_TEXT && of.kind <= K_RANGE && of.kind != K_DICT && i >= 0 && i < n;
    if (!*found) return HEARTH_OK;
    if (of.kind == K_RANGE) {
        *out = jinja_int(of.range->start + i * of.range->step);
    } else if (of.kind == K_TEXT) {
        struct value bound[3] = { jinja_int(i), jinja_int(i + 1), jinja_none() };
        return jinja_slice(r, of, bound, out);
    } else {
        *out = of.list->v[i];
    }
    return HEARTH_OK;
}

static enum hearth_status item(struct render *r, struct value of, struct value key, struct value *out, int *found) {
    *found = 0;
    if (of.kind == K_DICT) {
        struct value *v;
        int can;
        TRY(jinja_hashable(r, key, &can));
        if (!can) return HEARTH_OK;
        TRY(jinja_dict_find(r, of.dict, key, &v));
        if (v) *out = *v;
        *found = v != NULL;
        return HEARTH_OK;
    }
    return jinja_is_integer(key) ? jinja_index(r, of, key.i, out, found) : HEARTH_OK;
}

/* Names Python gives every object, and containers; an item of such a name is hidden behind them. */
static int is_internal(const struct text *name) {
    static const char *const names[] = {
        "class", "delattr", "dir", "doc", "eq", "format", "ge", "getattribute", "getstate", "gt", "hash", "init",
        "init_subclass", "le", "lt", "ne", "new", "reduce", "reduce_ex", "repr", "setattr", "sizeof", "str",
        "subclasshook", "class_getitem", "contains", "delitem", "getitem", "ior", "iter", "len", "or", "reversed",
        "ror", "setitem"
    };
    if (name->n < 5 || memcmp(name->p, "__", 2) || memcmp(name->p + name->n - 2, "__", 2)) return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == name->n - 4 && memcmp(names[i], name->p + 2, name->n - 4) == 0) return 1;
    return 0;
}

static enum hearth_status unsafe(struct render *r, struct value of, struct text *name, struct value *out) {
    return jinja_undefined(r, "the sandbox does not allow the attribute '%.*s'", jinja_type(of),
                           jinja_text_value(name), out);
}

/* Plain values that hang on a thing. */
static enum hearth_status property(struct render *r, struct value of, struct text *name, struct value *out,
                                   int *found) {
    struct value v = jinja_text_value(name);
    *found = 1;
    if (of.kind == K_RANGE) {
        if (jinja_is_text(v, "start")) *out = jinja_int(of.range->start);
        else if (jinja_is_text(v, "stop")) *out = jinja_int(of.range->stop);
        else if (jinja_is_text(v, "step")) *out = jinja_int(of.range->step);
        else *found = 0;
    } else if (jinja_is_number(of)) {
        int real = jinja_is_text(v, "real"), numerator = jinja_is_text(v, "numerator") && of.kind != K_FLOAT;
        if (real || numerator) *out = of.kind == K_BOOL ? jinja_int(of.i) : of;
        else if (jinja_is_text(v, "imag")) *out = of.kind == K_FLOAT ? jinja_float(0) : jinja_int(0);
        else if (jinja_is_text(v, "denominator") && of.kind != K_FLOAT) *out = jinja_int(1);
        else *found = 0;
    } else if (of.kind == K_CYCLER) {
        if (jinja_is_text(v, "current")) *out = of.cycler->items.v[of.cycler->at];
        else if (jinja_is_text(v, "pos")) *out = jinja_int((int64_t)of.cycler->at);
        else if (jinja_is_text(v, "items")) *out = (struct value){ .kind = K_TUPLE, .list = &of.cycler->items };
        else *found = 0;
    } else if (of.kind == K_JOINER) {
        if (jinja_is_text(v, "sep")) *out = of.joiner->separator;
        else if (jinja_is_text(v, "used")) *out = jinja_bool(of.joiner->used);
        else *found = 0;
    } else if (of.kind == K_SPACE) {
        struct value *member = jinja_dict_find_text(of.space->attrs, name);
        if (member) *out = *member;
        *found = member != NULL;
    } else if (of.kind == K_LOOP) {
        return jinja_loop_attribute(r, of.loop, name, out, found);
    } else if (of.kind == K_MACRO) {
        return jinja_macro_attribute(r, of.macro, name, out, found);
    } else if (of.kind == K_TUPLE && of.what) { /* a pair of groupby */
        if (jinja_is_text(v, "grouper")) *out = of.list->v[0];
        else if (jinja_is_text(v, "list")) *out = of.list->v[1];
        else *found = 0;
    } else {
        *found = 0;
    }
    return HEARTH_OK;
}

enum hearth_status jinja_attribute(struct render *r, struct value of, struct text *name, struct value *out,
                                   int *found) {
    *found = 1;
    if (of.kind == K_UNDEFINED) return is_internal(name) ? unsafe(r, of, name, out) : jinja_undefined_error(r, of);
    TRY(property(r, of, name, out, found));
    if (*found) return HEARTH_OK;
    const struct builtin *m = jinja_method(of, name->p, name->n);
    *found = m || is_internal(name) || jinja_method_mutates(of, name->p, name->n);
    if (!*found) return HEARTH_OK;
    if (!m) return unsafe(r, of, name, out);
    struct bound *b;
    TRY(jinja_alloc(r, 1, sizeof *b, &b));
    *b = (struct bound){ of, m };
    *out = (struct value){ .kind = K_METHOD, .bound = b };
    return HEARTH_OK;
}

enum hearth_status jinja_getattr(struct render *r, struct value of, struct text *name, struct value *out) {
    int found;
    TRY(jinja_attribute(r, of, name, out, &found));
    if (found) return HEARTH_OK;
    if (of.kind == K_DICT) {
        struct value *v = jinja_dict_find_text(of.dict, name);
        if (v) {
            *out = *v;
            return HEARTH_OK;
        }
    }
    return jinja_undefined(r, NULL, jinja_type(of), jinja_text_value(name), out);
}

enum hearth_status jinja_getitem(struct render *r, struct value of, struct value key, struct value *out) {
    int found;
    if (of.kind == K_UNDEFINED) return jinja_undefined_error(r, of);
    TRY(item(r, of, key, out, &found));
    if (!found && key.kind == K_TEXT) TRY(jinja_attribute(r, of, key.text, out, &found));
    return found ? HEARTH_OK : jinja_undefined(r, NULL, jinja_type(of), key, out);
}
