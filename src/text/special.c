/* special.c - a trie of the special tokens.
 *
 *     root --'<'--> 1 --'|'--> 2 --'i'--> ... --'>'--> 12 [<|im_end|>]
 *            '\n'-> 13 [\n] --'\n'--> 14 [\n\n] ...
 *
 * An edge is one entry of a hash table, (node << 8 | byte) -> node, so that a step costs the same whatever the number
 * of children.  Nearly all bytes of a text begin no special token and cost one look into first[].  A token has at most
 * SPECIAL_MAX bytes, so a text of n bytes takes at most SPECIAL_MAX * n steps, and in practice about n.
 */
#include "text/special.h"

#include <stdlib.h>

enum { NODES_MAX = 1 << 24 };

/* An entry is (node << 8 | byte) << 32 | child; 0 is free, since no child is the root. */
static inline uint64_t *edge_slot(const struct special *s, uint32_t node, uint8_t byte) {
    uint32_t key = node << 8 | byte, mask = s->edges - 1;
    uint32_t i = (key * 0x9E3779B1u) >> 7 & mask;
    while (s->edge[i] && s->edge[i] >> 32 != key) i = (i + 1) & mask;
    return s->edge + i;
}

static int is_special(const struct vocab *v, int32_t id) {
    return v->type[id] == TOKEN_UNKNOWN || v->type[id] == TOKEN_CONTROL || v->type[id] == TOKEN_USER;
}

static void trie_add(struct special *s, const struct vocab *v, int32_t id) {
    size_t n;
    const char *bytes = vocab_bytes(v, id, &n);
    if (n == 0) return; /* an empty name stands nowhere */
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t *slot = edge_slot(s, node, (uint8_t)bytes[i]);
        if (!*slot) {
            *slot = (uint64_t)(node << 8 | (uint8_t)bytes[i]) << 32 | s->nodes;
            s->id[s->nodes++] = -1;
        }
        node = (uint32_t)*slot;
        if (i == 0) s->first[(uint8_t)bytes[0]] = node;
    }
    if (s->id[node] >= 0) return; /* a duplicate: the first one stands */
    s->id[node] = id;
    s->user[node] = v->type[id] == TOKEN_USER;
    s->any_user |= s->user[node];
}

enum hearth_status special_init(struct special *s, const struct vocab *v) {
    *s = (struct special){ 0 };
    uint64_t most = 1; /* nodes, when no two tokens shared a beginning */
    for (int32_t i = 0; i < v->n; i++) {
        if (!is_special(v, i)) continue;
        size_t n;
        vocab_bytes(v, i, &n);
        if (n > SPECIAL_MAX)
            return fail(HEARTH_EFORMAT, "%s: tokenizer.ggml.tokens: special token %d has %zu bytes, allowed: at most "
                        "%d", v->path, i, n, SPECIAL_MAX);
        most += n;
    }
    if (most > NODES_MAX)
        return fail(HEARTH_EFORMAT, "%s: tokenizer.ggml.tokens: the special tokens have %llu bytes in all, allowed: "
                    "fewer than %d", v->path, (unsigned long long)most, NODES_MAX);
    s->edges = 16;
    while (s->edges < 2 * most) s->edges *= 2;
    s->nodes = 1;
    s->edge = mem_array(s->edges, sizeof *s->edge);
    s->id = mem_array((size_t)most, sizeof *s->id);
    s->user = mem_array((size_t)most, 1);
    if (!s->edge || !s->id || !s->user) {
        special_free(s);
        return HEARTH_ENOMEM;
    }
    s->id[0] = -1;
    for (int32_t i = 0; i < v->n; i++)
        if (is_special(v, i)) trie_add(s, v, i);
    return HEARTH_OK;
}

void special_free(struct special *s) {
    free(s->edge);
    free(s->id);
    free(s->user);
    *s = (struct special){ 0 };
}

/* The longest token that begins at s[0]; n = 0 when there is none. */
static struct special_match longest_at(const struct special *s, const char *text, size_t n, int all) {
    struct special_match best = { 0, 0, -1 };
    uint32_t node = s->first[(uint8_t)text[0]];
    for (size_t i = 1; node; i++) {
        if (s->id[node] >= 0 && (all || s->user[node])) best.n = i, best.id = s->id[node];
        if (i == n) break;
        node = (uint32_t)*edge_slot(s, node, (uint8_t)text[i]);
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
