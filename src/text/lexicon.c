/* lexicon.c - see lexicon.h.  Sorting the tokens by their bytes gives the preorder; 262,144 take some 0.1 s, once a model. */
#include "text/lexicon.h"

#include <stdlib.h>
#include <string.h>

#include "text/grammar_table.h"

struct word { uint64_t head; const char *s; uint32_t n; int32_t id; };   /* head: the first 8 bytes, big-endian */

static int by_bytes(const void *a, const void *b) {
    const struct word *x = a, *y = b;
    if (x->head != y->head) return x->head < y->head ? -1 : 1;
    uint32_t n = x->n < y->n ? x->n : y->n;
    int c = n > 8 ? memcmp(x->s + 8, y->s + 8, n - 8) : 0;
    if (!c) c = (x->n > y->n) - (x->n < y->n);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

static uint64_t head(const char *s, size_t n) {
    uint64_t h = 0;
    for (size_t i = 0; i < 8; i++) h = h << 8 | (i < n ? (unsigned char)s[i] : 0);
    return h;
}

/* The tokens that may stand in an answer; *bytes of all together. */
static uint32_t collect(struct lexicon *l, const struct tokenizer *t, struct word *w, size_t *bytes) {
    uint32_t n = 0;
    *bytes = 0;
    for (int32_t id = 0; id < l->vocabulary; id++) {
        const char *s;
        size_t len;
        if (tokenizer_is_end(t, id)) {
            if (l->n_ends < (int)(sizeof l->ends / sizeof *l->ends)) l->ends[l->n_ends++] = id;
            continue;
        }
        tokenizer_piece(t, id, 0, &s, &len);
        if (len == 0 || len > LEXICON_LONGEST) continue;
        w[n++] = (struct word){ head(s, len), s, (uint32_t)len, id };
        *bytes += len;
        if (len == 1) l->alone[(unsigned char)*s] = 1;
    }
    return n;
}

static enum hearth_status allocate(struct lexicon *l, uint32_t words, size_t nodes) {
    l->byte = mem_array(nodes, 1);
    l->parent = mem_array(nodes, sizeof *l->parent);
    l->end = mem_array(nodes, sizeof *l->end);
    l->token_at = mem_array(nodes + 1, sizeof *l->token_at);
    l->token = mem_array(words ? words : 1, sizeof *l->token);
    return l->byte && l->parent && l->end && l->token_at && l->token ? HEARTH_OK : HEARTH_ENOMEM;
}

static size_t common(const struct word *a, const struct word *b) {
    size_t n = a->n < b->n ? a->n : b->n, i = 0;
    while (i < n && a->s[i] == b->s[i]) i++;
    return i;
}

/* path[d]: the open node at depth d. */
static void plant(struct lexicon *l, const struct word *w, uint32_t words) {
    uint32_t path[LEXICON_LONGEST + 1] = { 0 }, depth = 0, nodes = 1;
    for (uint32_t i = 0; i < words; i++) {
        uint32_t shared = i ? (uint32_t)common(&w[i - 1], &w[i]) : 0;
        for (; depth > shared; depth--) l->end[path[depth]] = nodes;
        for (; depth < w[i].n; nodes++) {
            l->byte[nodes] = (unsigned char)w[i].s[depth];
            l->parent[nodes] = path[depth];
            l->token_at[nodes] = i;
            path[++depth] = nodes;
        }
        l->token[i] = w[i].id;
    }
    for (; depth > 0; depth--) l->end[path[depth]] = nodes;
    l->end[0] = l->nodes = nodes;
    l->token_at[nodes] = words;
}

static enum hearth_status list_by_byte(struct lexicon *l) {
    if (!(l->with = mem_array(l->nodes, sizeof *l->with))) return HEARTH_ENOMEM;
    for (uint32_t i = 1; i < l->nodes; i++) l->with_at[l->byte[i] + 1]++;
    for (int b = 0; b < 256; b++) l->with_at[b + 1] += l->with_at[b];
    uint32_t next[256];
    memcpy(next, l->with_at, sizeof next);
    for (uint32_t i = 1; i < l->nodes; i++) l->with[next[l->byte[i]]++] = i;
    return HEARTH_OK;
}

static enum hearth_status fill(struct lexicon *l, const struct tokenizer *t, struct word *w) {
    size_t bytes;
    uint32_t words = collect(l, t, w, &bytes);
    if (bytes > UINT32_MAX - 2) return fail(HEARTH_ELIMIT, "the tokens of the vocabulary have %zu bytes: too many for grammars", bytes);
    qsort(w, words, sizeof *w, by_bytes);
    size_t nodes = 1;
    for (uint32_t i = 0; i < words; i++) nodes += w[i].n - (i ? common(&w[i - 1], &w[i]) : 0);
    TRY(allocate(l, words, nodes));
    plant(l, w, words);
    TRY(list_by_byte(l));
    return lexicon_tables_open(&l->tables);
}

enum hearth_status lexicon_open(const struct tokenizer *t, struct lexicon **out) {
    struct lexicon *l = mem_array(1, sizeof *l);
    struct word *w = mem_array((size_t)tokenizer_size(t), sizeof *w);
    *out = NULL;
    enum hearth_status st = l && w ? HEARTH_OK : HEARTH_ENOMEM;
    if (st == HEARTH_OK) {
        l->vocabulary = tokenizer_size(t);
        st = fill(l, t, w);
    }
    free(w);
    if (st == HEARTH_OK) *out = l;
    else lexicon_close(l);
    return st;
}

void lexicon_close(struct lexicon *l) {
    if (!l) return;
    lexicon_tables_close(l->tables);
    free(l->byte);
    free(l->parent);
    free(l->end);
    free(l->token_at);
    free(l->token);
    free(l->with);
    free(l);
}

uint32_t lexicon_find(const struct lexicon *l, uint32_t from, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t c = from + 1;
        while (c < l->end[from] && l->byte[c] != (unsigned char)s[i]) c = l->end[c];
        if (c >= l->end[from]) return 0;
        from = c;
    }
    return from;
}
