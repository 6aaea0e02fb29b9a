/* special.c - a trie of the special tokens.
 *
 *     root --'<'--> 1 --'|'--> 3 --'i'--> ... --'>'--> 17 [<|im_end|>]
 *            '\n'-> 2 [\n] --'\n'--> 4 [\n\n] ...
 *
 * It is made from the names in their order, level by level, so the children of a node are neighbours and stand in the order of
 * their bytes: child[k] is the first of node k, child[k + 1] lies behind the last.  Every name's bytes are looked at once, and a
 * step is a search by halves among 256 at most: nothing is hashed, so there is no file whose tokens were chosen to collide.
 *
 * Nearly all bytes of a text begin no special token and cost one look into first[].  A token has at most SPECIAL_MAX bytes, so a
 * text of n bytes takes at most SPECIAL_MAX * n steps, and in practice about n.
 */
#include "text/special.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 1 << 24 };

struct range { uint32_t from, to; }; /* of the names that begin with a node's bytes */

static int is_special(const struct vocab *v, int32_t id) {
    return v->type[id] == TOKEN_UNKNOWN || v->type[id] == TOKEN_CONTROL || v->type[id] == TOKEN_USER;
}

/* Of equal names the one with the smallest id comes first, and stands. */
static int by_bytes(const void *a, const void *b) {
    const struct special_name *x = a, *y = b;
    int c = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
    if (c == 0) c = (x->n > y->n) - (x->n < y->n);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

static void grow(struct special *s, const struct special_name *name, uint32_t n, struct range *range) {
    uint32_t depth = 0, level_end = 1;
    s->nodes = 1;
    range[0] = (struct range){ 0, n };
    for (uint32_t k = 0; k < s->nodes; k++) {
        if (k == level_end) depth++, level_end = s->nodes;
        uint32_t i = range[k].from, to = range[k].to;
        s->id[k] = -1;
        if (i < to && name[i].n == depth) {
            s->id[k] = name[i].id;
            s->user[k] = (uint8_t)name[i].user;
            s->any_user |= s->user[k];
        }
        while (i < to && name[i].n == depth) i++;
        s->child[k] = s->nodes;
        for (; i < to; i++) {
            uint8_t byte = (uint8_t)name[i].s[depth];
            if (s->nodes == s->child[k] || s->byte[s->nodes - 1] != byte) {
                s->byte[s->nodes] = byte;
                range[s->nodes++].from = i;
            }
            range[s->nodes - 1].to = i + 1;
        }
    }
    s->child[s->nodes] = s->nodes;
    for (uint32_t k = s->child[0]; k < s->child[1]; k++) s->first[s->byte[k]] = k;
}

static enum hearth_status make(struct special *s, struct special_name *name, size_t n, size_t most) {
    struct range *range = mem_array(most, sizeof *range);
    size_t k = 0;
    s->child = mem_array(most + 1, sizeof *s->child);
    s->byte = mem_array(most, 1);
    s->id = mem_array(most, sizeof *s->id);
    s->user = mem_array(most, 1);
    enum hearth_status st = range && s->child && s->byte && s->id && s->user ? HEARTH_OK : HEARTH_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (name[i].n) name[k++] = name[i]; /* an empty name stands nowhere */
    if (st == HEARTH_OK) {
        if (k) qsort(name, k, sizeof *name, by_bytes);
        grow(s, name, (uint32_t)k, range);
    }
    free(range);
    return st;
}

enum hearth_status special_init_names(struct special *s, const char *path, struct special_name *name, size_t n) {
    *s = (struct special){ 0 };
    uint64_t most = 1; /* nodes, when no two tokens shared a beginning */
    for (size_t i = 0; i < n; i++) {
        if (name[i].n > SPECIAL_MAX)
            return fail(HEARTH_EFORMAT, "%s: special token %d has %zu bytes, allowed: at most %d", path, name[i].id, name[i].n, SPECIAL_MAX);
        most += name[i].n;
    }
    if (most > NODES_MAX)
        return fail(HEARTH_EFORMAT, "%s: the special tokens have %llu bytes in all, allowed: fewer than %d", path,
                    (unsigned long long)most, NODES_MAX);
    enum hearth_status st = make(s, name, n, (size_t)most);
    if (st != HEARTH_OK) special_free(s);
    return st;
}

enum hearth_status special_init(struct special *s, const struct vocab *v) {
    size_t k = 0;
    char path[1100];
    struct special_name *name = mem_array((size_t)v->n, sizeof *name);
    if (!name) return HEARTH_ENOMEM;
    for (int32_t i = 0; i < v->n; i++) {
        if (!is_special(v, i)) continue;
        name[k] = (struct special_name){ .id = i, .user = v->type[i] == TOKEN_USER };
        name[k].s = vocab_bytes(v, i, &name[k].n);
        k++;
    }
    snprintf(path, sizeof path, "%s: tokenizer.ggml.tokens", v->path);
    enum hearth_status st = special_init_names(s, path, name, k);
    free(name);
    return st;
}

void special_free(struct special *s) {
    free(s->child);
    free(s->byte);
    free(s->id);
    free(s->user);
    *s = (struct special){ 0 };
}

/* The child of a node by its byte; 0: none. */
static inline uint32_t step_of(const struct special *s, uint32_t node, uint8_t byte) {
    uint32_t from = s->child[node], to = s->child[node + 1], end = to;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (s->byte[middle] < byte) from = middle + 1;
        else to = middle;
    }
    return from < end && s->byte[from] == byte ? from : 0;
}

uint32_t special_step(const struct special *s, uint32_t node, uint8_t byte) {
    return node ? step_of(s, node, byte) : s->first[byte];
}

/* The longest token that begins at s[0]; n = 0 when there is none. */
static struct special_match longest_at(const struct special *s, const char *text, size_t n, int all) {
    struct special_match best = { 0, 0, -1 };
    uint32_t node = s->first[(uint8_t)text[0]];
    for (size_t i = 1; node; i++) {
        if (s->id[node] >= 0 && (all || s->user[node])) best.n = i, best.id = s->id[node];
        if (i == n) break;
        node = step_of(s, node, (uint8_t)text[i]);
    }
    return best;
}

int special_find(const struct special *s, const char *text, size_t n, size_t from, int all, struct special_match *out) {
    if (!all && !s->any_user) return 0;
    for (size_t i = from; i < n; i++) {
        if (!s->first[(uint8_t)text[i]]) continue;
        *out = longest_at(s, text + i, n - i, all);
        if (out->n) {
            out->at = i;
            return 1;
        }
    }
    return 0;
}
