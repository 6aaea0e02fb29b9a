/* grammar_state.c - where an answer stands: the set of nodes that its bytes may have led to, each with its stack.
 *
 * Stacks share their lower parts, and equal ones are one (frames are found by what they hold), so that configs compare by numbers:
 *
 *      frame 3: go on at node 17, below it frame 1       config: node 42, stack 3
 *      frame 1: go on at node  5, below it nothing (0)   config: node 40, stack 3
 *
 * A call whose caller has nothing more to do leaves no frame, so a list that calls itself at its end does not grow. */
#include <stdlib.h>
#include <string.h>

#include "text/grammar_in.h"

/* ---- frames ---- */

static size_t frame_slot(const struct grammar_state *s, uint32_t node, uint32_t parent) {
    uint64_t h = ((uint64_t)node << 32 | parent) * 0x9E3779B97F4A7C15u;
    return (size_t)(h >> 32) & (s->slots - 1);
}

static enum hearth_status push(struct grammar_state *s, uint32_t node, uint32_t parent, uint32_t *out) {
    size_t i = frame_slot(s, node, parent);
    for (; s->slot[i]; i = (i + 1) & (s->slots - 1)) {
        const struct frame *f = &s->frame[*out = s->slot[i]];
        if (f->node == node && f->parent == parent) return HEARTH_OK;
    }
    if (s->frames == STATE_FRAMES) return fail(HEARTH_ELIMIT, "grammar: the answer nests deeper than %d rules", STATE_FRAMES);
    TRY(mem_grow(&s->frame, &s->frame_cap, s->frames + 1, sizeof *s->frame));
    s->frame[s->frames] = (struct frame){ node, parent, cost_add(s->p->cost[node], s->frame[parent].cost), (uint32_t)i };
    s->slot[i] = *out = (uint32_t)s->frames++;
    return HEARTH_OK;
}

/* The last that came into the table goes first, so that the ways to the others stay whole. */
void state_forget(struct grammar_state *s, size_t n) {
    while (s->frames > n) s->slot[s->frame[--s->frames].slot] = 0;
}

/* Keeps the frames that live stacks stand on; they come in the order in which they were made, so parents first. */
static enum hearth_status tidy(struct grammar_state *s) {
    uint32_t *to = mem_array(s->frames, sizeof *to);
    if (!to) return HEARTH_ENOMEM;
    for (uint32_t i = 0; i < s->now.n; i++)
        for (uint32_t f = s->pool[i].stack; f && !to[f]; f = s->frame[f].parent) to[f] = 1;
    size_t n = s->frames;
    for (size_t i = 1; i < n; i++) s->slot[s->frame[i].slot] = 0;
    s->frames = 1;
    enum hearth_status st = HEARTH_OK;
    for (size_t i = 1; i < n && st == HEARTH_OK; i++)
        if (to[i]) st = push(s, s->frame[i].node, to[s->frame[i].parent], &to[i]);
    for (uint32_t i = 0; i < s->now.n; i++) s->pool[i].stack = to[s->pool[i].stack];
    s->tidy_at = s->frames + STATE_FRAMES / 4;
    free(to);
    return st;
}

/* ---- closures ---- */

static int first_time(struct grammar_state *s, struct config c) {
    uint64_t h = ((uint64_t)c.node << 32 | c.stack) * 0x9E3779B97F4A7C15u ^ ((uint64_t)c.units << 8 | c.state) * 0xC2B2AE3D27D4EB4Fu;
    for (size_t i = (size_t)(h >> 40) & (STATE_SEEN - 1);; i = (i + 1) & (STATE_SEEN - 1)) {
        if (s->seen_epoch[i] != s->epoch) {
            s->seen_epoch[i] = s->epoch;
            s->seen[i] = c;
            s->n_seen++;
            return 1;
        }
        if (!memcmp(&s->seen[i], &c, sizeof c)) return 0;
    }
}

static void begin(struct grammar_state *s, struct cset *out) {
    *out = (struct cset){ .at = (uint32_t)s->top, .cost = COST_NONE };
    s->n_seen = 0;
    if (++s->epoch == 0) {
        memset(s->seen_epoch, 0, STATE_SEEN * sizeof *s->seen_epoch);
        s->epoch = 1;
    }
}

/* Of the config: what it takes to come to the end of everything. */
static uint32_t config_cost(const struct grammar_state *s, const struct config *c) {
    const struct node *x = &s->p->node[c->node];
    uint32_t below = s->frame[c->stack].cost;
    if (x->op != NODE_SPAN) return cost_add(s->p->cost[c->node], below);
    const struct span *span = &s->p->span[x->arg];
    const uint32_t *cost = s->p->unit[span->unit].cost;
    uint32_t units = c->units, inside = 0;
    if (c->state != UNIT_START) units++, inside = cost[c->state];
    if (units < span->min) inside = cost_add(inside, cost_mul(span->min - units, cost[UNIT_START]));
    return cost_add(inside, cost_add(s->p->cost[x->next], below));
}

static enum hearth_status put(struct grammar_state *s, struct cset *out, struct config c) {
    uint32_t cost = config_cost(s, &c);
    if (cost >= COST_NONE) return HEARTH_OK; /* nobody could finish it */
    if (out->n == STATE_LIVE) return fail(HEARTH_ELIMIT, "grammar: too ambiguous: more than %d ways to read the answer so far", STATE_LIVE);
    if (s->top == s->pool_cap) TRY(mem_grow(&s->pool, &s->pool_cap, s->top + 1, sizeof *s->pool));
    s->pool[s->top++] = c;
    out->n++;
    if (cost < out->cost) out->cost = cost;
    return HEARTH_OK;
}

enum hearth_status state_burn(struct grammar_state *s, uint64_t steps) {
    if (s->fuel >= steps) {
        s->fuel -= steps;
        return HEARTH_OK;
    }
    s->fuel = 0;
    return fail(HEARTH_ELIMIT, "grammar: too ambiguous: more than %d steps for one token", STATE_FUEL);
}

static enum hearth_status plan(struct grammar_state *s, size_t *n, uint32_t node, uint32_t stack) {
    if (*n == s->work_cap) TRY(mem_grow(&s->work, &s->work_cap, *n + 1, sizeof *s->work));
    s->work[*n].node = node;
    s->work[(*n)++].stack = stack;
    return HEARTH_OK;
}

/* Everything that can be reached from node without a byte. */
static enum hearth_status enter(struct grammar_state *s, struct cset *out, uint32_t node, uint32_t stack) {
    const struct program *p = s->p;
    size_t n = 0;
    TRY(plan(s, &n, node, stack));
    while (n) {
        struct config c = { s->work[n - 1].node, s->work[n - 1].stack, 0, UNIT_START };
        const struct node *x = &p->node[c.node];
        uint32_t below = c.stack;
        n--;
        TRY(state_burn(s, 1));
        if (s->n_seen > STATE_SEEN / 2) return fail(HEARTH_ELIMIT, "grammar: too ambiguous: more than %d steps between two bytes", STATE_SEEN / 2);
        if (p->cost[c.node] >= COST_NONE || !first_time(s, c)) continue;
        switch (x->op) {
        case NODE_END:
            if (c.stack) TRY(plan(s, &n, s->frame[c.stack].node, s->frame[c.stack].parent));
            else out->whole = 1, out->cost = 0;
            break;
        case NODE_SPLIT:
            TRY(plan(s, &n, x->arg, c.stack));
            TRY(plan(s, &n, x->next, c.stack));
            break;
        case NODE_CALL:
            if (p->node[x->next].op != NODE_END) TRY(push(s, x->next, c.stack, &below));
            TRY(plan(s, &n, p->start[x->arg], below));
            break;
        case NODE_SPAN:
            if (p->span[x->arg].min == 0) TRY(plan(s, &n, x->next, c.stack));
            TRY(put(s, out, c));
            break;
        case NODE_BYTE: case NODE_SET: TRY(put(s, out, c)); break;
        default: break;
        }
    }
    return HEARTH_OK;
}

enum hearth_status state_enter(struct grammar_state *s, uint32_t node, uint32_t stack, struct cset *out) {
    begin(s, out);
    return enter(s, out, node, stack);
}

/* A span after byte b. */
static enum hearth_status step_span(struct grammar_state *s, struct config c, unsigned b, struct cset *out) {
    const struct node *x = &s->p->node[c.node];
    const struct span *span = &s->p->span[x->arg];
    c.state = s->p->unit[span->unit].next[c.state * 256 + b];
    if (c.state == UNIT_DEAD) return HEARTH_OK;
    if (c.state == UNIT_DONE) {
        c.state = UNIT_START;
        c.units++;
        if (c.units >= span->min) TRY(enter(s, out, x->next, c.stack));
        if (span->max == GX_MANY && c.units > span->min) c.units = span->min; /* how many does not matter any more */
        if (c.units == span->max) return HEARTH_OK;
    }
    return first_time(s, c) ? put(s, out, c) : HEARTH_OK;
}

enum hearth_status state_step(struct grammar_state *s, const struct cset *from, unsigned b, int plain_only, struct cset *out) {
    const struct program *p = s->p;
    begin(s, out);
    for (uint32_t i = 0; i < from->n; i++) {
        struct config c = s->pool[from->at + i];
        const struct node *x = &p->node[c.node];
        TRY(state_burn(s, 1));
        if (x->op == NODE_BYTE ? x->byte == b : x->op == NODE_SET && byteset_has(&p->set[x->arg], b)) TRY(enter(s, out, x->next, c.stack));
        if (x->op == NODE_SPAN && !plain_only) TRY(step_span(s, c, b, out));
    }
    return HEARTH_OK;
}

/* ---- the answer ---- */

static enum hearth_status start(struct grammar_state *s) {
    s->top = 0;
    s->fuel = STATE_FUEL;
    s->tidy_at = STATE_FRAMES / 2;
    state_forget(s, 1);
    return state_enter(s, s->p->root, 0, &s->now);
}

enum hearth_status grammar_state_reset(struct grammar_state *s) { return start(s); }

static enum hearth_status fill(struct grammar_state *s) {
    enum { CONFIGS = 4096 };
    s->slots = 2 * STATE_FRAMES;
    s->slot = mem_array(s->slots, sizeof *s->slot);
    s->seen = mem_array(STATE_SEEN, sizeof *s->seen);
    s->seen_epoch = mem_array(STATE_SEEN, sizeof *s->seen_epoch);
    s->mask = mem_array(((size_t)s->g->lexicon->vocabulary + 31) / 32, sizeof *s->mask);
    if (!s->slot || !s->seen || !s->seen_epoch || !s->mask) return HEARTH_ENOMEM;
    TRY(mem_grow(&s->pool, &s->pool_cap, CONFIGS, sizeof *s->pool));
    TRY(mem_grow(&s->work, &s->work_cap, CONFIGS, sizeof *s->work));
    TRY(mem_grow(&s->frame, &s->frame_cap, CONFIGS, sizeof *s->frame));
    s->frame[0] = (struct frame){ 0 };
    s->frames = 1;
    return start(s);
}

enum hearth_status grammar_state_open(const struct hearth_grammar *g, struct grammar_state **out) {
    struct grammar_state *s = mem_array(1, sizeof *s);
    *out = NULL;
    if (!s) return HEARTH_ENOMEM;
    s->g = g;
    s->p = &g->p;
    enum hearth_status st = fill(s);
    if (st == HEARTH_OK) *out = s;
    else grammar_state_close(s);
    return st;
}

void grammar_state_close(struct grammar_state *s) {
    if (!s) return;
    free(s->pool);
    free(s->frame);
    free(s->slot);
    free(s->seen);
    free(s->seen_epoch);
    free(s->work);
    free(s->mask);
    free(s);
}

enum hearth_status grammar_state_accept_bytes(struct grammar_state *s, const char *bytes, size_t n) {
    s->fuel = STATE_FUEL * (1 + (uint64_t)n / LEXICON_LONGEST);
    for (size_t i = 0; i < n; i++) {
        struct cset next;
        s->top = s->now.at + s->now.n;
        TRY(state_step(s, &s->now, (unsigned char)bytes[i], 0, &next));
        if (next.n == 0 && !next.whole) return fail(HEARTH_EUSAGE, "grammar: it does not allow byte %02X here", (unsigned)(unsigned char)bytes[i]);
        memmove(s->pool, s->pool + next.at, next.n * sizeof *s->pool);
        next.at = 0;
        s->now = next;
        if (s->frames > s->tidy_at) TRY(tidy(s));
    }
    s->top = s->now.n;
    return HEARTH_OK;
}

enum hearth_status grammar_state_accept(struct grammar_state *s, int32_t id) {
    const char *bytes;
    size_t n;
    if (id < 0 || id >= s->g->lexicon->vocabulary || tokenizer_is_end(s->g->tokenizer, id))
        return fail(HEARTH_EUSAGE, "grammar: token %d is no part of an answer", id);
    tokenizer_piece(s->g->tokenizer, id, 0, &bytes, &n);
    if (n == 0) return fail(HEARTH_EUSAGE, "grammar: token %d has no text", id);
    return grammar_state_accept_bytes(s, bytes, n);
}

int grammar_state_whole(const struct grammar_state *s) { return s->now.whole; }
int grammar_state_over(const struct grammar_state *s) { return s->now.whole && s->now.n == 0; }
uint32_t grammar_state_least(const struct grammar_state *s) { return s->now.cost; }
