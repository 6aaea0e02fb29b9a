/* jinja_bind.c - which variable a name means, decided before anything runs.
 *
 * Jinja compiles a template to a Python function, and its rules of scope are what follows from that.  A block that has
 * variables of its own (a loop's body, a macro, {% with %}, {% set %} with a body ...) is a scope; {% if %} is none.
 * A name that a scope assigns anywhere belongs to that scope everywhere in it, and begins
 *     as a copy of the variable of the same name further out, where there is one,
 *     else without a value (or as the render's argument, when only a branch of an {% if %} assigns it);
 * a name that is only read is looked up further out and, found nowhere, read once from the render's arguments when the
 * scope is entered.  So an assignment in a loop's body ends with the iteration.
 *
 *     scope of the template   x                 function 0: slots [x, m]
 *       scope of a loop       x' (copy of x)                 .. [x, m, x']
 *       scope of macro m      y                 function 1: slots [y], one set of them a call, the one it was
 *                                                            defined in reached by hops
 * Two passes a scope: `collect` finds its names, then `resolve` gives every name in it its hops and slot. */
#include <stdlib.h>
#include <string.h>

#include "text/jinja_syntax.h"

struct function { uint32_t depth, slots; };
struct scope { struct scope *up; struct function *fn; struct symbol *first, *last; int soft; };
struct symbol {
    struct text *name;
    struct scope *scope;
    struct symbol *next, *alias;
    uint32_t slot;
    uint8_t load, live, stored;
};
/* What a branch of an {% if %} changed: its branches see the same state, then all changes count. */
struct change { struct symbol *s; int stored; };

struct bind {
    struct compile *c;
    struct arena scratch;
    struct symbol **table;         /* by scope and name, open addressing */
    size_t n, cap;
    struct change *log;
    size_t logged, log_cap;
    uint32_t in_for, loops;        /* for loops around; those that break can leave */
};

/* ---- symbols ---- */

static size_t place_of(const struct bind *b, const struct scope *scope, const struct text *name) {
    uint64_t h = ((uintptr_t)scope >> 4) * 0x9E3779B97F4A7C15u ^ ((uintptr_t)name >> 4) * 0xC2B2AE3D27D4EB4Fu;
    size_t at = (size_t)(h ^ h >> 29) & (b->cap - 1);
    while (b->table[at] && (b->table[at]->scope != scope || b->table[at]->name != name)) at = (at + 1) & (b->cap - 1);
    return at;
}

static enum hearth_status table_grow(struct bind *b) {
    if (b->n * 2 < b->cap) return HEARTH_OK;
    struct symbol **old = b->table;
    size_t cap = b->cap;
    b->cap = cap ? cap * 2 : 64;
    b->table = arena_alloc(&b->scratch, b->cap * sizeof *old);
    if (!b->table) return HEARTH_ENOMEM;
    for (size_t i = 0; i < cap; i++)
        if (old[i]) b->table[place_of(b, old[i]->scope, old[i]->name)] = old[i];
    return HEARTH_OK;
}

static struct symbol *find(const struct bind *b, const struct scope *scope, const struct text *name) {
    for (; scope; scope = scope->up) {
        struct symbol *s = b->cap ? b->table[place_of(b, scope, name)] : NULL;
        if (s && s->live) return s;
    }
    return NULL;
}

static enum hearth_status note(struct bind *b, struct symbol *s, int stored) {
    TRY(mem_grow(&b->log, &b->log_cap, b->logged + 1, sizeof *b->log));
    b->log[b->logged++] = (struct change){ s, stored };
    return HEARTH_OK;
}

static enum hearth_status define(struct bind *b, struct scope *scope, struct text *name, enum load load,
                                 struct symbol **out) {
    TRY(table_grow(b));
    struct symbol **at = &b->table[place_of(b, scope, name)];
    if (!*at) {
        struct symbol *s = arena_alloc(&b->scratch, sizeof *s);
        if (!s) return HEARTH_ENOMEM;
        *s = (struct symbol){ .name = name, .scope = scope, .slot = scope->fn->slots++ };
        *(scope->first ? &scope->last->next : &scope->first) = s;
        scope->last = s;
        *at = s;
        b->n++;
    }
    if (!(*at)->live) TRY(note(b, *at, 0));
    (*at)->live = 1;
    (*at)->load = (uint8_t)load;
    if (out) *out = *at;
    return HEARTH_OK;
}

static enum hearth_status stored(struct bind *b, struct symbol *s) {
    if (!s->stored) TRY(note(b, s, 1));
    s->stored = 1;
    return HEARTH_OK;
}

static enum hearth_status param(struct bind *b, struct scope *scope, struct text *name, uint32_t *slot) {
    struct symbol *s;
    TRY(define(b, scope, name, LOAD_PARAM, &s));
    if (slot) *slot = s->slot;
    return stored(b, s);
}

static enum hearth_status store(struct bind *b, struct scope *scope, struct text *name) {
    struct symbol *s = find(b, scope, name), *outer = s;
    if (!s || s->scope != scope) {
        TRY(define(b, scope, name, outer ? LOAD_ALIAS : LOAD_MISSING, &s));
        s->alias = outer;
    }
    return stored(b, s);
}

static enum hearth_status load(struct bind *b, struct scope *scope, struct text *name) {
    return find(b, scope, name) ? HEARTH_OK : define(b, scope, name, LOAD_GLOBAL, NULL);
}

/* ---- the first pass ---- */

static enum hearth_status collect(struct bind *b, struct scope *scope, const struct node *n);

static void undo(struct bind *b, size_t from) {
    for (size_t i = from; i < b->logged; i++) *(b->log[i].stored ? &b->log[i].s->stored : &b->log[i].s->live) = 0;
}

static enum hearth_status collect_if(struct bind *b, struct scope *scope, const struct node *n) {
    TRY(collect(b, scope, n->kid[0]));
    size_t from = b->logged;
    for (uint32_t i = 1; i < n->n; i++) {
        size_t branch = b->logged;
        int is_test = i % 2 == 0 && i + 1 < n->n; /* of an elif: belongs to the branch that follows */
        if (is_test) TRY(collect(b, scope, n->kid[i++]));
        TRY(collect(b, scope, n->kid[i]));
        undo(b, branch);
    }
    for (size_t i = from; i < b->logged; i++) {
        struct symbol *s = b->log[i].s;
        if (!b->log[i].stored) {
            s->live = 1;
            continue;
        }
        struct symbol *outer = find(b, scope->up, s->name);
        s->stored = 1;
        s->load = outer ? LOAD_ALIAS : LOAD_GLOBAL;
        s->alias = outer;
    }
    return HEARTH_OK;
}

static enum hearth_status collect(struct bind *b, struct scope *scope, const struct node *n) {
    if (!n) return HEARTH_OK;
    switch (n->type) {
    case N_NAME:
        return n->op == USE_LOAD ? load(b, scope, n->name) :
               n->op == USE_STORE ? store(b, scope, n->name) : param(b, scope, n->name, NULL);
    case N_NSREF: return load(b, scope, n->name);
    case N_IF: return collect_if(b, scope, n);
    case N_MACRO: return store(b, scope, n->name);
    case N_SET:
        TRY(collect(b, scope, n->kid[1]));
        return collect(b, scope, n->kid[0]);
    case N_FOR: case N_CALLBLOCK: return collect(b, scope, n->kid[1]);
    case N_SETBLOCK: case N_FILTERBLOCK: return collect(b, scope, n->kid[0]);
    case N_WITH:
        for (uint32_t i = 2; i < n->n; i += 2) TRY(collect(b, scope, n->kid[i]));
        return HEARTH_OK;
    default:
        for (uint32_t i = 0; i < n->n; i++) TRY(collect(b, scope, n->kid[i]));
        return HEARTH_OK;
    }
}

static enum hearth_status collect_params(struct bind *b, struct scope *scope, const struct node *target) {
    if (target->type == N_NAME) return param(b, scope, target->name, NULL);
    for (uint32_t i = 0; i < target->n; i++) TRY(collect_params(b, scope, target->kid[i]));
    return HEARTH_OK;
}

/* Whether `name` is read in n before it is given a value there.  1 and 0 are the answers, -1: neither was met. */
static int reads(const struct node *n, const char *name) {
    if (!n) return -1;
    if (n->type == N_NAME) return strcmp(n->name->p, name) ? -1 : n->op == USE_LOAD;
    int body_last = n->type == N_MACRO || n->type == N_CALLBLOCK || n->type == N_WITH || n->type == N_FILTERBLOCK;
    for (uint32_t i = 0; i < n->n; i++) {
        int answer = reads(n->kid[body_last ? (i + 1) % n->n : i], name);
        if (answer >= 0) return answer;
    }
    return -1;
}

/* ---- the second pass ---- */

static enum hearth_status resolve(struct bind *b, struct scope *scope, struct node *n);

static enum hearth_status make_frame(struct bind *b, const struct scope *scope, struct frame **out) {
    struct arena *a = &b->c->t->arena;
    struct frame *f = arena_alloc(a, sizeof *f);
    uint32_t n = 0;
    for (const struct symbol *s = scope->first; s; s = s->next) n += s->live && s->load != LOAD_PARAM;
    if (!f || (n && !(f->load = arena_alloc(a, n * sizeof *f->load)))) return HEARTH_ENOMEM;
    for (const struct symbol *s = scope->first; s; s = s->next) {
        if (!s->live || s->load == LOAD_PARAM) continue;
        struct frame_load *l = &f->load[f->n++];
        *l = (struct frame_load){ .load = s->load, .slot = s->slot, .name = s->name };
        if (s->load != LOAD_ALIAS) continue;
        l->hops = scope->fn->depth - s->alias->scope->fn->depth;
        l->outer = s->alias->slot;
    }
    *out = f;
    return HEARTH_OK;
}

static enum hearth_status resolve_name(struct bind *b, struct scope *scope, struct node *n) {
    if (n->type == N_NAME && n->op == USE_STORE && b->in_for && strcmp(n->name->p, "loop") == 0)
        return jinja_refuse(b->c, n->line, "loop is given a value inside of a for loop, where it has its own");
    const struct symbol *s = find(b, scope, n->name);
    if (!s) return jinja_refuse(b->c, n->line, "the name %s cannot be used here", n->name->p);
    n->hops = scope->fn->depth - s->scope->fn->depth;
    n->slot = s->slot;
    return HEARTH_OK;
}

static enum hearth_status resolve_kids(struct bind *b, struct scope *scope, struct node *n) {
    for (uint32_t i = 0; i < n->n; i++) TRY(resolve(b, scope, n->kid[i]));
    return HEARTH_OK;
}

static enum hearth_status resolve_builtin(struct bind *b, struct scope *scope, struct node *n) {
    int is_filter = n->type == N_FILTER;
    n->u.call.builtin = is_filter ? jinja_filter(n->name->p, n->name->n) : jinja_test(n->name->p, n->name->n);
    if (!n->u.call.builtin && !scope->soft)
        return jinja_refuse(b->c, n->line, "there is no %s called %s", is_filter ? "filter" : "test", n->name->p);
    return resolve_kids(b, scope, n);
}

static enum hearth_status copy_target(struct bind *b, const struct node *n, struct node **out) {
    TRY(jinja_node(b->c, n->type, n->line, n->n, n->kid, out));
    (*out)->op = n->op;
    (*out)->name = n->name;
    for (uint32_t i = 0; i < n->n; i++) TRY(copy_target(b, n->kid[i], &(*out)->kid[i]));
    return HEARTH_OK;
}

/* Scopes stay in the table by their address until the end, so they are kept in the scratch arena. */
static struct scope *scope_new(struct bind *b, struct scope *up, struct function *fn) {
    struct scope *s = arena_alloc(&b->scratch, sizeof *s);
    if (s) *s = (struct scope){ .up = up, .fn = fn };
    return s;
}

/* A scope that is a function of its own inside of `up`. */
static struct scope *function_scope(struct bind *b, struct scope *up) {
    struct function *fn = arena_alloc(&b->scratch, sizeof *fn);
    if (!fn) return NULL;
    fn->depth = up->fn->depth + 1;
    return scope_new(b, up, fn);
}

static enum hearth_status resolve_loop_test(struct bind *b, struct scope *scope, struct node *n) {
    struct scope *test = function_scope(b, scope);
    if (!test) return HEARTH_ENOMEM;
    TRY(copy_target(b, n->kid[0], &n->kid[5]));
    TRY(collect_params(b, test, n->kid[5]));
    TRY(collect(b, test, n->kid[4]));
    TRY(make_frame(b, test, &n->u.block.test));
    TRY(resolve(b, test, n->kid[5]));
    TRY(resolve(b, test, n->kid[4]));
    n->u.block.test_slots = test->fn->slots;
    return HEARTH_OK;
}

static enum hearth_status resolve_for(struct bind *b, struct scope *scope, struct node *n) {
    int recursive = n->op & FOR_RECURSIVE;
    uint32_t loops = b->loops;
    struct text *loop_name;
    struct scope *body = recursive ? function_scope(b, scope) : scope_new(b, scope, scope->fn);
    struct scope *otherwise = body ? scope_new(b, scope, body->fn) : NULL;
    if (!otherwise) return HEARTH_ENOMEM;
    b->in_for++;
    TRY(resolve(b, scope, n->kid[1]));
    if (recursive || reads(n->kid[2], "loop") == 1) {
        n->op |= FOR_LOOP;
        TRY(jinja_intern(b->c, "loop", 4, &loop_name));
        TRY(param(b, body, loop_name, &n->u.block.loop_slot));
    }
    TRY(collect_params(b, body, n->kid[0]));
    TRY(collect(b, body, n->kid[2]));
    TRY(make_frame(b, body, &n->u.block.frame));
    if (n->kid[4]) TRY(resolve_loop_test(b, scope, n));
    TRY(resolve(b, body, n->kid[0]));
    b->loops = recursive ? 1 : loops + 1;
    TRY(resolve(b, body, n->kid[2]));
    b->loops = recursive ? 0 : loops;
    if (n->kid[3]) {
        TRY(collect(b, otherwise, n->kid[3]));
        TRY(make_frame(b, otherwise, &n->u.block.other));
        TRY(resolve(b, otherwise, n->kid[3]));
    }
    b->loops = loops;
    n->u.block.slots = recursive ? body->fn->slots : 0;
    b->in_for--;
    return HEARTH_OK;
}

/* The three names a macro has without declaring them. */
static enum hearth_status special_param(struct bind *b, struct scope *scope, struct node *n, const char *name,
                                        int flag, uint32_t *slot) {
    struct text *text;
    if (reads(n->kid[0], name) != 1) return HEARTH_OK;
    TRY(jinja_intern(b->c, name, strlen(name), &text));
    for (uint32_t i = 0; i < n->u.block.params; i++) {
        if (n->kid[2 + i]->name != text) continue;
        if (flag == MACRO_CALLER && i + n->u.block.defaults < n->u.block.params)
            return jinja_refuse(b->c, n->line, "the parameter caller needs a default value");
        return HEARTH_OK;
    }
    n->op |= (uint8_t)flag;
    return param(b, scope, text, slot);
}

static enum hearth_status resolve_macro(struct bind *b, struct scope *scope, struct node *n) {
    struct scope *inner = function_scope(b, scope);
    uint32_t loops = b->loops;
    if (!inner) return HEARTH_ENOMEM;
    if (n->type == N_MACRO) TRY(resolve_name(b, scope, n));
    else if (n->kid[1]) TRY(resolve(b, scope, n->kid[1]));
    for (uint32_t i = 2; i < n->n; i++) TRY(collect(b, inner, n->kid[i]));
    TRY(special_param(b, inner, n, "caller", MACRO_CALLER, &n->u.block.caller));
    TRY(special_param(b, inner, n, "kwargs", MACRO_KWARGS, &n->u.block.kwargs));
    TRY(special_param(b, inner, n, "varargs", MACRO_VARARGS, &n->u.block.varargs));
    TRY(collect(b, inner, n->kid[0]));
    TRY(make_frame(b, inner, &n->u.block.frame));
    for (uint32_t i = 2; i < n->n; i++) TRY(resolve(b, inner, n->kid[i]));
    b->loops = 0;
    TRY(resolve(b, inner, n->kid[0]));
    b->loops = loops;
    n->u.block.slots = inner->fn->slots;
    return HEARTH_OK;
}

/* {% set %} with a body, {% filter %}, {% with %}: a scope in the same function. */
static enum hearth_status resolve_scope(struct bind *b, struct scope *scope, struct node *n) {
    struct scope *inner = scope_new(b, scope, scope->fn);
    if (!inner) return HEARTH_ENOMEM;
    struct node *body = n->kid[n->type == N_WITH ? 0 : n->n - 1];
    struct node *filter = n->type == N_SETBLOCK ? n->kid[1] : n->type == N_FILTERBLOCK ? n->kid[0] : NULL;
    if (n->type == N_WITH) {
        for (uint32_t i = 1; i < n->n; i += 2) TRY(collect(b, inner, n->kid[i]));
        for (uint32_t i = 2; i < n->n; i += 2) TRY(resolve(b, scope, n->kid[i]));
    }
    TRY(collect(b, inner, body));
    TRY(collect(b, inner, filter));
    TRY(make_frame(b, inner, &n->u.block.frame));
    if (n->type == N_SETBLOCK) TRY(resolve(b, scope, n->kid[0]));
    for (uint32_t i = 1; n->type == N_WITH && i < n->n; i += 2) TRY(resolve(b, inner, n->kid[i]));
    TRY(resolve(b, inner, filter));
    return resolve(b, inner, body);
}

static enum hearth_status resolve(struct bind *b, struct scope *scope, struct node *n) {
    if (!n) return HEARTH_OK;
    int soft = scope->soft;
    switch (n->type) {
    case N_NAME: case N_NSREF: return resolve_name(b, scope, n);
    case N_FILTER: case N_TEST: return resolve_builtin(b, scope, n);
    case N_FOR: return resolve_for(b, scope, n);
    case N_MACRO: case N_CALLBLOCK: return resolve_macro(b, scope, n);
    case N_SETBLOCK: case N_FILTERBLOCK: case N_WITH: return resolve_scope(b, scope, n);
    case N_BREAK: case N_CONTINUE:
        return b->loops ? HEARTH_OK : jinja_refuse(b->c, n->line, "{%% %s %%} outside of a for loop",
                                                   n->type == N_BREAK ? "break" : "continue");
    case N_IF: case N_COND: /* here an unknown filter matters only when it is reached */
        scope->soft = 1;
        TRY(resolve_kids(b, scope, n));
        scope->soft = soft;
        return HEARTH_OK;
    default: return resolve_kids(b, scope, n);
    }
}

enum hearth_status jinja_bind(struct compile *c, struct node *root) {
    struct bind b = { .c = c };
    struct function fn = { 0 };
    arena_init(&b.scratch, 0);
    struct scope *top = scope_new(&b, NULL, &fn);
    enum hearth_status st = top ? collect(&b, top, root) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = make_frame(&b, top, &c->t->frame);
    if (st == HEARTH_OK) st = resolve(&b, top, root);
    c->t->slots = fn.slots;
    free(b.log);
    arena_free(&b.scratch);
    return st;
}
