/* jinja_exec.c - statements: output, assignment, if, the blocks with variables of their own; macros.
 *
 * What a statement prints goes to the end of r->out.  A block whose text is wanted as a value (a macro's, {% set %}'s)
 * prints there too and is then cut off again: mark ... take. */
#include <string.h>

#include "text/jinja_syntax.h"

enum hearth_status jinja_new_act(struct render *r, struct act *up, uint32_t slots, struct act **out) {
    TRY(jinja_alloc(r, 1, sizeof **out + slots * sizeof(struct value), out));
    (*out)->up = up;
    return HEARTH_OK;
}

/* A variable of the render: an argument, else what every template has (range, namespace ...). */
static struct value global(const struct render *r, struct text *name) {
    struct value *given = jinja_dict_find_text(r->globals, name);
    if (given) return *given;
    const struct builtin *b = jinja_global(name->p, name->n);
    return b ? (struct value){ .kind = K_FUNCTION, .function = b } : (struct value){ .kind = K_MISSING };
}

enum hearth_status jinja_enter_frame(struct render *r, const struct frame *f) {
    for (uint32_t i = 0; i < f->n; i++) {
        const struct frame_load *l = &f->load[i];
        struct value v = { .kind = K_MISSING };
        if (l->load == LOAD_GLOBAL) {
            v = global(r, l->name);
        } else if (l->load == LOAD_ALIAS) {
            const struct act *a = r->act;
            for (uint32_t h = l->hops; h; h--) a = a->up;
            v = a->slot[l->outer];
        }
        r->act->slot[l->slot] = v;
    }
    return jinja_work(r, f->n);
}

static struct value *slot_of(struct render *r, const struct node *n) {
    struct act *a = r->act;
    for (uint32_t h = n->hops; h; h--) a = a->up;
    return &a->slot[n->slot];
}

/* ---- assignment ---- */

static enum hearth_status assign_member(struct render *r, const struct node *n, struct value v) {
    struct value space = *slot_of(r, n), key = n->kid[0]->u.value;
    if (space.kind != K_SPACE)
        return jinja_error(r, "%s.%s is given a value, but %s is no namespace", n->name->p, key.text->p, n->name->p);
    return jinja_space_set(r, space.space, key, v);
}

enum hearth_status jinja_assign(struct render *r, const struct node *target, struct value v) {
    struct value items;
    if (target->type == N_NSREF) return assign_member(r, target, v);
    if (target->type == N_NAME) {
        *slot_of(r, target) = v;
        return HEARTH_OK;
    }
    if (v.kind != K_LIST && v.kind != K_TUPLE) {
        if (!jinja_iterable(v))
            return jinja_error(r, "%u values are awaited from a value of type %s", target->n, jinja_type(v));
        TRY(jinja_collect(r, v, K_TUPLE, &items));
        v = items;
    }
    if (v.list->n != target->n)
        return jinja_error(r, "%u values are awaited where there are %zu", target->n, v.list->n);
    for (uint32_t i = 0; i < target->n; i++) TRY(jinja_assign(r, target->kid[i], v.list->v[i]));
    return HEARTH_OK;
}

static enum hearth_status exec_set(struct render *r, const struct node *n) {
    struct value v;
    TRY(jinja_eval(r, n->kid[1], &v));
    r->line = n->line;
    return jinja_assign(r, n->kid[0], v);
}

/* ---- blocks ---- */

static enum hearth_status exec_output(struct render *r, const struct node *n) {
    for (uint32_t i = 0; i < n->n; i++) {
        struct value v;
        if (n->kid[i]->type == N_DATA) v = n->kid[i]->u.value;
        else TRY(jinja_eval(r, n->kid[i], &v));
        TRY(jinja_put_str(r, v));
    }
    return HEARTH_OK;
}

static enum hearth_status exec_if(struct render *r, const struct node *n) {
    uint32_t i = 0;
    for (; i + 1 < n->n; i += 2) {
        struct value test;
        TRY(jinja_eval(r, n->kid[i], &test));
        TRY(jinja_strict(r, test));
        if (jinja_truth(test)) return jinja_exec(r, n->kid[i + 1]);
    }
    return i < n->n ? jinja_exec(r, n->kid[i]) : HEARTH_OK;
}

/* Runs a body and takes what it printed.  A break or continue that leaves the body leaves nothing to take. */
static enum hearth_status capture(struct render *r, const struct node *body, struct value *out) {
    size_t mark = jinja_mark(r);
    TRY(jinja_exec(r, body));
    return jinja_take(r, mark, out);
}

static enum hearth_status exec_setblock(struct render *r, const struct node *n) {
    struct value v;
    TRY(jinja_enter_frame(r, n->u.block.frame));
    TRY(capture(r, n->kid[2], &v));
    if (r->flow != FLOW_ON) return HEARTH_OK;
    if (n->kid[1]) TRY(jinja_filter_text(r, n->kid[1], v, &v));
    r->line = n->line;
    return jinja_assign(r, n->kid[0], v);
}

/* Unlike {{ }}, a block's result is not turned into a string: it has to be one. */
static enum hearth_status put_block(struct render *r, struct value v) {
    if (v.kind == K_TEXT) return jinja_put_str(r, v);
    return jinja_error(r, "the block's text would be a value of type %s", jinja_type(v));
}

static enum hearth_status exec_filterblock(struct render *r, const struct node *n) {
    struct value v;
    TRY(jinja_enter_frame(r, n->u.block.frame));
    TRY(capture(r, n->kid[1], &v));
    if (r->flow != FLOW_ON) return HEARTH_OK;
    TRY(jinja_filter_text(r, n->kid[0], v, &v));
    return put_block(r, v);
}

static enum hearth_status exec_with(struct render *r, const struct node *n) {
    TRY(jinja_enter_frame(r, n->u.block.frame));
    for (uint32_t i = 1; i < n->n; i += 2) {
        struct value v;
        TRY(jinja_eval(r, n->kid[i + 1], &v));
        TRY(jinja_assign(r, n->kid[i], v));
    }
    return jinja_exec(r, n->kid[0]);
}

/* ---- macros ---- */

static enum hearth_status new_macro(struct render *r, const struct node *n, struct value *out) {
    struct macro *m;
    TRY(jinja_alloc(r, 1, sizeof *m, &m));
    *m = (struct macro){ n, r->act };
    *out = (struct value){ .kind = K_MACRO, .macro = m };
    return HEARTH_OK;
}

static enum hearth_status exec_macro(struct render *r, const struct node *n) { return new_macro(r, n, slot_of(r, n)); }

static enum hearth_status exec_callblock(struct render *r, const struct node *n) {
    const struct args none = { 0 };
    struct value caller, name, v = { 0 };
    TRY(new_macro(r, n, &caller));
    if (n->kid[1]) {
        TRY(jinja_string(r, "caller", &name));
        TRY(jinja_call_with(r, n->kid[1], name.text, caller, &v));
    } else {
        TRY(jinja_call_macro(r, caller.macro, &none, &v));
    }
    return put_block(r, v);
}

/* Takes the keyword argument `name` out of those not used yet. */
static struct value *take_keyword(const struct args *args, uint8_t *used, const struct text *name) {
    for (size_t i = 0; i < args->kws; i++) {
        if (used[i] || !jinja_same_text(args->kw[i], name)) continue;
        used[i] = 1;
        return &args->kwv[i];
    }
    return NULL;
}

/* caller, kwargs and varargs, where the macro names them; what is left over elsewhere is an error. */
static enum hearth_status place_special(struct render *r, const struct node *n, const struct args *args,
                                        uint8_t *used) {
    struct text caller = { .p = "caller", .n = 6, .chars = 6 };
    struct value *slot = r->act->slot;
    size_t params = n->u.block.params;
    const char *name = n->name ? n->name->p : "caller";
    if (n->op & MACRO_CALLER) {
        struct value *v = take_keyword(args, used, &caller);
        if (v && v->kind != K_NONE) slot[n->u.block.caller] = *v;
        else TRY(jinja_undefined(r, "no caller: the macro is not called by {%% call %%}", NULL, jinja_none(),
                                 &slot[n->u.block.caller]));
    }
    if (n->op & MACRO_KWARGS) {
        struct dict *d;
        TRY(jinja_dict(r, &d));
        for (size_t i = 0; args->kwv && i < args->kws; i++)
            if (!used[i]) TRY(jinja_dict_set(r, d, jinja_text_value(args->kw[i]), args->kwv[i]));
        slot[n->u.block.kwargs] = jinja_dict_value(d);
    } else {
        for (size_t i = 0; i < args->kws; i++)
            if (!used[i]) return jinja_error(r, "macro %s has no parameter %.*s", name,
                                             (int)(args->kw[i]->n < 100 ? args->kw[i]->n : 100), args->kw[i]->p);
    }
    if (n->op & MACRO_VARARGS) {
        size_t rest = args->n > params ? args->n - params : 0;
        struct value *v = &slot[n->u.block.varargs];
        TRY(jinja_list(r, K_TUPLE, rest, v));
        if (rest) memcpy(v->list->v, args->v + params, rest * sizeof *v);
    } else if (args->n > params) {
        return jinja_error(r, "macro %s takes %zu arguments and is given %zu", name, params, args->n);
    }
    return HEARTH_OK;
}

static enum hearth_status place_params(struct render *r, const struct node *n, const struct args *args) {
    struct value *slot = r->act->slot;
    uint32_t params = n->u.block.params, defaults = n->u.block.defaults;
    uint8_t *used;
    TRY(jinja_alloc(r, args->kws, 1, &used));
    for (uint32_t i = 0; i < params; i++) {
        const struct node *p = n->kid[2 + i];
        if (i < args->n) {
            slot[p->slot] = args->v[i];
            continue;
        }
        struct value *given = take_keyword(args, used, p->name);
        if (given) slot[p->slot] = *given;
    }
    TRY(place_special(r, n, args, used));
    TRY(jinja_enter_frame(r, n->u.block.frame));
    for (uint32_t i = 0; i < params; i++) { /* defaults may name the parameters before them */
        const struct node *p = n->kid[2 + i];
        if (slot[p->slot].kind != K_MISSING) continue;
        if (i + defaults >= params) TRY(jinja_eval(r, n->kid[2 + i + defaults], &slot[p->slot]));
        else TRY(jinja_undefined(r, "the parameter '%.*s' was not given", NULL, jinja_text_value(p->name),
                                 &slot[p->slot]));
    }
    return HEARTH_OK;
}

enum hearth_status jinja_call_macro(struct render *r, struct macro *m, const struct args *args, struct value *out) {
    struct act *back = r->act;
    if (r->calls >= r->calls_max)
        return jinja_limit(r, "macros call each other more than %u deep", r->calls_max);
    TRY(jinja_enter(r));
    r->calls++;
    TRY(jinja_new_act(r, m->env, m->node->u.block.slots, &r->act));
    TRY(place_params(r, m->node, args));
    TRY(capture(r, m->node->kid[0], out));
    r->act = back;
    r->calls--;
    r->nest--;
    return HEARTH_OK;
}

enum hearth_status jinja_put_macro(struct render *r, const struct macro *m) {
    if (!m->node->name) return jinja_puts(r, "<Macro anonymous>");
    TRY(jinja_puts(r, "<Macro "));
    TRY(jinja_put_repr(r, jinja_text_value(m->node->name)));
    return jinja_puts(r, ">");
}

enum hearth_status jinja_macro_attribute(struct render *r, struct macro *m, struct text *name, struct value *out,
                                         int *found) {
    static const struct { const char *name; int flag; } flags[] = {
        { "catch_kwargs", MACRO_KWARGS }, { "catch_varargs", MACRO_VARARGS }, { "caller", MACRO_CALLER }
    };
    struct value key = jinja_text_value(name);
    *found = 1;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (!jinja_is_text(key, flags[i].name)) continue;
        *out = jinja_bool(m->node->op & flags[i].flag);
        return HEARTH_OK;
    }
    if (jinja_is_text(key, "name")) {
        *out = m->node->name ? jinja_text_value(m->node->name) : jinja_none();
    } else if (jinja_is_text(key, "arguments")) {
        TRY(jinja_list(r, K_TUPLE, m->node->u.block.params, out));
        for (uint32_t i = 0; i < m->node->u.block.params; i++)
            out->list->v[i] = jinja_text_value(m->node->kid[2 + i]->name);
    } else {
        *found = 0;
    }
    return HEARTH_OK;
}

/* ---- all of them ---- */

static enum hearth_status exec_body(struct render *r, const struct node *n) {
    for (uint32_t i = 0; i < n->n && r->flow == FLOW_ON; i++) TRY(jinja_exec(r, n->kid[i]));
    return HEARTH_OK;
}

static enum hearth_status exec_node(struct render *r, const struct node *n) {
    switch (n->type) {
    case N_BODY: return exec_body(r, n);
    case N_OUTPUT: return exec_output(r, n);
    case N_IF: return exec_if(r, n);
    case N_FOR: return jinja_exec_for(r, n);
    case N_SET: return exec_set(r, n);
    case N_SETBLOCK: return exec_setblock(r, n);
    case N_MACRO: return exec_macro(r, n);
    case N_CALLBLOCK: return exec_callblock(r, n);
    case N_FILTERBLOCK: return exec_filterblock(r, n);
    case N_WITH: return exec_with(r, n);
    case N_BREAK: r->flow = FLOW_BREAK; return HEARTH_OK;
    case N_CONTINUE: r->flow = FLOW_CONTINUE; return HEARTH_OK;
    default: return fail(HEARTH_EINTERNAL, "node %d of a template is no statement", n->type);
    }
}

enum hearth_status jinja_exec(struct render *r, const struct node *n) {
    TRY(jinja_enter(r));
    r->line = n->line;
    TRY(exec_node(r, n));
    r->nest--;
    return HEARTH_OK;
}
