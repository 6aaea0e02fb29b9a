/* grammar_mask.c - which tokens may come next: the trie of the vocabulary walked along with the grammar.
 *
 *   plain configs   node after node of the trie, a step of the set for each byte that some config takes: few nodes live
 *   spans           inside them walking is a table look-up a node; where most of a vocabulary lies in a span ("characters of a
 *                   string"), its table (grammar_table.h) gives the tokens that stay inside at once, and only nodes that leave it
 *                   are walked:
 *
 *          mask = tokens of at most the units that are left   |   for each byte that may follow the span ("):
 *                                                                  the branches of nodes reached by that byte, whose parents
 *                                                                  are at a border of units
 *
 * A token is taken when the answer can be made whole behind it within the limit. */
#include <stdlib.h>
#include <string.h>

#include "text/grammar_in.h"

static void allow(struct grammar_state *s, int32_t id) { s->mask[id / 32] |= 1u << (id % 32); }

static void allow_node(struct grammar_state *s, uint32_t node) {
    const struct lexicon *l = s->g->lexicon;
    for (uint32_t i = l->token_at[node]; i < l->token_at[node + 1]; i++) allow(s, l->token[i]);
}

static void first_bytes(const struct grammar_state *s, const struct cset *set, int spans, struct byteset *out) {
    const struct program *p = s->p;
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < set->n; i++) {
        const struct config *c = &s->pool[set->at + i];
        const struct node *x = &p->node[c->node];
        if (x->op == NODE_BYTE) byteset_add(out, x->byte);
        if (x->op == NODE_SET) for (int w = 0; w < 8; w++) out->word[w] |= p->set[x->arg].word[w];
        if (x->op == NODE_SPAN && spans) {
            const uint8_t *next = p->unit[p->span[x->arg].unit].next + c->state * 256;
            for (unsigned b = 0; b < 256; b++) if (next[b]) byteset_add(out, b);
        }
    }
}

static enum hearth_status walk(struct grammar_state *s, const struct cset *set, uint32_t node);

/* The tokens at a node to which `set` led, and those below it. */
static enum hearth_status reach(struct grammar_state *s, const struct cset *set, uint32_t node) {
    if (set->n == 0 && !set->whole) return HEARTH_OK;
    if (set->cost <= s->limit) allow_node(s, node);
    return set->n && s->g->lexicon->end[node] > node + 1 ? walk(s, set, node) : HEARTH_OK;
}

/* ---- leaving a span ---- */

/* What follows a span once it may end; the sets lie in the pool until all is walked. */
struct after { struct cset set; struct byteset first; };

static enum hearth_status after_open(struct grammar_state *s, const struct config *c, struct after *a) {
    TRY(state_enter(s, s->p->node[c->node].next, c->stack, &a->set));
    first_bytes(s, &a->set, 1, &a->first);
    return HEARTH_OK;
}

static enum hearth_status leave(struct grammar_state *s, const struct after *a, uint32_t node) {
    size_t top = s->top, frames = s->frames;
    struct cset next;
    TRY(state_step(s, &a->set, s->g->lexicon->byte[node], 0, &next));
    enum hearth_status st = reach(s, &next, node);
    s->top = top;
    state_forget(s, frames);
    return st;
}

/* ---- in a span, walking ---- */

struct walker {
    struct grammar_state *s;
    const uint8_t *next;
    const uint32_t *cost;
    uint32_t least, most;            /* units still to come */
    uint32_t rest;                   /* cost behind the span */
    struct after after;
};

static uint32_t missing(const struct walker *w, uint32_t units) {
    return units < w->least ? cost_mul(w->least - units, w->cost[UNIT_START]) : 0;
}

static uint32_t cost_here(const struct walker *w, uint32_t units, uint32_t state) {
    if (state == UNIT_START) return cost_add(missing(w, units), w->rest);
    return cost_add(w->cost[state], cost_add(missing(w, units + 1), w->rest));
}

struct place { uint32_t node; uint16_t units; uint8_t state; };

static enum hearth_status walk_span(struct walker *w, uint32_t from, uint32_t state) {
    struct grammar_state *s = w->s;
    const struct lexicon *l = s->g->lexicon;
    struct place open[LEXICON_LONGEST + 1];
    uint32_t depth = 0, visited = 0;
    open[0] = (struct place){ from, 0, (uint8_t)state };
    for (uint32_t i = from + 1; i < l->end[from];) {
        while (l->parent[i] != open[depth].node) depth--;
        struct place at = open[depth];
        unsigned b = l->byte[i];
        if ((++visited & 3) == 0) TRY(state_burn(s, 1));
        if (depth && at.state == UNIT_START && at.units >= w->least && byteset_has(&w->after.first, b)) TRY(leave(s, &w->after, i));
        if (at.state == UNIT_START && at.units >= w->most) {
            i = l->end[i];
            continue;
        }
        at.state = w->next[at.state * 256u + b];
        if (at.state == UNIT_DEAD) {
            i = l->end[i];
            continue;
        }
        if (at.state == UNIT_DONE) at.state = UNIT_START, at.units++;
        at.node = i;
        if (cost_here(w, at.units, at.state) <= s->limit) allow_node(s, i);
        open[++depth] = at;
        i++;
    }
    return HEARTH_OK;
}

/* ---- in a span, by its table ---- */

static enum hearth_status allow_all(struct grammar_state *s, const uint32_t *mask) {
    size_t words = ((size_t)s->g->lexicon->vocabulary + 31) / 32;
    TRY(state_burn(s, 1 + words / 64));
    for (size_t i = 0; i < words; i++) s->mask[i] |= mask[i];
    return HEARTH_OK;
}

static enum hearth_status allow_whole(struct walker *w, const struct lexicon_table *t) {
    struct grammar_state *s = w->s;
    if (w->rest > s->limit) return HEARTH_OK;
    uint32_t slack = s->limit - w->rest, one = w->cost[UNIT_START], lo = 1, hi = w->most < t->most ? w->most : t->most;
    if (w->least > slack / one) lo = w->least - slack / one;
    if (lo > hi) return HEARTH_OK;
    if (lo <= 1 && hi == t->most) return allow_all(s, t->mask);
    TRY(state_burn(s, 1 + (t->whole_at[hi + 1] - t->whole_at[lo]) / 8));
    for (uint32_t i = t->whole_at[lo]; i < t->whole_at[hi + 1]; i++) allow(s, t->whole[i]);
    return HEARTH_OK;
}

static enum hearth_status allow_parts(struct walker *w, const struct lexicon_table *t, uint32_t dearest) {
    struct grammar_state *s = w->s;
    if (t->part_most < w->most && cost_add(dearest, cost_add(missing(w, 0), w->rest)) <= s->limit) return allow_all(s, t->part_mask);
    TRY(state_burn(s, 1 + t->parts / 8));
    for (uint32_t i = 0; i < t->parts; i++)
        if (t->part[i].units < w->most && cost_here(w, t->part[i].units, t->part[i].state) <= s->limit) allow(s, t->part[i].id);
    return HEARTH_OK;
}

static enum hearth_status by_table(struct walker *w, const struct lexicon_table *t, uint32_t dearest) {
    struct grammar_state *s = w->s;
    const struct lexicon *l = s->g->lexicon;
    TRY(allow_whole(w, t));
    TRY(allow_parts(w, t, dearest));
    for (unsigned b = 0; b < 256; b++) {
        struct cset next;
        size_t top = s->top, frames = s->frames;
        if (!byteset_has(&w->after.first, b)) continue;
        TRY(state_step(s, &w->after.set, b, 0, &next)); /* the same for every node that b leads to */
        TRY(state_burn(s, (l->with_at[b + 1] - l->with_at[b]) / 8));
        for (uint32_t i = l->with_at[b]; i < l->with_at[b + 1]; i++) {
            uint32_t node = l->with[i], units = t->units[l->parent[node]];
            if (l->parent[node] == 0 || units == TABLE_INSIDE || units < w->least || units > w->most) continue;
            TRY(state_burn(s, 1));
            TRY(reach(s, &next, node));
        }
        s->top = top;
        state_forget(s, frames);
    }
    return HEARTH_OK;
}

static enum hearth_status in_span(struct grammar_state *s, struct config c, uint32_t node) {
    const struct node *x = &s->p->node[c.node];
    const struct span *span = &s->p->span[x->arg];
    const struct unit *u = &s->p->unit[span->unit];
    struct walker w = { .s = s, .next = u->next, .cost = u->cost, .least = span->min > c.units ? span->min - c.units : 0,
                        .most = span->max == GX_MANY ? GX_MANY : span->max - c.units,
                        .rest = cost_add(s->p->cost[x->next], s->frame[c.stack].cost) };
    size_t top = s->top, frames = s->frames;
    TRY(after_open(s, &c, &w.after));
    TRY(node == 0 && u->table[c.state] && w.most > 1 ? by_table(&w, u->table[c.state], u->dearest) : walk_span(&w, node, c.state));
    s->top = top;
    state_forget(s, frames);
    return HEARTH_OK;
}

/* ---- everything ---- */

static enum hearth_status walk(struct grammar_state *s, const struct cset *set, uint32_t node) {
    const struct lexicon *l = s->g->lexicon;
    struct byteset first;
    first_bytes(s, set, 0, &first);
    for (uint32_t i = node + 1; i < l->end[node]; i = l->end[i]) {
        size_t top = s->top, frames = s->frames;
        struct cset next;
        if (!byteset_has(&first, l->byte[i])) continue;
        TRY(state_step(s, set, l->byte[i], 1, &next));
        TRY(reach(s, &next, i));
        s->top = top;
        state_forget(s, frames);
    }
    for (uint32_t i = 0; i < set->n; i++) {
        struct config c = s->pool[set->at + i];
        if (s->p->node[c.node].op == NODE_SPAN) TRY(in_span(s, c, node));
    }
    return HEARTH_OK;
}

enum hearth_status grammar_state_mask(struct grammar_state *s, uint32_t left, const uint32_t **mask) {
    const struct lexicon *l = s->g->lexicon;
    if (s->now.cost > left)
        return fail(HEARTH_EUSAGE, "max_tokens: %u more are too few, the shortest answer that the grammar allows here takes up to %u", left, s->now.cost);
    memset(s->mask, 0, ((size_t)l->vocabulary + 31) / 32 * sizeof *s->mask);
    s->fuel = STATE_FUEL;
    s->limit = left - 1;
    s->top = s->now.n;
    size_t frames = s->frames;
    enum hearth_status st = walk(s, &s->now, 0);
    s->top = s->now.n;
    state_forget(s, frames);
    if (s->now.whole) for (int i = 0; i < l->n_ends; i++) allow(s, l->ends[i]);
    *mask = s->mask;
    return st;
}
