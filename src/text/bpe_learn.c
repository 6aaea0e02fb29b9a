/* bpe_learn.c - see bpe_learn.h.
 *
 *     pairs   (left, right) -> how often it stands, and the list of words that were just found to hold it
 *     heap    (count, pair, list of words), the most frequent first
 *
 * Counts in the heap grow old: joining a pair lowers the counts of those beside it.  An entry that comes up with an old count
 * goes back with the true one.  A word in an entry's list may no longer hold the pair; then nothing happens to it.
 *
 * Two things follow the `tokenizers` package where one could do otherwise: a pair's count stays what it was when the pair is joined
 * (it shows only where two ways of joining lead to one token, whose pairs then come back), and a pair of equal symbols stands twice
 * in "aaa" though it can be joined once.
 */
#include "text/bpe_learn.h"

#include <stdlib.h>
#include <string.h>
#include "text/pairs.h"
#include "text/vocab.h"

#define NOTHING UINT32_MAX

struct pair_count { uint64_t key; int64_t count; uint32_t list; uint8_t used, touched; };
struct place { uint32_t word, next; };                       /* of a list of words */
struct entry { uint64_t count, key, order; uint32_t list; }; /* order: the older of two that are equal else */

struct run {
    struct bpe_learn *l;
    const struct bpe_learn_params *p;
    struct pair_count *pair;
    size_t pairs;
    int bits;
    struct place *place;
    size_t places, cap_places;
    uint32_t free_places;
    uint64_t *touched;               /* keys of the pairs whose lists are being made */
    size_t n_touched, cap_touched;
    struct entry *heap;
    size_t heap_n, heap_cap;
    uint64_t order;
};

void bpe_learn_free(struct bpe_learn *l) {
    buf_free(&l->bytes);
    free(l->token);
    free(l->slot);
    free(l->symbol);
    free(l->word);
    free(l->merge);
    *l = (struct bpe_learn){ 0 };
}

/* ---- tokens by their bytes ---- */

static enum hearth_status grow_slots(struct bpe_learn *l) {
    int bits = l->slot_bits ? l->slot_bits + 1 : 10;
    int32_t *slot = mem_array((size_t)1 << bits, sizeof *slot);
    if (!slot) return HEARTH_ENOMEM;
    free(l->slot);
    l->slot = slot;
    l->slot_bits = bits;
    size_t mask = ((size_t)1 << bits) - 1;
    for (size_t id = 0; id < l->tokens; id++) {
        struct gguf_string t = bpe_learn_text(l, id);
        size_t i = vocab_hash(t.s, t.n) >> (64 - bits);
        while (slot[i]) i = (i + 1) & mask;
        slot[i] = (int32_t)id + 1;
    }
    return HEARTH_OK;
}

/* The slot of these bytes, or the free one where they would go. */
static int32_t *slot_of(const struct bpe_learn *l, const char *s, size_t n) {
    size_t mask = ((size_t)1 << l->slot_bits) - 1, i = vocab_hash(s, n) >> (64 - l->slot_bits);
    for (; l->slot[i]; i = (i + 1) & mask) {
        struct gguf_string t = bpe_learn_text(l, (size_t)l->slot[i] - 1);
        if (t.n == n && !memcmp(t.s, s, n)) break;
    }
    return l->slot + i;
}

enum hearth_status bpe_learn_token(struct bpe_learn *l, const char *s, size_t n, int32_t *id) {
    if (l->tokens == VOCAB_SIZE_MAX) return fail(HEARTH_ELIMIT, "a vocabulary of more than %d tokens", VOCAB_SIZE_MAX);
    if (!l->slot_bits || 2 * (l->tokens + 1) > (size_t)1 << l->slot_bits) TRY(grow_slots(l));
    int32_t *slot = slot_of(l, s, n);
    if (!*slot) {
        TRY(mem_grow(&l->token, &l->cap_tokens, l->tokens + 1, sizeof *l->token));
        l->token[l->tokens] = (struct learnt_token){ l->bytes.len, (uint32_t)n };
        TRY(buf_put(&l->bytes, s, n));
        *slot = (int32_t)++l->tokens;
    }
    *id = *slot - 1;
    return HEARTH_OK;
}

int32_t bpe_learn_find(const struct bpe_learn *l, const char *s, size_t n) { return l->slot_bits ? *slot_of(l, s, n) - 1 : -1; }

enum hearth_status bpe_learn_word(struct bpe_learn *l, const int32_t *ids, size_t n, uint64_t count) {
    if (n < 2) return HEARTH_OK;     /* has no pair */
    if (l->words >= NOTHING - 1 || n > UINT32_MAX) return fail(HEARTH_ELIMIT, "more than 2^32 - 2 different words");
    TRY(mem_grow(&l->symbol, &l->cap_symbols, l->symbols + n, sizeof *l->symbol));
    TRY(mem_grow(&l->word, &l->cap_words, l->words + 1, sizeof *l->word));
    memcpy(l->symbol + l->symbols, ids, n * sizeof *ids);
    l->word[l->words++] = (struct learnt_word){ l->symbols, count, (uint32_t)n };
    l->symbols += n;
    return HEARTH_OK;
}

/* ---- counts of pairs ---- */

static uint64_t key_of(int32_t left, int32_t right) { return (uint64_t)(uint32_t)left << 32 | (uint32_t)right; }

static struct pair_count *pair_place(const struct run *r, uint64_t key) {
    uint64_t hash = key * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
    size_t mask = ((size_t)1 << r->bits) - 1, i = hash >> (64 - r->bits);
    while (r->pair[i].used && r->pair[i].key != key) i = (i + 1) & mask;
    return r->pair + i;
}

static enum hearth_status grow_pairs(struct run *r) {
    struct pair_count *old = r->pair;
    size_t n = old ? (size_t)1 << r->bits : 0;
    r->bits = old ? r->bits + 1 : 16;
    struct pair_count *pair = mem_array((size_t)1 << r->bits, sizeof *pair);
    if (!pair) return r->bits--, HEARTH_ENOMEM;
    r->pair = pair;
    for (size_t i = 0; i < n; i++)
        if (old[i].used) *pair_place(r, old[i].key) = old[i];
    free(old);
    return HEARTH_OK;
}

static enum hearth_status pair_of(struct run *r, uint64_t key, struct pair_count **out) {
    if (!r->pair || 3 * (r->pairs + 1) > (size_t)2 << r->bits) TRY(grow_pairs(r)); /* at most two thirds full */
    struct pair_count *p = *out = pair_place(r, key);
    if (p->used) return HEARTH_OK;
    *p = (struct pair_count){ .key = key, .list = NOTHING, .used = 1 };
    r->pairs++;
    return HEARTH_OK;
}

/* Puts the word into the list of the pair; the words come one after the other, so the last one put is the one to look at. */
static enum hearth_status put_place(struct run *r, struct pair_count *p, uint32_t word) {
    if (p->list != NOTHING && r->place[p->list].word == word) return HEARTH_OK;
    uint32_t at = r->free_places;
    if (at != NOTHING) {
        r->free_places = r->place[at].next;
    } else {
        if (r->places >= NOTHING - 1) return fail(HEARTH_ELIMIT, "more than 2^32 - 2 places of pairs; a smaller text is needed");
        TRY(mem_grow(&r->place, &r->cap_places, r->places + 1, sizeof *r->place));
        at = (uint32_t)r->places++;
    }
    r->place[at] = (struct place){ word, p->list };
    p->list = at;
    if (p->touched) return HEARTH_OK;
    p->touched = 1;
    TRY(mem_grow(&r->touched, &r->cap_touched, r->n_touched + 1, sizeof *r->touched));
    r->touched[r->n_touched++] = p->key;
    return HEARTH_OK;
}

static enum hearth_status count_pair(struct run *r, int32_t left, int32_t right, int sign, uint32_t word) {
    struct pair_count *p;
    TRY(pair_of(r, key_of(left, right), &p));
    p->count += sign * (int64_t)r->l->word[word].count;
    return sign > 0 ? put_place(r, p, word) : HEARTH_OK;
}

static void free_list(struct run *r, uint32_t list) {
    for (uint32_t next; list != NOTHING; list = next) {
        next = r->place[list].next;
        r->place[list].next = r->free_places;
        r->free_places = list;
    }
}

/* ---- the heap ---- */

static int before(const struct entry *a, const struct entry *b) {
    if (a->count != b->count) return a->count > b->count;
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void sift_down(struct run *r, struct entry x) {
    size_t i = 0;
    for (size_t child; (child = 4 * i + 1) < r->heap_n; i = child) {
        size_t end = child + 4 < r->heap_n ? child + 4 : r->heap_n;
        for (size_t k = child + 1; k < end; k++)
            if (before(r->heap + k, r->heap + child)) child = k;
        if (!before(r->heap + child, &x)) break;
        r->heap[i] = r->heap[child];
    }
    r->heap[i] = x;
}

static enum hearth_status push(struct run *r, struct entry x) {
    TRY(mem_grow(&r->heap, &r->heap_cap, r->heap_n + 1, sizeof *r->heap));
    size_t i = r->heap_n++;
    for (size_t up; i && before(&x, r->heap + (up = (i - 1) / 4)); i = up) r->heap[i] = r->heap[up];
    r->heap[i] = x;
    return HEARTH_OK;
}

static void pop(struct run *r) {
    struct entry last = r->heap[--r->heap_n];
    if (r->heap_n) sift_down(r, last);
}

/* The lists that were made become entries. */
static enum hearth_status push_touched(struct run *r) {
    for (size_t i = 0; i < r->n_touched; i++) {
        struct pair_count *p = pair_place(r, r->touched[i]);
        if (p->count > 0) TRY(push(r, (struct entry){ (uint64_t)p->count, p->key, r->order++, p->list }));
        else free_list(r, p->list);
        p->list = NOTHING;
        p->touched = 0;
    }
    r->n_touched = 0;
    return HEARTH_OK;
}

/* ---- joining ---- */

static enum hearth_status join_in_word(struct run *r, uint32_t word, const struct bpe_merge *m) {
    struct learnt_word *w = r->l->word + word;
    int32_t *s = r->l->symbol + w->at;
    uint32_t to = 0, n = w->n;
    for (uint32_t i = 0; i < n; i++) {
        if (s[i] != m->left || i + 1 == n || s[i + 1] != m->right) {
            s[to++] = s[i];
            continue;
        }
        if (to) {
            TRY(count_pair(r, s[to - 1], m->left, -1, word));
            TRY(count_pair(r, s[to - 1], m->joined, 1, word));
        }
        if (i + 2 < n) {
            TRY(count_pair(r, m->right, s[i + 2], -1, word));
            TRY(count_pair(r, m->joined, s[i + 2], 1, word));
        }
        s[to++] = m->joined;
        i++;
    }
    w->n = to;
    return HEARTH_OK;
}

static enum hearth_status make_token(struct run *r, int32_t left, int32_t right, struct buf *text, int32_t *id) {
    struct gguf_string a = bpe_learn_text(r->l, (size_t)left), b = bpe_learn_text(r->l, (size_t)right);
    text->len = 0;
    TRY(buf_put(text, a.s, a.n));
    TRY(buf_put(text, b.s, b.n));
    *id = -1;
    if (text->len > VOCAB_TOKEN_MAX) return HEARTH_OK;   /* no tokenizer would read it */
    if (r->p->only_new && *slot_of(r->l, text->data, text->len)) return HEARTH_OK;
    return bpe_learn_token(r->l, text->data, text->len, id);
}

static enum hearth_status join(struct run *r, const struct entry *e, struct buf *text) {
    struct bpe_merge m = { (int32_t)(e->key >> 32), (int32_t)(uint32_t)e->key, -1 };
    TRY(make_token(r, m.left, m.right, text, &m.joined));
    if (m.joined < 0) return HEARTH_OK;
    TRY(mem_grow(&r->l->merge, &r->l->cap_merges, r->l->merges + 1, sizeof m));
    r->l->merge[r->l->merges++] = m;
    for (uint32_t at = e->list; at != NOTHING; at = r->place[at].next) TRY(join_in_word(r, r->place[at].word, &m));
    return push_touched(r);
}

static enum hearth_status learn(struct run *r, struct buf *text) {
    for (size_t w = 0; w < r->l->words; w++) {
        const int32_t *s = r->l->symbol + r->l->word[w].at;
        for (uint32_t i = 0; i + 1 < r->l->word[w].n; i++) TRY(count_pair(r, s[i], s[i + 1], 1, (uint32_t)w));
    }
    TRY(push_touched(r));
    while (r->l->tokens < r->p->size && r->heap_n) {
        struct entry e = r->heap[0];
        uint64_t count = (uint64_t)pair_place(r, e.key)->count;
        pop(r);
        if (e.count != count) {
            e.count = count;
            TRY(push(r, e));
            continue;
        }
        if (count < 1 || count < r->p->min_count) break;
        TRY(join(r, &e, text));
        free_list(r, e.list);
    }
    return HEARTH_OK;
}

/* A pair that was joined twice is in the list once, in its later place, as in the package. */
static enum hearth_status drop_doubles(struct bpe_learn *l) {
    struct pairs last = { 0 };
    size_t to = 0;
    enum hearth_status st = pairs_init(&last, l->merges);
    for (size_t i = 0; i < l->merges && st == HEARTH_OK; i++)
        if (!pairs_add(&last, l->merge[i].left, l->merge[i].right, l->merge[i].joined, (uint32_t)i, 1))
            st = fail(HEARTH_EINTERNAL, "merge %zu lies too far from where its hash puts it", i);
    for (size_t i = 0; i < l->merges && st == HEARTH_OK; i++) {
        struct symbol left = { .id = l->merge[i].left }, right = { .id = l->merge[i].right };
        int32_t joined;
        if (pairs_rank(&last, &left, &right, &joined) == i) l->merge[to++] = l->merge[i];
    }
    if (st == HEARTH_OK) l->merges = to;
    pairs_free(&last);
    return st;
}

enum hearth_status bpe_learn_run(struct bpe_learn *l, const struct bpe_learn_params *p) {
    struct run r = { .l = l, .p = p, .free_places = NOTHING };
    struct buf text = { 0 };
    enum hearth_status st = grow_pairs(&r);
    if (st == HEARTH_OK) st = learn(&r, &text);
    if (st == HEARTH_OK) st = drop_doubles(l);
    buf_free(&text);
    free(r.pair);
    free(r.place);
    free(r.touched);
    free(r.heap);
    return st;
}
