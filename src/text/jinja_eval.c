/* jinja_eval.c - expressions: a walk over the tree. */
#include <string.h>

#include "text/jinja_syntax.h"

static struct act *act_at(struct render *r, uint32_t hops) {
    struct act *a = r->act;
    for (; hops; hops--) a = a->up;
    return a;
}

static enum hearth_status eval_name(struct render *r, const struct node *n, struct value *out) {
    *out = act_at(r, n->hops)->slot[n->slot];
    return out->kind == K_MISSING ? jinja_undefined(r, NULL, NULL, jinja_text_value(n->name), out) : HEARTH_OK;
}

static enum hearth_status eval_items(struct render *r, const struct node *n, enum kind kind, struct value *out) {
    struct value list;
    TRY(jinja_list(r, kind, n->n, &list));
    for (uint32_t i = 0; i < n->n; i++) TRY(jinja_eval(r, n->kid[i], &list.list->v[i]));
    *out = list;
    return HEARTH_OK;
}

static enum hearth_status eval_dict(struct render *r, const struct node *n, struct value *out) {
    struct dict *d;
    TRY(jinja_dict(r, &d));
    for (uint32_t i = 0; i < n->n; i += 2) {
        struct value key, value;
        TRY(jinja_eval(r, n->kid[i], &key));
        TRY(jinja_eval(r, n->kid[i + 1], &value));
        TRY(jinja_dict_set(r, d, key, value));
    }
    *out = jinja_dict_value(d);
    return HEARTH_OK;
}

static enum hearth_status eval_binary(struct render *r, const struct node *n, struct value *out) {
    struct value a, b;
    TRY(jinja_eval(r, n->kid[0], &a));
    TRY(jinja_eval(r, n->kid[1], &b));
    r->line = n->line;
    return jinja_binary(r, n->op, a, b, out);
}

static enum hearth_status compare(struct render *r, int op, struct value a, struct value b, int *out) {
    if (op == T_EQ || op == T_NE) TRY(jinja_equal(r, a, b, out));
    else if (op == N_IN || op == N_NOTIN) TRY(jinja_contains(r, a, b, out));
    else return jinja_order(r, op, a, b, out);
    *out ^= op == T_NE || op == N_NOTIN;
    return HEARTH_OK;
}

static enum hearth_status eval_compare(struct render *r, const struct node *n, struct value *out) {
    struct value left, right;
    int holds = 1;
    TRY(jinja_eval(r, n->kid[0], &left));
    for (uint32_t i = 1; holds && i < n->n; i++) {
        TRY(jinja_eval(r, n->kid[i]->kid[0], &right));
        r->line = n->line;
        TRY(compare(r, n->kid[i]->op, left, right, &holds));
        left = right;
    }
    *out = jinja_bool(holds);
    return HEARTH_OK;
}

static enum hearth_status eval_concat(struct render *r, const struct node *n, struct value *out) {
    struct value list, rest;
    TRY(eval_items(r, n, K_LIST, &list)); /* all before any is printed: their own texts are made at the same place */
    struct value first = list.list->v[0];
    size_t mark = jinja_mark(r);
    for (uint32_t i = first.kind == K_TEXT; i < n->n; i++) TRY(jinja_put_str(r, list.list->v[i]));
    TRY(jinja_take(r, mark, &rest));
    if (first.kind == K_TEXT) return jinja_append(r, first.text, rest.text, out);
    *out = rest;
    return HEARTH_OK;
}

static enum hearth_status eval_cond(struct render *r, const struct node *n, struct value *out) {
    struct value test;
    TRY(jinja_eval(r, n->kid[0], &test));
    TRY(jinja_strict(r, test));
    if (jinja_truth(test)) return jinja_eval(r, n->kid[1], out);
    if (n->kid[2]) return jinja_eval(r, n->kid[2], out);
    return jinja_undefined(r, "the condition of an 'if' without 'else' was false", NULL, jinja_none(), out);
}

static enum hearth_status eval_getitem(struct render *r, const struct node *n, struct value *out) {
    const struct node *key = n->kid[1];
    struct value of, bound[3];
    TRY(jinja_eval(r, n->kid[0], &of));
    if (key->type != N_SLICE) {
        TRY(jinja_eval(r, key, &bound[0]));
        r->line = n->line;
        return jinja_getitem(r, of, bound[0], out);
    }
    for (int i = 0; i < 3; i++) {
        bound[i] = jinja_none();
        if (key->kid[i]) TRY(jinja_eval(r, key->kid[i], &bound[i]));
    }
    r->line = n->line;
    return jinja_slice(r, of, bound, out);
}

static enum hearth_status eval_getattr(struct render *r, const struct node *n, struct value *out) {
    struct value of;
    TRY(jinja_eval(r, n->kid[0], &of));
    r->line = n->line;
    return jinja_getattr(r, of, n->name, out);
}

/* ---- calls ---- */

static enum hearth_status add_star(struct render *r, struct value star, struct args *a) {
    struct value items, all;
    TRY(jinja_collect(r, star, K_LIST, &items));
    TRY(jinja_list(r, K_LIST, a->n + items.list->n, &all));
    if (a->n) memcpy(all.list->v, a->v, a->n * sizeof *a->v);
    if (items.list->n) memcpy(all.list->v + a->n, items.list->v, items.list->n * sizeof *a->v);
    a->v = all.list->v;
    a->n = all.list->n;
    return HEARTH_OK;
}

static enum hearth_status add_stars(struct render *r, struct value stars, struct args *a) {
    struct text **kw;
    struct value *kwv;
    if (stars.kind != K_DICT) return jinja_error(r, "behind ** stands a dict, not %s", jinja_type(stars));
    size_t n = a->kws + stars.dict->n;
    TRY(jinja_alloc(r, n, sizeof *kw, &kw));
    TRY(jinja_alloc(r, n, sizeof *kwv, &kwv));
    for (size_t i = 0; i < a->kws; i++) {
        kw[i] = a->kw[i];
        kwv[i] = a->kwv[i];
    }
    for (size_t i = 0; i < stars.dict->n; i++) {
        const struct entry *e = &stars.dict->e[i];
        if (e->key.kind != K_TEXT) return jinja_error(r, "an argument's name is a string, not %s", jinja_type(e->key));
        for (size_t k = 0; k < a->kws; k++)
            if (jinja_same_text(a->kw[k], e->key.text)) return jinja_error(r, "an argument is given twice");
        kw[a->kws + i] = e->key.text;
        kwv[a->kws + i] = e->value;
    }
    a->kw = kw;
    a->kwv = kwv;
    a->kws = n;
    return HEARTH_OK;
}

static enum hearth_status eval_args(struct render *r, const struct node *n, struct args *a) {
    struct value v = { 0 };
    *a = (struct args){ .n = n->u.call.args, .kws = n->u.call.kws, .kw = n->u.call.kw };
    if (a->n) TRY(jinja_alloc(r, a->n, sizeof *a->v, &a->v));
    if (a->kws) TRY(jinja_alloc(r, a->kws, sizeof *a->kwv, &a->kwv));
    for (size_t i = 0; i < a->n; i++) TRY(jinja_eval(r, n->kid[1 + i], &a->v[i]));
    for (size_t i = 0; i < a->kws; i++) TRY(jinja_eval(r, n->kid[1 + a->n + i], &a->kwv[i]));
    if (n->u.call.star) {
        TRY(jinja_eval(r, n->u.call.star, &v));
        TRY(add_star(r, v, a));
    }
    if (n->u.call.stars) {
        TRY(jinja_eval(r, n->u.call.stars, &v));
        TRY(add_stars(r, v, a));
    }
    r->line = n->line;
    return HEARTH_OK;
}

int jinja_callable(struct value v) {
    return v.kind == K_MACRO || v.kind == K_FUNCTION || v.kind == K_METHOD || v.kind == K_LOOP || v.kind == K_JOINER;
}

static enum hearth_status call_joiner(struct render *r, struct joiner *j, struct value *out) {
    if (j->used) *out = j->separator;
    else TRY(jinja_string(r, "", out));
    j->used = 1;
    return HEARTH_OK;
}

enum hearth_status jinja_call(struct render *r, struct value callee, const struct args *args, struct value *out) {
    static const struct builtin loop = { "loop", "iterable", 1, NULL }, joiner = { "joiner", "", 0, NULL };
    struct value a[PARAMS_MAX + 2], none = { .kind = K_MISSING };
    switch (callee.kind) {
    case K_FUNCTION: return jinja_call_builtin(r, callee.function, none, args, out);
    case K_METHOD: return jinja_call_builtin(r, callee.bound->method, callee.bound->self, args, out);
    case K_MACRO: return jinja_call_macro(r, callee.macro, args, out);
    case K_LOOP:
        TRY(jinja_place(r, &loop, none, args, a));
        return jinja_call_loop(r, callee.loop, a[0], out);
    case K_JOINER:
        TRY(jinja_place(r, &joiner, none, args, a));
        return call_joiner(r, callee.joiner, out);
    case K_UNDEFINED: return jinja_undefined_error(r, callee);
    default: return jinja_error(r, "a value of type %s cannot be called", jinja_type(callee));
    }
}

static enum hearth_status eval_call(struct render *r, const struct node *n, struct value *out) {
    struct value callee;
    struct args args;
    TRY(jinja_eval(r, n->kid[0], &callee));
    TRY(eval_args(r, n, &args));
    return jinja_call(r, callee, &args, out);
}

/* {% call %}: the same, and the block as the argument caller. */
enum hearth_status jinja_call_with(struct render *r, const struct node *n, struct text *name, struct value caller,
                                   struct value *out) {
    struct value callee;
    struct args args;
    struct dict *d;
    TRY(jinja_eval(r, n->kid[0], &callee));
    TRY(eval_args(r, n, &args));
    TRY(jinja_dict(r, &d));
    TRY(jinja_dict_set(r, d, jinja_text_value(name), caller));
    TRY(add_stars(r, jinja_dict_value(d), &args));
    return jinja_call(r, callee, &args, out);
}

static enum hearth_status apply(struct render *r, const struct node *n, struct value of, struct value *out) {
    struct args args;
    if (!n->u.call.builtin)
        return jinja_error(r, "there is no %s called %s", n->type == N_FILTER ? "filter" : "test", n->name->p);
    TRY(eval_args(r, n, &args));
    return jinja_call_builtin(r, n->u.call.builtin, of, &args, out);
}

static enum hearth_status eval_filter(struct render *r, const struct node *n, struct value *out) {
    struct value of;
    TRY(jinja_eval(r, n->kid[0], &of));
    r->line = n->line;
    return apply(r, n, of, out);
}

/* A chain of filters whose innermost object is a text that was captured. */
enum hearth_status jinja_filter_text(struct render *r, const struct node *filter, struct value text,
                                     struct value *out) {
    TRY(jinja_enter(r));
    if (filter->kid[0]) TRY(jinja_filter_text(r, filter->kid[0], text, &text));
    r->nest--;
    r->line = filter->line;
    return apply(r, filter, text, out);
}

/* ---- all of them ---- */

static enum hearth_status eval_logic(struct render *r, const struct node *n, struct value *out) {
    TRY(jinja_eval(r, n->kid[0], out));
    TRY(jinja_strict(r, *out));
    if (n->type == N_NOT) *out = jinja_bool(!jinja_truth(*out));
    else if (jinja_truth(*out) == (n->type == N_AND)) return jinja_eval(r, n->kid[1], out);
    return HEARTH_OK;
}

static enum hearth_status eval_node(struct render *r, const struct node *n, struct value *out) {
    switch (n->type) {
    case N_TUPLE: return eval_items(r, n, K_TUPLE, out);
    case N_LIST: return eval_items(r, n, K_LIST, out);
    case N_DICT: return eval_dict(r, n, out);
    case N_BINARY: return eval_binary(r, n, out);
    case N_UNARY:
        TRY(jinja_eval(r, n->kid[0], out));
        r->line = n->line;
        return jinja_unary(r, n->op, *out, out);
    case N_AND: case N_OR: case N_NOT: return eval_logic(r, n, out);
    case N_COMPARE: return eval_compare(r, n, out);
    case N_CONCAT: return eval_concat(r, n, out);
    case N_COND: return eval_cond(r, n, out);
    case N_GETATTR: return eval_getattr(r, n, out);
    case N_GETITEM: return eval_getitem(r, n, out);
    case N_CALL: return eval_call(r, n, out);
    case N_FILTER: case N_TEST: return eval_filter(r, n, out);
    default: return fail(HEARTH_EINTERNAL, "node %d of a template is no expression", n->type);
    }
}

enum hearth_status jinja_eval(struct render *r, const struct node *n, struct value *out) {
    if (n->type == N_CONST) {
        *out = n->u.value;
        return jinja_work(r, 1);
    }
    TRY(jinja_enter(r));
    r->line = n->line;
    TRY(n->type == N_NAME ? eval_name(r, n, out) : eval_node(r, n, out));
    r->nest--;
    return HEARTH_OK;
}
