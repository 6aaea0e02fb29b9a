/* grammar_program.c - rules to nodes, built from their ends backwards, and what the shortest completion costs from each.
 *
 * Costs are found in ascending order (Knuth, "A generalization of Dijkstra's algorithm", 1977): a node's is known when no smaller one
 * can come.  They are in tokens: a byte costs one, unless a token spells a stretch of fixed text,
 *
 *      " n a m e " :      one step for each of the tokens that fit, chosen so that they are fewest
 *
 * so that a cost can always be paid, token by token, with what the vocabulary has. */
#include <stdlib.h>
#include <string.h>

#include "text/grammar_in.h"

enum { UNIT_FUEL = 100000000, EDGES = 4000000 };

struct builder { struct program *p; const struct grammar_rules *r; uint32_t end; };

enum hearth_status program_burn(struct program *p, uint64_t steps) {
    p->steps += steps;
    if (p->steps <= PROGRAM_STEPS) return HEARTH_OK;
    return fail(HEARTH_ELIMIT, "grammar: too large: compiling its classes and repetitions takes more than %d steps", PROGRAM_STEPS);
}

static enum hearth_status put(struct program *p, uint8_t op, uint8_t byte, uint32_t next, uint32_t arg, uint32_t *at) {
    if (p->nodes == GRAMMAR_NODES) return fail(HEARTH_ELIMIT, "grammar: too large: more than %d steps when its repetitions are written out", GRAMMAR_NODES);
    TRY(mem_grow(&p->node, &p->node_cap, p->nodes + 1, sizeof *p->node));
    p->node[p->nodes] = (struct node){ op, byte, next, arg };
    *at = (uint32_t)p->nodes++;
    return HEARTH_OK;
}

static enum hearth_status put_span(struct program *p, uint32_t unit, uint32_t min, uint32_t max, uint32_t next, uint32_t *at) {
    TRY(mem_grow(&p->span, &p->span_cap, p->spans + 1, sizeof *p->span));
    p->span[p->spans] = (struct span){ unit, min, max };
    if (max > 1) p->unit[unit].repeated = 1;
    return put(p, NODE_SPAN, 0, next, (uint32_t)p->spans++, at);
}

/* A class: one byte each where all are ASCII, else a unit that stands once. */
static enum hearth_status put_class(struct builder *b, const struct gx *x, uint32_t next, uint32_t *at) {
    struct program *p = b->p;
    if (x->n == 1 && x->range->lo == x->range->hi && x->range->hi < 0x80) return put(p, NODE_BYTE, (uint8_t)x->range->lo, next, 0, at);
    if (x->range[x->n - 1].hi < 0x80) {
        TRY(mem_grow(&p->set, &p->set_cap, p->sets + 1, sizeof *p->set));
        struct byteset *s = &p->set[p->sets];
        memset(s, 0, sizeof *s);
        for (uint32_t i = 0; i < x->n; i++)
            for (uint32_t c = x->range[i].lo; c <= x->range[i].hi; c++) byteset_add(s, c);
        return put(p, NODE_SET, 0, next, (uint32_t)p->sets++, at);
    }
    int is;
    uint32_t unit;
    TRY(unit_make(p, b->r, x, &is, &unit));
    if (!is) return fail(HEARTH_ELIMIT, "grammar: a class of %u ranges is more than can be compiled", x->n);
    return put_span(p, unit, 1, 1, next, at);
}

static enum hearth_status build(struct builder *b, const struct gx *x, uint32_t next, uint32_t *at);

/* Nodes of x that are repeated as a whole are a rule of their own, so that each time costs one node. */
static enum hearth_status own_rule(struct builder *b, const struct gx *x, uint32_t *rule) {
    struct program *p = b->p;
    uint32_t start;
    if (p->rules == GRAMMAR_NODES) return fail(HEARTH_ELIMIT, "grammar: too large: more than %d repetitions", GRAMMAR_NODES);
    TRY(build(b, x, b->end, &start));
    TRY(mem_grow(&p->start, &p->start_cap, p->rules + 1, sizeof *p->start));
    p->start[*rule = (uint32_t)p->rules++] = start;
    return HEARTH_OK;
}

static enum hearth_status again(struct builder *b, const struct gx *x, uint32_t rule, uint32_t next, uint32_t *at) {
    return rule == UINT32_MAX ? build(b, x, next, at) : put(b->p, NODE_CALL, 0, next, rule, at);
}

static enum hearth_status repeated(struct builder *b, const struct gx *x, uint32_t next, uint32_t *at) {
    const struct gx *inside = x->child[0];
    int is = 0;
    uint32_t unit, rule = UINT32_MAX;
    if (x->min > GRAMMAR_REPEAT || (x->max != GX_MANY && x->max > GRAMMAR_REPEAT))
        return fail(HEARTH_ELIMIT, "grammar: a repetition of more than %d times", GRAMMAR_REPEAT);
    if (inside->op == GX_EMPTY) return *at = next, HEARTH_OK;
    if (x->max > 1) TRY(unit_make(b->p, b->r, inside, &is, &unit));
    if (is) return put_span(b->p, unit, x->min, x->max, next, at);
    uint32_t copies = x->max == GX_MANY ? x->min + 1 : x->max;
    if (copies > 1 && inside->op != GX_RULE && inside->op != GX_SET) TRY(own_rule(b, inside, &rule));
    *at = next;
    if (x->max == GX_MANY) {
        uint32_t loop, body;
        TRY(put(b->p, NODE_SPLIT, 0, 0, next, &loop));
        TRY(again(b, inside, rule, loop, &body));
        b->p->node[loop].next = body;
        *at = loop;
    } else {
        for (uint32_t i = x->min; i < x->max; i++) {
            TRY(again(b, inside, rule, *at, at));
            TRY(put(b->p, NODE_SPLIT, 0, *at, next, at));
        }
    }
    for (uint32_t i = 0; i < x->min; i++) TRY(again(b, inside, rule, *at, at));
    return HEARTH_OK;
}

static enum hearth_status either(struct builder *b, const struct gx *x, uint32_t next, uint32_t *at) {
    uint32_t one;
    TRY(build(b, x->child[x->n - 1], next, at));
    for (uint32_t i = x->n - 1; i > 0; i--) {
        TRY(build(b, x->child[i - 1], next, &one));
        TRY(put(b->p, NODE_SPLIT, 0, one, *at, at));
    }
    return HEARTH_OK;
}

static enum hearth_status build(struct builder *b, const struct gx *x, uint32_t next, uint32_t *at) {
    *at = next;
    switch (x->op) {
    case GX_EMPTY: return HEARTH_OK;
    case GX_NOTHING: return put(b->p, NODE_FAIL, 0, 0, 0, at);
    case GX_BYTES:
        for (uint32_t i = x->n; i > 0; i--) TRY(put(b->p, NODE_BYTE, (uint8_t)x->bytes[i - 1], *at, 0, at));
        return HEARTH_OK;
    case GX_SET: return put_class(b, x, next, at);
    case GX_SEQ:
        for (uint32_t i = x->n; i > 0; i--) TRY(build(b, x->child[i - 1], *at, at));
        return HEARTH_OK;
    case GX_ALT: return either(b, x, next, at);
    case GX_REPEAT: return repeated(b, x, next, at);
    case GX_RULE: return put(b->p, NODE_CALL, 0, next, x->rule, at);
    }
    return HEARTH_OK;
}

/* ---- costs ---- */

struct edge { uint32_t from, to; };

struct pricing {
    struct program *p;
    struct lexicon *l;
    uint8_t *done;
    struct edge *edge;               /* `from` is to be looked at again when the cost of `to` is known; sorted by to */
    uint8_t *one_token;              /* [edges] a token leads from `from` to `to` */
    size_t edges, edge_cap, token_cap;
    uint32_t *first;                 /* [nodes + 1] into order */
    uint32_t *order;
    uint64_t *heap;                  /* cost << 32 | node */
    size_t heaped, heap_cap;
};

static enum hearth_status add_edge(struct pricing *c, uint32_t from, uint32_t to, uint8_t token) {
    if (c->edges == EDGES) return fail(HEARTH_ELIMIT, "grammar: too large: its fixed texts can be spelt with tokens in more than %d ways", EDGES);
    TRY(mem_grow(&c->edge, &c->edge_cap, c->edges + 1, sizeof *c->edge));
    TRY(mem_grow(&c->one_token, &c->token_cap, c->edges + 1, 1));
    c->edge[c->edges] = (struct edge){ from, to };
    c->one_token[c->edges++] = token;
    return HEARTH_OK;
}

/* Tokens that spell what stands from node `from` on. */
static enum hearth_status add_tokens(struct pricing *c, uint32_t from) {
    const struct program *p = c->p;
    const struct lexicon *l = c->l;
    uint32_t at = 0, node = from;
    while (p->node[node].op == NODE_BYTE) {
        char byte = (char)p->node[node].byte;
        if (!(at = lexicon_find(l, at, &byte, 1))) return HEARTH_OK;
        node = p->node[node].next;
        if (l->token_at[at] < l->token_at[at + 1]) TRY(add_edge(c, from, node, 1));
    }
    return HEARTH_OK;
}

static enum hearth_status list_edges(struct pricing *c) {
    const struct program *p = c->p;
    for (uint32_t i = 0; i < p->nodes; i++) {
        const struct node *x = &p->node[i];
        if (x->op == NODE_BYTE) TRY(add_tokens(c, i));
        if (x->op == NODE_SET || x->op == NODE_SPAN || x->op == NODE_SPLIT || x->op == NODE_CALL) TRY(add_edge(c, i, x->next, 0));
        if (x->op == NODE_SPLIT) TRY(add_edge(c, i, x->arg, 0));
        if (x->op == NODE_CALL) TRY(add_edge(c, i, p->start[x->arg], 0));
    }
    c->first = mem_array(p->nodes + 2, sizeof *c->first);
    c->order = mem_array(c->edges + 1, sizeof *c->order);
    if (!c->first || !c->order) return HEARTH_ENOMEM;
    for (size_t i = 0; i < c->edges; i++) c->first[c->edge[i].to + 2]++;
    for (size_t i = 2; i < p->nodes + 2; i++) c->first[i] += c->first[i - 1];
    for (size_t i = 0; i < c->edges; i++) c->order[c->first[c->edge[i].to + 1]++] = (uint32_t)i;
    return HEARTH_OK;
}

static enum hearth_status heap_put(struct pricing *c, uint32_t cost, uint32_t node) {
    TRY(mem_grow(&c->heap, &c->heap_cap, c->heaped + 1, sizeof *c->heap));
    uint64_t x = (uint64_t)cost << 32 | node;
    size_t i = c->heaped++;
    for (; i > 0 && c->heap[(i - 1) / 2] > x; i = (i - 1) / 2) c->heap[i] = c->heap[(i - 1) / 2];
    c->heap[i] = x;
    return HEARTH_OK;
}

static uint64_t heap_take(struct pricing *c) {
    uint64_t top = c->heap[0], x = c->heap[--c->heaped];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < c->heaped; i = child) {
        if (child + 1 < c->heaped && c->heap[child + 1] < c->heap[child]) child++;
        if (c->heap[child] >= x) break;
        c->heap[i] = c->heap[child];
    }
    if (c->heaped) c->heap[i] = x;
    return top;
}

static uint32_t set_cost(const struct pricing *c, const struct byteset *s) {
    for (unsigned b = 0; b < 256; b++)
        if (byteset_has(s, b) && c->l->alone[b]) return 1;
    return COST_NONE;
}

/* What edge e promises its node, now that the cost of where it leads is known. */
static uint32_t promised(const struct pricing *c, size_t e) {
    const struct program *p = c->p;
    const struct node *x = &p->node[c->edge[e].from];
    uint32_t to = p->cost[c->edge[e].to];
    if (c->one_token[e]) return cost_add(1, to);
    switch (x->op) {
    case NODE_SET: return cost_add(set_cost(c, &p->set[x->arg]), to);
    case NODE_SPAN: return cost_add(cost_mul(p->span[x->arg].min, p->unit[p->span[x->arg].unit].cost[UNIT_START]), to);
    case NODE_CALL: return c->done[x->next] && c->done[p->start[x->arg]] ? cost_add(p->cost[x->next], p->cost[p->start[x->arg]]) : COST_NONE;
    default: return to;
    }
}

static enum hearth_status settle(struct pricing *c) {
    struct program *p = c->p;
    for (uint32_t i = 0; i < p->nodes; i++) {
        p->cost[i] = p->node[i].op == NODE_END ? 0 : COST_NONE;
        if (p->node[i].op == NODE_END) TRY(heap_put(c, 0, i));
    }
    while (c->heaped) {
        uint32_t to = (uint32_t)heap_take(c);
        if (c->done[to]) continue;
        c->done[to] = 1;
        for (size_t i = c->first[to]; i < c->first[to + 1]; i++) {
            uint32_t from = c->edge[c->order[i]].from, cost = promised(c, c->order[i]);
            if (c->done[from] || cost >= p->cost[from]) continue;
            p->cost[from] = cost;
            TRY(heap_put(c, cost, from));
        }
    }
    return HEARTH_OK;
}

static enum hearth_status price(struct program *p, struct lexicon *l) {
    struct pricing c = { .p = p, .l = l, .done = mem_array(p->nodes, 1) };
    p->cost = mem_array(p->nodes, sizeof *p->cost);
    enum hearth_status st = c.done && p->cost ? list_edges(&c) : HEARTH_ENOMEM;
    if (st == HEARTH_OK) st = settle(&c);
    free(c.done);
    free(c.edge);
    free(c.one_token);
    free(c.first);
    free(c.order);
    free(c.heap);
    return st;
}

/* ---- left recursion ---- */

/* From each rule's start, what can be reached without a byte; a rule that so reaches itself would call itself for ever. */
struct left { const struct program *p; uint8_t *state; uint32_t *seen; struct { uint32_t rule, at, from; } *open; uint32_t *work; size_t cap; };
enum { NEW, OPEN, CLOSED };

static int goes_on(const struct program *p, const struct node *x) {
    return x->op == NODE_SPAN ? p->span[x->arg].min == 0 : x->op == NODE_CALL && p->cost[p->start[x->arg]] == 0;
}

/* The rules that `rule` may begin with are put behind work[from]; *n past the last. */
static enum hearth_status begins(struct left *l, uint32_t rule, size_t from, size_t *n) {
    const struct program *p = l->p;
    uint32_t *todo = NULL;
    size_t todos = 0, todo_cap = 0;
    enum hearth_status st = HEARTH_OK;
    *n = from;
    TRY(mem_grow(&todo, &todo_cap, 1, sizeof *todo));
    todo[todos++] = p->start[rule];
    while (todos && st == HEARTH_OK) {
        uint32_t i = todo[--todos];
        const struct node *x = &p->node[i];
        if (l->seen[i] == rule + 1) continue;
        l->seen[i] = rule + 1;
        st = mem_grow(&todo, &todo_cap, todos + 2, sizeof *todo);
        if (st == HEARTH_OK && x->op == NODE_CALL) {
            st = mem_grow(&l->work, &l->cap, *n + 1, sizeof *l->work);
            if (st == HEARTH_OK) l->work[(*n)++] = x->arg;
        }
        if (st != HEARTH_OK) break;
        if (x->op == NODE_SPLIT) todo[todos++] = x->next, todo[todos++] = x->arg;
        else if (goes_on(p, x)) todo[todos++] = x->next;
    }
    free(todo);
    return st;
}

static enum hearth_status follow(struct left *l, const struct grammar_rules *r, uint32_t first) {
    size_t depth = 0, n = 0;
    l->open[0].rule = first, l->open[0].from = l->open[0].at = 0;
    l->state[first] = OPEN;
    TRY(begins(l, first, 0, &n));
    for (;;) {
        if (l->open[depth].at == n) {            /* all that it begins with was looked at */
            l->state[l->open[depth].rule] = CLOSED;
            n = l->open[depth].from;
            if (depth-- == 0) return HEARTH_OK;
            continue;
        }
        uint32_t to = l->work[l->open[depth].at++];
        if (l->state[to] == OPEN)
            return fail(HEARTH_EFORMAT, "grammar: the rule \"%s\" begins with itself: left recursion has no meaning here, put what repeats behind "
                        "(a ::= b (\"+\" b)*)", to < r->n ? r->name[to] : l->open[depth].rule < r->n ? r->name[l->open[depth].rule] : "in a repetition");
        if (l->state[to] == CLOSED) continue;
        l->state[to] = OPEN;
        depth++;
        l->open[depth].rule = to;
        l->open[depth].from = l->open[depth].at = (uint32_t)n;
        TRY(begins(l, to, n, &n));
    }
}

static enum hearth_status no_left_recursion(const struct program *p, const struct grammar_rules *r) {
    struct left l = { .p = p, .state = mem_array(p->rules + 1, 1), .seen = mem_array(p->nodes, sizeof *l.seen),
                      .open = mem_array(p->rules + 1, sizeof *l.open) };
    enum hearth_status st = l.state && l.seen && l.open ? HEARTH_OK : HEARTH_ENOMEM;
    for (uint32_t i = 0; i < p->rules && st == HEARTH_OK; i++)
        if (l.state[i] == NEW) st = follow(&l, r, i);
    free(l.state);
    free(l.seen);
    free(l.open);
    free(l.work);
    return st;
}

/* ---- all ---- */

static enum hearth_status make(struct builder *b, const struct gx *root) {
    struct program *p = b->p;
    p->rules = b->r->n;
    TRY(mem_grow(&p->start, &p->start_cap, p->rules + 1, sizeof *p->start));
    TRY(put(p, NODE_END, 0, 0, 0, &b->end));
    for (uint32_t i = 0; i < b->r->n; i++) {
        uint32_t start;
        TRY(build(b, b->r->body[i], b->end, &start));
        p->start[i] = start;
    }
    return build(b, root, b->end, &p->root);
}

enum hearth_status program_make(struct program *p, const struct grammar_rules *r, const struct gx *root, struct lexicon *l) {
    struct builder b = { .p = p, .r = r };
    p->fuel = UNIT_FUEL;
    TRY(make(&b, root));
    TRY(units_finish(p, l));
    TRY(price(p, l));
    TRY(no_left_recursion(p, r));
    if (p->cost[p->root] >= COST_NONE)
        return fail(HEARTH_EFORMAT, "grammar: no answer can follow it: it never ends, allows nothing, or needs bytes that the vocabulary lacks");
    return HEARTH_OK;
}

void program_free(struct program *p, struct lexicon *l) {
    maker_free(p->maker);
    for (size_t i = 0; i < p->units; i++) {
        for (uint32_t k = 0; k < p->unit[i].states; k++) lexicon_table_leave(l, p->unit[i].table[k]);
        free(p->unit[i].table);
        free(p->unit[i].next);
        free(p->unit[i].cost);
    }
    free(p->node);
    free(p->cost);
    free(p->set);
    free(p->span);
    free(p->unit);
    free(p->start);
    *p = (struct program){ 0 };
}
