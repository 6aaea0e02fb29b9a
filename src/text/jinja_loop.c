/* jinja_loop.c - {% for %} and the variable `loop`.
 *
 *     items -> [test] -> loop (looks one ahead only when asked for last or nextitem) -> body
 *
 * A test filters lazily: it is asked about an item when the loop wants the next, and sees what the body did to a
 * namespace before.  A recursive loop is a function: loop(items) runs it again, one level deeper, and gives its text. */
#include <string.h>

#include "text/jinja_syntax.h"

struct loop {
    const struct node *node;
    struct act *env;               /* recursive: where the loop stands */
    struct cursor from;
    struct value iterable, before, current, after, changed; /* K_MISSING: none */
    int64_t index0, length;        /* length -1: not counted yet */
    int64_t depth0;
};

/* ---- the items ---- */

static enum hearth_status peek(struct render *r, struct loop *l) {
    int more;
    if (l->after.kind != K_MISSING) return HEARTH_OK;
    TRY(jinja_next(r, &l->from, &l->after, &more));
    if (!more) l->after.kind = K_MISSING;
    return HEARTH_OK;
}

static enum hearth_status advance(struct render *r, struct loop *l, int *more) {
    TRY(peek(r, l));
    *more = l->after.kind != K_MISSING;
    if (!*more) return HEARTH_OK;
    l->index0++;
    l->before = l->current;
    l->current = l->after;
    l->after.kind = K_MISSING;
    return HEARTH_OK;
}

/* What has no length is gone through at once, and what is left of it becomes a list. */
static enum hearth_status count(struct render *r, struct loop *l) {
    struct value rest;
    if (l->length >= 0) return HEARTH_OK;
    l->length = jinja_length(l->iterable);
    if (l->length >= 0) return HEARTH_OK;
    TRY(jinja_collect(r, l->from.over, K_LIST, &rest));
    l->length = (int64_t)rest.list->n + l->index0 + 1 + (l->after.kind != K_MISSING);
    return jinja_start(r, rest, &l->from);
}

/* The generator that a test makes of the items. */
static enum hearth_status next_tested(struct render *r, struct iter *it, struct value *out, int *more) {
    const struct node *n = it->node;
    struct act *back = r->act;
    struct value holds = { .kind = K_MISSING };
    r->act = it->act;
    if (!it->ready) TRY(jinja_enter_frame(r, n->u.block.test));
    it->ready = 1;
    while (!jinja_truth(holds)) {
        TRY(jinja_next(r, &it->from, out, more));
        if (!*more) break;
        TRY(jinja_assign(r, n->kid[5], *out));
        TRY(jinja_eval(r, n->kid[4], &holds));
    }
    r->act = back;
    return HEARTH_OK;
}

static enum hearth_status tested(struct render *r, const struct node *n, struct act *env, struct value *items) {
    struct iter *it;
    if (!n->kid[4]) return HEARTH_OK;
    TRY(jinja_iter(r, next_tested, "generator", &it));
    TRY(jinja_start(r, *items, &it->from));
    TRY(jinja_new_act(r, env, n->u.block.test_slots, &it->act));
    it->node = n;
    *items = (struct value){ .kind = K_ITER, .iter = it };
    return HEARTH_OK;
}

/* ---- running ---- */

static enum hearth_status run(struct render *r, const struct node *n, struct value items, struct loop *l) {
    int more, finished = 0; /* an iteration that was neither left nor cut short: Jinja has no else then */
    TRY(jinja_start(r, items, &l->from));
    for (int flow = FLOW_ON; flow != FLOW_BREAK; finished |= flow == FLOW_ON) {
        TRY(advance(r, l, &more));
        if (!more) break;
        TRY(jinja_enter_frame(r, n->u.block.frame));
        if (n->op & FOR_LOOP) r->act->slot[n->u.block.loop_slot] = (struct value){ .kind = K_LOOP, .loop = l };
        r->line = n->line;
        TRY(jinja_assign(r, n->kid[0], l->current));
        TRY(jinja_exec(r, n->kid[2]));
        flow = r->flow;
        r->flow = FLOW_ON;
    }
    if (finished || !n->kid[3]) return HEARTH_OK;
    TRY(jinja_enter_frame(r, n->u.block.other));
    return jinja_exec(r, n->kid[3]);
}

static enum hearth_status new_loop(struct render *r, const struct node *n, struct value items, struct act *env,
                                   int64_t depth0, struct loop **out) {
    TRY(jinja_alloc(r, 1, sizeof **out, out));
    **out = (struct loop){ .node = n, .env = env, .iterable = items, .index0 = -1, .length = -1, .depth0 = depth0 };
    return HEARTH_OK;
}

/* A recursive loop's function. */
static enum hearth_status run_recursive(struct render *r, const struct node *n, struct value items, struct act *env,
                                        int64_t depth0, struct value *out) {
    struct act *back = r->act;
    struct loop *l;
    if (r->calls >= r->calls_max)
        return jinja_limit(r, "a recursive loop goes more than %u deep", r->calls_max);
    r->calls++;
    size_t mark = jinja_mark(r);
    TRY(tested(r, n, env, &items));
    TRY(jinja_new_act(r, env, n->u.block.slots, &r->act));
    TRY(new_loop(r, n, items, env, depth0, &l));
    TRY(run(r, n, items, l));
    r->act = back;
    r->calls--;
    return jinja_take(r, mark, out);
}

enum hearth_status jinja_exec_for(struct render *r, const struct node *n) {
    struct value items, text = { 0 };
    struct loop *l;
    TRY(jinja_eval(r, n->kid[1], &items));
    r->line = n->line;
    if (n->op & FOR_RECURSIVE) {
        TRY(run_recursive(r, n, items, r->act, 0, &text));
        return jinja_put_str(r, text);
    }
    TRY(tested(r, n, r->act, &items));
    TRY(new_loop(r, n, items, NULL, 0, &l));
    return run(r, n, items, l);
}

enum hearth_status jinja_call_loop(struct render *r, struct loop *l, struct value over, struct value *out) {
    if (!l->env) return jinja_error(r, "loop(...) is called in a loop that is not marked recursive");
    TRY(jinja_enter(r));
    TRY(run_recursive(r, l->node, over, l->env, l->depth0 + 1, out));
    r->nest--;
    return HEARTH_OK;
}

/* ---- what hangs on loop ---- */

static enum hearth_status counted(struct render *r, struct loop *l, const char *what, struct value *out) {
    TRY(count(r, l));
    *out = jinja_int(*what == 'l' ? l->length : l->length - l->index0 - (strcmp(what, "revindex0") == 0));
    return HEARTH_OK;
}

enum hearth_status jinja_loop_attribute(struct render *r, struct loop *l, struct text *name, struct value *out,
                                        int *found) {
    static const char *const names[] = {
        "index", "index0", "first", "last", "length", "revindex", "revindex0", "depth", "depth0", "previtem",
        "nextitem"
    };
    size_t i = 0, n = sizeof names / sizeof *names;
    while (i < n && !jinja_is_text(jinja_text_value(name), names[i])) i++;
    *found = i < n;
    switch (i) {
    case 0: *out = jinja_int(l->index0 + 1); return HEARTH_OK;
    case 1: *out = jinja_int(l->index0); return HEARTH_OK;
    case 2: *out = jinja_bool(l->index0 == 0); return HEARTH_OK;
    case 3:
        TRY(peek(r, l));
        *out = jinja_bool(l->after.kind == K_MISSING);
        return HEARTH_OK;
    case 4: case 5: case 6: return counted(r, l, names[i], out);
    case 7: *out = jinja_int(l->depth0 + 1); return HEARTH_OK;
    case 8: *out = jinja_int(l->depth0); return HEARTH_OK;
    case 9:
        *out = l->before;
        if (l->index0 > 0) return HEARTH_OK;
        return jinja_undefined(r, "there is no previous item", NULL, jinja_none(), out);
    case 10:
        TRY(peek(r, l));
        *out = l->after;
        if (out->kind != K_MISSING) return HEARTH_OK;
        return jinja_undefined(r, "there is no next item", NULL, jinja_none(), out);
    default: return HEARTH_OK;
    }
}

enum hearth_status jinja_loop_cycle(struct render *r, struct value *a, struct value *out) {
    const struct list *items = a[1].list;
    if (items->n == 0) return jinja_error(r, "loop.cycle is given nothing to choose from");
    *out = items->v[a[0].loop->index0 % (int64_t)items->n];
    return HEARTH_OK;
}

enum hearth_status jinja_loop_changed(struct render *r, struct value *a, struct value *out) {
    struct loop *l = a[0].loop;
    int same = 0;
    if (l->changed.kind != K_MISSING) TRY(jinja_equal(r, l->changed, a[1], &same));
    l->changed = a[1];
    *out = jinja_bool(!same);
    return HEARTH_OK;
}

enum hearth_status jinja_put_loop(struct render *r, struct loop *l) {
    struct value index = jinja_int(l->index0 + 1);
    TRY(count(r, l));
    TRY(jinja_puts(r, "<LoopContext "));
    TRY(jinja_put_str(r, index));
    TRY(jinja_puts(r, "/"));
    TRY(jinja_put_str(r, jinja_int(l->length)));
    return jinja_puts(r, ">");
}
