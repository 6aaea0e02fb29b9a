/* grammar_table.c - see grammar_table.h.  A table takes some milliseconds to make and 2 MB to keep at 262,144 tokens. */
#include "text/grammar_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "text/grammar_in.h"

enum { IDLE = 4 /* unused tables that are kept */, WIDE = 4000 /* nodes that are walked rather than remembered */ };

struct lexicon_tables { pthread_mutex_t guard; struct lexicon_table *first; };   /* the latest taken first */

enum hearth_status lexicon_tables_open(struct lexicon_tables **out) {
    if (!(*out = mem_array(1, sizeof **out))) return HEARTH_ENOMEM;
    pthread_mutex_init(&(*out)->guard, NULL);
    return HEARTH_OK;
}

static void table_free(struct lexicon_table *t) {
    free(t->automaton);
    free(t->units);
    free(t->whole);
    free(t->part);
    free(t->mask);
    free(t->part_mask);
    free(t);
}

void lexicon_tables_close(struct lexicon_tables *t) {
    if (!t) return;
    for (struct lexicon_table *x; (x = t->first);) {
        t->first = x->next_table;
        table_free(x);
    }
    pthread_mutex_destroy(&t->guard);
    free(t);
}

/* ---- making ---- */

/* The automaton's state and the whole units at each node of the branch that is being walked. */
struct place { uint8_t state, units; };

/* Calls for each node that lies inside repeated units; returns how many, or more than `most` when it stopped there. */
static uint32_t walk(const struct lexicon *l, const uint8_t *next, uint32_t start, uint32_t most, struct place *place,
                     void (*fn)(void *user, uint32_t node, struct place at), void *user) {
    uint32_t n = 0;
    uint32_t open[LEXICON_LONGEST + 1] = { 0 }, depth = 0;
    place[0] = (struct place){ (uint8_t)start, 0 };
    for (uint32_t i = 1; i < l->nodes;) {
        while (l->parent[i] != open[depth]) depth--;
        struct place at = place[depth];
        at.state = next[at.state * 256u + l->byte[i]];
        if (at.state == UNIT_DEAD) {
            i = l->end[i];
            continue;
        }
        if (at.state == UNIT_DONE) at.state = UNIT_START, at.units++;
        if (++n > most) return n;
        if (fn) fn(user, i, at);
        place[++depth] = at;
        open[depth] = i++;
    }
    return n;
}

struct making { const struct lexicon *l; struct lexicon_table *t; uint32_t counted[257]; };

static void count(void *user, uint32_t node, struct place at) {
    struct making *m = user;
    uint32_t n = m->l->token_at[node + 1] - m->l->token_at[node];
    if (at.state != UNIT_START) {
        m->t->parts += n;
        return;
    }
    m->t->units[node] = at.units;
    m->counted[at.units] += n;
    if (at.units > m->t->most) m->t->most = at.units;
}

static void list(void *user, uint32_t node, struct place at) {
    struct making *m = user;
    for (uint32_t i = m->l->token_at[node]; i < m->l->token_at[node + 1]; i++) {
        int32_t id = m->l->token[i];
        if (at.state != UNIT_START) {
            m->t->part[m->t->parts++] = (struct part){ id, at.units, at.state };
            m->t->part_mask[id / 32] |= 1u << (id % 32);
            if (at.units > m->t->part_most) m->t->part_most = at.units;
        } else {
            m->t->whole[m->counted[at.units]++] = id;
            m->t->mask[id / 32] |= 1u << (id % 32);
        }
    }
}

static enum hearth_status fill(const struct lexicon *l, struct lexicon_table *t) {
    struct making *m = mem_array(1, sizeof *m);
    struct place place[LEXICON_LONGEST + 1];
    if (!m) return HEARTH_ENOMEM;
    enum hearth_status st = HEARTH_OK;
    *m = (struct making){ .l = l, .t = t };
    memset(t->units, TABLE_INSIDE, l->nodes);
    if (t->start == UNIT_START) t->units[0] = 0;
    walk(l, t->automaton, t->start, UINT32_MAX, place, count, m);
    for (int k = 0; k < 256; k++) t->whole_at[k + 1] = t->whole_at[k] + m->counted[k];
    memcpy(m->counted, t->whole_at, sizeof m->counted);
    t->whole = mem_array(t->whole_at[256] + 1, sizeof *t->whole);
    t->part = mem_array(t->parts + 1, sizeof *t->part);
    t->mask = mem_array(((size_t)l->vocabulary + 31) / 32, sizeof *t->mask);
    t->part_mask = mem_array(((size_t)l->vocabulary + 31) / 32, sizeof *t->part_mask);
    if (!t->whole || !t->part || !t->mask || !t->part_mask) st = HEARTH_ENOMEM;
    t->parts = 0;
    if (st == HEARTH_OK) walk(l, t->automaton, t->start, UINT32_MAX, place, list, m);
    free(m);
    return st;
}

static enum hearth_status make(const struct lexicon *l, const uint8_t *automaton, uint32_t states, uint32_t start, struct lexicon_table **out) {
    struct lexicon_table *t = mem_array(1, sizeof *t);
    *out = NULL;
    if (!t) return HEARTH_ENOMEM;
    t->states = states;
    t->start = start;
    t->automaton = mem_array(states, 256);
    t->units = mem_array(l->nodes, 1);
    enum hearth_status st = t->automaton && t->units ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        memcpy(t->automaton, automaton, states * 256u);
        st = fill(l, t);
    }
    if (st == HEARTH_OK) *out = t;
    else table_free(t);
    return st;
}

/* ---- sharing ---- */

enum hearth_status lexicon_table_take(struct lexicon *l, const uint8_t *automaton, uint32_t states, uint32_t start,
                                      struct lexicon_table **out) {
    struct place place[LEXICON_LONGEST + 1];
    *out = NULL;
    if (walk(l, automaton, start, WIDE, place, NULL, NULL) <= WIDE) return HEARTH_OK;
    enum hearth_status st = HEARTH_OK;
    struct lexicon_table **at = &l->tables->first, *t;
    pthread_mutex_lock(&l->tables->guard);
    while ((t = *at) && (t->states != states || t->start != start || memcmp(t->automaton, automaton, states * 256u) != 0)) at = &t->next_table;
    if (t) *at = t->next_table;
    else st = make(l, automaton, states, start, &t);
    if (st == HEARTH_OK) {
        t->users++;
        t->next_table = l->tables->first;
        l->tables->first = *out = t;
    }
    pthread_mutex_unlock(&l->tables->guard);
    return st;
}

void lexicon_table_leave(struct lexicon *l, struct lexicon_table *t) {
    if (!t) return;
    pthread_mutex_lock(&l->tables->guard);
    t->users--;
    int idle = 0;
    for (struct lexicon_table **at = &l->tables->first, *x; (x = *at);) {
        if (x->users == 0 && ++idle > IDLE) {
            *at = x->next_table;
            table_free(x);
        } else {
            at = &x->next_table;
        }
    }
    pthread_mutex_unlock(&l->tables->guard);
}
