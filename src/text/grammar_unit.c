/* grammar_unit.c - from an expression without recursion to an automaton over bytes.
 *
 * Thompson's construction, then sets of its nodes.  Characters become bytes by cutting ranges of code points where the UTF-8 of all
 * in a piece differs in ranges of bytes only: [U+0080, U+07FF] is C2..DF 80..BF.  An automaton is a unit when nothing can follow where
 * it accepts; what is too large or is no unit is left to the program's nodes. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "text/grammar_in.h"

enum { NFA_NODES = 2048, NFA_DEPTH = 64, NFA_VISITS = 100000, CLASSES = 4096 };
enum nfa_op { NFA_RANGE, NFA_SPLIT, NFA_ACCEPT, NFA_FAIL };

struct nfa_node { uint8_t op, lo, hi; uint16_t next, arg; };

struct bits { uint64_t word[NFA_NODES / 64]; };

struct made_class { const struct gx *x; uint32_t unit; };

struct maker {
    const struct grammar_rules *r;
    struct made_class class[CLASSES];   /* those made last, by a hash of their ranges */
    uint32_t visits;                 /* expressions that were looked at, nothing of which may become a node */
    struct nfa_node node[NFA_NODES];
    uint32_t nodes;
    int too_large;
    struct bits set[UNIT_STATES];    /* the nodes of each state; [UNIT_DONE] is unused */
    uint8_t next[UNIT_STATES][256];
    uint32_t states;
    uint16_t stack[NFA_NODES * 2];
};

/* ---- nodes ---- */

static uint16_t put(struct maker *m, uint8_t op, uint8_t lo, uint8_t hi, uint16_t next, uint16_t arg) {
    if (m->nodes == NFA_NODES) {
        m->too_large = 1;
        return 0;
    }
    m->node[m->nodes] = (struct nfa_node){ op, lo, hi, next, arg };
    return (uint16_t)m->nodes++;
}

/* Code points whose UTF-8 has the same length; *out gets another way. */
static void characters(struct maker *m, uint32_t lo, uint32_t hi, uint16_t next, int64_t *out) {
    char a[4], b[4];
    int n = utf8_write(lo, a), last = 0;
    utf8_write(hi, b);
    while (last < n && a[last] == b[last]) last++;
    uint32_t low = last < n - 1 ? (1u << (6 * (n - 1 - last))) - 1 : 0; /* behind the byte that differs all of 80..BF must be there */
    if (lo & low || (hi & low) != low) {
        uint32_t edge = lo & low ? lo | low : (hi & ~low) - 1;
        characters(m, lo, edge, next, out);
        characters(m, edge + 1, hi, next, out);
        return;
    }
    uint16_t x = next;
    for (int i = n - 1; i >= 0 && !m->too_large; i--) x = put(m, NFA_RANGE, (uint8_t)a[i], (uint8_t)b[i], x, 0);
    *out = *out < 0 ? x : put(m, NFA_SPLIT, 0, 0, x, (uint16_t)*out);
}

static uint16_t class(struct maker *m, const struct gx *x, uint16_t next) {
    static const uint32_t cut[] = { 0x7F, 0x7FF, 0xD7FF, 0xFFFF, 0x10FFFF };
    int64_t out = -1;
    for (uint32_t i = 0; i < x->n && !m->too_large; i++) {
        uint32_t lo = x->range[i].lo;
        for (int c = 0; c < 5 && lo <= x->range[i].hi && !m->too_large; c++) {
            uint32_t hi = x->range[i].hi < cut[c] ? x->range[i].hi : cut[c];
            if (lo > cut[c]) continue;
            characters(m, lo, hi, next, &out);
            lo = hi + 1;
            if (lo == 0xD800) lo = 0xE000;
        }
    }
    return out < 0 ? put(m, NFA_FAIL, 0, 0, 0, 0) : (uint16_t)out;
}

static uint16_t build(struct maker *m, const struct gx *x, uint16_t next, int depth);

static uint16_t repeated(struct maker *m, const struct gx *x, uint16_t next, int depth) {
    uint16_t at = next;
    if (x->max == GX_MANY) {
        uint16_t loop = put(m, NFA_SPLIT, 0, 0, 0, next), inside = build(m, x->child[0], loop, depth);
        m->node[loop].next = inside;
        at = loop;
    } else {
        for (uint32_t i = x->min; i < x->max && !m->too_large; i++)
            at = put(m, NFA_SPLIT, 0, 0, build(m, x->child[0], at, depth), next);
    }
    for (uint32_t i = 0; i < x->min && !m->too_large; i++) at = build(m, x->child[0], at, depth);
    return at;
}

static uint16_t build(struct maker *m, const struct gx *x, uint16_t next, int depth) {
    if (m->too_large) return 0;
    if (depth > NFA_DEPTH || ++m->visits > NFA_VISITS) m->too_large = 1;
    uint16_t at = next;
    switch (x->op) {
    case GX_EMPTY: return next;
    case GX_NOTHING: return put(m, NFA_FAIL, 0, 0, 0, 0);
    case GX_BYTES:
        for (uint32_t i = x->n; i > 0 && !m->too_large; i--) at = put(m, NFA_RANGE, (uint8_t)x->bytes[i - 1], (uint8_t)x->bytes[i - 1], at, 0);
        return at;
    case GX_SET: return class(m, x, next);
    case GX_SEQ:
        for (uint32_t i = x->n; i > 0; i--) at = build(m, x->child[i - 1], at, depth + 1);
        return at;
    case GX_ALT:
        at = build(m, x->child[x->n - 1], next, depth + 1);
        for (uint32_t i = x->n - 1; i > 0 && !m->too_large; i--)
            at = put(m, NFA_SPLIT, 0, 0, build(m, x->child[i - 1], next, depth + 1), at);
        return at;
    case GX_REPEAT: return repeated(m, x, next, depth + 1);
    case GX_RULE: return m->r->body[x->rule] ? build(m, m->r->body[x->rule], next, depth + 1) : put(m, NFA_FAIL, 0, 0, 0, 0);
    }
    return 0;
}

/* ---- sets of nodes ---- */

static void add(struct maker *m, struct bits *s, uint16_t node) {
    uint32_t n = 0;
    m->stack[n++] = node;
    while (n) {
        uint16_t x = m->stack[--n];
        if (s->word[x / 64] >> (x % 64) & 1) continue;
        s->word[x / 64] |= (uint64_t)1 << (x % 64);
        if (m->node[x].op == NFA_SPLIT) {
            m->stack[n++] = m->node[x].next;
            m->stack[n++] = m->node[x].arg;
        }
    }
}

static int accepts(const struct maker *m, const struct bits *s, int *more) {
    int is = 0;
    *more = 0;
    for (uint32_t w = 0; w < NFA_NODES / 64; w++)
        for (uint64_t bits = s->word[w]; bits; bits &= bits - 1) {
            uint8_t op = m->node[w * 64 + (uint32_t)__builtin_ctzll(bits)].op;
            if (op == NFA_ACCEPT) is = 1;
            if (op == NFA_RANGE) *more = 1;
        }
    return is;
}

static void step(struct maker *m, const struct bits *from, unsigned byte, struct bits *out) {
    memset(out, 0, sizeof *out);
    for (uint32_t w = 0; w < NFA_NODES / 64; w++)
        for (uint64_t bits = from->word[w]; bits; bits &= bits - 1) {
            const struct nfa_node *x = &m->node[w * 64 + (uint32_t)__builtin_ctzll(bits)];
            if (x->op == NFA_RANGE && x->lo <= byte && byte <= x->hi) add(m, out, x->next);
        }
}

static int is_empty(const struct bits *s) {
    for (uint32_t w = 0; w < NFA_NODES / 64; w++)
        if (s->word[w]) return 0;
    return 1;
}

/* The state of a set; -1: it is no unit, or too large. */
static int state_of(struct maker *m, const struct bits *s) {
    int more;
    if (is_empty(s)) return UNIT_DEAD;
    if (accepts(m, s, &more)) return more ? -1 : UNIT_DONE;
    if (!more) return UNIT_DEAD;
    for (uint32_t i = UNIT_DONE + 1; i < m->states; i++)
        if (!memcmp(&m->set[i], s, sizeof *s)) return (int)i;
    if (m->states == UNIT_STATES) return -1;
    m->set[m->states] = *s;
    return (int)m->states++;
}

/* Bytes between two edges are alike. */
static void edges(const struct maker *m, uint8_t edge[257]) {
    memset(edge, 0, 257);
    edge[0] = 1;
    for (uint32_t i = 0; i < m->nodes; i++)
        if (m->node[i].op == NFA_RANGE) edge[m->node[i].lo] = edge[m->node[i].hi + 1] = 1;
}

/* *is = 0: it is no unit, or too large for one.  fuel NULL: a class, which must be one. */
static enum hearth_status determine(struct maker *m, struct program *p, uint16_t start, uint64_t *fuel, int *is) {
    uint8_t edge[257];
    struct bits out;
    int more;
    edges(m, edge);
    memset(&m->set[UNIT_START], 0, sizeof m->set[0]);
    add(m, &m->set[UNIT_START], start);
    if (accepts(m, &m->set[UNIT_START], &more) || !more) return HEARTH_OK;
    m->states = UNIT_DONE + 1;
    memset(m->next, UNIT_DEAD, (UNIT_DONE + 1) * sizeof m->next[0]);
    for (uint32_t i = UNIT_START; i < m->states; i++) {
        if (i == UNIT_DONE) continue;
        for (unsigned b = 0; b < 256; b++) {
            if (!edge[b]) {
                m->next[i][b] = m->next[i][b - 1];
                continue;
            }
            if (fuel && *fuel < m->nodes) return HEARTH_OK;
            if (fuel) *fuel -= m->nodes;
            TRY(program_burn(p, NFA_NODES / 64 + m->nodes / 4));
            step(m, &m->set[i], b, &out);
            int to = state_of(m, &out);
            if (to < 0) return HEARTH_OK;
            m->next[i][b] = (uint8_t)to;
        }
    }
    *is = 1;
    return HEARTH_OK;
}

/* ---- units of a program ---- */

static enum hearth_status keep(struct program *p, const struct maker *m, uint32_t *unit) {
    size_t bytes = m->states * 256u;
    uint64_t hash = m->states;
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word;
        memcpy(&word, &m->next[0][0] + i, sizeof word);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    TRY(program_burn(p, bytes + 2 * p->units));
    for (*unit = 0; *unit < p->units; ++*unit)
        if (p->unit[*unit].hash == hash && p->unit[*unit].states == m->states && !memcmp(p->unit[*unit].next, m->next, bytes)) return HEARTH_OK;
    p->unit_bytes += bytes;
    if (p->unit_bytes > UNIT_BYTES) return fail(HEARTH_ELIMIT, "grammar: too large: its classes and repetitions take more than %d bytes of tables", UNIT_BYTES);
    TRY(mem_grow(&p->unit, &p->unit_cap, p->units + 1, sizeof *p->unit));
    struct unit u = { .states = m->states, .hash = hash, .next = mem_array(bytes, 1), .cost = mem_array(m->states, sizeof *u.cost),
                      .table = mem_array(m->states, sizeof *u.table) };
    if (!u.next || !u.cost || !u.table) {
        free(u.next);
        free(u.cost);
        free(u.table);
        return HEARTH_ENOMEM;
    }
    memcpy(u.next, m->next, bytes);
    p->unit[p->units++] = u;
    return HEARTH_OK;
}

static struct made_class *class_of(struct maker *m, const struct gx *x) {
    uint64_t hash = x->n;
    for (uint32_t i = 0; i < x->n; i++) hash = (hash ^ x->range[i].lo ^ (uint64_t)x->range[i].hi << 32) * 0x9E3779B97F4A7C15u;
    return &m->class[hash >> 40 & (CLASSES - 1)];
}

static int same_class(const struct gx *a, const struct gx *b) {
    return a && a->n == b->n && !memcmp(a->range, b->range, a->n * sizeof *a->range);
}

static enum hearth_status make(struct program *p, const struct gx *x, int *is, uint32_t *unit) {
    struct maker *m = p->maker;
    m->nodes = m->visits = 0;
    m->too_large = 0;
    uint16_t start = build(m, x, put(m, NFA_ACCEPT, 0, 0, 0, 0), 0);
    TRY(program_burn(p, 1000 + 8 * (uint64_t)m->visits + 16 * m->nodes));
    if (p->fuel >= m->nodes) p->fuel -= m->nodes;
    if (!m->too_large) TRY(determine(m, p, start, x->op == GX_SET ? NULL : &p->fuel, is));
    return *is ? keep(p, m, unit) : HEARTH_OK;
}

enum hearth_status unit_make(struct program *p, const struct grammar_rules *r, const struct gx *x, int *is, uint32_t *unit) {
    struct made_class *c = NULL;
    *is = 0;
    if (!p->maker && !(p->maker = mem_array(1, sizeof *p->maker))) return HEARTH_ENOMEM;
    p->maker->r = r;
    if (x->op == GX_SET && same_class((c = class_of(p->maker, x))->x, x)) return *is = 1, *unit = c->unit, HEARTH_OK;
    TRY(make(p, x, is, unit));
    if (c && *is) *c = (struct made_class){ x, *unit };
    return HEARTH_OK;
}

void maker_free(struct maker *m) { free(m); }

static enum hearth_status price(struct program *p, struct unit *u, const struct lexicon *l) {
    for (uint32_t s = 0; s < u->states; s++) u->cost[s] = COST_NONE;
    u->cost[UNIT_DONE] = 0;
    for (int changed = 1; changed;) {
        changed = 0;
        TRY(program_burn(p, u->states * 256u));
        for (uint32_t s = u->states; s-- > 0;)
            for (unsigned b = 0; b < 256; b++) {
                uint32_t c = l->alone[b] ? cost_add(1, u->cost[u->next[s * 256 + b]]) : COST_NONE;
                if (c < u->cost[s]) u->cost[s] = c, changed = 1;
            }
    }
    for (uint32_t k = 0; k < u->states; k++)
        if (u->cost[k] < COST_NONE && u->cost[k] > u->dearest) u->dearest = u->cost[k];
    for (uint32_t i = 0; i < u->states * 256; i++) /* where no way goes on is dead */
        if (u->cost[u->next[i]] == COST_NONE) u->next[i] = UNIT_DEAD;
    return HEARTH_OK;
}

enum hearth_status units_finish(struct program *p, struct lexicon *l) {
    enum { TABLES = 16, LOOK = 16000 /* steps of finding out whether one is worth while */ };
    int tables = 0;
    maker_free(p->maker);
    p->maker = NULL;
    for (size_t i = 0; i < p->units; i++) {
        struct unit *u = &p->unit[i];
        TRY(price(p, u, l));
        for (uint32_t k = UNIT_START; k < u->states && u->repeated && tables < TABLES; k++) {
            TRY(program_burn(p, LOOK));
            if (k != UNIT_DONE) TRY(lexicon_table_take(l, u->next, u->states, k, &u->table[k]));
            tables += u->table[k] != NULL;
        }
    }
    return HEARTH_OK;
}
